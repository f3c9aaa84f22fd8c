"""Queries about events: whose letter each is about, and what is recorded of it.

Rows are locked in one order, subscribers before deliveries, and a delivery that another process
holds is passed over, so that there is no deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from newsletter.model import Cause, DeliveryState, EventKind, NoticeKind
from newsletter.store.columns import UtcDateTime
from newsletter.store.schema import deliveries, events, mailings, notices, proofs, subscribers
from newsletter.store.sql import among, set_for_each

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

_AT = sa.bindparam("at", type_=UtcDateTime)

# Of one kind the first moment counts, so that the order of arrival makes no difference.
_RECORD = sa.text(
    "INSERT INTO events (subscriber_id, delivery_id, kind, at, detail, cause)"
    " VALUES (:subscriber_id, :delivery_id, :kind, :at, :detail, :cause)"
    " ON CONFLICT (delivery_id, kind) DO UPDATE"
    " SET at = excluded.at, detail = excluded.detail, cause = excluded.cause"
    " WHERE excluded.at < events.at"
).bindparams(_AT)

_RECORD_LISTING = sa.text(
    "INSERT INTO events (subscriber_id, kind, at, detail)"
    " VALUES (:subscriber_id, :kind, :at, :detail) ON CONFLICT DO NOTHING"
).bindparams(_AT)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as an event finds it; ``subscriber_id`` is None once the subscriber was erased."""

    id: int
    ref: str
    mailing_id: int
    subscriber_id: int | None
    state: DeliveryState
    provider_id: str | None
    strongest_event: EventKind | None


class NoticeRecipient(NamedTuple):
    """The subscriber who caused a notice, or got it; ``subscriber_id`` is 0 for one who is gone."""

    subscriber_id: int
    kind: NoticeKind


class EventRow(NamedTuple):
    """An event to record; without ``delivery_id`` it comes from the provider's own list."""

    subscriber_id: int
    delivery_id: int | None
    kind: EventKind
    at: datetime
    detail: str
    cause: Cause | None = None


_DELIVERY = (
    *(deliveries.c.id, deliveries.c.ref, deliveries.c.mailing_id, deliveries.c.subscriber_id),
    *(deliveries.c.state, deliveries.c.provider_id, deliveries.c.strongest_event),
)


def deliveries_by_ref(connection: sa.Connection, refs: Collection[str]) -> dict[str, Delivery]:
    """Return the deliveries that have these references."""
    found = sa.select(*_DELIVERY).where(among(connection, deliveries.c.ref, refs))
    return {one.ref: one for one in map(_delivery, connection.execute(found))}


def deliveries_by_name(
    connection: sa.Connection, provider: str, names: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Delivery]:
    """Return deliveries by the address they went to and the id that a provider gave them.

    The id alone is no proof: a provider may give one to all letters of a request.

    Args:
        provider: The provider that took them.
        names: Each address, as it is compared, with an id.
    """
    found = (
        sa.select(subscribers.c.email_key, *_DELIVERY)
        .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
        .join(mailings)
        .where(
            among(connection, subscribers.c.email_key, {key for key, _ in names}),
            among(connection, deliveries.c.provider_id, {name for _, name in names}),
            mailings.c.provider == provider,
        )
    )
    whose = {(row[0], row.provider_id): _delivery(row[1:]) for row in connection.execute(found)}
    return {one: whose[one] for one in names if one in whose}


def subscriber_ids(connection: sa.Connection, keys: Collection[str]) -> dict[str, int]:
    """Return the row numbers of the subscribers who have these addresses, as compared."""
    query = sa.select(subscribers.c.email_key, subscribers.c.id)
    found = connection.execute(query.where(among(connection, subscribers.c.email_key, keys)))
    return {key: id_ for key, id_ in found}  # noqa: C416 - rows are no pairs to mypy


def notice_recipients(
    connection: sa.Connection, refs: Collection[str]
) -> dict[str, NoticeRecipient]:
    """Return the recipients of notices by reference."""
    whose = sa.func.coalesce(notices.c.subscriber_id, 0)
    query = sa.select(notices.c.ref, whose, notices.c.kind)
    found = connection.execute(query.where(among(connection, notices.c.ref, refs)))
    return {ref: NoticeRecipient(int(id_), NoticeKind(kind)) for ref, id_, kind in found}


def proof_refs(connection: sa.Connection, refs: Collection[str]) -> set[str]:
    """Return which of these are the references of proofs."""
    return set(
        connection.scalars(sa.select(proofs.c.ref).where(among(connection, proofs.c.ref, refs)))
    )


def lock_deliveries(connection: sa.Connection, ids: Collection[int]) -> dict[int, Delivery]:
    """Return deliveries by their numbers, except those that another process is changing."""
    query = (
        sa.select(*_DELIVERY)
        .where(among(connection, deliveries.c.id, ids))
        .order_by(deliveries.c.id)
        .with_for_update(skip_locked=True)
    )
    return {one.id: one for one in map(_delivery, connection.execute(query))}


def record(connection: sa.Connection, reported: Iterable[EventRow]) -> None:
    """Record events, each kind once for a letter, and each entry of a provider's list once."""
    rows = [
        {**one._asdict(), "kind": one.kind.value, "cause": one.cause and one.cause.value}
        for one in reported
    ]
    of_letters = [row for row in rows if row["delivery_id"] is not None]
    if of_letters:
        connection.execute(_RECORD, of_letters)
    of_lists = [row for row in rows if row["delivery_id"] is None]
    if of_lists:
        connection.execute(_RECORD_LISTING, of_lists)


def set_strongest_events(connection: sa.Connection, strongest: Mapping[int, EventKind]) -> None:
    """Record the strongest event of deliveries, by their numbers."""
    rows: Sequence[Mapping[str, object]] = [
        {"id": id_, "strongest_event": kind.value} for id_, kind in strongest.items()
    ]
    set_for_each(connection, deliveries, "id", rows, sa.true())


def set_accepted(connection: sa.Connection, names: Mapping[int, str], moment: datetime) -> None:
    """Record deliveries as accepted, with the provider's ids."""
    rows: Sequence[Mapping[str, object]] = [
        {
            "id": id_,
            "state": DeliveryState.ACCEPTED.value,
            "reason": None,
            "provider_id": name or None,
            "accepted_at": moment,
            "assumed": False,
        }
        for id_, name in names.items()
    ]
    set_for_each(connection, deliveries, "id", rows, sa.true())


def set_notices_accepted(
    connection: sa.Connection, names: Mapping[str, str], moment: datetime
) -> None:
    """Record notices as accepted whose outcome was not known, with the provider's ids."""
    rows: Sequence[Mapping[str, object]] = [
        {
            "ref": ref,
            "state": DeliveryState.ACCEPTED.value,
            "reason": None,
            "provider_id": name or None,
            "accepted_at": moment,
        }
        for ref, name in names.items()
    ]
    doubtful = sa.or_(
        notices.c.state == DeliveryState.ATTEMPTING, notices.c.state == DeliveryState.UNKNOWN
    )
    set_for_each(connection, notices, "ref", rows, doubtful)


def set_notices_returned(connection: sa.Connection, returned: Mapping[str, EventKind]) -> None:
    """Record a bounce or complaint of notices; a complaint stays.

    See `notices.bounced_or_complained`.
    """
    rows: Sequence[Mapping[str, object]] = [
        {"ref": ref, "reason": kind.value} for ref, kind in returned.items()
    ]
    complaint = notices.c.reason.is_not_distinct_from(EventKind.COMPLAINT.value)
    taken = notices.c.state == DeliveryState.ACCEPTED
    set_for_each(connection, notices, "ref", rows, sa.and_(taken, ~complaint))


def clear_block_reasons(connection: sa.Connection, ids: Collection[int]) -> None:
    """Record that the provider blocks letters to these subscribers no more."""
    if ids:
        these = subscribers.update().where(among(connection, subscribers.c.id, ids))
        connection.execute(these.values(block_reason=None))


def soft_bounces(
    connection: sa.Connection, ids: Collection[int]
) -> dict[int, tuple[list[datetime], datetime | None]]:
    """Return when letters to each of these subscribers bounced softly, and one was last delivered.

    A failure with a cause says nothing of the address, and does not count.
    """
    counts = [EventKind.SOFT_BOUNCE.value, EventKind.DELIVERED.value]
    query = sa.select(events.c.subscriber_id, events.c.kind, events.c.at).where(
        among(connection, events.c.subscriber_id, ids),
        events.c.kind.in_(counts),
        events.c.delivery_id.is_not(None),
        events.c.cause.is_(None),
    )
    given_up: dict[int, list[datetime]] = {id_: [] for id_ in ids}
    delivered: dict[int, datetime] = {}
    for id_, kind, at in connection.execute(query):
        if kind == EventKind.SOFT_BOUNCE:
            given_up[id_].append(at)
        else:
            delivered[id_] = max(at, delivered.get(id_, at))
    return {id_: (moments, delivered.get(id_)) for id_, moments in given_up.items()}


def find_only_blocked(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    """Return those of these subscribers whose last bounce said nothing of their address.

    A provider that puts an address on its list after such a bounce has no better evidence. What a
    list alone calls a hard bounce is no evidence, and has no detail.
    """
    bounces = [EventKind.SOFT_BOUNCE.value, EventKind.HARD_BOUNCE.value]
    proven = sa.or_(events.c.kind == EventKind.SOFT_BOUNCE.value, events.c.detail != "")
    query = (
        sa.select(events.c.subscriber_id, events.c.cause)
        .where(
            among(connection, events.c.subscriber_id, ids),
            events.c.kind.in_(bounces),
            events.c.delivery_id.is_not(None),
            proven,
        )
        .order_by(events.c.at, events.c.id)
    )
    last = {id_: cause for id_, cause in connection.execute(query)}  # noqa: C416 - see `subscriber_ids`
    return {id_ for id_, cause in last.items() if cause}


def set_block_reasons(connection: sa.Connection, ids: Collection[int], reason: str) -> None:
    """Record why the provider blocks letters to these subscribers."""
    if ids:
        these = subscribers.update().where(among(connection, subscribers.c.id, ids))
        connection.execute(these.values(block_reason=reason))


def _delivery(row: Sequence[Any]) -> Delivery:
    id_, ref, mailing_id, subscriber_id, state, provider_id, strongest_event = row
    return Delivery(
        id=id_,
        ref=ref,
        mailing_id=mailing_id,
        subscriber_id=subscriber_id,
        state=DeliveryState(state),
        provider_id=provider_id,
        strongest_event=EventKind(strongest_event) if strongest_event else None,
    )


class Refusal(NamedTuple):
    """Letters that servers refused, to the addresses of one domain and for one cause."""

    cause: Cause
    domain: str
    subscribers: int
    first_at: datetime
    last_at: datetime
    says: str


def refusals_since(connection: sa.Connection, moment: datetime) -> list[Refusal]:
    """Return what servers refused since a moment, unless a later letter was delivered."""
    later = events.alias()
    arrived = sa.exists().where(
        later.c.subscriber_id == events.c.subscriber_id,
        later.c.kind == EventKind.DELIVERED.value,
        later.c.at > events.c.at,
    )
    domain = _domain(connection)
    query = (
        sa.select(
            events.c.cause,
            domain.label("domain"),
            sa.func.count(events.c.subscriber_id.distinct()),
            sa.func.min(events.c.at),
            sa.func.max(events.c.at),
            sa.func.max(events.c.id),
        )
        .join(subscribers, subscribers.c.id == events.c.subscriber_id)
        .where(events.c.cause.is_not(None), events.c.at >= moment, ~arrived)
        .group_by(events.c.cause, domain)
    )
    found = connection.execute(query).all()
    details = sa.select(events.c.id, events.c.detail).where(
        among(connection, events.c.id, {row[-1] for row in found})
    )
    says = {row.id: row.detail for row in connection.execute(details)} if found else {}
    return [
        Refusal(Cause(cause), name, count, first_at, last_at, says.get(id_, ""))
        for cause, name, count, first_at, last_at, id_ in found
    ]


def _domain(connection: sa.Connection) -> sa.ColumnElement[str]:
    key = subscribers.c.email_key
    if connection.dialect.name == "sqlite":
        return sa.func.substr(key, sa.func.instr(key, "@") + 1)
    return sa.func.split_part(key, "@", 2)


def set_block_reason(connection: sa.Connection, subscriber_id: int, reason: str | None) -> None:
    """Record why the provider blocks letters to a subscriber; None if it does not."""
    this = subscribers.update().where(subscribers.c.id == subscriber_id)
    connection.execute(this.values(block_reason=reason))
