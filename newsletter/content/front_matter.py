"""The front matter: where it begins and ends, and its `key: value` lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newsletter.content.findings import quote_text
from newsletter.content.front_matter_keys import KEYS, key_fix, says_draft, suggest_key
from newsletter.content.front_matter_values import read_value
from newsletter.model import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.content.findings import FindingCollector

__all__ = ["KEYS", "Header", "read_header"]

_FENCE = "---"
_LIKE_FENCE = re.compile(r"(?:[-–—―−‐‑=+*_~]{2,}|[-–—―]|\.\.\.|`{3}\w*)")
_INVISIBLE = "\u200b\u2060\ufeff\u00ad \t\u00a0"
_KEY = re.compile(r"[\w-]+")
_LOOK_FOR_FENCE = 12
_MEANT = ("subject", "preheader", "send_at", "draft")
"""Keys of which a misspelt one still counts."""
_PROSE = ("subject", "preheader", "article", "themes")


@dataclass(frozen=True, slots=True)
class Header:
    """The front matter of a file.

    Attributes:
        entries: By key; of a doubled key the first. A misspelt key counts as the one it stands
            for, so that the rest of the file is checked as it was meant.
        line: Where a message about a missing key points.
        body: The index of the body's first line.
        found: False when the file has no front matter at all.
    """

    entries: Mapping[str, Entry]
    line: int
    body: int
    found: bool = True


def read_header(lines: Sequence[str], problems: FindingCollector) -> Header:
    """Read the front matter at the top of a file's lines.

    Where it is not closed, it ends before the first line that cannot belong to it, so that the
    rest of the file can still be checked.
    """
    first = next((i for i, line in enumerate(lines) if line.strip(_INVISIBLE)), None)
    start = _start(lines, first, problems)
    if start is None:
        return Header({}, 1, 0, found=False)
    end, closing = _end(lines, start)
    if closing is None:
        problems.error(
            max(end, 1),
            "front-matter-unclosed",
            f'the front matter that begins on line {max(start, 1)} has no closing "---"',
            f'Put a line "---" below line {end}',
        )
    elif closing.rstrip() != _FENCE:
        problems.error(
            end + 1,
            "front-matter-unclosed",
            f'the front matter ends with "{quote_text(closing.rstrip())}", which is not "---"',
            _fence_fix(closing),
        )
    entries = _Entries(problems)
    for index in range(start, end):
        if lines[index].strip():
            entries.read(lines[index], index + 1)
    return Header({**entries.meant, **entries.found}, max(start, 1), end + (closing is not None))


def _start(lines: Sequence[str], first: int | None, problems: FindingCollector) -> int | None:
    """Return the index of the first line of the front matter; None when there is none."""
    line = "" if first is None else lines[first].rstrip()
    first = first or 0
    if line == _FENCE:
        return first + 1
    start: int | None = None
    problem, fix = "the file does not begin with its front matter", ""
    if _like_fence(line):
        start = first + 1
        problem = f'the file begins with "{quote_text(line)}", which is not "---"'
        fix = _fence_fix(line)
    elif _is_entry(line):
        start = first
        fix = f'Put a line "---" above line {first + 1}'
    else:
        for index in range(first + 1, min(len(lines) - 1, first + _LOOK_FOR_FENCE)):
            if lines[index].rstrip() == _FENCE and _is_entry(lines[index + 1]):
                start = index + 1
                fix = (
                    f"Delete what stands above line {index + 1}, or move it below the front matter"
                )
                break
    fix = fix or 'Begin it with a line "---", a line "subject: …" and again a line "---"'
    problems.error(first + 1 if start is not None else 1, "front-matter-missing", problem, fix)
    return start


def _fence_fix(line: str) -> str:
    """Return how to correct a line that is almost the fence of the front matter."""
    if line.strip() == _FENCE:
        return "Delete the spaces before it"
    return 'Write three plain hyphens: "---"'


def _like_fence(line: str) -> bool:
    return bool(_LIKE_FENCE.fullmatch(line.strip(_INVISIBLE)))


def _is_entry(line: str) -> bool:
    key, colon, _ = line.partition(":")
    return bool(colon) and suggest_key(key) is not None and " " not in key.strip()


def _end(lines: Sequence[str], start: int) -> tuple[int, str | None]:
    """Return the index of the closing line and that line; else of the first line after."""
    after_gap = False
    end = start
    for index in range(start, len(lines)):
        line = lines[index]
        if line.rstrip() == _FENCE or (_like_fence(line) and line.strip() != "-"):
            return index, line
        if not line.strip():
            after_gap = True
        elif after_gap and line.partition(":")[0].strip() not in KEYS:
            break
        else:
            end = index + 1
    return end, None


@dataclass(slots=True)
class _Entries:
    """The entries of a front matter while its lines are read."""

    problems: FindingCollector
    found: dict[str, Entry] = field(default_factory=dict)
    meant: dict[str, Entry] = field(default_factory=dict)
    in_value: bool = False

    def read(self, line: str, number: int) -> None:
        """Read one line that is not blank."""
        key, colon, value = (part.strip() for part in line.partition(":"))
        known = key in KEYS
        if not known and (line[:1] in " \t" or re.match(r"-(?:\s|$)", line)):
            self._continued(number)
            return
        self.in_value = False
        if line.startswith("#"):
            self._wrong(number, "this line is a comment, which a front matter has not", "Delete it")
        elif not colon or not _KEY.fullmatch(key):
            self._no_pair(line, number)
        elif not known:
            self._unknown_key(key, value, number)
        elif key in self.found:
            self.problems.error(
                number,
                "doubled-key",
                f'"{key}" stands on line {self.found[key].line} and again on line {number}',
                "Keep one of the two",
            )
        else:
            prose = key in _PROSE
            self.found[key] = Entry(
                number, read_value(value, number, self.problems if prose else None)
            )

    def _unknown_key(self, key: str, value: str, number: int) -> None:
        self.problems.error(
            number, "unknown-key", f'there is no key "{quote_text(key)}"', key_fix(key)
        )
        self.in_value = True
        suggested = suggest_key(key)
        if suggested in _MEANT and (suggested != "draft" or says_draft(key, value)):
            self.meant.setdefault(suggested, Entry(number, read_value(value, number, None)))

    def _continued(self, number: int) -> None:
        # One finding for all lines of a value; none below a key that is reported itself.
        if not self.in_value:
            self._wrong(
                number,
                "a value stands on one line only, and this line has no key of its own",
                "Write it on the line of its key, or delete it",
            )
        self.in_value = True

    def _no_pair(self, line: str, number: int) -> None:
        name, equals, _ = line.partition("=")
        if equals and suggest_key(name):
            fix = f'Write a colon for the equals sign: "{suggest_key(name)}: …"'
        else:
            fix = f"Write a key, a colon and its value; the keys are {', '.join(KEYS)}"
        self._wrong(number, 'this line is not "key: value"', fix)

    def _wrong(self, number: int, problem: str, fix: str) -> None:
        self.problems.error(number, "front-matter-line", problem, fix)
