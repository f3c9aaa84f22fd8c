"""Answers to the question of an issue: each is counted, and nothing is kept of who gave it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from newsletter.model import Ask
from newsletter.store import answers, editions, rate_counters, suppressions
from newsletter.store.database import Lock, lock, now
from newsletter.subscriptions import networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.store import Connection, Store

PER_HOUR: Final = 20
"""How many answers the smallest network may give within an hour: a household, an office."""
UNKNOWN_PER_HOUR: Final = 200
"""How many may come from all clients of whom the network is not known."""

_WHAT: Final = "answers"


class Missing(Enum):
    """Why there is no question at an address."""

    NOTHING = auto()
    WITHDRAWN = auto()
    """The issue was taken out of the archive."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """The question of an issue and its answers, and how often each was given."""

    issue: str
    question: str
    answers: tuple[tuple[str, int], ...]


def find_ask(store: Store, slug: str, number: int, *, rehearsals: bool) -> Ask | Missing:
    """Return the question of a published issue that has an answer of this number.

    Args:
        store: Where the issue is.
        slug: The issue.
        number: The first answer is 1.
        rehearsals: Whether a rehearsal counts where no real mailing has started.
    """
    with store.read() as connection:
        if editions.is_withdrawn(connection, slug):
            return Missing.WITHDRAWN
        asked = _published(connection, rehearsals=rehearsals, slug=slug).get(slug)
    return asked if asked and 0 < number <= len(asked.answers) else Missing.NOTHING


def count_answer(store: Store, slug: str, number: int, ip: str | None) -> bool:
    """Count an answer, unless its network gave too many this hour; tell whether it counted.

    Of the client there is only a keyed hash of its network, until the hour is over.
    """
    with store.read() as connection:
        secret = suppressions.hash_key(connection)
        most = networks.limits(secret, ip, PER_HOUR, what=_WHAT) or {_WHAT: UNKNOWN_PER_HOUR}
        if not _has_room(connection, most):
            return False  # a flood costs no write
    with store.write() as connection:
        lock(connection, Lock.LIST)
        if not _has_room(connection, most):
            return False
        moment = now(connection)
        for network in most:
            rate_counters.count(connection, network, moment)
        answers.count(connection, slug, number)
    return True


def asked_questions(store: Store, *, rehearsals: bool) -> list[AskedQuestion]:
    """Return the questions of all published issues with their counts, the newest issue first."""
    with store.read() as connection:
        counts = answers.counts(connection)
        published = _published(connection, rehearsals=rehearsals)
    return [
        AskedQuestion(
            slug,
            " ".join(asked.question.text.split()),
            tuple(
                (answer, counts.get(slug, {}).get(number, 0))
                for number, answer in enumerate(asked.answers, start=1)
            ),
        )
        for slug, asked in published.items()
    ]


def _has_room(connection: Connection, most: Mapping[str, int]) -> bool:
    counted = rate_counters.get_counts(connection, most, now(connection))
    return all(counted.get(name, 0) < limit for name, limit in most.items())


def _published(
    connection: Connection, *, rehearsals: bool, slug: str | None = None
) -> dict[str, Ask]:
    """Return the questions of published issues by slug, the newest first."""
    slugs = None if slug is None else [slug]
    return {
        issue.slug: block
        for issue in editions.published(connection, rehearsals=rehearsals, slugs=slugs)
        for block in issue.edition.blocks
        if isinstance(block, Ask)
    }
