"""Queries about notices: transactional emails to one subscriber, from the queue to the report.

A row holds no address: it is looked up when the notice leaves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, NoticeKind, SubscriberStatus
from newsletter.store import leases
from newsletter.store.database import now
from newsletter.store.schema import events, notices, subscribers, suppressions
from newsletter.store.sql import insert_if, new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_TO_ANYBODY: Final = (NoticeKind.CONFIRMATION, NoticeKind.NEW_ADDRESS)
"""What may go to an address that another person has typed."""


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """The provider account that takes notices: they stay with the provider they were queued for.

    ``account`` is the fingerprint of the account that takes them now, where one matters.
    """

    provider: str
    provider_url: str
    account: str | None = None


def queue(
    connection: sa.Connection,
    via: ProviderAccount,
    kind: NoticeKind,
    *,
    subscriber_id: int | None,
    address_hash: str,
    mailbox_hash: str,
    moment: datetime,
    keep: timedelta,
    signup_id: int | None = None,
    change_id: int | None = None,
    issues: Sequence[str] = (),
    wanted: bool = True,
) -> None:
    """Queue a notice to a subscriber.

    Args:
        via: The account that takes it.
        kind: What it says.
        subscriber_id: To whom; None only where it is not wanted.
        address_hash: Of their address, for limits.
        mailbox_hash: Of the mailbox of the address, for limits.
        keep: How long it may leave, and be repeated.
        signup_id: The sign-up that it confirms, if it confirms one.
        change_id: The change of address that it is about, if it is about one.
        issues: The slugs of the issues that it brings, or names.
        wanted: False runs the same statement and changes nothing: the time that an answer takes
            must not reveal whether anything was queued.
    """
    insert_if(
        connection,
        notices,
        {
            "ref": new_id(),
            "kind": kind.value,
            "subscriber_id": subscriber_id,
            "signup_id": signup_id,
            "change_id": change_id,
            "address_hash": address_hash,
            "mailbox_hash": mailbox_hash,
            "provider": via.provider,
            "provider_url": via.provider_url,
            "state": DeliveryState.PENDING.value,
            "queued_at": moment,
            "due_at": moment,
            "expires_at": moment + keep,
            "attempt": 0,
            "issues": json.dumps(issues) if issues else None,
        },
        sa.literal(wanted),
    )


def count_queued(
    connection: sa.Connection, kinds: Collection[NoticeKind], *, moment: datetime
) -> int:
    """Return how many notices of these kinds were queued after a moment."""
    query = sa.select(sa.func.count()).where(
        notices.c.kind.in_(kinds), notices.c.queued_at > moment
    )
    return connection.scalar(query) or 0


def count_queued_to(
    connection: sa.Connection,
    whose: tuple[str, str],
    kinds: Collection[NoticeKind],
    *,
    moments: Sequence[datetime],
) -> list[int]:
    """Return how many notices of these kinds were queued to a mailbox after each moment.

    Args:
        whose: The hash of an address in it, and its own.
        kinds: Which.
        moments: Since when, for each number.
    """
    counts = [
        sa.func.count(sa.case((notices.c.queued_at > moment, 1))).label(f"since_{place}")
        for place, moment in enumerate(moments)
    ]
    query = sa.select(*counts).where(_to(whose), notices.c.kind.in_(kinds))
    return list(connection.execute(query).one())


def bounced_or_complained(
    connection: sa.Connection, whose: tuple[str, str], *, bounced_since: datetime
) -> bool:
    """Return whether a mailbox must get no confirmation: it complained, or one bounced hard.

    A complaint counts for as long as it is known, a bounce since a moment.
    """
    bounced = sa.and_(
        notices.c.reason == EventKind.HARD_BOUNCE, notices.c.queued_at > bounced_since
    )
    query = sa.select(sa.func.count()).where(
        _to(whose),
        notices.c.kind.in_(_TO_ANYBODY),
        notices.c.state == DeliveryState.ACCEPTED,
        sa.or_(notices.c.reason == EventKind.COMPLAINT, bounced),
    )
    return bool(connection.scalar(query))


def _to(whose: tuple[str, str]) -> sa.ColumnElement[bool]:
    """Return the condition that a notice went to a mailbox."""
    address_hash, mailbox_hash = whose
    return sa.or_(notices.c.address_hash == address_hash, notices.c.mailbox_hash == mailbox_hash)


def time_to_next(connection: sa.Connection, via: ProviderAccount) -> timedelta | None:
    """Return how long until something can be done, zero or less if now; None if nothing is open.

    What another process is sending counts from the end of its lease: that process may be lost. If
    it is known to be dead, something can be done now.
    """
    if leases.dead_owners(connection, notices, notices.c.state == DeliveryState.ATTEMPTING):
        return timedelta()
    at = sa.case(
        (notices.c.state == DeliveryState.ATTEMPTING, notices.c.lease_until),
        else_=notices.c.due_at,
    )
    earliest = connection.scalar(
        sa.select(sa.func.min(at, type_=notices.c.due_at.type)).where(is_actionable(via))
    )
    return None if earliest is None else earliest - now(connection)


def count_by_state(connection: sa.Connection) -> dict[DeliveryState, int]:
    """Return how many notices there are in each state."""
    query = sa.select(notices.c.state, sa.func.count()).group_by(notices.c.state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state.value, 0) for state in DeliveryState}


def is_actionable(via: ProviderAccount) -> sa.ColumnElement[bool]:
    """Return the condition that something may still be done for a notice.

    One of unknown outcome without the hash of its bytes was given up. One that left through another
    account waits until that account is asked.
    """
    return sa.and_(
        notices.c.provider == via.provider,
        notices.c.provider_url == via.provider_url,
        sa.or_(
            notices.c.state.in_([DeliveryState.PENDING, DeliveryState.ATTEMPTING]),
            sa.and_(
                notices.c.state == DeliveryState.UNKNOWN,
                notices.c.payload_hash.is_not(None),
                notices.c.account.is_not_distinct_from(via.account),
            ),
        ),
    )


def count_caused_by(
    connection: sa.Connection, id_: int, kinds: Collection[NoticeKind], after: datetime
) -> int:
    """Return how many notices of these kinds a subscriber caused since a moment."""
    query = sa.select(sa.func.count()).where(
        notices.c.subscriber_id == id_,
        notices.c.kind.in_(kinds),
        notices.c.queued_at > after,
    )
    return connection.scalar(query) or 0


_MOST: Final = 50
"""At once: each costs a request to the provider."""

_BY_THE_PROVIDER: Final = [SubscriberStatus.BOUNCED.value, SubscriberStatus.COMPLAINED.value]


def find_maybe_blocked(connection: sa.Connection, via: ProviderAccount) -> list[tuple[int, str]]:
    """Return number and address of subscribers whose confirmation is due and may be blocked.

    The provider's list may hold those who bounced, complained or unsubscribed there. Of an erased
    address nothing is known, so it may be on that list too.
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
            is_actionable(via),
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
