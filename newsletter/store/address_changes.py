"""Queries about changes of address: requested, confirmed and applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import SubscriberStatus
from newsletter.store import subscribers as subscribers_store
from newsletter.store.database import Lock, lock
from newsletter.store.schema import address_changes, subscribers, suppressions
from newsletter.store.sql import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Subscriber


@dataclass(frozen=True, slots=True)
class AddressChange:
    """A change of address, confirmed or not."""

    id: int
    subscriber_id: int
    old_key: str
    status: SubscriberStatus
    new_email: str
    new_email_key: str
    confirmed_at: datetime | None


MOVED = "left for another"
"""Why the earlier address of a subscriber is suppressed."""


def record(
    connection: sa.Connection,
    subscriber: Subscriber,
    email: str,
    email_key: str,
    moment: datetime,
) -> int:
    """Record the address that a subscriber wants; it replaces an earlier, unconfirmed one."""
    open_ = sa.and_(
        address_changes.c.subscriber_id == subscriber.id, address_changes.c.confirmed_at.is_(None)
    )
    connection.execute(address_changes.delete().where(open_))
    values = {
        "public_id": new_id(),
        "subscriber_id": subscriber.id,
        "old_email": subscriber.email,
        "new_email": email,
        "new_email_key": email_key,
        "requested_at": moment,
    }
    insert = address_changes.insert().returning(address_changes.c.id).values(values)
    number: int = connection.execute(insert).scalar_one()
    return number


def find(
    connection: sa.Connection, public_id: str, *, for_update: bool = False
) -> AddressChange | None:
    """Return a change of address by the id that its link names.

    For update: nobody else adds subscribers, or changes this one, until the transaction ends.
    """
    query = (
        sa.select(
            address_changes.c.id,
            address_changes.c.subscriber_id,
            subscribers.c.email_key.label("old_key"),
            subscribers.c.status,
            address_changes.c.new_email,
            address_changes.c.new_email_key,
            address_changes.c.confirmed_at,
        )
        .join(subscribers)
        .where(address_changes.c.public_id == public_id)
    )
    if for_update:
        lock(connection, Lock.LIST)
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return AddressChange(**{**row._mapping, "status": SubscriberStatus(row.status)})  # noqa: SLF001 - SQLAlchemy's own way to a mapping


def subscriber_of(connection: sa.Connection, change: str) -> str | None:
    """Return the public id of the subscriber who asked for a change."""
    query = (
        sa.select(subscribers.c.public_id)
        .join(address_changes)
        .where(address_changes.c.public_id == change)
    )
    found: str | None = connection.scalar(query)
    return found


def is_taken(connection: sa.Connection, change: AddressChange) -> bool:
    """Return whether the new address belongs to a subscriber who once confirmed it."""
    theirs = sa.select(subscribers.c.id).where(
        subscribers.c.email_key == change.new_email_key,
        subscribers.c.id != change.subscriber_id,
        subscribers.c.status != SubscriberStatus.PENDING,
    )
    return connection.execute(theirs).first() is not None


def apply(
    connection: sa.Connection, change: AddressChange, hashes: tuple[str, str], moment: datetime
) -> None:
    """Give a subscriber the address that they confirmed; a pending sign-up of it is theirs too.

    Their old address is suppressed from then on, so that no old file brings it back. Bounces of the
    old address say nothing about the new one.

    Args:
        connection: The write transaction that found the change.
        hashes: Of the old address and of the new one.
    """
    connection.execute(
        subscribers.delete().where(
            subscribers.c.email_key == change.new_email_key,
            subscribers.c.id != change.subscriber_id,
            subscribers.c.status == SubscriberStatus.PENDING,
        )
    )
    connection.execute(suppressions.delete().where(suppressions.c.address_hash.in_(hashes)))
    old, new = hashes
    if old != new:
        moved = {"address_hash": old, "reason": MOVED, "at": moment}
        connection.execute(suppressions.insert().values(moved))
    connection.execute(
        subscribers.update()
        .where(subscribers.c.id == change.subscriber_id)
        .values(
            email=change.new_email,
            email_key=change.new_email_key,
            status=SubscriberStatus.ACTIVE.value,
            confirmed_at=moment,
            left_at=None,
        )
    )
    connection.execute(
        address_changes.update()
        .where(address_changes.c.id == change.id)
        .values(confirmed_at=moment)
    )
    subscribers_store.touch(connection, [change.subscriber_id])
    subscribers_store.drop_snapshots(connection, [change.subscriber_id])
