"""Placeholders: where the values of a subscriber go in a letter.

A mark is a name between two private-use characters. Prose cannot contain one, because `content`
refuses private-use characters, and no email client or compiler knows them. In a letter's HTML,
which is pure ASCII, the same two characters are numeric entities.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, AnyStr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPEN, _CLOSE = "\ue000", "\ue001"

GREETING = f"{_OPEN}greeting{_CLOSE}"
"""The place of the whole greeting: "Dag Anna," or "Dag,"."""

UNSUBSCRIBE_URL = f"{_OPEN}unsubscribe_url{_CLOSE}"
"""The place of the subscriber's own unsubscribe link."""

MARKS = {"greeting": GREETING, "unsubscribe_url": UNSUBSCRIBE_URL}
"""Every placeholder of a letter by its name."""

_NAME = "([a-z_]+)"
_RAW = re.compile(f"{_OPEN}{_NAME}{_CLOSE}")
_ENTITIES = re.compile(f"&#{ord(_OPEN)};{_NAME}&#{ord(_CLOSE)};")
_PRIVATE_USE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")


class Pieces(tuple[AnyStr, ...]):
    """A text that is cut where values go: a literal, the name of a value, a literal, and so on.

    Literals are at the even places, so that it has an odd number of items, or none.
    """

    __slots__ = ()

    def filled(self, values: Mapping[AnyStr, AnyStr]) -> list[AnyStr]:
        """Return the pieces with the values in place of their names."""
        filled = list(self)
        filled[1::2] = [values[name] for name in self[1::2]]
        return filled

    def fill(self: Pieces[str], values: Mapping[str, str]) -> str:
        """Return the text with the values in place of their names."""
        return "".join(self.filled(values))

    def with_literals(self: Pieces[str], change: Callable[[str], str]) -> Pieces[str]:
        """Return the same pieces with each literal changed."""
        return Pieces(piece if odd % 2 else change(piece) for odd, piece in enumerate(self))


def mark(name: str) -> str:
    """Return the mark of another placeholder: small letters and underscores."""
    return f"{_OPEN}{name}{_CLOSE}"


def split(part: str) -> Pieces[str]:
    """Cut a part of a letter at its placeholders."""
    # HTML is ASCII, so its marks are entities; in a text, the same letters are an author's words.
    return Pieces((_ENTITIES if part.isascii() else _RAW).split(part))


def remain(part: str) -> bool:
    """Return whether a part has a mark or any private-use character, raw or as an entity."""
    return bool(_PRIVATE_USE.search(html.unescape(part)))
