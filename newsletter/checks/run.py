"""Every rule, run on one issue file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.checks.catalogue import known_offline
from newsletter.checks.examine import examine, unallowed
from newsletter.checks.fixes import mark_fixable
from newsletter.checks.waivers import Waived, judge_waivers, waive
from newsletter.errors import ContentError
from newsletter.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newsletter.model import Draft, Issue


def check(draft: Draft) -> tuple[Finding, ...]:
    """Return all findings about one file that it does not allow, by line."""
    return mark_fixable(draft, unallowed(draft))


def report(draft: Draft, found: Iterable[Finding]) -> Waived:
    """Return the same with findings of other kinds about the file, and how many it allows.

    Args:
        draft: The file.
        found: What its letter and the other files gave.
    """
    every = (*examine(draft), *found)
    judged = judge_waivers(draft, every, examined=known_offline(draft))
    kept = waive(draft, every)
    return Waived(mark_fixable(draft, tuple(sorted((*kept.findings, *judged)))), kept.allowed)


def require_valid(draft: Draft) -> Issue:
    """Return the issue of a file without errors, which is one that can be rendered.

    Raises:
        ContentError: The file has errors; `findings` has all of them.
    """
    errors = tuple(f for f in unallowed(draft) if f.severity is Severity.ERROR)
    if errors or draft.issue is None:
        raise ContentError(draft.path, errors)
    return draft.issue
