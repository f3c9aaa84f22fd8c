"""What `check --fix` writes: everything mechanical is repaired, and nothing else changes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from newsletter.checks import body_repairs, header_repairs  # noqa: F401 - register their repairs
from newsletter.checks.examine import unallowed
from newsletter.checks.repairs import REPAIRS
from newsletter.content import read_again
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.checks.repairs import Edit
    from newsletter.model import Draft, Finding

_MOST_TRIED: Final = 50
_LINE_END: Final = re.compile(r"(\r\n|\r|\n)")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, its end, and the number of the line that it was in the file as it was read."""

    origin: int
    text: str
    end: str = "\n"


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file's text after all repairs, and the findings that they made vanish."""

    text: str
    fixed: tuple[Finding, ...] = ()


def fix(text: str, draft: Draft) -> str:
    """Return the text of a file with everything repaired that a program can repair.

    Args:
        text: The text of the file.
        draft: The same file, as it was read.
    """
    return repair(text, draft).text


def mark_fixable(draft: Draft, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings about a file, with those marked that `fix` makes vanish."""
    known = {*REPAIRS, *_TEXT_REPAIRS}
    if draft.source is None or not any(finding.rule in known for finding in found):
        return found
    fixed = {astuple(one) for one in repair(draft.source.text, draft).fixed}
    return tuple(replace(one, fixable=True) if astuple(one) in fixed else one for one in found)


def repairable() -> frozenset[str]:
    """Return the rules of which a finding may be repaired: also by a new name of the file."""
    return frozenset({*REPAIRS, *_TEXT_REPAIRS, "file-name", "overlooked-file"})


def repair(text: str, draft: Draft) -> Repaired:
    """Repair a file as far as a program can, and return what vanished.

    No repair is kept that raises a finding elsewhere, so that the result is never worse. What
    the file allows is not repaired.

    Args:
        text: The text of the file.
        draft: The same file, as it was read.
    """
    if draft.source is None:
        return Repaired(text)
    before = unallowed(read_again(draft, text))
    whole = text
    for finding in before:
        whole = _TEXT_REPAIRS.get(finding.rule, str)(whole)
    state = _State(tuple(_cut(whole)), draft)
    while better := state.all_at_once() or state.one_by_one():
        state = better
    new = _joined(state.lines)
    return Repaired(new, _vanished(before, state)) if new != text else Repaired(text)


def _vanished(before: Sequence[Finding], after: _State) -> tuple[Finding, ...]:
    """Return the findings that are gone: of several of one rule on one line, as many as are."""
    left = Counter(after.keys())
    gone = Counter((one.line, one.rule) for one in before) - left
    said = {one.message for one in after.found}
    vanished: list[Finding] = []
    for one in sorted(before, key=lambda one: one.message in said):
        if gone[one.line, one.rule] > 0:
            gone[one.line, one.rule] -= 1
            vanished.append(one)
    return tuple(sorted(vanished))


def _without_mark(text: str) -> str:
    return text.lstrip("\ufeff")


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


_TEXT_REPAIRS: Final = {
    "byte-order-mark": _without_mark,
    "mixed-line-ends": _with_plain_ends,
}


@dataclass(frozen=True)
class _State:
    """The lines of a file between two repairs."""

    lines: tuple[_Line, ...]
    draft: Draft

    @cached_property
    def found(self) -> tuple[Finding, ...]:
        """The findings about them."""
        return unallowed(read_again(self.draft, _joined(self.lines)))

    @property
    def weight(self) -> tuple[int, int]:
        """How much there is to report: errors and warnings, then hints."""
        hints = sum(one.severity is Severity.HINT for one in self.found)
        return len(self.found) - hints, hints

    def keys(self) -> list[tuple[int, str]]:
        """Return the findings by the line that they were on at first."""
        return [(self._line(one).origin, one.rule) for one in self.found]

    def all_at_once(self) -> _State | None:
        """Repair all findings whose lines do not meet; None if that improves nothing."""
        edit: dict[int, Sequence[str]] = {}
        for finding in self.found:
            one = self._edit(finding)
            if not set(one) & set(edit):
                edit.update(one)
        return self._edited(edit)

    def one_by_one(self) -> _State | None:
        """Repair the first finding that can be repaired; None if none can."""
        edits = filter(None, map(self._edit, self.found))
        return next(filter(None, map(self._edited, islice(edits, _MOST_TRIED))), None)

    def _line(self, finding: Finding) -> _Line:
        return self.lines[min(finding.line, len(self.lines)) - 1]

    def _edit(self, finding: Finding) -> Edit:
        if finding.rule not in REPAIRS or finding.line > len(self.lines):
            return {}
        return REPAIRS[finding.rule]([line.text for line in self.lines], finding)

    def _edited(self, edit: Edit) -> _State | None:
        """Return what an edit makes of the lines; None unless it improves them.

        It must not matter which repairs came before, so that a second run finds nothing to do.
        """
        if not edit:
            return None
        origins: list[int] = []
        lines: list[_Line] = []
        for index, line in enumerate(self.lines):
            for text in edit.get(index, [line.text]):
                lines.append(_Line(line.origin, text, line.end or self.lines[0].end or "\n"))
                origins.append(index)
        if lines and not self.lines[-1].end:
            lines[-1] = replace(lines[-1], end="")
        after = _State(tuple(lines), self.draft)
        held = {(one.line - 1, one.rule) for one in self.found}
        # A hint may follow from a repair: a line that is a heading now may lack its text.
        new = {
            (origins[min(one.line, len(lines)) - 1], one.rule)
            for one in after.found
            if one.severity is not Severity.HINT
        }
        return after if new <= held and after.weight < self.weight else None


def _cut(text: str) -> Iterator[_Line]:
    parts = [*_LINE_END.split(text), ""]
    for number, (line, end) in enumerate(zip(parts[::2], parts[1::2], strict=True), start=1):
        yield _Line(number, line, end)


def _joined(lines: Sequence[_Line]) -> str:
    return "".join(line.text + line.end for line in lines)
