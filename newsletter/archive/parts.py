"""Long pages in parts, so that none is heavier than a page may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from newsletter.model import PublishedIssue

Item = TypeVar("Item")

MOST: Final = 22_000
"""Bytes of a part's list: with the rest of the page they stay well below 40 KB."""

_AROUND: Final = 130  # an item's tags and date


def cut(items: Iterable[Item], weigh: Callable[[Item], int]) -> tuple[tuple[Item, ...], ...]:
    """Return items in parts of at most `MOST` bytes; there is always one part.

    An item that weighs more has a part of its own.
    """
    parts: list[list[Item]] = [[]]
    weight = 0
    for item in items:
        own = weigh(item)
        if parts[-1] and weight + own > MOST:
            parts.append([])
            weight = 0
        parts[-1].append(item)
        weight += own
    return tuple(map(tuple, parts))


def weigh_issue(issue: PublishedIssue) -> int:
    """Return about how many bytes an issue takes in a list."""
    return _AROUND + len(issue.slug) + 2 * len(issue.edition.subject.encode())
