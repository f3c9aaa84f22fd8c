"""Who may be mailed, and who is next: the pending deliveries of a mailing with their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter.model import DeliveryState, Status
from newsletter.store.schema import deliveries, subscribers
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

_PERSON: Final = (subscribers.c.public_id, subscribers.c.email, subscribers.c.first_name)
_ERASED: Final = "erased"


class Reader(NamedTuple):
    """What a claim read of one subscriber, once: nothing is read again for the same batch."""

    ref: str
    public_id: str
    email: str
    first_name: str | None


class Candidates(NamedTuple):
    """Deliveries that may be claimed together.

    Attributes:
        ids: Their numbers.
        readers: Of each its reader, in the same order.
        plain_text: None of them gets HTML, or all do.
        absent: Of others by number, why their readers may not be mailed any more.
    """

    ids: Sequence[int]
    readers: tuple[Reader, ...]
    plain_text: bool
    absent: Mapping[int, str]


def candidates(
    connection: sa.Connection,
    mailing_id: int,
    size: int,
    *,
    only: Sequence[str],
    but: Collection[str],
    moment: datetime,
) -> Iterator[Candidates]:
    """Yield the next deliveries with their readers, both locked until the claim is committed.

    Those without HTML come at the end.

    Nothing is waited for, so that a claim can share a transaction with what is settled: what
    another process claims, and a reader who is leaving at this very moment, are passed over and
    stay pending. Whoever has left before is seen to have left.
    """
    alone = connection.dialect.name == "sqlite"  # nobody else writes, so nothing is locked
    free = (
        (_with_readers(moment) if alone else _DELIVERIES)
        .where(deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.PENDING)
        .order_by(deliveries.c.id)
        .limit(size)
        .with_for_update(skip_locked=True)
    )
    if only:
        free = free.where(among(connection, deliveries.c.ref, only))
    if but:
        free = free.where(~among(connection, deliveries.c.ref, list(but)))
    for plain_text in (False, True):
        kind = free.where(deliveries.c.plain_text.is_(sa.true() if plain_text else sa.false()))
        last = 0
        while rows := connection.execute(kind.where(deliveries.c.id > last)).all():
            last = rows[-1].id
            yield _sorted_out(
                rows if alone else _locked(connection, rows, moment), plain_text=plain_text
            )


_DELIVERIES: Final = sa.select(deliveries.c.id, deliveries.c.ref, deliveries.c.subscriber_id)


def _with_readers(moment: datetime) -> sa.Select[Any]:
    columns = (deliveries.c.id, absence(moment), deliveries.c.ref, *_PERSON)
    return sa.select(*columns).outerjoin_from(deliveries, subscribers)


def _locked(
    connection: sa.Connection, rows: Sequence[Any], moment: datetime
) -> Sequence[tuple[Any, ...]]:
    """Lock those readers of deliveries who are free; return the same as `_with_readers`."""
    query = (
        sa.select(subscribers.c.id, absence(moment), *_PERSON)
        .where(among(connection, subscribers.c.id, [row.subscriber_id for row in rows]))
        .with_for_update(read=True, skip_locked=True)
    )
    known: dict[int | None, Sequence[Any]] = {
        row[0]: row[1:] for row in connection.execute(query).all()
    }
    known[None] = (_ERASED, None, None, None)
    return [
        (id_, absent, ref, *person)
        for id_, ref, of in rows
        if of in known
        for absent, *person in (known[of],)
    ]


def _sorted_out(rows: Sequence[Sequence[Any]], *, plain_text: bool) -> Candidates:
    """Tell who may be mailed from who is absent; by columns, for there are many rows."""
    absent = {row[0]: row[1] for row in rows if row[1]}
    present = [row for row in rows if not row[1]] if absent else rows
    if not present:
        return Candidates((), (), plain_text, absent)
    ids, _, *of_readers = zip(*present, strict=True)
    return Candidates(ids, tuple(map(Reader, *of_readers)), plain_text, absent)


def absence(moment: datetime) -> sa.ColumnElement[str | None]:
    """Return why a subscriber may not be mailed; NULL if he may."""
    return sa.case(
        (subscribers.c.id.is_(None), _ERASED),
        (subscribers.c.status != Status.ACTIVE, subscribers.c.status),
        (subscribers.c.paused_until > moment, "paused"),
        else_=sa.null(),
    )


def reachable(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber may be mailed."""
    return absence(moment).is_(None)
