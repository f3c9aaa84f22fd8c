"""Queries that remove what must not be kept any longer, some rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter.model import EventKind, SubscriberStatus
from newsletter.store.schema import (
    acceptances,
    address_changes,
    consents,
    deliveries,
    events,
    mailings,
    notices,
    signups,
    subscribers,
    webhooks,
)
from newsletter.store.sql import among

if TYPE_CHECKING:
    from datetime import datetime

_AT_A_TIME = 2000
"""Rows in one statement: for a fraction of a second nobody else can write."""

_LEFT = [
    SubscriberStatus.UNSUBSCRIBED.value,
    SubscriberStatus.BOUNCED.value,
    SubscriberStatus.COMPLAINED.value,
]


def delete_unconfirmed(connection: sa.Connection, before: datetime) -> int:
    """Delete pending subscribers who never confirmed; return how many."""
    lately = sa.exists().where(
        signups.c.subscriber_id == subscribers.c.id, signups.c.requested_at >= before
    )
    these = sa.and_(
        subscribers.c.status == SubscriberStatus.PENDING.value,
        subscribers.c.created_at < before,
        ~lately,
    )
    return _remove(connection, subscribers, these)


def delete_address_changes(connection: sa.Connection, before: datetime) -> int:
    """Delete changes of address, confirmed or not, with the addresses in them; return how many."""
    return _remove(connection, address_changes, address_changes.c.requested_at < before)


def delete_signups(connection: sa.Connection, before: datetime) -> int:
    """Delete old sign-ups; return how many. A confirmed one is in a consent."""
    return _remove(connection, signups, signups.c.requested_at < before)


def delete_notices(connection: sa.Connection, before: datetime) -> int:
    """Delete notices that limit nothing any more; return how many."""
    spurned = notices.c.reason.is_not_distinct_from(EventKind.COMPLAINT.value)
    return _remove(connection, notices, sa.and_(notices.c.queued_at < before, ~spurned))


def delete_complaints(connection: sa.Connection, before: datetime) -> int:
    """Delete old notices that were answered by a complaint too; return how many."""
    return _remove(connection, notices, notices.c.queued_at < before)


def clear_client_info(connection: sa.Connection, before: datetime) -> int:
    """Clear IP addresses and user agents in old consents; return how many.

    All else of a consent stays.
    """
    machine = [
        consents.c.ip,
        consents.c.user_agent,
        consents.c.requested_ip,
        consents.c.requested_user_agent,
    ]
    kept = sa.or_(*(column.is_not(None) for column in machine))
    some = _some(connection, consents, sa.and_(kept, consents.c.at < before))
    cleared = consents.update().where(among(connection, consents.c.id, some))
    nothing = cleared.values(dict.fromkeys(machine))
    return connection.execute(nothing).rowcount if some else 0


def delete_events(connection: sa.Connection, before: datetime) -> int:
    """Delete old events; return how many. The strongest event of each delivery stays."""
    return _remove(connection, events, events.c.at < before)


def anonymize_deliveries(connection: sa.Connection, before: datetime) -> int:
    """Make deliveries of mailings that ended anonymous; return how many."""
    ended = sa.select(mailings.c.id).where(mailings.c.finished_at < before)
    theirs = sa.and_(deliveries.c.mailing_id.in_(ended), deliveries.c.subscriber_id.is_not(None))
    some = _some(connection, deliveries, theirs)
    if not some:
        return 0
    connection.execute(
        acceptances.delete().where(among(connection, acceptances.c.delivery_id, some))
    )
    anonymous = deliveries.update().where(among(connection, deliveries.c.id, some))
    return connection.execute(anonymous.values(subscriber_id=None, provider_id=None)).rowcount


def clear_late_provider_ids(connection: sa.Connection, _before: datetime) -> int:
    """Clear the provider's ids of letters that were attempting while their subscriber was erased.

    Return how many: an erasure clears those that were known before.
    """
    erased = deliveries.c.subscriber_id.is_(None)
    twice = sa.exists().where(acceptances.c.delivery_id == deliveries.c.id)
    some = _some(
        connection, deliveries, sa.and_(erased, deliveries.c.provider_id.is_not(None) | twice)
    )
    if not some:
        return 0
    connection.execute(
        acceptances.delete().where(among(connection, acceptances.c.delivery_id, some))
    )
    nameless = deliveries.update().where(among(connection, deliveries.c.id, some))
    return connection.execute(nameless.values(provider_id=None)).rowcount


def delete_unapplied_webhooks(connection: sa.Connection, before: datetime) -> int:
    """Delete webhooks that were never applied: their letters are not in this database."""
    these = sa.and_(webhooks.c.body.is_not(None), webhooks.c.at < before)
    return _remove(connection, webhooks, these)


def delete_applied_webhooks(connection: sa.Connection, before: datetime) -> int:
    """Delete the names of webhooks that will not come again; return how many."""
    these = sa.and_(webhooks.c.body.is_(None), webhooks.c.at < before)
    return _remove(connection, webhooks, these)


def find_long_gone(
    connection: sa.Connection, before: datetime
) -> list[tuple[int, str, str, datetime]]:
    """Return some subscribers who left before a moment: number, address key, status, moment."""
    query = (
        sa.select(
            subscribers.c.id, subscribers.c.email_key, subscribers.c.status, subscribers.c.left_at
        )
        .where(subscribers.c.status.in_(_LEFT), subscribers.c.left_at < before)
        .order_by(subscribers.c.id)
        .limit(_AT_A_TIME)
        .with_for_update()
    )
    return [tuple(row) for row in connection.execute(query)]


def _remove(connection: sa.Connection, table: sa.Table, these: sa.ColumnElement[bool]) -> int:
    some = _some(connection, table, these)
    gone = table.delete().where(among(connection, table.c.id, some))
    return connection.execute(gone).rowcount if some else 0


def _some(connection: sa.Connection, table: sa.Table, these: sa.ColumnElement[bool]) -> list[Any]:
    query = sa.select(table.c.id).where(these).order_by(table.c.id).limit(_AT_A_TIME)
    return list(connection.scalars(query.with_for_update(of=table)))
