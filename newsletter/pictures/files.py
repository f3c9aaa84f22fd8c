"""Image files: found beside an issue or below the root, and read."""

from __future__ import annotations

import difflib
import os
import stat
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from newsletter.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSING: Final = "image-missing"
OUTSIDE: Final = "image-outside"
UNREADABLE: Final = "image-unreadable"
LARGE: Final = "image-large"
MAX_BYTES: Final = 40 << 20
_SHOWN: Final = 60  # characters of a name that is shown


def find_file(written: str, root: Path, beside: Path | None = None) -> Path:
    """Return the file that an author means, with no symbolic link in its path.

    Args:
        written: As in the issue or the settings: relative, or from the root with a slash first.
        root: The newsletter's folder, which holds every file of it.
        beside: The folder of the issue, which comes first.

    Raises:
        PictureError: There is none, or it is outside the root.
    """
    folders = [root] if beside is None or written.startswith("/") else [beside, root]
    for folder in folders:
        for name in _spellings(written):
            path = folder / name.lstrip("/")
            if _is_there(path) and _is_named_so(path, folder):
                return _require_inside(path, root, written)
    near = next(filter(None, (_nearest(folder, written) for folder in folders)), "")
    only_case = near.casefold() == written.strip("/").casefold()
    markdown = beside is not None and any(sign in near for sign in " ()")
    raise PictureError(
        MISSING,
        f'there is no file "{shown_name(written)}"'
        f"{', only one with other capitals' if only_case else ''}",
        hint=f"Did you mean {shown_name(f'<{near}>' if markdown else near)}?"
        if near
        else "Write where it is, from the folder of the issue or from the root; an address begins "
        "with https://",
    )


def read_file(path: Path) -> bytes:
    """Return the content of an image file.

    Raises:
        PictureError: It cannot be read, or is too large.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "no file"
            raise _unreadable(path, f"is {what}")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    if not data:
        raise _unreadable(path, "is empty")
    if len(data) > MAX_BYTES:
        raise PictureError(
            LARGE,
            f'"{shown_name(path.name)}" has more than {MAX_BYTES >> 20} MB',
            hint="Export it smaller: 1200 pixels wide is as large as a letter needs",
        )
    return data


def shown_name(name: str) -> str:
    """Return the name of a file as a message shows it, on one line."""
    name = name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)


def _spellings(written: str) -> Iterator[str]:
    """Yield a name as written, and as file systems and Markdown may spell it."""
    for name in dict.fromkeys((written, quote(written), written.replace("\\", "/"))):
        yield from dict.fromkeys(
            (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
        )


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL in it
        return False


def _is_named_so(path: Path, folder: Path) -> bool:
    """Tell whether each part of a path is written as its folder has it, apart from accents.

    macOS and Windows take another case for the same name, the computer that sends does not.
    """
    for part in (path, *path.parents):
        if part == folder or part.name in {"", ".."}:
            break
        names = _names_in(part.parent)
        if names and _composed(part.name) not in map(_composed, names):
            return False
    return True


def _names_in(folder: Path) -> list[str]:
    """Return the names in a folder; none if it cannot be read."""
    try:
        return [each.name for each in folder.iterdir()]
    except (OSError, ValueError):
        return []


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _require_inside(path: Path, root: Path, written: str) -> Path:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise PictureError(
            MISSING,
            f'"{shown_name(written)}" is a link that leads nowhere',
            hint="Copy the file itself beside the issue",
        ) from None
    if not real.is_relative_to(root.resolve()):
        raise PictureError(
            OUTSIDE,
            f'"{shown_name(written)}" is outside the newsletter\'s folder',
            hint="Copy the file beside the issue, and write its name",
        )
    return real


def _nearest(folder: Path, written: str) -> str:
    """Return the name of a file that was probably meant; empty if there is none."""
    found: list[str] = []
    for part in filter(None, written.split("/")):
        names = {each.casefold(): each for each in _names_in(folder.joinpath(*found))}
        near = difflib.get_close_matches(part.casefold(), names, n=1, cutoff=0.8)
        if not near and part != "..":
            return ""
        found.append(names[near[0]] if near else part)
    return "/".join(found)


def _unreadable(path: Path, problem: str) -> PictureError:
    return PictureError(
        UNREADABLE,
        f'"{shown_name(path.name)}" {problem}',
        hint="Name a JPEG, PNG, GIF or WebP file that this user may read",
    )
