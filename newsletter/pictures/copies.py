"""Pictures by the file they are made of; what was done once is remembered while nothing changes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from newsletter.errors import PictureError
from newsletter.model import Picture
from newsletter.pictures.files import MISSING, read_file, shown_name

VERSION: Final = 1
"""Of the encoding: who changes `encoding` or `decoding` raises it, so that names change too."""

_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}
_REMEMBERED: Final = 64


def media_type(name: str) -> str:
    """Return the media type of a copy, by its name."""
    return _TYPES[name.rpartition(".")[2]]


def describe_picture(path: Path) -> tuple[Picture, bool]:
    """Return the picture of a file, and whether it is the first frame of an animation only.

    Raises:
        PictureError: It cannot be read, or is no picture.
    """
    return _described(path, _state(path))


def describe_bytes(data: bytes, name: str) -> Picture:
    """Return the picture of a file's content, for a file that is not on this computer.

    Raises:
        PictureError: It is no picture, or damaged.
    """
    from newsletter.pictures.decoding import decode, describe  # noqa: PLC0415 - slow to import

    found = describe(data, name)
    decode(data, name)
    return Picture(f"{_hash(data)}.{found.suffix}", found.width, found.height, "")


def copy_bytes(data: bytes, picture: Picture, name: str) -> bytes:
    """Return the copy of such a picture, of at most 400 KB.

    Raises:
        PictureError: It is damaged.
    """
    from newsletter.pictures.encoding import encode  # noqa: PLC0415 - slow to import

    return encode(data, picture.name.rpartition(".")[2], name)


def copy_picture(picture: Picture) -> bytes:
    """Return the copy that a letter shows, of at most 400 KB.

    Raises:
        PictureError: The file is damaged, gone, or another one than when it was looked at.
    """
    path = Path(picture.path)
    return _copied(path, _state(path), picture.name)


def decode_picture(picture: Picture) -> None:
    """Make sure that a file is whole.

    Raises:
        PictureError: It is not.
    """
    path = Path(picture.path)
    _decoded(path, _state(path))


def _state(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        raise PictureError(
            MISSING,
            f'"{shown_name(path.name)}" is gone',
            hint="Put it back, or take it out of the issue",
        ) from None
    return found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=_REMEMBERED)
def _described(path: Path, _version: tuple[int, int, int]) -> tuple[Picture, bool]:
    # Slow to import, and most letters have no picture of a file.
    from newsletter.pictures.decoding import describe  # noqa: PLC0415

    data = read_file(path)
    found = describe(data, path.name)
    name = f"{_hash(data)}.{found.suffix}"
    return Picture(name, found.width, found.height, str(path)), found.cut


@lru_cache(maxsize=_REMEMBERED)
def _copied(path: Path, _version: tuple[int, int, int], name: str) -> bytes:
    from newsletter.pictures.encoding import encode  # noqa: PLC0415 - slow to import

    data = read_file(path)
    expected, _, suffix = name.rpartition(".")
    if _hash(data) != expected:
        raise PictureError(
            MISSING,
            f'"{shown_name(path.name)}" has changed meanwhile',
            hint="Run the command again, and look at the letter",
        )
    return encode(data, suffix, path.name)


@lru_cache(maxsize=_REMEMBERED)
def _decoded(path: Path, _version: tuple[int, int, int]) -> None:
    from newsletter.pictures.decoding import decode  # noqa: PLC0415 - slow to import

    decode(read_file(path), path.name)


def _hash(data: bytes) -> str:
    """Return the hash of a file and of how it is encoded, never of the copy."""
    return hashlib.sha256(b"newsletter picture %d\n" % VERSION + data).hexdigest()[:40]
