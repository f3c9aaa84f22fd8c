"""Slots: the places in a letter where a reader's own values go.

A mark is a name between two private-use characters. Prose cannot hold one, because `content`
refuses private-use characters, and no client or compiler knows them. In a letter's HTML, which is
pure ASCII, the same two characters stand as numeric entities.
"""

from __future__ import annotations

import html
import re

_OPEN, _CLOSE = "\ue000", "\ue001"

GREETING = f"{_OPEN}greeting{_CLOSE}"
"""Where the greeting goes, whole: "Dag Anna," or "Dag,"."""

LEAVE_URL = f"{_OPEN}leave_url{_CLOSE}"
"""Where the reader's own leave address goes."""

MARKS = {"greeting": GREETING, "leave_url": LEAVE_URL}
"""Every slot of a letter by its name."""

_NAME = "([a-z_]+)"
_RAW = re.compile(f"{_OPEN}{_NAME}{_CLOSE}")
_ENTITIES = re.compile(f"&#{ord(_OPEN)};{_NAME}&#{ord(_CLOSE)};")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")


def mark(name: str) -> str:
    """Return the mark of another slot, for a notice or a page: small letters and underscores."""
    return f"{_OPEN}{name}{_CLOSE}"


def split(part: str) -> tuple[str, ...]:
    """Cut a letter's part at its slots.

    Returns:
        Literal, slot name, literal, … : literals at the even places, so always an odd number.
    """
    # HTML is ASCII, so its marks are entities; in a text, the same letters are an author's words.
    return tuple((_ENTITIES if part.isascii() else _RAW).split(part))


def remain(part: str) -> bool:
    """Tell whether a part holds a mark or any private-use character, raw or as an entity."""
    return bool(_PRIVATE_USE.search(html.unescape(part)))
