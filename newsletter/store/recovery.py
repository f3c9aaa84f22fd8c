"""Recovery: expired leases, replays, and what a person decides about unknown deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter import states
from newsletter.model import DeliveryState, MailingState
from newsletter.store.claims import Claim, from_snapshot
from newsletter.store.database import now
from newsletter.store.leases import end_dead_leases
from newsletter.store.schema import batches, deliveries, mailings
from newsletter.store.settlement import restore_limit
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta


def expire_leases(connection: sa.Connection, mailing_id: int) -> int:
    """Make unknown what a lost process left attempting; return how many deliveries.

    They become pending only if no payload was recorded: then nothing of the batch can have left,
    and its owner, if alive, cannot send it any more. The lease of a sender that is known to be dead
    ends now.
    """
    unsettled = sa.and_(batches.c.mailing_id == mailing_id, batches.c.settled_at.is_(None))
    end_dead_leases(connection, batches, unsettled)
    overdue = (
        sa.select(batches.c.id, batches.c.payload_hash)
        .where(
            batches.c.mailing_id == mailing_id,
            # What is attempting is in an unsettled batch.
            batches.c.settled_at.is_(None),
            batches.c.lease_until <= now(connection),
        )
        .order_by(batches.c.id)
        # A locked row is being settled or taken over at this moment.
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(overdue).all()
    unsent = [id_ for id_, payload_hash in rows if payload_hash is None]
    if unsent:
        _release(connection, unsent)
    possibly_sent = [id_ for id_, payload_hash in rows if payload_hash is not None]
    if not possibly_sent:
        return 0
    changed = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.mailing_id == mailing_id,
            deliveries.c.state == DeliveryState.ATTEMPTING,
            among(connection, deliveries.c.batch_id, possibly_sent),
        )
        .values(state=DeliveryState.UNKNOWN, reason="the process that sent it was lost")
    )
    return changed.rowcount


def release(connection: sa.Connection, claim: Claim) -> bool:
    """Undo a claim of which nothing has left; False if another process owns the batch now."""
    owner = sa.select(batches.c.attempt, batches.c.payload_hash)
    found = connection.execute(
        owner.where(batches.c.id == claim.batch_id).with_for_update()
    ).one_or_none()
    if found is None or found.attempt != claim.attempt or found.payload_hash is not None:
        return False
    _release(connection, [claim.batch_id])
    return True


def _release(connection: sa.Connection, ids: Sequence[int]) -> None:
    back = connection.execute(
        deliveries.update()
        .where(
            deliveries.c.state == DeliveryState.ATTEMPTING,
            among(connection, deliveries.c.batch_id, ids),
        )
        .values(state=DeliveryState.PENDING, batch_id=None)
    ).rowcount
    restore_limit(connection, ids[0], back)
    connection.execute(
        batches.update()
        .where(among(connection, batches.c.id, ids))
        .values(settled_at=now(connection), snapshot=None, attempt=batches.c.attempt + 1, size=0)
    )


def replay(
    connection: sa.Connection,
    mailing_id: int,
    *,
    lease: timedelta,
    window: timedelta,
    account: str | None = None,
    owner: str | None = None,
    but: Collection[int] = (),
) -> Claim | None:
    """Take over a batch of unknown outcome whose bytes can be sent again under the same key.

    Args:
        lease: How long this owner may take.
        window: How long after its claim the provider still knows the key.
        account: The account that is asked: to another, every key is new.
        owner: Names the lock file that this sender holds.
        but: Batches that were replayed already and got no answer.
    """
    # No pause or end of the mailing comes between this and the commit, as in a claim.
    state = sa.select(mailings.c.state).where(mailings.c.id == mailing_id)
    if connection.scalar(state.with_for_update(read=True)) != MailingState.SENDING:
        return None
    moment = now(connection)
    query = (
        sa.select(batches)
        .where(_replayable(mailing_id, moment - window, account), batches.c.lease_until <= moment)
        .where(batches.c.id.not_in(but))
    )
    only = query.order_by(batches.c.id).limit(1).with_for_update(skip_locked=True)
    row = connection.execute(only).one_or_none()
    if row is None:
        return None
    return _take_over(
        connection, row, {"lease_until": moment + lease, "account": account, "owner": owner}
    )


def _take_over(connection: sa.Connection, row: sa.Row[Any], written: Mapping[str, object]) -> Claim:
    """Make a locked batch this process's own, and its account's from now on."""
    attempt = row.attempt + 1
    connection.execute(
        batches.update().where(batches.c.id == row.id).values(attempt=attempt, **written)
    )
    connection.execute(
        deliveries.update()
        .where(
            deliveries.c.batch_id == row.id,
            deliveries.c.state.in_(states.deliveries_before(DeliveryState.ATTEMPTING)),
        )
        .values(state=DeliveryState.ATTEMPTING)
    )
    key_id, claimed, plain_text = from_snapshot(row.snapshot)
    return Claim(
        batch_id=row.id,
        key=row.key,
        attempt=attempt,
        claimed_at=row.claimed_at,
        key_id=key_id,
        subscribers=claimed,
        plain_text=plain_text,
        payload_hash=row.payload_hash,
    )


def can_replay(
    connection: sa.Connection, mailing_id: int, window: timedelta, account: str | None
) -> bool:
    """Return whether `replay` could still settle something of this mailing."""
    oldest = now(connection) - window
    query = sa.select(batches.c.id).where(_replayable(mailing_id, oldest, account))
    return connection.execute(query.limit(1)).one_or_none() is not None


def _replayable(mailing_id: int, oldest: datetime, account: str | None) -> sa.ColumnElement[bool]:
    unknown = sa.select(deliveries.c.batch_id).where(
        deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.UNKNOWN
    )
    return sa.and_(
        batches.c.mailing_id == mailing_id,
        batches.c.snapshot.is_not(None),
        batches.c.claimed_at > oldest,
        batches.c.account.is_not_distinct_from(account),
        batches.c.id.in_(unknown),
    )


def give_up_replay(connection: sa.Connection, claim: Claim, reason: str) -> None:
    """Give up replaying a batch: unknown deliveries stay unknown, and its addresses are dropped."""
    owner = sa.select(batches.c.attempt).where(batches.c.id == claim.batch_id).with_for_update()
    if connection.scalar(owner) != claim.attempt:
        return
    connection.execute(
        deliveries.update()
        .where(
            deliveries.c.batch_id == claim.batch_id,
            deliveries.c.state == DeliveryState.ATTEMPTING,
        )
        .values(state=DeliveryState.UNKNOWN, reason=reason)
    )
    connection.execute(batches.update().where(batches.c.id == claim.batch_id).values(snapshot=None))


def lease_left(connection: sa.Connection, mailing_id: int) -> timedelta | None:
    """Return how long other processes may still take for what is attempting, if anything is."""
    under_way = sa.select(deliveries.c.batch_id).where(
        deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.ATTEMPTING
    )
    query = sa.select(batches.c.lease_until).where(batches.c.id.in_(under_way))
    leases = connection.scalars(query).all()
    return max(leases) - now(connection) if leases else None


def has_other_workers(connection: sa.Connection, mailing_id: int) -> bool:
    """Return whether it is worth looking again for something of a mailing to claim.

    Something is attempting, in a process that is alive or lost; or something is pending and was
    passed over: another process was claiming it, or its subscriber was unsubscribing.
    """
    mailing = connection.execute(
        sa.select(mailings.c.state, mailings.c.claims_left).where(mailings.c.id == mailing_id)
    ).one_or_none()
    if mailing is None or mailing.state != MailingState.SENDING:
        return False
    unsettled = [DeliveryState.ATTEMPTING] if mailing.claims_left == 0 else _OPEN
    left = sa.select(deliveries.c.id).where(
        deliveries.c.mailing_id == mailing_id, deliveries.c.state.in_(unsettled)
    )
    return connection.execute(left.limit(1)).one_or_none() is not None


_OPEN = [DeliveryState.PENDING, DeliveryState.ATTEMPTING]


def resolve(connection: sa.Connection, mailing_id: int, *, resend: bool) -> int:
    """Apply what a person decided about all unknown deliveries; return how many.

    Args:
        resend: True makes them pending again, False accepted.
    """
    unknown = sa.and_(
        deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.UNKNOWN
    )
    # Everywhere locks are taken in this order: mailing, batches, deliveries.
    connection.execute(
        sa.select(mailings.c.id).where(mailings.c.id == mailing_id).with_for_update(key_share=True)
    )
    theirs = sa.select(deliveries.c.batch_id).where(unknown)
    touched = sa.select(batches.c.id).where(batches.c.id.in_(theirs)).order_by(batches.c.id)
    ids = connection.scalars(touched.with_for_update()).all()
    connection.execute(
        batches.update()
        .where(among(connection, batches.c.id, ids))
        .values(snapshot=None, settled_at=now(connection), attempt=batches.c.attempt + 1)
    )
    values = (
        {"state": DeliveryState.PENDING, "batch_id": None, "reason": None}
        if resend
        else {"state": DeliveryState.ACCEPTED, "assumed": True, "accepted_at": None}
    )
    decided = sa.and_(unknown, among(connection, deliveries.c.batch_id, ids))
    return connection.execute(deliveries.update().where(decided).values(**values)).rowcount


def close_settled_batches(connection: sa.Connection, mailing_id: int) -> None:
    """Settle the batches of a mailing that have no owner and no unknown delivery any more.

    Their snapshots are dropped, because they hold addresses.
    """
    moment = now(connection)
    open_ = sa.exists().where(
        deliveries.c.batch_id == batches.c.id,
        deliveries.c.state.in_([DeliveryState.ATTEMPTING, DeliveryState.UNKNOWN]),
    )
    known = sa.and_(
        batches.c.mailing_id == mailing_id,
        batches.c.settled_at.is_(None),
        batches.c.lease_until <= moment,
        ~open_,
    )
    connection.execute(batches.update().where(known).values(settled_at=moment, snapshot=None))
