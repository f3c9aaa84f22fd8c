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
"""Rows in one statement: a fraction of a second, for which nobody else can write."""

_LEFT = [
    SubscriberStatus.UNSUBSCRIBED.value,
    SubscriberStatus.BOUNCED.value,
    SubscriberStatus.COMPLAINED.value,
]


def delete_unconfirmed(connection: sa.Connection, before: datetime) -> int:
    """Remove those who asked for the letter and never confirmed it; return how many."""
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
    """Remove changes of address, made or not, with the addresses in them; return how many."""
    return _remove(connection, address_changes, address_changes.c.requested_at < before)


def delete_signups(connection: sa.Connection, before: datetime) -> int:
    """Remove what was asked long ago: what was confirmed stands in a consent."""
    return _remove(connection, signups, signups.c.requested_at < before)


def delete_notices(connection: sa.Connection, before: datetime) -> int:
    """Remove notices that limit nothing any more; return how many."""
    spurned = notices.c.reason.is_not_distinct_from(EventKind.COMPLAINT.value)
    return _remove(connection, notices, sa.and_(notices.c.queued_at < before, ~spurned))


def delete_complaints(connection: sa.Connection, before: datetime) -> int:
    """Remove also those that somebody complained of; return how many."""
    return _remove(connection, notices, notices.c.queued_at < before)


def clear_client_info(connection: sa.Connection, before: datetime) -> int:
    """Remove what tells of a machine from old consents, of which all else stays; return how many.

    That is the IP address and the program, of asking and of confirming.
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
    """Remove old events; what letters came to stays counted. Return how many."""
    return _remove(connection, events, events.c.at < before)


def anonymize_deliveries(connection: sa.Connection, before: datetime) -> int:
    """Let deliveries of mailings that ended say no longer whose they were; return how many."""
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
    """Forget a provider's names for letters that were under way while their readers were erased.

    Return for how many letters: what came before that went with the reader.
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
    """Remove webhooks that were never applied, for their letters are nobody's here."""
    these = sa.and_(webhooks.c.body.is_not(None), webhooks.c.at < before)
    return _remove(connection, webhooks, these)


def delete_applied_webhooks(connection: sa.Connection, before: datetime) -> int:
    """Forget the names of webhooks that come no more; return how many."""
    these = sa.and_(webhooks.c.body.is_(None), webhooks.c.at < before)
    return _remove(connection, webhooks, these)


def find_long_gone(
    connection: sa.Connection, before: datetime
) -> list[tuple[int, str, str, datetime]]:
    """Return some of those who left before a moment: number, address as compared, how and when."""
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
