"""Queries about the history of one subscriber: deliveries, events, sign-ups, notices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import DeliveryState, EventKind, NoticeKind
from newsletter.store.schema import (
    acceptances,
    address_changes,
    deliveries,
    events,
    issue_notices,
    mailings,
    notices,
    signups,
)
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When a letter became known as accepted, and the provider's id of it."""

    at: datetime
    provider_id: str


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """One delivery in the history of a subscriber; a rehearsal mailed nobody.

    Attributes:
        reason: Why it was rejected, skipped or is unknown.
        assumed: A person assumed that it was accepted.
        acceptances: The first one first; several of them, with different ids, mean that several
            letters may have arrived.
    """

    issue: str
    rehearsal: bool
    provider: str
    state: DeliveryState
    reason: str | None
    assumed: bool
    accepted_at: datetime | None
    provider_id: str | None
    acceptances: tuple[Acceptance, ...]


def deliveries_of(connection: sa.Connection, id_: int) -> list[DeliveryRecord]:
    """Return the deliveries to a subscriber, oldest first."""
    rows = connection.execute(
        sa.select(deliveries, mailings.c.slug, mailings.c.rehearsal, mailings.c.provider)
        .join(mailings)
        .where(deliveries.c.subscriber_id == id_)
        .order_by(deliveries.c.id)
    ).all()
    names = _names(connection, id_)
    return [
        DeliveryRecord(
            issue=row.slug,
            rehearsal=row.rehearsal,
            provider=row.provider,
            state=DeliveryState(row.state),
            reason=row.reason,
            assumed=row.assumed,
            accepted_at=row.accepted_at,
            provider_id=row.provider_id,
            acceptances=names.get(row.id, ()),
        )
        for row in rows
    ]


def _names(connection: sa.Connection, id_: int) -> dict[int, tuple[Acceptance, ...]]:
    """Return the acceptances of a subscriber's letters by delivery, the first one first."""
    own = sa.select(deliveries.c.id, deliveries.c.accepted_at, deliveries.c.provider_id).where(
        deliveries.c.subscriber_id == id_,
        deliveries.c.accepted_at.is_not(None),
        deliveries.c.provider_id.is_not(None),
    )
    others = (
        sa.select(acceptances.c.delivery_id, acceptances.c.at, acceptances.c.provider_id)
        .join(deliveries)
        .where(deliveries.c.subscriber_id == id_)
    )
    found: dict[int, dict[str, datetime]] = {}
    for query in (own, others):
        for delivery_id, at, name in connection.execute(query):
            found.setdefault(delivery_id, {}).setdefault(name, at)
    return {
        delivery_id: tuple(
            Acceptance(at, name) for at, name in sorted(zip(by_name.values(), by_name, strict=True))
        )
        for delivery_id, by_name in found.items()
    }


def issues_accepted(connection: sa.Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """Return the issues whose real letter was accepted, by row number of the subscriber."""
    rows = connection.execute(
        sa.select(deliveries.c.subscriber_id, mailings.c.slug)
        .join(mailings)
        .where(
            among(connection, deliveries.c.subscriber_id, ids),
            deliveries.c.state == DeliveryState.ACCEPTED,
            mailings.c.rehearsal.is_(sa.false()),
        )
    )
    found: dict[int, set[str]] = {id_: set() for id_ in ids}
    for id_, slug in rows:
        found[id_].add(slug)
    return found


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event in the history of a subscriber; one without an issue is from the provider's list."""

    at: datetime
    kind: EventKind
    issue: str | None
    detail: str


def events_of(connection: sa.Connection, id_: int) -> list[EventRecord]:
    """Return the events of a subscriber's letters, oldest first."""
    rows = connection.execute(
        sa.select(events.c.at, events.c.kind, mailings.c.slug, events.c.detail)
        .outerjoin(deliveries, deliveries.c.id == events.c.delivery_id)
        .outerjoin(mailings, mailings.c.id == deliveries.c.mailing_id)
        .where(events.c.subscriber_id == id_)
        .order_by(events.c.at, events.c.id)
    )
    return [EventRecord(at, EventKind(kind), slug, detail) for at, kind, slug, detail in rows]


@dataclass(frozen=True, slots=True)
class SignupRecord:
    """A sign-up in the history of a subscriber."""

    at: datetime
    form: str
    first_name: str | None
    ip: str | None
    user_agent: str | None
    confirmed_at: datetime | None
    source: str | None


def signups_of(connection: sa.Connection, id_: int) -> list[SignupRecord]:
    """Return the recent sign-ups of a subscriber, oldest first."""
    rows = connection.execute(
        sa.select(
            signups.c.requested_at,
            signups.c.form,
            signups.c.first_name,
            signups.c.ip,
            signups.c.user_agent,
            signups.c.confirmed_at,
            signups.c.source,
        )
        .where(signups.c.subscriber_id == id_)
        .order_by(signups.c.id)
    )
    return [SignupRecord(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class AddressChangeRecord:
    """A change of address in the history of a subscriber."""

    old_email: str
    new_email: str
    requested_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notice in the history of a subscriber.

    `provider_id` is the provider's id of it, and `issues` are those that it brought or named.
    """

    kind: NoticeKind
    state: DeliveryState
    queued_at: datetime
    accepted_at: datetime | None
    provider: str
    provider_id: str | None
    issues: tuple[str, ...]


def notices_of(connection: sa.Connection, id_: int) -> list[NoticeRecord]:
    """Return the notices to a subscriber, oldest first."""
    query = (
        sa.select(
            notices.c.kind,
            notices.c.state,
            notices.c.queued_at,
            notices.c.accepted_at,
            notices.c.provider,
            notices.c.provider_id,
            notices.c.issues,
        )
        .where(notices.c.subscriber_id == id_)
        .order_by(notices.c.id)
    )
    return [
        NoticeRecord(
            kind=NoticeKind(row.kind),
            state=DeliveryState(row.state),
            queued_at=row.queued_at,
            accepted_at=row.accepted_at,
            provider=row.provider,
            provider_id=row.provider_id,
            issues=tuple(json.loads(row.issues or "[]")),
        )
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class IssueNoticeRecord:
    """That an issue went to a subscriber as a notice; the notice itself is kept for a month."""

    issue: str
    at: datetime


def issue_notices_of(connection: sa.Connection, id_: int) -> list[IssueNoticeRecord]:
    """Return the issues that went to a subscriber as notices, oldest first."""
    query = sa.select(issue_notices.c.slug, issue_notices.c.at).where(
        issue_notices.c.subscriber_id == id_
    )
    rows = connection.execute(query.order_by(issue_notices.c.at, issue_notices.c.slug))
    return [IssueNoticeRecord(*row) for row in rows]


def address_changes_of(connection: sa.Connection, id_: int) -> list[AddressChangeRecord]:
    """Return the changes of address of a subscriber, oldest first."""
    columns = (address_changes.c.old_email, address_changes.c.new_email)
    moments = (address_changes.c.requested_at, address_changes.c.confirmed_at)
    query = sa.select(*columns, *moments).where(address_changes.c.subscriber_id == id_)
    return [
        AddressChangeRecord(*row)
        for row in connection.execute(query.order_by(address_changes.c.id))
    ]
