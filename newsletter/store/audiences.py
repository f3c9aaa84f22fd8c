"""Audiences: who gets a mailing, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, SubscriberStatus
from newsletter.store.database import now
from newsletter.store.schema import (
    deliveries,
    digest_issues,
    issue_notices,
    mailings,
    subscribers,
    withdrawals,
)

if TYPE_CHECKING:
    from datetime import datetime

ERASED: Final = "erased"


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom an issue is.

    Attributes:
        slug: Of the issue: nobody gets it who had it as a notice.
        monthly: For those who chose a digest a month, else for all others.
        digest: The issues that it lists: nobody gets it who had all of them. Empty if none.
    """

    slug: str
    monthly: bool = False
    digest: tuple[str, ...] = ()


def skip_reason(moment: datetime) -> sa.ColumnElement[str | None]:
    """Return why a subscriber may not be mailed; NULL if they may be mailed."""
    return sa.case(
        (subscribers.c.id.is_(None), ERASED),
        (subscribers.c.status != SubscriberStatus.ACTIVE, subscribers.c.status),
        (subscribers.c.paused_until > moment, "paused"),
        else_=sa.null(),
    )


def is_mailable(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber may be mailed."""
    return skip_reason(moment).is_(None)


def is_in(audience: Audience, moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber gets a mailing that is frozen at a moment."""
    mine = [
        is_mailable(moment),
        subscribers.c.monthly == audience.monthly,
        ~had_notice(audience.slug),
    ]
    if audience.digest:
        mine.append(sa.or_(*(~_had(slug) for slug in audience.digest)))
    return sa.and_(*mine)


def had_notice(slug: str) -> sa.ColumnElement[bool]:
    """Return the condition that an issue went to a subscriber as a notice."""
    return sa.exists().where(
        issue_notices.c.subscriber_id == subscribers.c.id, issue_notices.c.slug == slug
    )


def _had(slug: str) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber got an issue, as a letter or as a notice."""
    accepted = sa.exists().where(
        deliveries.c.subscriber_id == subscribers.c.id,
        deliveries.c.state == DeliveryState.ACCEPTED,
        deliveries.c.mailing_id == mailings.c.id,
        mailings.c.slug == slug,
        mailings.c.rehearsal.is_(sa.false()),
    )
    return sa.or_(accepted, had_notice(slug))


def count(connection: sa.Connection, audience: Audience) -> int:
    """Return how many subscribers a mailing would have if it were frozen now."""
    query = sa.select(sa.func.count()).where(is_in(audience, now(connection)))
    return connection.scalar(query) or 0


def count_mailable(connection: sa.Connection) -> int:
    """Return how many subscribers may be mailed now, weekly or monthly."""
    return connection.scalar(sa.select(sa.func.count()).where(is_mailable(now(connection)))) or 0


def slugs_without_digest(connection: sa.Connection, month: str) -> tuple[str, ...]:
    """Return the issues of a month that went out, if no digest lists one of them.

    Args:
        month: A local month, such as 2026-11.
    """
    real = sa.and_(mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false()))
    sent = sa.select(mailings.c.slug).where(
        real,
        mailings.c.monthly.is_(sa.false()),
        mailings.c.erratum == 0,
        mailings.c.slot.startswith(f"{month}-"),
        mailings.c.slug.not_in(sa.select(withdrawals.c.slug)),
    )
    listed = sa.select(digest_issues.c.slug).where(
        digest_issues.c.slug.in_(sent),
        digest_issues.c.mailing_id.in_(sa.select(mailings.c.id).where(real)),
    )
    return tuple(connection.scalars(sent.where(~listed.exists())))
