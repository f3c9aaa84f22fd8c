"""Queries about mailings that ended: what became of the letters, and how many people left since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, SentCounts, SubscriberStatus
from newsletter.store.schema import deliveries, mailings, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_BOUNCED: Final = (EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE)
_LEFT: Final = (SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.COMPLAINED)


def count_sent(connection: sa.Connection, ids: Collection[int]) -> dict[int, SentCounts]:
    """Return the counts of some mailings, by their numbers."""
    of_them = deliveries.c.mailing_id.in_(ids)
    accepted = _count(connection, of_them, deliveries.c.state == DeliveryState.ACCEPTED)
    heard = _count_events(connection, of_them)
    left = _count_left(connection, of_them)
    return {
        one: SentCounts(
            accepted=accepted.get(one, 0),
            delivered=heard.get((one, EventKind.DELIVERED), 0),
            bounced=sum(heard.get((one, kind), 0) for kind in _BOUNCED),
            complained=heard.get((one, EventKind.COMPLAINT), 0),
            left=left.get(one, 0),
        )
        for one in ids
    }


def _count(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Mapping[int, int]:
    mailing = deliveries.c.mailing_id
    query = sa.select(mailing, sa.func.count()).where(*conditions).group_by(mailing)
    return {row[0]: row[1] for row in connection.execute(query)}


def _count_events(
    connection: sa.Connection, of_them: sa.ColumnElement[bool]
) -> Mapping[tuple[int, EventKind], int]:
    kind = deliveries.c.strongest_event
    query = (
        sa.select(deliveries.c.mailing_id, kind, sa.func.count())
        .where(of_them, kind.is_not(None))
        .group_by(deliveries.c.mailing_id, kind)
    )
    return {(row[0], EventKind(row[1])): row[2] for row in connection.execute(query)}


def _count_left(connection: sa.Connection, of_them: sa.ColumnElement[bool]) -> Mapping[int, int]:
    """Count who was in the audience and left since, by their own act; who was erased did too."""
    query = (
        sa.select(deliveries.c.mailing_id, sa.func.count())
        .select_from(subscribers)
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .join(mailings, mailings.c.id == deliveries.c.mailing_id)
        .where(
            of_them,
            subscribers.c.status.in_(_LEFT),
            subscribers.c.left_at >= mailings.c.started_at,
        )
        .group_by(deliveries.c.mailing_id)
    )
    erased = _count(connection, of_them, deliveries.c.subscriber_id.is_(None))
    found = dict(erased)
    for mailing, count in connection.execute(query):
        found[mailing] = found.get(mailing, 0) + count
    return found
