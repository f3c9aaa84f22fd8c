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
            if _is_there(path):
                return _require_inside(path, root, written)
    near = next(filter(None, (_nearest(folder, written) for folder in folders)), "")
    raise PictureError(
        MISSING,
        f'there is no file "{shown_name(written)}"',
        hint=f"Did you mean {shown_name(near)}?"
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
    parent, _, name = written.strip("/").rpartition("/")
    try:
        names = {each.name.casefold(): each.name for each in (folder / parent).iterdir()}
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.8)
    return "/".join(filter(None, (parent, names[near[0]]))) if near else ""


def _unreadable(path: Path, problem: str) -> PictureError:
    return PictureError(
        UNREADABLE,
        f'"{shown_name(path.name)}" {problem}',
        hint="Name a JPEG, PNG, GIF or WebP file that this user may read",
    )
