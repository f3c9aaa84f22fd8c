"""What an author allows in one file: `allow: rule-id (reason)` in the front matter."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.checks.catalogue import all_rules
from newsletter.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from newsletter.model import Draft, Waiver

_INVALID, _UNKNOWN, _UNUSED = "allow-invalid", "allow-unknown", "allow-unused"


@dataclass(frozen=True, slots=True)
class Waived:
    """The findings that are left, and how many the author allowed."""

    findings: tuple[Finding, ...]
    allowed: int = 0


def waive(draft: Draft, found: Iterable[Finding]) -> Waived:
    """Leave out the warnings and hints that the file allows; an error is never allowed."""
    every = tuple(found)
    named = {waiver.rule for waiver in draft.allowed}
    kept = tuple(f for f in every if f.severity is Severity.ERROR or f.rule not in named)
    return Waived(kept, len(every) - len(kept))


def judge_waivers(
    draft: Draft,
    found: Iterable[Finding],
    *,
    examined: Collection[str],
) -> Iterator[Finding]:
    """Yield what is wrong with the waivers of a file.

    Args:
        draft: The file.
        found: All findings about it, also those that it allows.
        examined: The rules that these findings are of; only of these an unused waiver is known.
    """
    every = tuple(found)
    known = all_rules()
    for waiver in dict.fromkeys(draft.allowed):
        hits = [finding for finding in every if finding.rule == waiver.rule]
        if waiver.rule not in known:
            near = difflib.get_close_matches(waiver.rule, known, n=1, cutoff=0.6)
            fix = f'Did you mean "{near[0]}"?' if near else "Write an id as check prints it"
            yield _finding(draft, waiver, _UNKNOWN, f'there is no rule "{waiver.rule}"', fix)
        elif any(hit.severity is Severity.ERROR for hit in hits):
            problem = f"{waiver.rule} is an error here, and an error cannot be allowed"
            fix = "Delete it from the line, and correct the error"
            yield _finding(draft, waiver, _INVALID, problem, fix, Severity.ERROR)
        elif waiver.rule in examined and not hits:
            problem = f"{waiver.rule} is allowed, and nothing here needs it"
            yield _finding(draft, waiver, _UNUSED, problem, "Delete it from the line")


def _finding(  # noqa: PLR0917 - the parts of a finding
    draft: Draft,
    waiver: Waiver,
    rule: str,
    problem: str,
    fix: str,
    severity: Severity = Severity.WARNING,
) -> Finding:
    return Finding(draft.path, waiver.line, rule, severity, problem, fix)
