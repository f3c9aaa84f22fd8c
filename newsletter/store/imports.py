"""Queries about imports: what each changed, and how it is undone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from newsletter.model import DeliveryState, ImportChange, SubscriberStatus
from newsletter.store import subscribers as subscribers_store
from newsletter.store.database import Lock, lock
from newsletter.store.erasure import delete_unused_wordings, wordings_of
from newsletter.store.schema import (
    acceptances,
    address_changes,
    deliveries,
    events,
    imported,
    imports,
    mailings,
    notices,
    signups,
    subscribers,
)
from newsletter.store.sql import among, insert_many

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

NAMED_LATER: Final = "named by a later import"
UNDONE: Final = "import undone"
"""Why a delivery is skipped whose subscriber was removed with an import."""

_RECENT: Final = 5
_NAMED: Final = (ImportChange.NAMED.value, ImportChange.NAMED_AS_LEFT.value)
_SAYS_LEFT: Final = (ImportChange.LEFT.value, ImportChange.NAMED_AS_LEFT.value)


@dataclass(frozen=True, slots=True)
class Import:
    """An import that was begun.

    Attributes:
        newest_event: The newest event when it began.
    """

    id: int
    public_id: str
    started_at: datetime
    newest_event: int


class ImportedChange(NamedTuple):
    """What an import changed of a subscriber, and the status that they have now."""

    subscriber_id: int
    change: ImportChange
    was: SubscriberStatus | None
    touched: bool
    status: SubscriberStatus


def begin(connection: sa.Connection, moment: datetime) -> tuple[int, str]:
    """Record that an import begins; return its number and the id that a person types."""
    public_id = secrets.token_hex(4)
    newest = connection.scalar(sa.select(sa.func.max(events.c.id))) or 0
    values = {"public_id": public_id, "started_at": moment, "newest_event": newest}
    id_ = connection.scalar(imports.insert().values(values).returning(imports.c.id))
    return int(id_ or 0), public_id


def record_added(connection: sa.Connection, import_id: int, after: int) -> None:
    """Record that an import added all subscribers whose number is higher than `after`.

    Nobody else can add subscribers in the same transaction: see `subscribers.find`.
    """
    added = sa.select(
        sa.literal(import_id), subscribers.c.id, sa.literal(ImportChange.ADDED.value)
    ).where(subscribers.c.id > after)
    columns = ["import_id", "subscriber_id", "change"]
    connection.execute(imported.insert().from_select(columns, added))


def record_changed(
    connection: sa.Connection,
    import_id: int,
    changed: Mapping[int, tuple[ImportChange, SubscriberStatus]],
) -> None:
    """Record what an import did to subscribers who were on the list, and their status before.

    Of several changes by one import the first has the status before; an added subscriber stays
    added.
    """
    known = imported.c.import_id == import_id
    query = sa.select(imported.c.subscriber_id).where(
        known, among(connection, imported.c.subscriber_id, changed)
    )
    earlier = set(connection.scalars(query))
    for change in (ImportChange.LEFT, ImportChange.CONFIRMED):
        again = [id_ for id_, (what, _) in changed.items() if what is change and id_ in earlier]
        if again:
            these = imported.update().where(
                known,
                among(connection, imported.c.subscriber_id, again),
                imported.c.change != ImportChange.ADDED.value,
            )
            connection.execute(these.values(change=change.value))
    insert_many(
        connection,
        imported.insert(),
        ("import_id", "subscriber_id", "change", "was"),
        [
            (import_id, id_, change.value, was.value)
            for id_, (change, was) in changed.items()
            if id_ not in earlier
        ],
    )


def of_other_imports(
    connection: sa.Connection, import_id: int, ids: Collection[int]
) -> frozenset[int]:
    """Return which of these people another import had changed."""
    query = sa.select(imported.c.subscriber_id).where(
        imported.c.import_id != import_id, among(connection, imported.c.subscriber_id, ids)
    )
    return frozenset(connection.scalars(query))


def find(connection: sa.Connection, public_id: str, *, for_update: bool = False) -> Import | None:
    """Return an import; for update, nobody else adds subscribers until the transaction ends."""
    if for_update:
        lock(connection, Lock.LIST)
    row = connection.execute(
        sa.select(imports).where(imports.c.public_id == public_id)
    ).one_or_none()
    return None if row is None else Import(*row)


def recent(connection: sa.Connection) -> list[tuple[str, datetime]]:
    """Return the ids of the newest imports and when they began, newest first."""
    query = sa.select(imports.c.public_id, imports.c.started_at).order_by(imports.c.id.desc())
    return [(row[0], row[1]) for row in connection.execute(query.limit(_RECENT))]


def changed_by(connection: sa.Connection, import_id: int) -> list[ImportedChange]:
    """Return all subscribers that an import changed; locked until the transaction ends."""
    theirs = imported.c.import_id == import_id
    held = (
        sa.select(subscribers.c.id)
        .join(imported, imported.c.subscriber_id == subscribers.c.id)
        .where(theirs, imported.c.change.not_in(_NAMED))
        .order_by(subscribers.c.id)
        .with_for_update(of=subscribers)
    )
    # Locked first and read then: what was waited for, such as an unsubscribe, is seen only by a
    # statement that begins after it (postgresql.org/docs/current/transaction-iso.html).
    connection.execute(held).all()
    query = (
        sa.select(
            subscribers.c.id,
            imported.c.change,
            imported.c.was,
            imported.c.touched,
            subscribers.c.status,
        )
        .join(subscribers, subscribers.c.id == imported.c.subscriber_id)
        .where(theirs, imported.c.change.not_in(_NAMED))
        .order_by(subscribers.c.id)
    )
    return [
        ImportedChange(
            id_,
            ImportChange(change),
            SubscriberStatus(was) if was else None,
            touched,
            SubscriberStatus(status),
        )
        for id_, change, was, touched, status in connection.execute(query)
    ]


def undoable(connection: sa.Connection, import_id: int) -> tuple[int, int, int]:
    """Return how many people an import added, and how many were active or pending before it."""
    query = (
        sa.select(imported.c.change, imported.c.was, sa.func.count())
        .where(imported.c.import_id == import_id, imported.c.change.not_in(_NAMED))
        .group_by(imported.c.change, imported.c.was)
    )
    added = active = pending = 0
    for change, was, count in connection.execute(query):
        if change == ImportChange.ADDED.value:
            added += count
        elif was == SubscriberStatus.ACTIVE.value:
            active += count
        else:
            pending += count
    return added, active, pending


def attempted(connection: sa.Connection, ids: Collection[int]) -> frozenset[int]:
    """Return to which of these a letter left, or may have; their deliveries stay locked.

    Rehearsals mail nobody, so they do not count.
    """
    subscribers_store.lock_batches(connection, ids)
    query = (
        sa.select(
            deliveries.c.subscriber_id,
            deliveries.c.state,
            deliveries.c.batch_id,
            mailings.c.rehearsal,
        )
        .join(mailings)
        .where(among(connection, deliveries.c.subscriber_id, ids))
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries)
    )
    quiet = {DeliveryState.PENDING.value, DeliveryState.SKIPPED.value}
    return frozenset(
        row.subscriber_id
        for row in connection.execute(query)
        if not row.rehearsal and (row.state not in quiet or row.batch_id is not None)
    )


def acted(connection: sa.Connection, found: Import, ids: Collection[int]) -> dict[int, str]:
    """Return for which subscribers something was recorded since an import, and what."""
    since = found.started_at
    later = imported.c.import_id > found.id
    what: Sequence[tuple[str, sa.Table, sa.ColumnElement[bool]]] = (
        (NAMED_LATER, imported, later),
        ("an event since", events, sa.or_(events.c.id > found.newest_event, events.c.at >= since)),
        ("signed up since", signups, signups.c.requested_at >= since),
        (
            "asked to change the address since",
            address_changes,
            address_changes.c.requested_at >= since,
        ),
        ("asked for a notice since", notices, notices.c.queued_at >= since),
    )
    reasons: dict[int, str] = {}
    for reason, table, condition in what:
        query = sa.select(table.c.subscriber_id).where(
            condition, among(connection, table.c.subscriber_id, ids)
        )
        reasons |= dict.fromkeys(connection.scalars(query), reason)
    return reasons


def left_by_later_imports(
    connection: sa.Connection, found: Import, ids: Collection[int]
) -> frozenset[int]:
    """Return the subscribers of whom a later import says that they left or did not confirm."""
    query = sa.select(imported.c.subscriber_id).where(
        imported.c.import_id > found.id,
        imported.c.change.in_(_SAYS_LEFT),
        among(connection, imported.c.subscriber_id, ids),
    )
    return frozenset(connection.scalars(query))


def remove(connection: sa.Connection, ids: Collection[int]) -> list[str]:
    """Remove subscribers to whom nothing was mailed; return the references of their letters.

    Their deliveries stay without them, so that counts add up. They must be locked, and their
    deliveries too: see `changed_by` and `attempted`.
    """
    if not ids:
        return []
    subscribers_store.drop_snapshots(connection, ids)
    theirs = among(connection, deliveries.c.subscriber_id, ids)
    letters = sa.select(deliveries.c.id).where(theirs)
    connection.execute(acceptances.delete().where(acceptances.c.delivery_id.in_(letters)))
    pending = deliveries.c.state == DeliveryState.PENDING
    statement = (
        deliveries.update()
        .where(theirs)
        .values(
            subscriber_id=None,
            state=sa.case((pending, DeliveryState.SKIPPED.value), else_=deliveries.c.state),
            reason=sa.case((pending, UNDONE), else_=None),
            provider_id=None,
        )
        .returning(deliveries.c.ref)
    )
    refs = list(connection.scalars(statement))
    wording_ids = wordings_of(connection, ids)
    connection.execute(subscribers.delete().where(among(connection, subscribers.c.id, ids)))
    delete_unused_wordings(connection, wording_ids)
    return refs


def restore(connection: sa.Connection, found: Import, changes: Collection[ImportedChange]) -> None:
    """Restore the status that subscribers had before an import."""
    for status in (SubscriberStatus.ACTIVE, SubscriberStatus.PENDING):
        ids = [one.subscriber_id for one in changes if one.was is status]
        if ids:
            values: dict[str, object] = {"status": status.value, "left_at": None}
            if status is SubscriberStatus.PENDING:
                values["confirmed_at"] = None
            these = subscribers.update().where(among(connection, subscribers.c.id, ids))
            connection.execute(these.values(values))
    ids = [one.subscriber_id for one in changes]
    subscribers_store.drop_snapshots(connection, ids)
    _delete_changes(connection, found, ids)


def forget_names(connection: sa.Connection, found: Import) -> None:
    """Delete what an import only named, so that it prevents no undo of an earlier one."""
    connection.execute(
        imported.delete().where(imported.c.import_id == found.id, imported.c.change.in_(_NAMED))
    )


def _delete_changes(connection: sa.Connection, found: Import, ids: Collection[int]) -> None:
    connection.execute(
        imported.delete().where(
            imported.c.import_id == found.id, among(connection, imported.c.subscriber_id, ids)
        )
    )
