"""Queries about the report of a mailing: counts, reasons, requests, decisions, events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from newsletter.model import (
    NO_CHANGES,
    Decision,
    DeliveryState,
    EventKind,
    EventTotals,
    Mailing,
    MailingDetails,
    MailingReport,
    UnresolvedBatch,
)
from newsletter.store import editions, leases, proofs
from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import acceptances, batches, decisions, deliveries, mailings
from newsletter.store.unresolved import still_searchable


def count_by_state(connection: sa.Connection, mailing_id: int) -> dict[DeliveryState, int]:
    """Return how many deliveries of a mailing are in each state."""
    query = (
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.mailing_id == mailing_id)
        .group_by(deliveries.c.state)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state.value, 0) for state in DeliveryState}


def report(connection: sa.Connection, mailing: Mailing) -> MailingReport:
    """Return the report of a mailing as it is in this transaction."""
    assumed = sa.select(sa.func.count()).where(
        deliveries.c.mailing_id == mailing.id, deliveries.c.assumed.is_(sa.true())
    )
    found = count_by_state(connection, mailing.id)
    return MailingReport(
        mailing,
        found,
        assumed=connection.scalar(assumed) or 0,
        details=details(connection, mailing.id),
        at=now(connection),
        proofed_at=proofs.last_proof(
            connection, mailing.letter_hash, None if mailing.rehearsal else mailing.provider_url
        ),
        heard=event_totals(connection, mailing, found[DeliveryState.ACCEPTED]),
        changes=editions.changes(connection, mailing.slug).get(mailing.slug, NO_CHANGES),
    )


_EXPLAINED: Final = (DeliveryState.REJECTED, DeliveryState.SKIPPED, DeliveryState.UNKNOWN)


def details(connection: sa.Connection, mailing_id: int) -> MailingDetails:
    """Return the reasons, requests and decisions behind the counts of a mailing."""
    return MailingDetails(
        _reasons(connection, mailing_id),
        _unresolved_batches(connection, mailing_id),
        count_accepted_twice(connection, mailing_id),
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
        found[DeliveryState(state)][reason or "for no known reason"] = letters
    return found


def _unresolved_batches(connection: sa.Connection, mailing_id: int) -> tuple[UnresolvedBatch, ...]:
    """Return what is attempting or unknown; the lease of a sender known to be dead ends now."""
    open_ = sa.and_(batches.c.mailing_id == mailing_id, batches.c.settled_at.is_(None))
    gone = leases.dead_owners(connection, batches, open_)
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
    return tuple(UnresolvedBatch(DeliveryState(state), *more) for state, *more in rows)


def _decisions(connection: sa.Connection, mailing_id: int) -> tuple[Decision, ...]:
    query = (
        sa.select(decisions.c.at, decisions.c.who, decisions.c.what, decisions.c.deliveries)
        .where(decisions.c.mailing_id == mailing_id)
        .order_by(decisions.c.id)
    )
    return tuple(Decision(*row) for row in connection.execute(query))


_A_DAY: Final = timedelta(days=1)


def event_totals(connection: sa.Connection, mailing: Mailing, accepted: int) -> EventTotals:
    """Return the counts of events of a mailing's letters.

    Args:
        accepted: How many of its letters were accepted.
    """
    if mailing.rehearsal:
        return EventTotals()
    of_it = deliveries.c.mailing_id == mailing.id
    query = (
        sa.select(deliveries.c.strongest_event, sa.func.count())
        .where(of_it, deliveries.c.strongest_event.is_not(None))
        .group_by(deliveries.c.strongest_event)
    )
    counts = {EventKind(row[0]): int(row[1]) for row in connection.execute(query)}
    silent = 0
    if sum(counts.values()) < accepted and _reports_deliveries(connection, mailing.provider):
        quiet = sa.and_(
            of_it,
            deliveries.c.state == DeliveryState.ACCEPTED,
            deliveries.c.strongest_event.is_(None),
            deliveries.c.accepted_at < now(connection) - _A_DAY,
        )
        silent = connection.scalar(sa.select(sa.func.count()).where(quiet)) or 0
    bounced = (EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE)
    failed = (EventKind.FAILED, EventKind.SUPPRESSED)
    return EventTotals(
        delivered=counts.get(EventKind.DELIVERED, 0),
        bounced=sum(counts.get(kind, 0) for kind in bounced),
        complained=counts.get(EventKind.COMPLAINT, 0),
        failed=sum(counts.get(kind, 0) for kind in failed),
        silent=silent,
    )


def _reports_deliveries(connection: sa.Connection, provider: str) -> bool:
    """Return whether a provider is known to report deliveries."""
    theirs = sa.select(mailings.c.id).where(
        mailings.c.provider == provider, mailings.c.rehearsal.is_(sa.false())
    )
    some = sa.select(deliveries.c.id).where(
        deliveries.c.mailing_id.in_(theirs), deliveries.c.strongest_event == EventKind.DELIVERED
    )
    return connection.execute(some.limit(1)).one_or_none() is not None


def count_accepted_twice(connection: sa.Connection, mailing_id: int) -> int:
    """Return how many deliveries were accepted under more than one id of the provider's."""
    query = (
        sa.select(sa.func.count(sa.distinct(acceptances.c.delivery_id)))
        .join(deliveries, deliveries.c.id == acceptances.c.delivery_id)
        .where(
            deliveries.c.mailing_id == mailing_id,
            deliveries.c.provider_id != acceptances.c.provider_id,
        )
    )
    return connection.scalar(query) or 0
