"""Queries about what stands behind a mailing's counts: reasons, requests, decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import Decision, DeliveryState, Details, Unsettled
from newsletter.store import owners
from newsletter.store.database import now
from newsletter.store.schema import UtcDateTime, batches, decisions, deliveries
from newsletter.store.unresolved import accepted_twice, still_searchable

if TYPE_CHECKING:
    from datetime import datetime

_EXPLAINED: Final = (DeliveryState.REJECTED, DeliveryState.SKIPPED, DeliveryState.UNKNOWN)


def of_mailing(connection: sa.Connection, mailing_id: int) -> Details:
    """Return what stands behind the counts of a mailing."""
    return Details(
        _reasons(connection, mailing_id),
        _unsettled(connection, mailing_id),
        accepted_twice(connection, mailing_id),
        _decisions(connection, mailing_id),
    )


def _reasons(connection: sa.Connection, mailing_id: int) -> dict[DeliveryState, dict[str, int]]:
    """Count by state and reason, the most frequent first."""
    count = sa.func.count()
    rows = connection.execute(
        sa.select(deliveries.c.state, deliveries.c.reason, count)
        .where(deliveries.c.mailing_id == mailing_id, deliveries.c.state.in_(_EXPLAINED))
        .group_by(deliveries.c.state, deliveries.c.reason)
        .order_by(count.desc(), deliveries.c.reason)
    )
    found: dict[DeliveryState, dict[str, int]] = {state: {} for state in _EXPLAINED}
    for state, reason, letters in rows:
        found[DeliveryState(state)][reason or "for no reason that is known"] = letters
    return found


def _unsettled(connection: sa.Connection, mailing_id: int) -> tuple[Unsettled, ...]:
    """Return what is under way or unknown; the lease of a sender known to be gone ends now."""
    open_ = sa.and_(batches.c.mailing_id == mailing_id, batches.c.settled_at.is_(None))
    gone = owners.gone(connection, batches, open_)
    lease_until: sa.ColumnElement[datetime] = batches.c.lease_until
    if gone:
        over = sa.and_(batches.c.owner.in_(gone), lease_until > now(connection))
        lease_until = sa.case((over, sa.literal(now(connection), UtcDateTime)), else_=lease_until)
    rows = connection.execute(
        sa.select(
            deliveries.c.state,
            sa.func.count(),
            batches.c.claimed_at,
            lease_until,
            batches.c.snapshot.is_not(None),
            still_searchable(),
            batches.c.missed_at,
            batches.c.account,
        )
        .join(batches, batches.c.id == deliveries.c.batch_id)
        .where(
            deliveries.c.mailing_id == mailing_id,
            deliveries.c.state.in_([DeliveryState.ATTEMPTING, DeliveryState.UNKNOWN]),
        )
        .group_by(batches.c.id, deliveries.c.state, deliveries.c.sent_again)
        .order_by(batches.c.id)
    )
    return tuple(Unsettled(DeliveryState(state), *more) for state, *more in rows)


def _decisions(connection: sa.Connection, mailing_id: int) -> tuple[Decision, ...]:
    query = (
        sa.select(decisions.c.at, decisions.c.who, decisions.c.what, decisions.c.deliveries)
        .where(decisions.c.mailing_id == mailing_id)
        .order_by(decisions.c.id)
    )
    return tuple(Decision(*row) for row in connection.execute(query))
