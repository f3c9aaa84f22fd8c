"""The files of an export: those of a ZIP file, of a folder, or one file alone.

All of them come from elsewhere. So names are only names here: nothing is written to disk, symbolic
links are not followed, and every file is read up to a limit, whatever its ZIP says of its size.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from newsletter.article.charset import decode
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_FILES: Final = 100_000
_LARGEST_INDEX: Final = 16 << 20  # bytes of a ZIP file's list of its files
_MB: Final = 1 << 20
_PROTECTED: Final = 0x1  # APPNOTE.TXT of PKWARE, section 4.4.4
_MAGIC: Final = b"PK\x03\x04"
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HINT: Final = "Download the export again, and give the file as it came"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """An export that is open.

    Attributes:
        names: Of its files, with / between folders, in order.
        read_bytes: Reads a file up to so many bytes and one more.
    """

    names: tuple[str, ...]
    read_bytes: Callable[[str, int], bytes]

    def read(self, name: str, most: int) -> bytes:
        """Return a file's content.

        Args:
            name: One of the names.
            most: How many bytes it may have.

        Raises:
            NewsletterError: It is damaged, protected, or larger.
        """
        data = self.read_bytes(name, most)
        if len(data) > most:
            raise NewsletterError(f"it is larger than {most // _MB} MB", where=shown_name(name))
        return data

    def read_text(self, name: str, most: int) -> str:
        """Return a file's text in whatever encoding it is; see `read`."""
        return decode(self.read(name, most))

    def find(self, file_name: str) -> str:
        """Return the name of the file of this name that is in the fewest folders; "" for none."""
        found = [one for one in self.names if PurePosixPath(one).name.casefold() == file_name]
        return min(found, key=lambda one: (one.count("/"), one), default="")

    def beside(self, name: str, folder: str, suffix: str) -> list[str]:
        """Return the names of the files with a suffix in a folder beside another file."""
        parent = f"{PurePosixPath(name).parent / folder}/".removeprefix("./")
        return [
            one
            for one in self.names
            if one.startswith(parent)
            and one.casefold().endswith(suffix)
            and "/" not in one.removeprefix(parent)
        ]


class _LimitedFile(io.FileIO):
    """Refuses to read a list of files that would fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, but never more than such a list may have."""
        if size is not None and size > _LARGEST_INDEX:
            raise zipfile.BadZipFile
        return super().read(size) or b""


@contextlib.contextmanager
def open_export(path: Path) -> Iterator[ExportFile]:
    """Open a ZIP file, a folder, or a file.

    Raises:
        NewsletterError: There is none, it cannot be read, or it has too many files.
    """
    with contextlib.ExitStack() as stack:
        with _readable(path):
            export = _open(path, stack)
        yield export


def _open(path: Path, stack: contextlib.ExitStack) -> ExportFile:
    if path.is_dir():
        return _open_folder(path)
    if not path.is_file():
        raise NewsletterError(
            f"there is no file {shown_name(str(path))}",
            hint="Give the export: a ZIP file, a JSON file, or the folder that it was unpacked to",
        )
    if zipfile.is_zipfile(path):
        return _of_zip(stack.enter_context(_open_zip(stack.enter_context(_LimitedFile(path)))))
    # What is named .zip and is none is a download that failed, such as a page that asks to log in.
    named = path.suffix.casefold() == ".zip"
    if named or _read_file(path, len(_MAGIC)).startswith(_MAGIC):
        raise _damaged()
    return ExportFile((path.name,), lambda _, most: _read_file(path, most))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name a file that the operating system does not let us read."""
    try:
        yield
    except OSError as error:
        raise NewsletterError(
            f"{shown_name(str(path))} cannot be read: {error.strerror}",
            hint="Give this user the right to read it",
        ) from None


def shown_name(name: str) -> str:
    """Return a name as a message shows it: on one line, and without what may be an address."""
    printable = "".join(one if one.isprintable() else "?" for one in name)[:120]
    return " ".join("…" if "@" in word else word for word in printable.split())


def _open_folder(root: Path) -> ExportFile:
    names: list[str] = []
    for folder, _, files in os.walk(root):
        for name in files:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode):
                names.append(path.relative_to(root).as_posix())
        _require_few(len(names))
    return ExportFile(
        tuple(sorted(one for one in names if one.isprintable())),
        lambda name, most: _read_file(root / name, most),
    )


def _read_file(path: Path, most: int) -> bytes:
    with _readable(path), path.open("rb") as file:
        return file.read(most + 1)


def _open_zip(file: io.FileIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, MemoryError):
        raise _damaged() from None


def _damaged() -> NewsletterError:
    return NewsletterError("the ZIP file is damaged, or holds too much", hint=_HINT)


def _of_zip(archive: zipfile.ZipFile) -> ExportFile:
    found = {one.filename: one for one in archive.infolist() if _is_usable(one)}
    _require_few(len(archive.infolist()))

    def read(name: str, most: int) -> bytes:
        if found[name].flag_bits & _PROTECTED:
            raise NewsletterError("the ZIP file is protected by a password", hint=_HINT)
        if found[name].compress_type not in _METHODS:
            raise NewsletterError("it is packed in an unusual way", hint=_HINT)
        try:
            with archive.open(found[name]) as file:
                parts = iter(lambda: file.read(_MB), b"")
                return b"".join(itertools.islice(parts, most // _MB + 1))[: most + 1]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            raise NewsletterError(
                "it is damaged in the ZIP file", where=shown_name(name), hint=_HINT
            ) from None

    return ExportFile(tuple(sorted(found)), read)


def _is_usable(entry: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is a file within the export: no folder, no link, nothing above it."""
    path = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    return (
        not entry.is_dir()
        and not stat.S_ISLNK(mode)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in entry.filename
        and entry.filename.isprintable()
        and "__MACOSX" not in path.parts
        and not path.name.startswith("._")
    )


def _require_few(count: int) -> None:
    if count > MOST_FILES:
        raise NewsletterError(
            f"it has more than {MOST_FILES:,} files, which no export of letters has",
            hint="Give the folder or ZIP file with the letters alone",
        )
