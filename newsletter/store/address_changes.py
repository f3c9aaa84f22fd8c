"""Queries of the preferences page: what a reader may see of himself and change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import DeliveryState, NoticeKind, Status
from newsletter.store import subscribers as subscribers_store
from newsletter.store.database import Lock, exclude
from newsletter.store.ids import new_id
from newsletter.store.schema import changes, deliveries, notices, subscribers, suppressions

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody on the list as his preferences show him; ``id`` never leaves the house."""

    id: int
    email: str
    email_key: str
    first_name: str | None
    status: Status
    paused_until: datetime | None
    plain_text: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A change of address that waits to be confirmed, or was."""

    id: int
    subscriber_id: int
    old_key: str
    status: Status
    new_email: str
    new_email_key: str
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """A change of address as its reader's own data tell it."""

    old_email: str
    new_email: str
    requested_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice as its reader's own data tell it; `provider_id` is its name there."""

    kind: NoticeKind
    state: DeliveryState
    queued_at: datetime
    accepted_at: datetime | None
    provider: str
    provider_id: str | None


def find(connection: sa.Connection, public_id: str) -> Reader | None:
    """Return somebody by his public id; in a write transaction nobody else changes him then."""
    names = ("id", "email", "email_key", "first_name", "status", "paused_until", "plain_text")
    query = sa.select(*(subscribers.c[name] for name in names)).where(
        subscribers.c.public_id == public_id
    )
    if connection.get_execution_options().get("newsletter_write"):
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Reader(**{**row._mapping, "status": Status(row.status)})  # noqa: SLF001 - SQLAlchemy's own way to a mapping


def set_name(connection: sa.Connection, reader: Reader, name: str | None) -> None:
    """Give somebody another first name, or none."""
    _set(connection, reader, first_name=name)
    subscribers_store.forget_snapshots(connection, [reader.id])


def set_pause(connection: sa.Connection, reader: Reader, until: datetime | None) -> None:
    """Let no letter be claimed for somebody before a moment; None lets them come again."""
    _set(connection, reader, paused_until=until)


def set_plain_text(connection: sa.Connection, reader: Reader, *, plain_text: bool) -> None:
    """Choose with or without HTML, also for letters that are still to be claimed."""
    _set(connection, reader, plain_text=plain_text)
    subscribers_store.forget_snapshots(connection, [reader.id])
    connection.execute(
        deliveries.update()
        .where(
            deliveries.c.subscriber_id == reader.id,
            deliveries.c.state.not_in(_SETTLED),
        )
        .values(plain_text=plain_text)
    )


MOVED = "left for another"
"""Why the address that a reader had before is kept away."""

_SETTLED = [DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.SKIPPED]


def record_change(
    connection: sa.Connection, reader: Reader, email: str, email_key: str, moment: datetime
) -> int:
    """Keep the address that a reader wants to change to; an earlier wish is withdrawn."""
    open_ = sa.and_(changes.c.subscriber_id == reader.id, changes.c.confirmed_at.is_(None))
    connection.execute(changes.delete().where(open_))
    values = {
        "public_id": new_id(),
        "subscriber_id": reader.id,
        "old_email": reader.email,
        "new_email": email,
        "new_email_key": email_key,
        "requested_at": moment,
    }
    insert = changes.insert().returning(changes.c.id).values(values)
    number: int = connection.execute(insert).scalar_one()
    return number


def find_change(connection: sa.Connection, public_id: str) -> Change | None:
    """Return a change by the id that its link names.

    In a write transaction nobody else can put people on the list, or change its reader, then.
    """
    query = (
        sa.select(
            changes.c.id,
            changes.c.subscriber_id,
            subscribers.c.email_key.label("old_key"),
            subscribers.c.status,
            changes.c.new_email,
            changes.c.new_email_key,
            changes.c.confirmed_at,
        )
        .join(subscribers)
        .where(changes.c.public_id == public_id)
    )
    if connection.get_execution_options().get("newsletter_write"):
        exclude(connection, Lock.LIST)
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Change(**{**row._mapping, "status": Status(row.status)})  # noqa: SLF001 - SQLAlchemy's own way to a mapping


def who_asked(connection: sa.Connection, change: str) -> str | None:
    """Return the public id of the reader who asked for a change, by the id that its link names."""
    query = sa.select(subscribers.c.public_id).join(changes).where(changes.c.public_id == change)
    found: str | None = connection.scalar(query)
    return found


def is_taken(connection: sa.Connection, change: Change) -> bool:
    """Tell whether the new address is somebody's who once confirmed it."""
    theirs = sa.select(subscribers.c.id).where(
        subscribers.c.email_key == change.new_email_key,
        subscribers.c.id != change.subscriber_id,
        subscribers.c.status != Status.PENDING,
    )
    return connection.execute(theirs).first() is not None


def apply_change(
    connection: sa.Connection, change: Change, hashes: tuple[str, str], moment: datetime
) -> None:
    """Give a reader the address that he confirmed; who only asked to join with it is he.

    His old address is kept away from then on, so that no old file brings it back beside the new.
    That letters to that one bounced says nothing of this one, at which he wants them.

    Args:
        connection: The write transaction in which it was found.
        change: Which.
        hashes: Of the old address and of the new one.
        moment: Now.
    """
    connection.execute(
        subscribers.delete().where(
            subscribers.c.email_key == change.new_email_key,
            subscribers.c.id != change.subscriber_id,
            subscribers.c.status == Status.PENDING,
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
            status=Status.ACTIVE.value,
            confirmed_at=moment,
            left_at=None,
        )
    )
    connection.execute(
        changes.update().where(changes.c.id == change.id).values(confirmed_at=moment)
    )
    subscribers_store.touch(connection, [change.subscriber_id])
    subscribers_store.forget_snapshots(connection, [change.subscriber_id])


def asked(
    connection: sa.Connection, id_: int, kinds: Collection[NoticeKind], after: datetime
) -> int:
    """Return how many notices of these kinds somebody has caused since a moment."""
    query = sa.select(sa.func.count()).where(
        notices.c.subscriber_id == id_,
        notices.c.kind.in_(kinds),
        notices.c.queued_at > after,
    )
    return connection.scalar(query) or 0


def sent(connection: sa.Connection, id_: int) -> list[Sent]:
    """Return the notices to somebody, oldest first."""
    query = (
        sa.select(
            notices.c.kind,
            notices.c.state,
            notices.c.queued_at,
            notices.c.accepted_at,
            notices.c.provider,
            notices.c.provider_id,
        )
        .where(notices.c.subscriber_id == id_)
        .order_by(notices.c.id)
    )
    return [
        Sent(NoticeKind(kind), DeliveryState(state), *others)
        for kind, state, *others in connection.execute(query)
    ]


def moves(connection: sa.Connection, id_: int) -> list[Move]:
    """Return the changes of address that somebody asked for, oldest first."""
    columns = (changes.c.old_email, changes.c.new_email)
    moments = (changes.c.requested_at, changes.c.confirmed_at)
    query = sa.select(*columns, *moments).where(changes.c.subscriber_id == id_)
    return [Move(*row) for row in connection.execute(query.order_by(changes.c.id))]


def _set(connection: sa.Connection, reader: Reader, **values: object) -> None:
    subscribers_store.touch(connection, [reader.id])
    connection.execute(subscribers.update().where(subscribers.c.id == reader.id).values(**values))
