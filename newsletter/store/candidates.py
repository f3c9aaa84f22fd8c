"""Who may be mailed, and who is next: the pending deliveries of a mailing with their readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter.model import DeliveryState, Status
from newsletter.store.bulk import among
from newsletter.store.schema import deliveries, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

_PERSON: Final = (
    subscribers.c.public_id,
    subscribers.c.email,
    subscribers.c.first_name,
    subscribers.c.status,
    subscribers.c.paused_until,
)

_DELIVERY: Final = (
    *(deliveries.c.id, deliveries.c.ref, deliveries.c.subscriber_id, deliveries.c.plain_text),
)


class Candidate(NamedTuple):
    """A delivery that may be claimed, with its reader as he is: all None if he is gone."""

    id: int
    ref: str
    plain_text: bool
    public_id: str
    email: str
    first_name: str | None
    status: str | None
    paused_until: datetime | None


def candidates(
    connection: sa.Connection,
    mailing_id: int,
    size: int,
    only: Sequence[str],
    but: Collection[str],
) -> Iterator[list[Candidate]]:
    """Yield the next deliveries with their readers, both locked until the claim is committed.

    Those that come together are of one kind: with HTML, and at the end plain text only.

    Nothing is waited for, so that a claim can share a transaction with what is settled: what
    another process claims, and a reader who is leaving at this very moment, are passed over and
    stay pending. Whoever has left before is seen to have left.
    """
    free = (
        sa.select(*_DELIVERY)
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
            yield _with_readers(connection, rows)


def _with_readers(connection: sa.Connection, rows: Sequence[Any]) -> list[Candidate]:
    query = (
        sa.select(subscribers.c.id, *_PERSON)
        .where(among(connection, subscribers.c.id, [row.subscriber_id for row in rows]))
        .with_for_update(read=True, skip_locked=True)
    )
    people = {row[0]: tuple(row[1:]) for row in connection.execute(query).all()}
    gone = dict.fromkeys([None], (None,) * len(_PERSON))
    known = people | gone
    return [
        Candidate(row.id, row.ref, row.plain_text, *known[row.subscriber_id])
        for row in rows
        if row.subscriber_id in known
    ]


def reachable(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber may be mailed; `absence` says the same of one."""
    return sa.and_(
        subscribers.c.status == Status.ACTIVE,
        sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= moment),
    )


def absence(row: Candidate, moment: datetime) -> str | None:
    """Say why this reader may not be mailed any more, or None."""
    if row.status is None:
        return "erased"
    if row.status != Status.ACTIVE:
        return str(row.status)
    return "paused" if row.paused_until and row.paused_until > moment else None
