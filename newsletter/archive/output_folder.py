"""The folder of the static site: changed where it has to be, and nobody else's files are touched.

A list of what was made, with hashes, is in the folder itself. A file that is not in it, or that has
other bytes, belongs to someone else: it is never deleted, and where the site needs its name nothing
at all is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from newsletter.atomic_write import advise, write_whole
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LIST: Final = ".newsletter-archive.json"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
"""How all files of a site are named: no name of this kind leads elsewhere, also not on Windows."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of the site.

    Attributes:
        name: Below the folder, with slashes.
        make: Returns its bytes.
        key: Changes with whatever `make` uses, so that an unchanged file is not made again; empty
            where making it is cheap.
    """

    name: str
    make: Callable[[], bytes]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many files were written, left as they were, and deleted."""

    written: int
    unchanged: int
    deleted: int


@dataclass(slots=True)
class _Made:
    """What is known of a file that was made.

    Attributes:
        hashes: SHA-256 (hex) of its bytes; two while it is being replaced.
        key: The key of the last bytes.
    """

    hashes: list[str]
    key: str = field(default="")


def update(
    folder: Path,
    files: Sequence[OutputFile],
    report: Callable[[int, int], None],
    *,
    list_name: str = LIST,
) -> Changes:
    """Make a folder hold these files, beside those that are not the program's.

    Args:
        folder: Made if it is not there.
        files: All of the site.
        report: Called with how many files are done, and of how many.
        list_name: Of the list of what was made: one for each kind of site.

    Raises:
        NewsletterError: The folder cannot be written, or another file, or a link, stands where one
            of the site belongs; nothing was changed then.
    """
    try:
        return _update(folder, files, report, folder / list_name)
    except OSError as error:
        raise NewsletterError(
            f"{error.filename or folder} cannot be written: {error.strerror}", hint=advise(error)
        ) from None


def _update(
    folder: Path, files: Sequence[OutputFile], report: Callable[[int, int], None], list_: Path
) -> Changes:
    made = _read_list(list_)
    seen = {name: _hash_of(folder, name) for name in {*made, *(one.name for one in files)}}
    new: dict[str, bytes] = {}
    kept: dict[str, _Made] = {}
    for done, file in enumerate(files):
        report(done, len(files))
        before, there = made.get(file.name), seen[file.name]
        if before and file.key and before.key == file.key and [there] == before.hashes:
            kept[file.name] = before
            continue
        body = file.make()
        digest = hashlib.sha256(body).hexdigest()
        kept[file.name] = _Made([digest], file.key)
        if there == digest:
            continue
        if there and not (before and there in before.hashes):
            raise _foreign(folder, file.name)
        new[file.name] = body
    gone = [name for name in made if name not in kept and seen[name] in made[name].hashes]
    folder.mkdir(parents=True, exist_ok=True)
    if new or gone or kept != made:
        # Whenever this ends, the list names what is there: old bytes, new ones, or both.
        _write_list(list_, _either(made, kept))
        for name, body in new.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, body)
        for name in gone:
            _delete(folder, name)
        _write_list(list_, kept)
    return Changes(len(new), len(files) - len(new), len(gone))


def _either(made: Mapping[str, _Made], kept: Mapping[str, _Made]) -> dict[str, _Made]:
    both = dict(made)
    for name, one in kept.items():
        before = made[name].hashes if name in made else []
        both[name] = _Made(list(dict.fromkeys([*before, *one.hashes])))
    return both


def _hash_of(folder: Path, name: str) -> str:
    """Return the hash of a file that is there; empty where nothing is.

    Raises:
        NewsletterError: A link, or something that is no file, has that name, or one on the way.
    """
    path = folder
    *parents, last = PurePosixPath(name).parts
    for part in parents:
        path /= part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise _foreign(folder, path.relative_to(folder).as_posix())
    path /= last
    if _is_no_file(path):
        raise _foreign(folder, name)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def _is_no_file(path: Path) -> bool:
    """Tell whether something else than a file is there: of a pipe, nothing would ever be read."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def _foreign(folder: Path, name: str) -> NewsletterError:
    return NewsletterError(
        f"{name} was changed by hand, or was not made by this program, and the archive needs its "
        "name",
        where=str(folder),
        hint="Move it away, or choose another folder; nothing was changed",
    )


def _delete(folder: Path, name: str) -> None:
    path = folder / name
    path.unlink()
    for parent in path.parents:
        if parent == folder:
            break
        with contextlib.suppress(OSError):  # it holds something else
            parent.rmdir()


def _read_list(path: Path) -> dict[str, _Made]:
    folder = path.parent
    if _is_no_file(path) or (folder.exists() and not folder.is_dir()):
        raise _foreign(folder, path.name)
    try:
        files = json.loads(path.read_bytes())["files"]
        made = {name: _Made([*map(str, one["sha256"])], one["key"]) for name, one in files.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NewsletterError(
            f"{path.name} cannot be read: it says which files of this folder the program made",
            where=str(folder),
            hint="Build into a new folder",
        ) from None
    if not all(map(_NAME.fullmatch, made)):
        raise _foreign(folder, path.name)
    return made


def _write_list(path: Path, made: Mapping[str, _Made]) -> None:
    files = {name: {"sha256": made[name].hashes, "key": made[name].key} for name in sorted(made)}
    write_whole(path, json.dumps({"files": files}, indent=1).encode() + b"\n")
