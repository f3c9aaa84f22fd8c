"""What a mark without effect is: how it looks, and what to say of it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Mark(NamedTuple):
    """A mark without effect: the rule it breaks, how it looks, and what to say of it.

    Most letters have none of the characters that most marks need. A pattern is compiled only
    when one of them is there, which keeps `check` of one issue fast.
    """

    rule: str
    shape: str
    problem: str
    fix: str
    required_characters: str = ""
    severity: Severity = Severity.WARNING

    def search(self, text: str) -> re.Match[str] | None:
        """Find the mark in a text."""
        return _pattern(self.shape).search(text) if self._possible(text) else None

    def match(self, text: str) -> re.Match[str] | None:
        """Find the mark at the beginning of a text."""
        return _pattern(self.shape).match(text) if self._possible(text) else None

    def replace(self, replacement: str | Callable[[re.Match[str]], str], text: str) -> str:
        """Put something in the place of each such mark in a text."""
        return _pattern(self.shape).sub(replacement, text) if self._possible(text) else text

    def _possible(self, text: str) -> bool:
        return not self.required_characters or any(one in text for one in self.required_characters)


def marks(
    rule: str,
    problem: str,
    fix: str,
    *shapes: str,
    required_characters: str = "",
    severity: Severity = Severity.WARNING,
) -> Iterator[Mark]:
    """Give each pattern the same rule and words. Case does not matter after `(?i)`.

    Args:
        rule: The id of the rule.
        problem: What is wrong.
        fix: What to do.
        shapes: The patterns.
        required_characters: Characters of which each of the patterns needs at least one.
        severity: That of the findings.
    """
    for shape in shapes:
        yield Mark(rule, shape, problem, fix, required_characters, severity)


@cache
def _pattern(shape: str) -> re.Pattern[str]:
    return re.compile(shape)
