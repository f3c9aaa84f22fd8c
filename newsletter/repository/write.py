"""Writes the files of an author's repository: each one whole, and none that is there already."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter.atomic_write import advise, write_whole
from newsletter.errors import NewsletterError
from newsletter.repository.ownership import mark
from newsletter.repository.plan import INSTALL_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.repository.files import RepositoryFile

SETTINGS: Final = "newsletter.toml"
"""Written last: until it is there, the same command may be run again."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of the files: their paths below the root.

    Attributes:
        written: They are new.
        left: They were there and are as they were.
    """

    written: tuple[str, ...]
    left: tuple[str, ...]


def write_files(
    root: Path, files: Sequence[RepositoryFile], *, wheel: str = "", before: Sequence[str] = ()
) -> WriteResult:
    """Write every file that is not there yet.

    Args:
        root: The folder of the repository; it is made if it is not there.
        files: The files.
        wheel: A wheel that is copied along, before any of them; empty if there is none.
        before: What the same command has written already, for its error.

    Raises:
        NewsletterError: A file cannot be written, or would leave the folder; it says what was
            written before.
    """
    data = {one.path: _bytes(one) for one in files}
    refuse_targets(root, [*data, *([wheel_path(wheel)] if wheel else [])])
    written = [*before]
    left: list[str] = []
    if wheel:
        written += _copy_if_missing(root, wheel, written)
    for path in sorted(data, key=lambda one: (one == SETTINGS, one)):
        target = root / path
        if os.path.lexists(target):
            left.append(path)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, data[path])
        except OSError as error:
            raise _unwritten(path, error, written) from None
        written.append(path)
    return WriteResult(tuple(written), tuple(left))


def wheel_path(wheel: str) -> str:
    """Return the path of a wheel that travels along, below the root of the repository."""
    return f"{INSTALL_FOLDER}/{Path(wheel).name}"


def read_wheel(wheel: str) -> bytes:
    """Return a wheel of this computer.

    Raises:
        NewsletterError: It cannot be read.
    """
    try:
        return Path(wheel).read_bytes()
    except OSError as error:
        raise NewsletterError(
            f"the wheel that jobs would install cannot be read: {error.strerror}",
            where=wheel,
            hint="Put it back, or name a repository and a version: --from OWNER/REPO@VERSION",
        ) from None


def copy_wheel(root: Path, wheel: str, before: Sequence[str] = ()) -> None:
    """Copy a wheel beside the files that say what is installed, in place of any other version.

    Args:
        root: The folder of the repository.
        wheel: The path of the wheel.
        before: What the same command has written already, for its error.

    Raises:
        NewsletterError: It cannot be copied.
    """
    data = read_wheel(wheel)
    target = root / wheel_path(wheel)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)
        for other in target.parent.glob(f"{target.name.partition('-')[0]}-*.whl"):
            if other.name != target.name and not _is_named(other):
                other.unlink()
    except OSError as error:
        raise _unwritten(wheel_path(wheel), error, before) from None


def _is_named(wheel: Path) -> bool:
    """Return whether `program.txt` still installs a wheel beside it: a person may keep it so."""
    program = wheel.with_name("program.txt")
    return program.exists() and wheel.name in program.read_text(encoding="utf-8", errors="replace")


def _copy_if_missing(root: Path, wheel: str, before: Sequence[str]) -> list[str]:
    """Copy a wheel unless it is there; return its path if it is new."""
    target = root / wheel_path(wheel)
    if target.exists() and target.read_bytes() == read_wheel(wheel):
        return []
    copy_wheel(root, wheel, before)
    return [wheel_path(wheel)]


def refuse_targets(root: Path, paths: Iterable[str], *, missing_only: bool = True) -> None:
    """Refuse before anything is written what would fail half-way, or lead out of the folder.

    Args:
        root: The folder.
        paths: The files that may be written.
        missing_only: A file that is there stays as it is, wherever a link in its place leads.

    Raises:
        NewsletterError: A file is where a folder must be, or the other way round, or a link leads
            out of the folder.
    """
    inside = root.resolve()
    for path in paths:
        target = root / path
        for folder in reversed([root / one for one in Path(path).parents]):
            if os.path.lexists(folder) and not folder.is_dir():
                raise NewsletterError(
                    f"{folder.relative_to(root)} is a file, and must be a folder"
                    if folder != root
                    else f"{root} is a file, and must be a folder",
                    hint="Move it away, or choose another folder; nothing was written",
                )
            if not folder.resolve().is_relative_to(inside):
                raise NewsletterError(
                    f"{folder.relative_to(root)} is a link that leads out of {root}",
                    hint="Remove the link, or choose another folder; nothing was written",
                )
        if not target.resolve().is_relative_to(inside) and not missing_only:
            raise NewsletterError(
                f"{path} is a link that leads out of {root}",
                hint="Remove the link; nothing was written",
            )
        if target.is_dir():
            raise NewsletterError(
                f"{path} is a folder, and must be a file",
                hint="Move it away, or choose another folder; nothing was written",
            )


def _bytes(file: RepositoryFile) -> bytes:
    return (mark(file.text) if file.owned else file.text).encode()


def _unwritten(path: str, error: OSError, written: Sequence[str]) -> NewsletterError:
    before = f"Written before that: {', '.join(written)}" if written else "Nothing was written"
    return NewsletterError(
        f"{path} cannot be written: {error.strerror}",
        hint=f"{before}. {advise(error)}, and run the same command again",
    )
