"""Subscribers, and who may not be mailed: the queries of the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from newsletter.model import Status, Subscriber
from newsletter.store.database import Lock, exclude
from newsletter.store.ids import new_id
from newsletter.store.schema import (
    batches,
    deliveries,
    imported,
    ledger,
    subscribers,
    suppressions,
)
from newsletter.store.sql import among, insert_many

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of somebody to decide what may change.

    ``id`` is the row's number, which never leaves the house.
    """

    id: int
    key: str
    status: Status
    first_name: str | None


class Newcomer(NamedTuple):
    """Somebody who comes onto the list; the fields are columns."""

    email: str
    email_key: str
    first_name: str | None
    status: str
    source: str
    created_at: datetime
    confirmed_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address of which only a keyed hash is kept: why, and since when."""

    reason: str
    at: datetime


def find(connection: sa.Connection, keys: Collection[str]) -> dict[str, Known]:
    """Return who of these is on the list, by key.

    In a write transaction nobody else can put people on the list, or change these, until its end.
    """
    if connection.get_execution_options().get("newsletter_write"):
        exclude(connection, Lock.LIST)
    columns = (
        subscribers.c.id,
        subscribers.c.email_key,
        subscribers.c.status,
        subscribers.c.first_name,
    )
    query = sa.select(*columns).where(among(connection, subscribers.c.email_key, keys))
    if connection.get_execution_options().get("newsletter_write"):
        query = query.order_by(subscribers.c.id).with_for_update(key_share=True)
    rows = connection.execute(query)
    return {key: Known(id_, key, Status(status), name) for id_, key, status, name in rows}


def newest_id(connection: sa.Connection) -> int:
    """Return the highest number on the list, 0 while it is empty."""
    return connection.scalar(sa.select(sa.func.max(subscribers.c.id))) or 0


def add(connection: sa.Connection, newcomers: Sequence[Newcomer]) -> None:
    """Put people on the list; none of them may be on it."""
    insert_many(
        connection,
        subscribers.insert(),
        ("public_id", *Newcomer._fields),
        [(new_id(), *newcomer) for newcomer in newcomers],
    )


def touch(connection: sa.Connection, ids: Collection[int]) -> None:
    """Note that somebody acted on these people: no import that changed them is undone for them.

    To be called also where an act changes nothing, such as leaving a second time.
    """
    if ids:
        these = imported.update().where(
            among(connection, imported.c.subscriber_id, list(ids)),
            imported.c.touched.is_(sa.false()),
        )
        connection.execute(these.values(touched=True))


def confirm(
    connection: sa.Connection, people: Mapping[int, datetime], *, by_import: bool = False
) -> None:
    """Make these active, from the given moments; who had left is back."""
    if not by_import:
        touch(connection, people)
    _update(
        connection,
        {
            "status": Status.ACTIVE.value,
            "confirmed_at": sa.bindparam("new_confirmed_at"),
            "left_at": None,
            "paused_until": None,
        },
        [{"row": id_, "new_confirmed_at": at} for id_, at in people.items()],
    )


def rename(
    connection: sa.Connection, people: Mapping[int, str], *, by_import: bool = False
) -> None:
    """Give these another first name; see `forget_snapshots`."""
    if not by_import:
        touch(connection, people)
    _update(
        connection,
        {"first_name": sa.bindparam("new_name")},
        [{"row": id_, "new_name": name} for id_, name in people.items()],
    )
    forget_snapshots(connection, people)


def leave(
    connection: sa.Connection,
    people: Mapping[int, tuple[Status, datetime]],
    *,
    by_import: bool = False,
) -> None:
    """Record that these left, how and when; see `forget_snapshots`."""
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
    forget_snapshots(connection, people)


def forget_snapshots(connection: sa.Connection, people: Collection[int]) -> None:
    """Drop what a replay of these people's unsettled batches would need.

    Somebody who left or changed is never mailed from a copy of what he was.
    """
    if ids := hold_batches(connection, people):
        connection.execute(
            batches.update().where(among(connection, batches.c.id, ids)).values(snapshot=None)
        )


def hold_batches(connection: sa.Connection, people: Collection[int]) -> Sequence[int]:
    """Hold these people's unsettled batches until the transaction ends, and return their numbers.

    Whoever holds deliveries of many people as well takes them after that, as a sender does.
    """
    if not people:
        return []
    theirs = sa.select(deliveries.c.batch_id).where(
        among(connection, deliveries.c.subscriber_id, list(people))
    )
    # In one order, so that two who leave at the same time never wait for each other in a ring.
    unsettled = (
        sa.select(batches.c.id)
        .where(batches.c.settled_at.is_(None), batches.c.id.in_(theirs))
        .order_by(batches.c.id)
    )
    return connection.scalars(unsettled.with_for_update()).all()


def person(connection: sa.Connection, key: str) -> tuple[int, Subscriber] | None:
    """Return somebody's row number and himself, or None for a stranger."""
    row = connection.execute(
        sa.select(subscribers).where(subscribers.c.email_key == key)
    ).one_or_none()
    return None if row is None else (row.id, _subscriber(row))


def written_alike(
    connection: sa.Connection, local: str, domains: Collection[str], signs: str
) -> list[tuple[int, str, Subscriber]]:
    """Return who has an address that differs in nothing but these signs, a label and the domain.

    All addresses are read: this is for one person at a time.

    Args:
        connection: Any.
        local: What stands before the @, without these signs and without a label, which is a "+" and
            what follows it.
        domains: What may stand after the @.
        signs: What does not count before the @.

    Returns:
        Row number, key and subscriber.
    """
    bare: sa.ColumnElement[str] = subscribers.c.email_key
    for sign in signs:
        bare = sa.func.replace(bare, sign, "")
    at = [subscribers.c.email_key.endswith(f"@{domain}", autoescape=True) for domain in domains]
    starts = [bare.startswith(f"{local}{sign}", autoescape=True) for sign in "@+"]
    # The domain first: it leaves few to look at.
    query = sa.select(subscribers).where(sa.or_(*at), sa.or_(*starts)).order_by(subscribers.c.id)
    return [(row.id, row.email_key, _subscriber(row)) for row in connection.execute(query)]


def everybody(connection: sa.Connection, status: Status | None = None) -> Iterator[Subscriber]:
    """Yield the whole list, or those of one status, in the order in which they came."""
    query = sa.select(subscribers).order_by(subscribers.c.id)
    if status:
        query = query.where(subscribers.c.status == status.value)
    for row in connection.execution_options(yield_per=_AT_A_TIME).execute(query):
        yield _subscriber(row)


def counts(connection: sa.Connection) -> dict[Status, int]:
    """Return how many people have each status."""
    query = sa.select(subscribers.c.status, sa.func.count()).group_by(subscribers.c.status)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {status: found.get(status.value, 0) for status in Status}


def paused(connection: sa.Connection, moment: datetime) -> int:
    """Return how many active people get no letters for now."""
    return (
        connection.scalar(
            sa.select(sa.func.count())
            .select_from(subscribers)
            .where(subscribers.c.status == Status.ACTIVE.value, subscribers.c.paused_until > moment)
        )
        or 0
    )


def suppression_count(connection: sa.Connection) -> int:
    """Return of how many addresses only a hash is kept."""
    return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def suppression_key(connection: sa.Connection) -> bytes:
    """Return the key of the hashes; it never rotates."""
    key: bytes = connection.execute(sa.select(ledger.c.suppression_key)).scalar_one()
    return key


def suppressed(connection: sa.Connection, hashes: Collection[str]) -> dict[str, Suppression]:
    """Return which of these address hashes may not be mailed."""
    rows = connection.execute(
        sa.select(suppressions).where(among(connection, suppressions.c.address_hash, hashes))
    )
    return {row.address_hash: Suppression(row.reason, row.at) for row in rows}


def _update(
    connection: sa.Connection, values: dict[str, Any], rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        connection.execute(
            subscribers.update().where(subscribers.c.id == sa.bindparam("row")).values(values), rows
        )


def _subscriber(row: sa.Row[Any]) -> Subscriber:
    return Subscriber(
        public_id=row.public_id,
        email=row.email,
        first_name=row.first_name,
        status=Status(row.status),
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        paused_until=row.paused_until,
        plain_text=row.plain_text,
        obstacle=row.obstacle,
        source=row.source,
        left_at=row.left_at,
    )
