"""Queries about sign-ups: what a visitor asked for on the form, and its confirmation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import NoticeKind, SubscriberStatus
from newsletter.store import subscribers as subscribers_store
from newsletter.store import suppressions as suppressions_store
from newsletter.store.schema import consents, signups, subscribers, suppressions
from newsletter.store.sql import insert_if, new_id

if TYPE_CHECKING:
    from datetime import datetime

SIGNUP_NOTICES: Final = (NoticeKind.CONFIRMATION, NoticeKind.ALREADY_HERE)
"""The notices that a sign-up may cause."""


_FORM: Final = "form"
"""The source of a consent that was given on the form; what `?van=` said follows it."""


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The IP address and the user agent of a visitor, where they are known."""

    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Signup:
    """A sign-up, confirmed or not.

    Attributes:
        email_key: The subscriber's address as it is compared.
        status: The subscriber's status now.
        left_at: When the subscriber last left, if ever.
    """

    id: int
    subscriber_id: int
    email_key: str
    status: SubscriberStatus
    left_at: datetime | None
    requested_at: datetime
    confirmed_at: datetime | None
    first_name: str | None


def record(
    connection: sa.Connection,
    subscriber_id: int | None,
    *,
    wording_id: int,
    first_name: str | None,
    form: str,
    source: str | None,
    origin: ClientInfo,
    moment: datetime,
    wanted: bool,
) -> int | None:
    """Record a sign-up if it is wanted; return its number.

    Without a subscriber it is not wanted.
    """
    values = {
        "public_id": new_id(),
        "subscriber_id": subscriber_id,
        "wording_id": wording_id,
        "first_name": first_name,
        "form": form,
        "source": source,
        "requested_at": moment,
        "ip": origin.ip,
        "user_agent": origin.user_agent,
    }
    return insert_if(connection, signups, values, sa.literal(wanted))


def find(connection: sa.Connection, public_id: str, *, for_update: bool = False) -> Signup | None:
    """Return a sign-up by the id that its link names.

    For update: nobody else changes it or its subscriber until the transaction ends.
    """
    columns = (
        signups.c.id,
        signups.c.subscriber_id,
        subscribers.c.email_key,
        subscribers.c.status,
        subscribers.c.left_at,
        signups.c.requested_at,
        signups.c.confirmed_at,
        signups.c.first_name,
    )
    query = sa.select(*columns).join(subscribers).where(signups.c.public_id == public_id)
    if for_update:
        query = query.with_for_update(key_share=True)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    id_, subscriber_id, email_key, status, *others = row
    return Signup(id_, subscriber_id, email_key, SubscriberStatus(status), *others)


def confirm(
    connection: sa.Connection,
    found: Signup,
    address_hash: str,
    origin: ClientInfo,
    moment: datetime,
) -> suppressions_store.Suppression | None:
    """Make the subscriber of a sign-up active, with the proof that they asked for it.

    It lifts a suppression of the address: they left before they signed up again.

    Args:
        connection: The write transaction that found the sign-up.
        address_hash: Of the address, as suppressions keep it.
        origin: The client that confirmed.

    Returns:
        The suppression that it lifts, if there was one.
    """
    suppressed = suppressions_store.find(connection, [address_hash]).get(address_hash)
    asked = sa.select(
        signups.c.subscriber_id,
        signups.c.wording_id,
        sa.literal(moment, consents.c.at.type),
        sa.func.coalesce(f"{_FORM}: " + signups.c.source, _FORM),
        sa.literal(origin.ip, consents.c.ip.type),
        sa.literal(origin.user_agent, consents.c.user_agent.type),
        signups.c.form,
        signups.c.requested_at,
        signups.c.ip,
        signups.c.user_agent,
        sa.literal(suppressed.reason if suppressed else found.status.value),
        sa.literal(suppressed.at if suppressed else found.left_at, consents.c.left_at.type),
    ).where(signups.c.id == found.id)
    connection.execute(consents.insert().from_select(_PROOF, asked))
    connection.execute(suppressions.delete().where(suppressions.c.address_hash == address_hash))
    subscribers_store.mark_active(connection, {found.subscriber_id: moment})
    if found.first_name:
        subscribers_store.rename(connection, {found.subscriber_id: found.first_name})
    done = signups.update().where(signups.c.id == found.id)
    connection.execute(done.values(confirmed_at=moment))
    return suppressed


def count_since(connection: sa.Connection, since: datetime) -> tuple[int, int]:
    """Return how many sign-ups were recorded after a moment, and how many of them confirmed."""
    counts = sa.select(sa.func.count(), sa.func.count(signups.c.confirmed_at))
    recorded, confirmed = connection.execute(counts.where(signups.c.requested_at > since)).one()
    return recorded, confirmed


def count_confirmed(connection: sa.Connection, since: datetime) -> int:
    """Return how many sign-ups were confirmed after a moment, as far as consents are kept."""
    confirmed = sa.select(sa.func.count()).where(
        consents.c.requested_at.is_not(None), consents.c.at > since
    )
    return connection.scalar(confirmed) or 0


def count_by_source(connection: sa.Connection) -> dict[str | None, tuple[int, int]]:
    """Return by source how many sign-ups were confirmed, and how many recent ones were not yet.

    The source is None where `?van=` said nothing. The first number is of all consents that are
    kept, the second one of all sign-ups.
    """
    found: dict[str | None, tuple[int, int]] = {}
    on_form = sa.or_(consents.c.source == _FORM, consents.c.source.startswith(f"{_FORM}: "))
    confirmed = sa.select(consents.c.source, sa.func.count()).where(on_form)
    for said, count in connection.execute(confirmed.group_by(consents.c.source)):
        found[said.removeprefix(_FORM).removeprefix(": ") or None] = (count, 0)
    waiting = sa.select(signups.c.source, sa.func.count()).where(signups.c.confirmed_at.is_(None))
    for source, count in connection.execute(waiting.group_by(signups.c.source)):
        found[source] = (found.get(source, (0, 0))[0], count)
    return found


_PROOF: Final = (
    *("subscriber_id", "wording_id", "at", "source", "ip", "user_agent"),
    *("form", "requested_at", "requested_ip", "requested_user_agent", "came_from", "left_at"),
)
