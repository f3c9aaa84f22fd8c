"""Plain text written for reading: wrapping that never breaks a word, an address or a slot."""

from __future__ import annotations

import re
import unicodedata

WIDTH = 72
"""Columns of a line, as RFC 3676 advises for text that may be quoted."""

_FAKES = re.compile(r"^(?=>|--|From )", re.MULTILINE)


def wrap(text: str, first: str = "", rest: str | None = None, width: int = WIDTH) -> str:
    """Wrap text, keeping its line breaks.

    Args:
        text: Words longer than a line stay whole, on a line of their own.
        first: What stands before the first line: a number, a dash.
        rest: What stands before every other line; `first` when not given.
        width: Columns; a wide character takes two, a combining one none.
    """
    rest = first if rest is None else rest
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in filter(None, re.split(r"[ \t]+(?!\[\d+\])", paragraph)):
            room = width - _columns(rest if lines else first)
            if line and _columns(line) + 1 + _columns(word) > room:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    # A space before what only looks like a quotation, a signature or an mbox separator is
    # RFC 3676's own way (4.4, space-stuffing) to say that it is none.
    stuffed = _FAKES.sub(" ", "\n".join(lines)).split("\n")
    margins = [first] + [rest] * (len(stuffed) - 1)
    return "\n".join(f"{a}{b}".rstrip() for a, b in zip(margins, stuffed, strict=True))


def underline(text: str, character: str = "-") -> str:
    """Wrap a heading and draw a line below it, as long as its longest line."""
    wrapped = wrap(text)
    length = max(map(_columns, wrapped.split("\n")))
    return f"{wrapped}\n{character * max(length, 3)}"


def _columns(text: str) -> int:
    return sum(map(_column, text))


def _column(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
