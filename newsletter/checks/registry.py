"""Where rules are registered: each a function with an id, a severity and a description."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from newsletter.model import Draft, Severity


class Hit(NamedTuple):
    """What a rule found: the line in the file, what is wrong, and what to do next.

    `severity` is that of the rule unless it is given.
    """

    line: int
    message: str
    fix: str
    severity: Severity | None = None


Find: TypeAlias = "Callable[[Draft], Iterator[Hit]]"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over an issue's file; `description` is its docstring."""

    id: str
    severity: Severity
    description: str
    find: Find


RULES: dict[str, Rule] = {}
"""Every rule by its id, in the order of registration."""


def rule(rule_id: str, severity: Severity) -> Callable[[Find], Find]:
    """Register a function as a rule.

    Args:
        rule_id: Its name in output and documentation; it never changes.
        severity: An error keeps an issue from being sent.

    Raises:
        ValueError: Another rule has that id, or the function has no docstring.
    """

    def register(find: Find) -> Find:
        # Python leaves docstrings out with -OO or PYTHONOPTIMIZE=2.
        if rule_id in RULES or not (find.__doc__ or sys.flags.optimize > 1):
            raise ValueError(f'rule "{rule_id}" needs an id of its own and a docstring')
        RULES[rule_id] = Rule(rule_id, severity, find.__doc__ or "", find)
        return find

    return register
