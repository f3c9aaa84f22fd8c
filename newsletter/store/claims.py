"""Claims: take pending deliveries for one provider request.

The order is what matters: a claim is committed as *attempting* before any byte leaves, and only its
owner, known by batch and attempt, may settle it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter import states
from newsletter.model import DeliveryState, MailingState
from newsletter.store.audiences import ERASED, skip_reason
from newsletter.store.database import now
from newsletter.store.schema import batches, deliveries, ledger, mailings, subscribers
from newsletter.store.sql import among, new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that this process owns until `lease` is over.

    Attributes:
        attempt: Grows with each replay; an earlier owner can settle nothing any more.
        key_id: Fingerprint of the key that signs its unsubscribe links.
        plain_text: Its letters have no HTML part.
        payload_hash: Of the bytes that left, or None if none can have left.
    """

    batch_id: int
    key: str
    attempt: int
    claimed_at: datetime
    key_id: str
    subscribers: tuple[ClaimedSubscriber, ...]
    plain_text: bool
    payload_hash: str | None = None


def claim(
    connection: sa.Connection,
    mailing_id: int,
    *,
    size: int,
    lease: timedelta,
    key_id: str,
    only: Sequence[str] = (),
    but: Collection[str] = (),
    replayable: bool = True,
    account: str | None = None,
    owner: str | None = None,
) -> Claim | None:
    """Take up to `size` pending deliveries; None if there are none, or nothing may be sent.

    Consent is checked here, in the transaction that commits *attempting*: subscribers who left,
    paused or were suppressed since the freeze are skipped.

    Args:
        size: The most to take.
        lease: How long its owner may take.
        key_id: Fingerprint of the key that will sign.
        only: Only these references, if there are any.
        but: None of these references.
        replayable: The same bytes may be sent again under the key of the request. Otherwise
            nothing of what they are made of is kept, because it holds addresses.
        account: Fingerprint of the provider's account that will know the request.
        owner: Names the lock file that the sender holds.
    """
    sending, limit = _lock_mailing(connection, mailing_id)
    if not sending or limit == 0:
        return None
    size = size if limit is None else min(size, limit)
    moment = now(connection)
    for found in candidates(connection, mailing_id, size, only=only, but=but, moment=moment):
        _skip(connection, found.absent)
        if found.ids:
            if limit is not None:
                taken = mailings.update().where(mailings.c.id == mailing_id)
                connection.execute(taken.values(claims_left=limit - len(found.ids)))
            key, whose = new_id(), found.subscribers
            claimed = Claim(0, key, 1, moment, key_id, whose, found.plain_text)
            written = {
                "lease_until": moment + lease,
                "snapshot": _snapshot(claimed) if replayable else None,
                "account": account,
                "owner": owner,
            }
            return _insert_batch(connection, mailing_id, found, claimed, written)
    return None


def _lock_mailing(connection: sa.Connection, mailing_id: int) -> tuple[bool, int | None]:
    """Return whether a mailing is sending, and how many claims its limit leaves (None: no limit).

    No pause or end of the mailing comes between this and the commit. Claims share the lock; under
    a limit, one at a time holds it.
    """
    query = sa.select(mailings.c.state, mailings.c.claims_left).where(mailings.c.id == mailing_id)
    shared = True
    if connection.dialect.name != "sqlite":  # where one transaction at a time writes anyway
        limit = sa.select(mailings.c.claims_left).where(mailings.c.id == mailing_id)
        shared = connection.scalar(limit) is None
    mailing = connection.execute(query.with_for_update(read=shared)).one_or_none()
    if mailing is None:
        return False, None
    return mailing.state == MailingState.SENDING, mailing.claims_left


def count_claimed_since(connection: sa.Connection, moment: datetime) -> int:
    """Return how many letters of real mailings were claimed after a moment.

    The ledger's row is locked until the end of the transaction, so that two processes count one
    after the other.
    """
    connection.execute(sa.select(ledger.c.id).with_for_update(key_share=True))
    query = (
        sa.select(sa.func.sum(batches.c.size))
        .join(mailings)
        .where(batches.c.claimed_at > moment, mailings.c.rehearsal.is_(sa.false()))
    )
    return connection.scalar(query) or 0


def record_payload(connection: sa.Connection, claim: Claim, payload_hash: str) -> bool:
    """Record the hash of the bytes about to leave; False if another process owns the batch now.

    Nothing of a batch may leave before this is committed: a batch without a hash never left.
    """
    changed = connection.execute(
        batches.update()
        .where(
            batches.c.id == claim.batch_id,
            batches.c.attempt == claim.attempt,
            batches.c.lease_until > now(connection),
        )
        .values(payload_hash=payload_hash)
    )
    return changed.rowcount == 1


def _insert_batch(
    connection: sa.Connection,
    mailing_id: int,
    found: Candidates,
    claim: Claim,
    written: Mapping[str, object],
) -> Claim:
    insert = batches.insert().returning(batches.c.id)
    batch_id = connection.execute(
        insert.values(
            key=claim.key,
            mailing_id=mailing_id,
            attempt=claim.attempt,
            claimed_at=claim.claimed_at,
            size=len(claim.subscribers),
            **written,
        )
    ).scalar_one()
    connection.execute(
        deliveries.update()
        .where(among(connection, deliveries.c.id, found.ids))
        .values(state=DeliveryState.ATTEMPTING, batch_id=batch_id)
    )
    return replace(claim, batch_id=batch_id)


def _skip(connection: sa.Connection, absent: Mapping[int, str]) -> None:
    for reason in set(absent.values()):
        ids = [delivery for delivery, why in absent.items() if why == reason]
        connection.execute(
            deliveries.update()
            .where(
                among(connection, deliveries.c.id, ids),
                deliveries.c.state.in_(states.deliveries_before(DeliveryState.SKIPPED)),
            )
            .values(state=DeliveryState.SKIPPED, reason=reason)
        )


def _snapshot(claim: Claim) -> str:
    # Databases hold snapshots with these keys.
    held = {"key_id": claim.key_id, "plain_text": claim.plain_text, "readers": claim.subscribers}
    return json.dumps(held, ensure_ascii=False)


def from_snapshot(snapshot: str) -> tuple[str, tuple[ClaimedSubscriber, ...], bool]:
    """Return what a claim wrote: the key's fingerprint, its subscribers, whether in plain text."""
    held = json.loads(snapshot)
    claimed = tuple(ClaimedSubscriber(*row) for row in held["readers"])
    return held["key_id"], claimed, held["plain_text"]


_PERSON: Final = (subscribers.c.public_id, subscribers.c.email, subscribers.c.first_name)


class ClaimedSubscriber(NamedTuple):
    """What a claim read of one subscriber, once: nothing is read again for the same batch."""

    ref: str
    public_id: str
    email: str
    first_name: str | None


class Candidates(NamedTuple):
    """Deliveries that may be claimed together.

    Attributes:
        ids: Their numbers.
        subscribers: The subscriber of each, in the same order.
        plain_text: None of them gets HTML, or all do.
        absent: Of other deliveries by number, why their subscribers may not be mailed any more.
    """

    ids: Sequence[int]
    subscribers: tuple[ClaimedSubscriber, ...]
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
    """Yield the next deliveries with their subscribers, both locked until the claim is committed.

    Those without HTML come at the end.

    It waits for no lock, so that a claim can share a transaction with a settlement: deliveries that
    another process claims, and subscribers who are unsubscribing at this moment, are passed over
    and stay pending. An unsubscribe that was committed before is seen.
    """
    alone = connection.dialect.name == "sqlite"  # one transaction at a time writes
    free = (
        (_with_subscribers(moment) if alone else _DELIVERIES)
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
            yield _separate(
                rows if alone else _lock_subscribers(connection, rows, moment),
                plain_text=plain_text,
            )


_DELIVERIES: Final = sa.select(deliveries.c.id, deliveries.c.ref, deliveries.c.subscriber_id)


def _with_subscribers(moment: datetime) -> sa.Select[Any]:
    columns = (deliveries.c.id, skip_reason(moment), deliveries.c.ref, *_PERSON)
    return sa.select(*columns).outerjoin_from(deliveries, subscribers)


def _lock_subscribers(
    connection: sa.Connection, rows: Sequence[Any], moment: datetime
) -> Sequence[tuple[Any, ...]]:
    """Lock the subscribers of deliveries who are free; return the same as `_with_subscribers`."""
    query = (
        sa.select(subscribers.c.id, skip_reason(moment), *_PERSON)
        .where(among(connection, subscribers.c.id, [row.subscriber_id for row in rows]))
        .with_for_update(read=True, skip_locked=True)
    )
    known: dict[int | None, Sequence[Any]] = {
        row[0]: row[1:] for row in connection.execute(query).all()
    }
    known[None] = (ERASED, None, None, None)
    return [
        (id_, absent, ref, *person)
        for id_, ref, of in rows
        if of in known
        for absent, *person in (known[of],)
    ]


def _separate(rows: Sequence[Sequence[Any]], *, plain_text: bool) -> Candidates:
    """Separate those who may be mailed from the others; by columns, because there are many rows."""
    absent = {row[0]: row[1] for row in rows if row[1]}
    present = [row for row in rows if not row[1]] if absent else rows
    if not present:
        return Candidates((), (), plain_text, absent)
    ids, _, *fields = zip(*present, strict=True)
    return Candidates(ids, tuple(map(ClaimedSubscriber, *fields)), plain_text, absent)
