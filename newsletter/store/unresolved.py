"""Queries about unknown deliveries: what a search at the provider can settle."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, UnresolvedRequest
from newsletter.store.database import now
from newsletter.store.schema import address_changes, batches, deliveries, mailings, subscribers
from newsletter.store.settlement import is_unresolved, restore_limit
from newsletter.store.sql import set_for_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.model import Search, SearchResult

BETWEEN_SEARCHES: Final = timedelta(minutes=15)
"""Between the two searches that must both miss a letter before it counts as not taken."""


def find_searchable(
    connection: sa.Connection, mailing_id: int, search: Search, account: str | None = None
) -> list[UnresolvedRequest]:
    """Return the requests that a search may settle now, oldest first.

    Requests that the provider no longer lists, and those that were missed, sent again and missed
    once more, are left to a person. Those of another account wait until that account is asked.
    """
    moment = now(connection)
    moved = sa.exists().where(
        address_changes.c.subscriber_id == subscribers.c.id,
        address_changes.c.confirmed_at.is_not(None),
    )
    rows: Iterable[sa.Row[Any]] = connection.execute(
        sa.select(
            batches.c.key,
            mailings.c.slug,
            batches.c.claimed_at,
            batches.c.lease_until,
            deliveries.c.ref,
            sa.case((moved, ""), else_=subscribers.c.email).label("address"),
        )
        .join(batches, batches.c.id == deliveries.c.batch_id)
        .join(mailings, mailings.c.id == deliveries.c.mailing_id)
        .outerjoin(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(_searchable(mailing_id, moment, search, account), batches.c.lease_until <= moment)
        .order_by(batches.c.id, deliveries.c.id)
    )
    by_request = itertools.groupby(rows, key=lambda row: row.key)
    return [_request(list(letters)) for _, letters in by_request]


def _request(letters: Sequence[sa.Row[Any]]) -> UnresolvedRequest:
    one = letters[0]
    return UnresolvedRequest(
        key=one.key,
        slug=one.slug,
        refs=tuple(letter.ref for letter in letters),
        since=one.claimed_at,
        until=max(one.claimed_at, one.lease_until),
        addresses={row.ref: row.address for row in letters if row.address is not None},
    )


def can_search(
    connection: sa.Connection, mailing_id: int, search: Search | None, account: str | None
) -> bool:
    """Return whether a search, now or later, may still settle something of a mailing."""
    if search is None:
        return False
    query = sa.select(deliveries.c.id).join(batches, batches.c.id == deliveries.c.batch_id)
    some = query.where(_searchable(mailing_id, now(connection), search, account)).limit(1)
    return connection.execute(some).one_or_none() is not None


def record_search(
    connection: sa.Connection,
    request: UnresolvedRequest,
    found: SearchResult,
    search: Search,
    *,
    began: datetime,
) -> int:
    """Record what a search has found; return how many deliveries are pending again.

    A letter that was found is accepted. One that is missing from a complete search, made when the
    provider lists everything it took, is noted. A second such search, some time later, proves that
    it was not taken: it becomes pending again, once.

    Args:
        request: What was searched for.
        found: What was found.
        search: What the provider's searches can prove.
        began: When the search began: it may have missed what is listed since then.
    """
    batch = connection.execute(
        sa.select(batches).where(batches.c.key == request.key).with_for_update()
    ).one_or_none()
    if batch is None:  # a rehearsal that was replaced
        return 0
    _accept_found(connection, batch.id, found)
    listed_by = max(batch.claimed_at, batch.lease_until) + search.lag
    if not found.complete or began < listed_by:
        return 0
    if batch.missed_at is None:
        this = batches.update().where(batches.c.id == batch.id)
        connection.execute(this.values(missed_at=now(connection)))
        return 0
    return _make_pending(connection, batch.id) if began >= batch.missed_at + BETWEEN_SEARCHES else 0


def _accept_found(connection: sa.Connection, batch_id: int, found: SearchResult) -> None:
    """Accept what was found, and record why a search failed."""
    if found.failure:
        why = f"no search was complete: {found.failure.reason}"
        connection.execute(deliveries.update().where(_unknown(batch_id)).values(reason=why))
    moment = now(connection)
    rows = [
        {
            "ref": ref,
            "state": DeliveryState.ACCEPTED.value,
            "reason": None,
            "provider_id": taken.provider_id,
            "accepted_at": moment,
        }
        for ref, taken in found.accepted.items()
    ]
    set_for_each(connection, deliveries, "ref", rows, is_unresolved(batch_id))


def _make_pending(connection: sa.Connection, batch_id: int) -> int:
    """Make pending what no search finds, once for each delivery; return how many."""
    unknown = _unknown(batch_id)
    connection.execute(
        deliveries.update()
        .where(unknown, deliveries.c.sent_again.is_(sa.true()))
        .values(reason="it was sent again, and no search finds it")
    )
    again = deliveries.update().where(unknown, deliveries.c.sent_again.is_(sa.false()))
    missing = connection.execute(
        again.values(
            state=DeliveryState.PENDING, batch_id=None, sent_again=True, reason="never arrived"
        )
    ).rowcount
    restore_limit(connection, batch_id, missing)
    # A process that still holds this batch has lost it.
    connection.execute(
        batches.update()
        .where(batches.c.id == batch_id)
        .values(settled_at=now(connection), snapshot=None, attempt=batches.c.attempt + 1)
    )
    return missing


def _unknown(batch_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(deliveries.c.batch_id == batch_id, deliveries.c.state == DeliveryState.UNKNOWN)


def _searchable(
    mailing_id: int, moment: datetime, search: Search, account: str | None
) -> sa.ColumnElement[bool]:
    return sa.and_(
        deliveries.c.mailing_id == mailing_id,
        deliveries.c.state == DeliveryState.UNKNOWN,
        batches.c.claimed_at > moment - search.retention,
        batches.c.account.is_not_distinct_from(account),
        still_searchable(),
    )


def still_searchable() -> sa.ColumnElement[bool]:
    """Return the condition that a search for a delivery's batch may still find something."""
    return sa.or_(deliveries.c.sent_again.is_(sa.false()), batches.c.missed_at.is_(None))
