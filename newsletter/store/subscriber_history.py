"""Queries about what one person was sent, and how often the provider took it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import DeliveryState
from newsletter.store.schema import acceptances, deliveries, mailings
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That the provider took a letter: when that became known, and its name for it there."""

    at: datetime
    provider_id: str


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery as its reader's story tells it; in a rehearsal he got nothing.

    Attributes:
        reason: Why it was rejected or skipped, or why nobody knows of it.
        assumed: That it was accepted is what a person assumed.
        acceptances: Each under another name, the first one first; with several of them, several
            letters may have come.
    """

    issue: str
    rehearsal: bool
    provider: str
    state: DeliveryState
    reason: str | None
    assumed: bool
    accepted_at: datetime | None
    provider_id: str | None
    acceptances: tuple[Acceptance, ...]


def deliveries_of(connection: sa.Connection, id_: int) -> list[Received]:
    """Return the letters that were meant for somebody, oldest first."""
    rows = connection.execute(
        sa.select(deliveries, mailings.c.slug, mailings.c.rehearsal, mailings.c.provider)
        .join(mailings)
        .where(deliveries.c.subscriber_id == id_)
        .order_by(deliveries.c.id)
    ).all()
    names = _names(connection, id_)
    return [
        Received(
            issue=row.slug,
            rehearsal=row.rehearsal,
            provider=row.provider,
            state=DeliveryState(row.state),
            reason=row.reason,
            assumed=row.assumed,
            accepted_at=row.accepted_at,
            provider_id=row.provider_id,
            acceptances=names.get(row.id, ()),
        )
        for row in rows
    ]


def _names(connection: sa.Connection, id_: int) -> dict[int, tuple[Acceptance, ...]]:
    """Return under which names somebody's letters were accepted, by delivery, the first first."""
    own = sa.select(deliveries.c.id, deliveries.c.accepted_at, deliveries.c.provider_id).where(
        deliveries.c.subscriber_id == id_,
        deliveries.c.accepted_at.is_not(None),
        deliveries.c.provider_id.is_not(None),
    )
    others = (
        sa.select(acceptances.c.delivery_id, acceptances.c.at, acceptances.c.provider_id)
        .join(deliveries)
        .where(deliveries.c.subscriber_id == id_)
    )
    found: dict[int, dict[str, datetime]] = {}
    for query in (own, others):
        for delivery_id, at, name in connection.execute(query):
            found.setdefault(delivery_id, {}).setdefault(name, at)
    return {
        delivery_id: tuple(
            Acceptance(at, name) for at, name in sorted(zip(by_name.values(), by_name, strict=True))
        )
        for delivery_id, by_name in found.items()
    }


def taken(connection: sa.Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """Return of which issues the provider took the real letter to these people, by row number."""
    rows = connection.execute(
        sa.select(deliveries.c.subscriber_id, mailings.c.slug)
        .join(mailings)
        .where(
            among(connection, deliveries.c.subscriber_id, ids),
            deliveries.c.state == DeliveryState.ACCEPTED,
            mailings.c.rehearsal.is_(sa.false()),
        )
    )
    found: dict[int, set[str]] = {id_: set() for id_ in ids}
    for id_, slug in rows:
        found[id_].add(slug)
    return found
