"""Queries about subscribers: find them, add them, change what they chose."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter.model import DeliveryState, Preferences, Subscriber, SubscriberStatus
from newsletter.store.database import Lock, lock, now
from newsletter.store.schema import (
    batches,
    deliveries,
    imported,
    subscribers,
)
from newsletter.store.sql import among, insert_if, insert_many, new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

_AT_A_TIME: Final = 1000

_OWN: Final = [one.name for one in fields(Subscriber) if one.name != "preferences"]
_CHOSEN: Final = [one.name for one in fields(Preferences)]
COLUMNS: Final = [subscribers.c[name] for name in (*_OWN, *_CHOSEN)]
"""What a query selects so that `from_row` makes a `Subscriber` of it."""


def from_row(row: sa.Row[Any]) -> Subscriber:
    """Return the subscriber of a row that has `COLUMNS`."""
    *own, status = row[: len(_OWN)]
    values: list[Any] = [*own, SubscriberStatus(status), Preferences(*row[len(_OWN) :])]
    return Subscriber(*values)


class NewSubscriber(NamedTuple):
    """A subscriber to add; the fields are columns."""

    email: str
    email_key: str
    first_name: str | None
    status: str
    source: str
    created_at: datetime
    confirmed_at: datetime | None = None
    left_at: datetime | None = None


def find(
    connection: sa.Connection, keys: Collection[str], *, for_update: bool = False
) -> dict[str, Subscriber]:
    """Return the subscribers who have these addresses, by address as it is compared.

    For update: nobody else adds subscribers, or changes these, until the transaction ends.
    """
    if for_update:
        lock(connection, Lock.LIST)
    query = sa.select(*COLUMNS).where(among(connection, subscribers.c.email_key, keys))
    if for_update:
        query = query.order_by(subscribers.c.id).with_for_update(key_share=True)
    return {one.email_key: one for one in map(from_row, connection.execute(query))}


def find_by_ids(
    connection: sa.Connection, ids: Collection[int], *, to_change: bool
) -> dict[int, Subscriber]:
    """Return subscribers by their numbers, and keep them on the list until the transaction ends.

    Args:
        ids: Their numbers.
        to_change: Keep others from changing them as well.
    """
    query = (
        sa.select(*COLUMNS)
        .where(among(connection, subscribers.c.id, ids))
        .order_by(subscribers.c.id)
        .with_for_update(read=not to_change, key_share=True)
    )
    return {one.id: one for one in map(from_row, connection.execute(query))}


def find_by_public_id(
    connection: sa.Connection, public_id: str, *, for_update: bool = False
) -> Subscriber | None:
    """Return a subscriber; for update, nobody else changes them until the transaction ends."""
    query = sa.select(*COLUMNS).where(subscribers.c.public_id == public_id)
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else from_row(row)


def newest_id(connection: sa.Connection) -> int:
    """Return the highest number on the list, 0 while it is empty."""
    return connection.scalar(sa.select(sa.func.max(subscribers.c.id))) or 0


def add(connection: sa.Connection, newcomers: Sequence[NewSubscriber]) -> None:
    """Add subscribers; none of them may be on the list."""
    insert_many(
        connection,
        subscribers.insert(),
        ("public_id", *NewSubscriber._fields),
        [(new_id(), *newcomer) for newcomer in newcomers],
    )


def touch(connection: sa.Connection, ids: Collection[int]) -> None:
    """Record that a person acted on these subscribers: undoing an import then leaves them alone.

    Call it also where an act changes nothing, such as a second unsubscribe.
    """
    if ids:
        these = imported.update().where(
            among(connection, imported.c.subscriber_id, list(ids)),
            imported.c.touched.is_(sa.false()),
        )
        connection.execute(these.values(touched=True))


def mark_active(
    connection: sa.Connection, people: Mapping[int, datetime], *, by_import: bool = False
) -> None:
    """Make subscribers active, from the given moments, also those who had left."""
    if not by_import:
        touch(connection, people)
    _update(
        connection,
        {
            "status": SubscriberStatus.ACTIVE.value,
            "confirmed_at": sa.bindparam("new_confirmed_at"),
            "left_at": None,
            "paused_until": None,
            # What was sent while they were away they did not miss.
            "paused_at": None,
            "monthly_since": sa.case(
                (subscribers.c.monthly.is_(sa.true()), sa.bindparam("new_confirmed_at")),
                else_=sa.null(),
            ),
        },
        [{"row": id_, "new_confirmed_at": at} for id_, at in people.items()],
    )


def rename(
    connection: sa.Connection, people: Mapping[int, str], *, by_import: bool = False
) -> None:
    """Change first names; see `drop_snapshots`."""
    if not by_import:
        touch(connection, people)
    _update(
        connection,
        {"first_name": sa.bindparam("new_name")},
        [{"row": id_, "new_name": name} for id_, name in people.items()],
    )
    drop_snapshots(connection, people)


def mark_left(
    connection: sa.Connection,
    people: Mapping[int, tuple[SubscriberStatus, datetime]],
    *,
    by_import: bool = False,
) -> None:
    """Record how and when subscribers left; see `drop_snapshots`."""
    if not by_import:
        touch(connection, people)
    _update(
        connection,
        {"status": sa.bindparam("new_status"), "left_at": sa.bindparam("new_left_at")},
        [
            {"row": id_, "new_status": status.value, "new_left_at": at}
            for id_, (status, at) in people.items()
        ],
    )
    drop_snapshots(connection, people)


def drop_snapshots(connection: sa.Connection, people: Collection[int]) -> None:
    """Drop what a replay of these subscribers' unsettled batches needs.

    Nobody who left or changed gets a letter made of their earlier values.
    """
    if ids := lock_batches(connection, people):
        connection.execute(
            batches.update().where(among(connection, batches.c.id, ids)).values(snapshot=None)
        )


def lock_batches(connection: sa.Connection, people: Collection[int]) -> Sequence[int]:
    """Lock these subscribers' unsettled batches, and return their numbers.

    A transaction that locks deliveries of many subscribers too locks those afterwards, as a sender
    does.
    """
    if not people:
        return []
    theirs = sa.select(deliveries.c.batch_id).where(
        among(connection, deliveries.c.subscriber_id, list(people))
    )
    # In one order, so that two unsubscribes at the same time cannot deadlock.
    unsettled = (
        sa.select(batches.c.id)
        .where(batches.c.settled_at.is_(None), batches.c.id.in_(theirs))
        .order_by(batches.c.id)
    )
    return connection.scalars(unsettled.with_for_update()).all()


def find_address_variants(
    connection: sa.Connection, local: str, domains: Collection[str], signs: str
) -> list[Subscriber]:
    """Return subscribers whose address differs only in these signs, a label or the domain.

    It reads all addresses: use it for one address at a time.

    Args:
        local: The part before the @, without these signs and without a label ("+" and what
            follows).
        domains: What may follow the @.
        signs: Signs that do not count before the @.
    """
    bare: sa.ColumnElement[str] = subscribers.c.email_key
    for sign in signs:
        bare = sa.func.replace(bare, sign, "")
    at = [subscribers.c.email_key.endswith(f"@{domain}", autoescape=True) for domain in domains]
    starts = [bare.startswith(f"{local}{sign}", autoescape=True) for sign in "@+"]
    # The domain first: it leaves few rows.
    query = sa.select(*COLUMNS).where(sa.or_(*at), sa.or_(*starts)).order_by(subscribers.c.id)
    return [from_row(row) for row in connection.execute(query)]


def iterate(
    connection: sa.Connection, status: SubscriberStatus | None = None
) -> Iterator[Subscriber]:
    """Yield the whole list, or the subscribers with one status, oldest first."""
    query = sa.select(*COLUMNS).order_by(subscribers.c.id)
    if status:
        query = query.where(subscribers.c.status == status.value)
    for row in connection.execution_options(yield_per=_AT_A_TIME).execute(query):
        yield from_row(row)


def count_by_status(connection: sa.Connection) -> dict[SubscriberStatus, int]:
    """Return how many subscribers have each status."""
    query = sa.select(subscribers.c.status, sa.func.count()).group_by(subscribers.c.status)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {status: found.get(status.value, 0) for status in SubscriberStatus}


def count_paused(connection: sa.Connection, moment: datetime) -> int:
    """Return how many active subscribers have paused."""
    return (
        connection.scalar(
            sa.select(sa.func.count())
            .select_from(subscribers)
            .where(
                subscribers.c.status == SubscriberStatus.ACTIVE.value,
                subscribers.c.paused_until > moment,
            )
        )
        or 0
    )


def count_monthly(connection: sa.Connection) -> int:
    """Return how many active subscribers get one letter a month."""
    query = sa.select(sa.func.count()).where(
        subscribers.c.status == SubscriberStatus.ACTIVE.value, subscribers.c.monthly
    )
    return connection.scalar(query) or 0


def _update(
    connection: sa.Connection, values: dict[str, Any], rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        connection.execute(
            subscribers.update().where(subscribers.c.id == sa.bindparam("row")).values(values), rows
        )


def set_name(connection: sa.Connection, subscriber: Subscriber, name: str | None) -> None:
    """Change a first name, or remove it."""
    _set(connection, subscriber, first_name=name)
    drop_snapshots(connection, [subscriber.id])


def set_pause(connection: sa.Connection, subscriber: Subscriber, until: datetime | None) -> None:
    """Let no letter be claimed for a subscriber before a moment; None ends the pause.

    Since when they pause stays until a notice says what they missed: see `missed`.
    """
    values: dict[str, object] = {"paused_until": until}
    if until:
        values["paused_at"] = sa.func.coalesce(subscribers.c.paused_at, now(connection))
    _set(connection, subscriber, **values)


def set_preferences(connection: sa.Connection, subscriber: Subscriber, chosen: Preferences) -> None:
    """Change what a subscriber chose, also for letters that are not claimed yet."""
    values = asdict(chosen)
    if chosen.monthly is not subscriber.preferences.monthly:
        values["monthly_since"] = now(connection) if chosen.monthly else None
    _set(connection, subscriber, **values)
    if chosen.plain_text is not subscriber.preferences.plain_text:
        drop_snapshots(connection, [subscriber.id])
        connection.execute(
            deliveries.update()
            .where(
                deliveries.c.subscriber_id == subscriber.id,
                deliveries.c.state.not_in(_SETTLED),
            )
            .values(plain_text=chosen.plain_text)
        )


_SETTLED = [DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.SKIPPED]


def _set(connection: sa.Connection, subscriber: Subscriber, **values: object) -> None:
    touch(connection, [subscriber.id])
    connection.execute(
        subscribers.update().where(subscribers.c.id == subscriber.id).values(**values)
    )


def get_or_create(
    connection: sa.Connection, email: str, email_key: str, moment: datetime, *, wanted: bool
) -> tuple[int | None, SubscriberStatus]:
    """Add an unknown address as a pending subscriber; return the row number and the status.

    Nobody else may add subscribers until the end of the transaction. An unknown address that is
    not wanted is not added, by the same statements, and has no number.
    """
    values = {
        "public_id": new_id(),
        "email": email,
        "email_key": email_key,
        "status": SubscriberStatus.PENDING.value,
        "source": "form",
        "created_at": moment,
    }
    theirs = subscribers.c.email_key == email_key
    new = sa.and_(~sa.exists().where(theirs), sa.literal(wanted))
    insert_if(connection, subscribers, values, new)
    query = sa.select(subscribers.c.id, subscribers.c.status).where(theirs)
    row = connection.execute(query).one_or_none()
    return (row.id, SubscriberStatus(row.status)) if row else (None, SubscriberStatus.PENDING)


_PRESENT = frozenset({SubscriberStatus.PENDING.value, SubscriberStatus.ACTIVE.value})


def find_present(
    connection: sa.Connection, public_ids: Collection[str], *, for_update: bool = False
) -> list[int]:
    """Return the row numbers of the subscribers who have not left in any way.

    For update: nobody else changes any of the named until the transaction ends. All come in one
    order, so that two processes that do the same cannot deadlock.
    """
    # Locks those who have left too: the import that removed them may be undone at this moment.
    query = (
        sa.select(subscribers.c.id, subscribers.c.status)
        .where(subscribers.c.public_id.in_(public_ids))
        .order_by(subscribers.c.id)
    )
    if for_update:
        query = query.with_for_update()
    return [id_ for id_, status in connection.execute(query) if status in _PRESENT]


def find_removed_by_import(connection: sa.Connection, public_ids: Collection[str]) -> list[int]:
    """Return the row numbers of subscribers whom only an import removed, or added as left.

    Their own unsubscribe must be recorded as well: then undoing that import does not bring them
    back.
    """
    query = (
        sa.select(subscribers.c.id)
        .join(imported, imported.c.subscriber_id == subscribers.c.id)
        .where(
            subscribers.c.public_id.in_(public_ids),
            subscribers.c.status.not_in(_PRESENT),
            imported.c.touched.is_(sa.false()),
        )
        .order_by(subscribers.c.id)
    )
    return list(connection.scalars(query))
