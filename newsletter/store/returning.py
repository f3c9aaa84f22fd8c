"""Queries about those who come back: a list of the provider's own may stand in their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, NoticeKind, Status
from newsletter.store.database import now
from newsletter.store.notices import open_
from newsletter.store.schema import events, notices, subscribers, suppressions

if TYPE_CHECKING:
    from newsletter.store.notices import Via

_MOST: Final = 50
"""At once, for a provider is asked for each."""

_BY_THE_PROVIDER: Final = [Status.BOUNCED.value, Status.COMPLAINED.value]


def suspected(connection: sa.Connection, via: Via) -> list[tuple[int, str]]:
    """Return number and address of those whose confirmation is to leave and might not arrive.

    On the provider's list is who bounced, complained or left there; of whoever was erased, that is
    not known any more.
    """
    listed = [EventKind.UNSUBSCRIBE.value, EventKind.SUPPRESSED.value]
    maybe = sa.or_(
        subscribers.c.status.in_(_BY_THE_PROVIDER),
        sa.exists().where(events.c.subscriber_id == subscribers.c.id, events.c.kind.in_(listed)),
        sa.exists().where(suppressions.c.address_hash == notices.c.address_hash),
    )
    query = (
        sa.select(subscribers.c.id, subscribers.c.email)
        .distinct()
        .join(notices, notices.c.subscriber_id == subscribers.c.id)
        .where(
            open_(via),
            notices.c.kind == NoticeKind.CONFIRMATION.value,
            notices.c.state == DeliveryState.PENDING.value,
            notices.c.attempt == 0,
            notices.c.due_at <= now(connection),
            maybe,
        )
        .order_by(subscribers.c.id)
        .limit(_MOST)
    )
    return [(row.id, row.email) for row in connection.execute(query)]


def note_obstacle(connection: sa.Connection, subscriber_id: int, reason: str | None) -> None:
    """Note what stands in a reader's way at the provider; None if nothing does."""
    this = subscribers.update().where(subscribers.c.id == subscriber_id)
    connection.execute(this.values(obstacle=reason))
