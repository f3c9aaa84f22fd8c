"""Queries about deliveries under way: claim, seal, settle.

The order is the whole point: a claim is committed as *attempting* before any byte leaves, and
only its owner, known by batch and attempt, may settle it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter import lifecycle
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    Refused,
    RetryLater,
    Status,
    Unknown,
)
from newsletter.store.engine import now
from newsletter.store.ids import new_id
from newsletter.store.schema import batches, deliveries, ledger, mailings, subscribers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from newsletter.model import Outcome


@dataclass(frozen=True, slots=True)
class Reader:
    """What a claim read of one subscriber, once: nothing is read again for the same batch."""

    ref: str
    public_id: str
    email: str
    first_name: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that this process owns until `lease` is over.

    Attributes:
        attempt: Grows with each replay; an older owner can settle nothing any more.
        key_id: Fingerprint of the key that signs its leave links.
        payload_hash: Of the bytes that left, or None if none can have left.
    """

    batch_id: int
    key: str
    attempt: int
    claimed_at: datetime
    key_id: str
    readers: tuple[Reader, ...]
    payload_hash: str | None = None


def claim(
    connection: sa.Connection, mailing_id: int, *, size: int, lease: timedelta, key_id: str
) -> Claim | None:
    """Take up to `size` pending deliveries, or None when there are none or nothing may be sent.

    Consent is checked here, in the transaction that commits *attempting*: whoever left, paused or
    was suppressed since the freeze is skipped.
    """
    mailing = connection.execute(
        sa.select(mailings.c.state, mailings.c.room).where(mailings.c.id == mailing_id)
    ).one_or_none()
    if mailing is None or mailing.state != MailingState.SENDING:
        return None
    if mailing.room is not None:
        size = min(size, mailing.room)
    moment = now(connection)
    while rows := _pending(connection, mailing_id, size):
        absent = {row.id: reason for row in rows if (reason := _absence(row, moment))}
        _skip(connection, absent)
        present = [row for row in rows if row.id not in absent]
        if present:
            return _take(connection, mailing_id, present, moment + lease, key_id)
    return None


def letters_since(connection: sa.Connection, moment: datetime) -> int:
    """Return how many letters of real mailings were claimed after a moment.

    The ledger's row is locked until the end of the transaction, so that two processes which count
    do so one after the other.
    """
    connection.execute(sa.select(ledger.c.id).with_for_update())
    query = (
        sa.select(sa.func.sum(batches.c.size))
        .join(mailings)
        .where(batches.c.claimed_at > moment, mailings.c.rehearsal.is_(sa.false()))
    )
    return connection.scalar(query) or 0


def seal(connection: sa.Connection, claim: Claim, payload_hash: str) -> bool:
    """Note which bytes are about to leave; False if the batch is no longer this claim's."""
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


def settle(connection: sa.Connection, claim: Claim, outcomes: Mapping[str, Outcome]) -> bool:
    """Record what the provider said, for as long as this claim owns the batch.

    A delivery without an outcome is unknown. The batch's snapshot goes, for it holds addresses,
    unless something stays unknown that a replay could settle: then the lease ends now, for the
    next one to take. A batch of which some deliveries are pending again is never replayed: they
    travel in another. That a repetition was not taken says nothing of the first attempt.

    Returns:
        False if another process has taken the batch over: then nothing changed.
    """
    owner = sa.select(batches.c.attempt).where(batches.c.id == claim.batch_id)
    if connection.scalar(owner) != claim.attempt:
        return False
    moment = now(connection)
    if claim.attempt > 1:
        outcomes = {ref: _of_a_repetition(outcome) for ref, outcome in outcomes.items()}
    open_states = sorted(lifecycle.deliveries_before(DeliveryState.ACCEPTED))
    connection.execute(
        deliveries.update()
        .where(
            deliveries.c.batch_id == claim.batch_id,
            deliveries.c.ref == sa.bindparam("of_ref"),
            # Spelled out, for a list of parameters has no place in a statement run for many rows.
            sa.or_(*(deliveries.c.state == state for state in open_states)),
        )
        .values(
            state=sa.bindparam("to_state"),
            reason=sa.bindparam("to_reason"),
            provider_id=sa.bindparam("to_provider_id"),
            accepted_at=sa.bindparam("to_accepted_at"),
        ),
        [_settlement(reader.ref, outcomes.get(reader.ref), moment) for reader in claim.readers],
    )
    split = any(isinstance(outcome, RetryLater | Refused) for outcome in outcomes.values())
    _close(connection, claim.batch_id, moment, split=split)
    return True


def _close(connection: sa.Connection, batch_id: int, moment: datetime, *, split: bool) -> None:
    """End a batch's lease, and the batch itself unless a replay could still settle some of it."""
    unknown = sa.exists().where(
        deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.UNKNOWN
    )
    this = batches.update().where(batches.c.id == batch_id)
    connection.execute(this.values(lease_until=moment))
    ended = this if split else this.where(~unknown)
    connection.execute(ended.values(settled_at=moment, snapshot=None))


def _take(
    connection: sa.Connection,
    mailing_id: int,
    rows: Sequence[Any],
    lease_until: datetime,
    key_id: str,
) -> Claim:
    readers = tuple(Reader(row.ref, row.public_id, row.email, row.first_name) for row in rows)
    key, moment = new_id(), now(connection)
    batch_id = connection.execute(
        batches.insert()
        .returning(batches.c.id)
        .values(
            key=key,
            mailing_id=mailing_id,
            attempt=1,
            claimed_at=moment,
            lease_until=lease_until,
            size=len(readers),
            snapshot=_snapshot(key_id, readers),
        )
    ).scalar_one()
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id.in_([row.id for row in rows]))
        .values(state=DeliveryState.ATTEMPTING, batch_id=batch_id)
    )
    connection.execute(
        mailings.update()
        .where(mailings.c.id == mailing_id)
        .values(room=mailings.c.room - len(readers))
    )
    return Claim(batch_id, key, 1, moment, key_id, readers)


def _pending(connection: sa.Connection, mailing_id: int, size: int) -> Sequence[Any]:
    query = (
        sa.select(
            deliveries.c.id,
            deliveries.c.ref,
            subscribers.c.public_id,
            subscribers.c.email,
            subscribers.c.first_name,
            subscribers.c.status,
            subscribers.c.paused_until,
        )
        .select_from(
            deliveries.outerjoin(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        )
        .where(deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.PENDING)
        .order_by(deliveries.c.id)
        .limit(size)
    )
    return connection.execute(query).all()


def _absence(row: sa.Row[Any], moment: datetime) -> str | None:
    """Say why this reader may not be mailed any more, or None."""
    if row.status is None:
        return "erased"
    if row.status != Status.ACTIVE:
        return str(row.status)
    return "paused" if row.paused_until and row.paused_until > moment else None


def _skip(connection: sa.Connection, absent: Mapping[int, str]) -> None:
    for reason in set(absent.values()):
        ids = [delivery for delivery, why in absent.items() if why == reason]
        connection.execute(
            deliveries.update()
            .where(
                deliveries.c.id.in_(ids),
                deliveries.c.state.in_(lifecycle.deliveries_before(DeliveryState.SKIPPED)),
            )
            .values(state=DeliveryState.SKIPPED, reason=reason)
        )


def _of_a_repetition(outcome: Outcome) -> Outcome:
    return Unknown(outcome.reason) if isinstance(outcome, RetryLater | Refused) else outcome


def _settlement(ref: str, outcome: Outcome | None, moment: datetime) -> dict[str, object]:
    state = lifecycle.state_after(outcome) if outcome else DeliveryState.UNKNOWN
    accepted = isinstance(outcome, Accepted)
    return {
        "of_ref": ref,
        "to_state": state,
        "to_reason": None if accepted else getattr(outcome, "reason", "the answer left it out"),
        "to_provider_id": outcome.provider_id if isinstance(outcome, Accepted) else None,
        "to_accepted_at": moment if accepted else None,
    }


def _snapshot(key_id: str, readers: tuple[Reader, ...]) -> str:
    rows = [[r.ref, r.public_id, r.email, r.first_name] for r in readers]
    return json.dumps({"key_id": key_id, "readers": rows}, ensure_ascii=False)


def from_snapshot(snapshot: str) -> tuple[str, tuple[Reader, ...]]:
    """Return the key's fingerprint and the readers that a claim wrote down."""
    held = json.loads(snapshot)
    return held["key_id"], tuple(Reader(*row) for row in held["readers"])
