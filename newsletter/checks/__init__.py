"""Rules about what an author probably did not mean; `docs/checks.md` tells how to add one."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from newsletter.checks import habits
from newsletter.checks.registry import RULES
from newsletter.model import Finding

if TYPE_CHECKING:
    from newsletter.model import Draft

__all__ = ["RULES", "check", "habits"]


def check(draft: Draft) -> tuple[Finding, ...]:
    """Return what reading an issue file found, and what every rule finds, by line."""
    hits = ((rule, hit) for rule in RULES.values() for hit in rule.find(draft.blocks))
    found = [
        *draft.findings,
        *(Finding(draft.path, h.line, r.id, r.severity, h.message, h.fix) for r, h in hits),
    ]
    return tuple(sorted({astuple(finding): finding for finding in found}.values()))
