"""Every rule, run on one issue file."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from newsletter.checks import writing_rules  # noqa: F401 - registers its rules
from newsletter.checks.registry import RULES
from newsletter.checks.waivers import UNKNOWN, UNUSED, judge_waivers, waive
from newsletter.content import READING_RULES
from newsletter.errors import ContentError
from newsletter.model import Faq, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.model import Draft, Issue


def check(draft: Draft) -> tuple[Finding, ...]:
    """Return all findings about one file that it does not allow, by line."""
    found = examine(draft)
    judged = judge_waivers(draft, found, severities=severities(), examined=severities())
    return tuple(sorted((*waive(draft, found).findings, *judged)))


def severities() -> Mapping[str, Severity]:
    """Return every rule about one file, with the highest severity of its findings."""
    reading = {name: summary.severity for name, summary in READING_RULES.items()}
    waivers = {UNKNOWN: Severity.WARNING, UNUSED: Severity.WARNING}
    return {**reading, **waivers, **{rule.id: rule.severity for rule in RULES.values()}}


def examine(draft: Draft) -> tuple[Finding, ...]:
    """Return what reading an issue file found, and what every rule finds, by line."""
    blocks = [
        part
        for block in draft.blocks
        for part in (block.parts if isinstance(block, Faq) else (block,))
    ]
    hits = ((rule, hit) for rule in RULES.values() for hit in rule.find(blocks))
    found = [
        *draft.findings,
        *(Finding(draft.path, h.line, r.id, r.severity, h.message, h.fix) for r, h in hits),
    ]
    return tuple(sorted({astuple(finding): finding for finding in found}.values()))


def require_valid(draft: Draft) -> Issue:
    """Return the issue of a file without errors, which is one that can be rendered.

    Raises:
        ContentError: The file has errors; `findings` has all of them.
    """
    errors = tuple(f for f in check(draft) if f.severity is Severity.ERROR)
    if errors or draft.issue is None:
        raise ContentError(draft.path, errors)
    return draft.issue
