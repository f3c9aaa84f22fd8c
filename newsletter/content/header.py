"""The front matter: where it ends, and its `key: value` lines."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.content.problems import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.content.problems import Problems

KEYS: Final = ("subject", "preheader", "send_at", "draft")
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the line it stands on."""

    line: int
    value: str


@dataclass(frozen=True, slots=True)
class Header:
    """The front matter of a file.

    Attributes:
        entries: By key; of a doubled key the first.
        line: Where a message about a missing key points.
        body: The index of the body's first line.
        found: False when the file has no front matter at all.
    """

    entries: Mapping[str, Entry]
    line: int
    body: int
    found: bool = True


def read_header(lines: Sequence[str], problems: Problems) -> Header:
    """Read the front matter at the top of a file's lines.

    Where it is not closed, it ends before the first line that cannot belong to it, so that the
    rest of the file can still be checked.
    """
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first].rstrip() != _FENCE:
        problems.error(
            1,
            "front-matter-missing",
            "the file does not begin with its front matter",
            'Begin it with a line "---", a line "subject: …" and again a line "---"',
        )
        return Header({}, 1, 0, found=False)
    end, closed = _end(lines, first + 1)
    if not closed:
        problems.error(
            end,
            "front-matter-unclosed",
            f'the front matter that begins on line {first + 1} has no closing "---"',
            f'Put a line "---" below line {end}',
        )
    entries: dict[str, Entry] = {}
    for index in range(first + 1, end):
        if lines[index].strip():
            _read_entry(lines[index], index + 1, entries, problems)
    return Header(entries, first + 1, end + 1 if closed else end)


def _end(lines: Sequence[str], start: int) -> tuple[int, bool]:
    """Return the index of the closing line, or else of the first line after the front matter."""
    after_gap = False
    end = start
    for index in range(start, len(lines)):
        line = lines[index]
        if line.rstrip() == _FENCE:
            return index, True
        if not line.strip():
            after_gap = True
        elif after_gap and line.partition(":")[0].strip() not in KEYS:
            break
        else:
            end = index + 1
    return end, False


def _read_entry(line: str, number: int, entries: dict[str, Entry], problems: Problems) -> None:
    key, colon, value = (part.strip() for part in line.partition(":"))
    if not colon or not re.fullmatch(r"[\w-]+", key):
        problems.error(
            number,
            "front-matter-line",
            'this line is not "key: value"',
            f"Write a key, a colon and its value; the keys are {', '.join(KEYS)}",
        )
    elif key not in KEYS:
        near = difflib.get_close_matches(key.casefold(), KEYS, n=1)
        problems.error(
            number,
            "unknown-key",
            f'there is no key "{shown(key)}"',
            f'Did you mean "{near[0]}"?' if near else f"The keys are {', '.join(KEYS)}",
        )
    elif key in entries:
        problems.error(
            number,
            "doubled-key",
            f'"{key}" stands on line {entries[key].line} and again on line {number}',
            "Keep one of the two",
        )
    else:
        entries[key] = Entry(number, unquote(value))


def unquote(value: str) -> str:
    """Remove one pair of quotes around the whole value: not the two of `"A" and "B"`."""
    quote = value[:1]
    if len(value) == 1 or quote not in ('"', "'") or not value.endswith(quote):
        return value
    inner = value[1:-1]
    closes = re.search(rf"\S{quote}(?!\w)", inner)
    opens = re.search(rf"(?<!\S){quote}", inner)
    if closes and not (opens and opens.start() < closes.start()):
        return value
    return inner.strip()
