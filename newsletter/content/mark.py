"""What a mark without effect is: how it looks, and what to say of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Mark(NamedTuple):
    """A mark without effect: the rule it breaks, how it looks, and what to say of it."""

    rule: str
    pattern: re.Pattern[str]
    problem: str
    fix: str


def marks(rule: str, problem: str, fix: str, *patterns: str) -> Iterator[Mark]:
    """Give each pattern the same rule and words. Case does not matter after `(?i)`."""
    for pattern in patterns:
        yield Mark(rule, re.compile(pattern), problem, fix)
