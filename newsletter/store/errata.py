"""Mailings of corrections: who has an older text of an issue, and gets the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, Edition, Letter, Mailing, MailingState
from newsletter.store.audiences import is_mailable
from newsletter.store.database import now
from newsletter.store.freezing import freeze_audience, new_row
from newsletter.store.schema import deliveries, editions, issue_notices, mailings, subscribers

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_UNDECIDED: Final = (DeliveryState.ATTEMPTING, DeliveryState.UNKNOWN)


def slug_of_erratum(slug: str, number: int) -> str:
    """Return the slug of the mailing of a correction: no file of an issue can have it."""
    return f"{slug}--erratum-{number}"


def freeze(
    connection: sa.Connection,
    edition: Edition,
    letter: Letter,
    *,
    provider: str,
    provider_url: str,
    rehearsal: bool,
    zone: ZoneInfo,
) -> Mailing:
    """Freeze the letter of a correction, and who gets it; it has no time but that of this moment.

    In the caller's transaction, in which `freezing.lock_freezing` was called.

    Raises:
        sqlalchemy.exc.IntegrityError: There is a mailing of this correction.
    """
    moment = now(connection)
    row = new_row(slug_of_erratum(edition.slug, edition.number), moment.astimezone(zone), moment)
    row |= {
        "content_hash": edition.content_hash,
        "letter_hash": letter.hash,
        "letter": letter.encode(),
        "provider": provider,
        "provider_url": provider_url,
        "rehearsal": rehearsal,
        "state": MailingState.FROZEN,
        "monthly": _is_monthly(connection, edition.slug),
        "erratum": edition.number,
        "erratum_of": edition.slug,
    }
    insert = mailings.insert().returning(mailings.c.id).values(row)
    mailing_id = connection.execute(insert).scalar_one()
    return freeze_audience(connection, mailing_id, _gets(connection, edition))


def _is_monthly(connection: sa.Connection, slug: str) -> bool:
    query = sa.select(mailings.c.monthly).where(mailings.c.slug == slug, *_mailed(slug))
    return bool(connection.scalar(query.order_by(mailings.c.id.desc()).limit(1)))


def count_audience(connection: sa.Connection, edition: Edition) -> int:
    """Return how many subscribers would be mailed a correction now."""
    query = sa.select(sa.func.count()).where(_gets(connection, edition))
    return connection.scalar(query) or 0


def count_unknown(connection: sa.Connection, slug: str) -> int:
    """Return of how many active subscribers nobody knows whether they have an issue.

    They are not mailed a correction of it, unless a person decides about them before.
    """
    undecided = sa.exists().where(
        deliveries.c.subscriber_id == subscribers.c.id,
        deliveries.c.state.in_(_UNDECIDED),
        deliveries.c.mailing_id == mailings.c.id,
        *_mailed(slug),
    )
    query = sa.select(sa.func.count()).where(
        is_mailable(now(connection)), undecided, _latest_text(slug).is_(None)
    )
    return connection.scalar(query) or 0


def _gets(connection: sa.Connection, edition: Edition) -> sa.ColumnElement[bool]:
    """Return the condition that a subscriber may be mailed, and has an older, other text."""
    same = sa.select(editions.c.number).where(
        editions.c.slug == edition.slug, editions.c.content_hash == edition.content_hash
    )
    numbers = {edition.number, *connection.scalars(same)}
    latest = _latest_text(edition.slug)
    return sa.and_(
        is_mailable(now(connection)), latest < edition.number, latest.not_in(sorted(numbers))
    )


def _latest_text(slug: str) -> sa.ColumnElement[int]:
    """Return the number of the newest text that a subscriber has for sure; NULL if they have none.

    A notice with the issue holds the newest text that had been mailed then.
    """
    accepted = (
        sa.select(sa.func.max(mailings.c.erratum))
        .join(deliveries, deliveries.c.mailing_id == mailings.c.id)
        .where(
            deliveries.c.subscriber_id == subscribers.c.id,
            deliveries.c.state == DeliveryState.ACCEPTED,
            *_mailed(slug),
        )
        .correlate(subscribers)
        .scalar_subquery()
    )
    noticed = (
        sa.select(issue_notices.c.number)
        .where(issue_notices.c.subscriber_id == subscribers.c.id, issue_notices.c.slug == slug)
        .correlate(subscribers)
        .scalar_subquery()
    )
    # Who had a notice is mailed no text but later ones.
    return sa.func.coalesce(accepted, noticed)


def _mailed(slug: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of the real mailings of an issue and of its corrections."""
    of_issue = sa.or_(mailings.c.slug == slug, mailings.c.erratum_of == slug)
    return mailings.c.rehearsal.is_(sa.false()), of_issue
