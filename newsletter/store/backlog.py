"""What waits in the ledger: for a process, for the provider, or for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, MailingState
from newsletter.store.database import now
from newsletter.store.schema import deliveries, events, mailings, notices, webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_OPEN: Final = (DeliveryState.PENDING.value, DeliveryState.ATTEMPTING.value)
_ENDED: Final = (MailingState.COMPLETED.value, MailingState.COMPLETED_WITH_UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, and since when; None where nothing does.

    Attributes:
        at: The database's time.
        unknown: How many deliveries of real mailings are unknown, by slug.
        notices: How many notices wait to be sent.
        notice_due: When the notice that waits longest was to leave.
        webhook_at: When the webhook that waits longest came.
        sent_at: When the last real mailing ended.
        event_at: When the newest event happened.
    """

    at: datetime
    unknown: Mapping[str, int]
    notices: int
    notice_due: datetime | None
    webhook_at: datetime | None
    sent_at: datetime | None
    event_at: datetime | None


def find_backlog(connection: sa.Connection) -> Backlog:
    """Return what waits."""
    real = mailings.c.rehearsal.is_(sa.false())
    unknown = (
        sa.select(mailings.c.slug, sa.func.count())
        .join(deliveries, deliveries.c.mailing_id == mailings.c.id)
        .where(real, deliveries.c.state == DeliveryState.UNKNOWN)
        .group_by(mailings.c.slug)
        .order_by(mailings.c.slug)
    )
    notice = notices.c.state.in_(_OPEN)
    waiting = sa.and_(webhooks.c.body.is_not(None), ~webhooks.c.unreadable)
    return Backlog(
        now(connection),
        {row[0]: int(row[1]) for row in connection.execute(unknown)},
        notices=connection.scalar(sa.select(sa.func.count()).select_from(notices).where(notice))
        or 0,
        notice_due=_first(connection, notices.c.due_at, notice),
        webhook_at=_first(connection, webhooks.c.at, waiting),
        sent_at=_last(
            connection, mailings.c.finished_at, sa.and_(real, mailings.c.state.in_(_ENDED))
        ),
        event_at=_last(connection, events.c.at, sa.true()),
    )


def _first(
    connection: sa.Connection, column: sa.Column[datetime], where: sa.ColumnElement[bool]
) -> datetime | None:
    query = sa.select(sa.func.min(column, type_=column.type)).where(where)
    return connection.scalar(query)


def _last(
    connection: sa.Connection, column: sa.Column[datetime], where: sa.ColumnElement[bool]
) -> datetime | None:
    query = sa.select(sa.func.max(column, type_=column.type)).where(where)
    return connection.scalar(query)
