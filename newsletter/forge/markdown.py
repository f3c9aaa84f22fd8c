"""Texts of others as Markdown: on one line, without Markdown or HTML of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL: Final = frozenset(r"\`*_[]<>|&!#~$")
# Behind it, a forge does not see the name of a person to notify.
_NOTHING: Final = "\u200b"


def plain(text: str, *, longest: int = 2_000) -> str:
    """Return a text that Markdown shows as it is, on one line and not without end."""
    shown = " ".join(text.split())
    if len(shown) > longest:
        shown = f"{shown[:longest]}…"
    return "".join(map(_escaped, shown))


def _escaped(character: str) -> str:
    if character == "@":
        return f"@{_NOTHING}"
    if not character.isprintable():
        return f"\\\\u{ord(character):04x}"
    return f"\\{character}" if character in _SPECIAL else character


def table_row(cells: Iterable[object]) -> str:
    """Return one line of a table; its cells are Markdown already."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"
