"""What was heard of letters: for a mailing's account, and for one reader's story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, Heard
from newsletter.store.database import now
from newsletter.store.schema import deliveries, events, mailings

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Mailing

_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as its reader's story tells it; without an issue it is of a provider's own list."""

    at: datetime
    kind: EventKind
    issue: str | None
    detail: str


def of_mailing(connection: sa.Connection, mailing: Mailing, accepted: int) -> Heard:
    """Return what events tell of a mailing's letters.

    Args:
        connection: An open transaction.
        mailing: The mailing.
        accepted: How many of its letters were accepted.
    """
    if mailing.rehearsal:
        return Heard()
    of_it = deliveries.c.mailing_id == mailing.id
    query = (
        sa.select(deliveries.c.standing, sa.func.count())
        .where(of_it, deliveries.c.standing.is_not(None))
        .group_by(deliveries.c.standing)
    )
    counts = {EventKind(row[0]): int(row[1]) for row in connection.execute(query)}
    silent = 0
    if sum(counts.values()) < accepted and _tells(connection, mailing.provider):
        quiet = sa.and_(
            of_it,
            deliveries.c.state == DeliveryState.ACCEPTED,
            deliveries.c.standing.is_(None),
            deliveries.c.accepted_at < now(connection) - _A_DAY,
        )
        silent = connection.scalar(sa.select(sa.func.count()).where(quiet)) or 0
    bounced = (EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE)
    failed = (EventKind.FAILED, EventKind.SUPPRESSED)
    return Heard(
        delivered=counts.get(EventKind.DELIVERED, 0),
        bounced=sum(counts.get(kind, 0) for kind in bounced),
        complained=counts.get(EventKind.COMPLAINT, 0),
        failed=sum(counts.get(kind, 0) for kind in failed),
        silent=silent,
    )


def _tells(connection: sa.Connection, provider: str) -> bool:
    """Tell whether a provider is known to tell when letters are delivered."""
    theirs = sa.select(mailings.c.id).where(
        mailings.c.provider == provider, mailings.c.rehearsal.is_(sa.false())
    )
    some = sa.select(deliveries.c.id).where(
        deliveries.c.mailing_id.in_(theirs), deliveries.c.standing == EventKind.DELIVERED
    )
    return connection.execute(some.limit(1)).one_or_none() is not None


def of_reader(connection: sa.Connection, id_: int) -> list[Happened]:
    """Return what happened to somebody's letters, oldest first."""
    rows = connection.execute(
        sa.select(events.c.at, events.c.kind, mailings.c.slug, events.c.detail)
        .outerjoin(deliveries, deliveries.c.id == events.c.delivery_id)
        .outerjoin(mailings, mailings.c.id == deliveries.c.mailing_id)
        .where(events.c.subscriber_id == id_)
        .order_by(events.c.at, events.c.id)
    )
    return [Happened(at, EventKind(kind), slug, detail) for at, kind, slug, detail in rows]
