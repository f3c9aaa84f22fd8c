"""All findings about one file, before and after what its author allows."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING

from newsletter.checks import (  # noqa: F401 - each registers its rules
    date_rules,
    hyphenation_rules,
    image_rules,
    leftover_rules,
    link_rules,
    moment_rules,
    shape_rules,
    subject_rules,
    writing_rules,
)
from newsletter.checks.catalogue import file_rules
from newsletter.checks.registry import RULES
from newsletter.checks.waivers import judge_waivers, waive
from newsletter.model import Faq, Finding

if TYPE_CHECKING:
    from newsletter.model import Draft


def examine(draft: Draft) -> tuple[Finding, ...]:
    """Return what reading an issue file found, and what every rule finds, by line."""
    # Rules see what is in questions with answers as if it were no block of its own.
    flat = [
        part
        for block in draft.blocks
        for part in (block.parts if isinstance(block, Faq) else (block,))
    ]
    seen = replace(draft, blocks=tuple(flat))
    hits = ((rule, hit) for rule in RULES.values() for hit in rule.find(seen))
    found = [
        *draft.findings,
        *(
            Finding(draft.path, hit.line, rule.id, hit.severity or rule.severity, *hit[1:3])
            for rule, hit in hits
        ),
    ]
    return tuple(sorted({astuple(finding): finding for finding in found}.values()))


def unallowed(draft: Draft) -> tuple[Finding, ...]:
    """Return the same without what the file allows, and with what is wrong with its waivers."""
    found = examine(draft)
    judged = judge_waivers(draft, found, examined=file_rules())
    return tuple(sorted((*waive(draft, found).findings, *judged)))
