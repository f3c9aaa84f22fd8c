"""The registry of repairs: for a finding, what to write in the place of some lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from newsletter.model import Finding

Edit: TypeAlias = "Mapping[int, Sequence[str]]"
"""What to write in the place of lines, which are counted from 0; no lines delete one."""

Repair: TypeAlias = "Callable[[Sequence[str], Finding], Edit]"
"""Returns how to repair a finding in the lines of a file; nothing where only a person can."""

REPAIRS: dict[str, Repair] = {}
"""The repair of each rule that has one, by the rule's id."""


def repairs(*rules: str) -> Callable[[Repair], Repair]:
    """Register a function as the repair of some rules.

    Raises:
        ValueError: One of them has a repair already.
    """

    def register(repair: Repair) -> Repair:
        for rule in rules:
            if rule in REPAIRS:
                raise ValueError(f'rule "{rule}" has a repair already')
            REPAIRS[rule] = repair
        return repair

    return register


def change(lines: Sequence[str], index: int, new: str) -> Edit:
    """Return the edit that writes one line anew; nothing where that changes nothing."""
    return {index: [new]} if lines[index] != new else {}
