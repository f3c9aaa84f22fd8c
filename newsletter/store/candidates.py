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

_DELIVERY: Final = (deliveries.c.id, deliveries.c.ref)
_PERSON: Final = (subscribers.c.public_id, subscribers.c.email, subscribers.c.first_name)
_ERASED: Final = "erased"


class Candidate(NamedTuple):
    """A delivery that may be claimed, with its reader as he is.

    ``absent`` says why he may not be mailed any more; if he was erased, nothing is known of him.
    """

    id: int
    ref: str
    public_id: str
    email: str
    first_name: str | None
    absent: str | None


def candidates(
    connection: sa.Connection,
    mailing_id: int,
    size: int,
    *,
    only: Sequence[str],
    but: Collection[str],
    moment: datetime,
) -> Iterator[tuple[list[Candidate], bool]]:
    """Yield the next deliveries with their readers, both locked until the claim is committed.

    Those that come together are of one kind, told beside them: with HTML, and at the end plain
    text only.

    Nothing is waited for, so that a claim can share a transaction with what is settled: what
    another process claims, and a reader who is leaving at this very moment, are passed over and
    stay pending. Whoever has left before is seen to have left.
    """
    alone = connection.dialect.name == "sqlite"  # nobody else writes, so nothing is locked
    free = (
        (_with_readers(moment) if alone else sa.select(*_DELIVERY, deliveries.c.subscriber_id))
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
            found = (
                [Candidate(*row) for row in rows] if alone else _locked(connection, rows, moment)
            )
            yield found, plain_text


def _with_readers(moment: datetime) -> sa.Select[Any]:
    return sa.select(*_DELIVERY, *_PERSON, absence(moment)).outerjoin_from(deliveries, subscribers)


def _locked(connection: sa.Connection, rows: Sequence[Any], moment: datetime) -> list[Candidate]:
    """Look at the readers of deliveries that are locked, and lock those who are free."""
    query = (
        sa.select(subscribers.c.id, *_PERSON, absence(moment))
        .where(among(connection, subscribers.c.id, [row.subscriber_id for row in rows]))
        .with_for_update(read=True, skip_locked=True)
    )
    known: dict[int | None, Sequence[Any]] = {
        row[0]: row[1:] for row in connection.execute(query).all()
    }
    known[None] = (None, None, None, _ERASED)
    return [Candidate(id_, ref, *known[of]) for id_, ref, of in rows if of in known]


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
