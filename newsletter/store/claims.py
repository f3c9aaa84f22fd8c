"""Queries about deliveries under way: claim, seal, settle.

The order is the whole point: a claim is committed as *attempting* before any byte leaves, and
only its owner, known by batch and attempt, may settle it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter import states
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    RequestRefused,
    RetryLater,
    Unknown,
)
from newsletter.store.candidates import Reader, candidates
from newsletter.store.database import now
from newsletter.store.ids import new_id
from newsletter.store.schema import batches, deliveries, ledger, mailings
from newsletter.store.sql import among, set_for_each

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from newsletter.model import Outcome
    from newsletter.store.candidates import Candidates


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that this process owns until `lease` is over.

    Attributes:
        attempt: Grows with each replay; an older owner can settle nothing any more.
        key_id: Fingerprint of the key that signs its leave links.
        plain_text: Its readers get no HTML part.
        payload_hash: Of the bytes that left, or None if none can have left.
    """

    batch_id: int
    key: str
    attempt: int
    claimed_at: datetime
    key_id: str
    readers: tuple[Reader, ...]
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
    """Take up to `size` pending deliveries, or None when there are none or nothing may be sent.

    Consent is checked here, in the transaction that commits *attempting*: whoever left, paused or
    was suppressed since the freeze is skipped.

    Args:
        connection: A write transaction.
        mailing_id: Of which mailing.
        size: The most to take.
        lease: How long its owner may take.
        key_id: Fingerprint of the key that will sign.
        only: None but these references, if there are any.
        but: None of these references.
        replayable: The same bytes may be sent again under its key. If they never may, nothing of
            what they are made of is kept, for that holds addresses.
        account: Fingerprint of the provider's account that will know of them.
        owner: Names the lock that the sender holds.
    """
    room = _room(connection, mailing_id)
    if room is _SHUT:
        return None
    if room is not None:
        size = min(size, room)
    moment = now(connection)
    for found in candidates(connection, mailing_id, size, only=only, but=but, moment=moment):
        _skip(connection, found.absent)
        if found.ids:
            if room is not None:
                taken = mailings.update().where(mailings.c.id == mailing_id)
                connection.execute(taken.values(room=room - len(found.ids)))
            key, whose = new_id(), found.readers
            claimed = Claim(0, key, 1, moment, key_id, whose, found.plain_text)
            written = {
                "lease_until": moment + lease,
                "snapshot": _snapshot(claimed) if replayable else None,
                "account": account,
                "owner": owner,
            }
            return _take(connection, mailing_id, found, claimed, written)
    return None


_SHUT: Final = 0


def _room(connection: sa.Connection, mailing_id: int) -> int | None:
    """Return how many may be claimed: None for any number, 0 if nothing may be sent.

    The mailing's row is kept from a pause or an ending until this is committed: shared by all who
    claim, unless there is a limit, of which one at a time takes his part.
    """
    query = sa.select(mailings.c.state, mailings.c.room).where(mailings.c.id == mailing_id)
    shared = (
        connection.scalar(sa.select(mailings.c.room).where(mailings.c.id == mailing_id)) is None
    )
    mailing = connection.execute(query.with_for_update(read=shared)).one_or_none()
    if mailing is None or mailing.state != MailingState.SENDING:
        return _SHUT
    room: int | None = mailing.room
    return room


def letters_since(connection: sa.Connection, moment: datetime) -> int:
    """Return how many letters of real mailings were claimed after a moment.

    The ledger's row is locked until the end of the transaction, so that two processes which count
    do so one after the other.
    """
    connection.execute(sa.select(ledger.c.id).with_for_update(key_share=True))
    query = (
        sa.select(sa.func.sum(batches.c.size))
        .join(mailings)
        .where(batches.c.claimed_at > moment, mailings.c.rehearsal.is_(sa.false()))
    )
    return connection.scalar(query) or 0


def seal(connection: sa.Connection, claim: Claim, payload_hash: str) -> bool:
    """Note which bytes are about to leave; False if the batch is no longer this claim's.

    Nothing of a batch may leave before this is committed: one without a hash never left.
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


def settle(connection: sa.Connection, claim: Claim, outcomes: Mapping[str, Outcome]) -> bool:
    """Record what the provider said, for as long as this claim owns the batch.

    A delivery without an outcome is unknown. The batch's snapshot goes, for it holds addresses,
    unless something stays unknown that a replay could settle: then the lease ends now, for the
    next one to take. A batch of which some deliveries are pending again is never replayed: they
    travel in another. That a repetition was not taken says nothing of the first attempt.

    Returns:
        False if another process has taken the batch over: then nothing changed.
    """
    moment = now(connection)
    if claim.attempt > 1:
        outcomes = {ref: _of_a_repetition(outcome) for ref, outcome in outcomes.items()}
    said = [outcomes.get(reader.ref) for reader in claim.readers]
    # A provider that takes all or nothing says the same of each: told apart without a look at it.
    kinds = {id(outcome): outcome for outcome in said}.values()
    split = any(isinstance(outcome, RetryLater | RequestRefused) for outcome in kinds)
    certain = all(states.state_after(one) is not DeliveryState.UNKNOWN for one in kinds)
    # A repetition may speak of letters that an earlier attempt has settled.
    ended = split or (certain and claim.attempt == 1)
    if not _end_lease(connection, claim, moment, ended=ended):
        return False
    if len(kinds) == 1:
        alike = deliveries.update().where(under_way(claim.batch_id))
        connection.execute(alike.values(_settlement(said[0], moment)))
    else:
        rows = [
            {"ref": reader.ref} | _settlement(outcome, moment)
            for reader, outcome in zip(claim.readers, said, strict=True)
        ]
        set_for_each(connection, deliveries, "ref", rows, under_way(claim.batch_id))
    if split:
        back = sum(states.state_after(outcome) is DeliveryState.PENDING for outcome in said)
        make_room(connection, claim.batch_id, back)
    if not ended:
        _close(connection, claim.batch_id, moment)
    return True


def make_room(connection: sa.Connection, batch_id: int, letters: int) -> None:
    """Let so many more be claimed of a mailing with a limit: these of a batch were not taken."""
    whose = sa.select(batches.c.mailing_id).where(batches.c.id == batch_id).scalar_subquery()
    limited = mailings.update().where(mailings.c.id == whose, mailings.c.room.is_not(None))
    connection.execute(limited.values(room=mailings.c.room + letters))


def under_way(batch_id: int) -> sa.ColumnElement[bool]:
    """Return the condition that a delivery of a batch is attempting or unknown."""
    # Spelled out, for a list of parameters has no place in a statement run for many rows.
    return sa.and_(
        deliveries.c.batch_id == batch_id,
        sa.or_(
            deliveries.c.state == DeliveryState.ATTEMPTING,
            deliveries.c.state == DeliveryState.UNKNOWN,
        ),
    )


def _end_lease(connection: sa.Connection, claim: Claim, moment: datetime, *, ended: bool) -> bool:
    """End a claim's lease, and the batch if nothing of it can be replayed; False if it is lost."""
    values: dict[str, object] = {"lease_until": moment}
    if ended:
        values |= {"settled_at": moment, "snapshot": None}
    own = sa.and_(batches.c.id == claim.batch_id, batches.c.attempt == claim.attempt)
    return connection.execute(batches.update().where(own).values(values)).rowcount == 1


def _close(connection: sa.Connection, batch_id: int, moment: datetime) -> None:
    """End a batch unless a replay could still settle some of it."""
    unknown = sa.exists().where(
        deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.UNKNOWN
    )
    this = batches.update().where(batches.c.id == batch_id, ~unknown)
    connection.execute(this.values(settled_at=moment, snapshot=None))


def _take(
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
            size=len(claim.readers),
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


def _of_a_repetition(outcome: Outcome) -> Outcome:
    return Unknown(outcome.reason) if isinstance(outcome, RetryLater | RequestRefused) else outcome


def _settlement(outcome: Outcome | None, moment: datetime) -> dict[str, object]:
    state = states.state_after(outcome) if outcome else DeliveryState.UNKNOWN
    accepted = isinstance(outcome, Accepted)
    return {
        "state": state.value,
        "reason": None if accepted else getattr(outcome, "reason", "the answer left it out"),
        "provider_id": outcome.provider_id if isinstance(outcome, Accepted) else None,
        "accepted_at": moment if accepted else None,
    }


def _snapshot(claim: Claim) -> str:
    held = {"key_id": claim.key_id, "plain_text": claim.plain_text, "readers": claim.readers}
    return json.dumps(held, ensure_ascii=False)


def from_snapshot(snapshot: str) -> tuple[str, tuple[Reader, ...], bool]:
    """Return what a claim wrote down: the key's fingerprint, its readers, whether in plain text."""
    held = json.loads(snapshot)
    readers = tuple(Reader(*row) for row in held["readers"])
    # One from before readers could choose does not say.
    return held["key_id"], readers, held.get("plain_text", False)
