"""An animated GIF without what it says beside its frames: comments, and data of programs."""

from __future__ import annotations

from typing import Final

_TRAILER: Final = 0x3B
_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_COMMENT: Final = 0xFE
_TEXT: Final = 0x01
_APPLICATION: Final = 0xFF
_LOOPS: Final = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")
_COLOURS: Final = 0x80


def strip_animation(data: bytes) -> bytes:
    """Return a GIF with its frames and how often they repeat, and nothing else (GIF89a, 15-26).

    Raises:
        ValueError: It breaks off.
    """
    at = 13 + _table(data[10])
    kept = [data[:at]]
    while data[at] != _TRAILER:
        if data[at] == _IMAGE:
            end = _end_of_blocks(data, at + 11 + _table(data[at + 9]))
            kept.append(data[at:end])
        elif data[at] == _EXTENSION:
            end = _end_of_blocks(data, at + 2)
            if not _says_something(data, at):
                kept.append(data[at:end])
        else:
            raise ValueError("no block of a GIF begins here")
        at = end
    return b"".join((*kept, bytes([_TRAILER])))


def _says_something(data: bytes, at: int) -> bool:
    """Tell whether an extension is about something else than how the frames are shown."""
    label = data[at + 1]
    if label == _APPLICATION:
        return not data.startswith(_LOOPS, at + 2)
    return label in {_COMMENT, _TEXT}


def _table(flags: int) -> int:
    """Return the bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & _COLOURS else 0


def _end_of_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += size + 1
    return at + 1
