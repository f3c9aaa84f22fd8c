"""Queries about issues that reach one subscriber outside a mailing, and those they missed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.model import DeliveryState, MailingState, NoticeKind, SubscriberStatus
from newsletter.model.mailings import MOST_NAMED
from newsletter.store.database import now
from newsletter.store.schema import (
    deliveries,
    digest_issues,
    editions,
    issue_notices,
    mailings,
    notices,
    subscribers,
    withdrawals,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

_NOT_SENT: Final = (DeliveryState.SKIPPED.value, DeliveryState.REJECTED.value)
_ON_ITS_WAY: Final = [
    MailingState.SENDING,
    MailingState.PAUSED,
    MailingState.COMPLETED,
    MailingState.COMPLETED_WITH_UNKNOWN,
]
_GOES_ON: Final = [state for state in _ON_ITS_WAY if state is not MailingState.PAUSED]
"""A person looks at a paused one first."""
_SHOWN: Final = sa.and_(
    mailings.c.rehearsal.is_(sa.false()),
    mailings.c.released.is_(sa.false()),
    mailings.c.erratum == 0,
    mailings.c.slug.not_in(sa.select(withdrawals.c.slug)),
)
"""What is in the archive for everybody: sent for real, and not withdrawn."""


def latest_slug(connection: sa.Connection) -> str | None:
    """Return the issue that started last of those for everybody, or None if there is none."""
    query = (
        sa.select(mailings.c.slug)
        .where(
            _SHOWN,
            mailings.c.monthly.is_(sa.false()),
            mailings.c.state.in_(_GOES_ON),
            # An older version kept no text of what it sent.
            sa.exists().where(editions.c.mailing_id == mailings.c.id),
        )
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    slug: str | None = connection.scalar(query)
    return slug


def take(connection: sa.Connection, subscriber_id: int, slug: str) -> bool:
    """Record that an issue goes to a subscriber as a notice; return whether it may.

    They get the newest text that was mailed: the issue's own, or a correction's.

    It may not if they had it as a notice, or if they have a letter of it that is to be sent, is on
    its way, was accepted, or may have been. The row keeps the issue's mailing from them as well.
    """
    had = sa.or_(
        _has_letter(subscriber_id, mailings.c.slug == slug),
        sa.exists().where(
            issue_notices.c.subscriber_id == subscriber_id, issue_notices.c.slug == slug
        ),
    )
    newest = sa.select(sa.func.coalesce(sa.func.max(mailings.c.erratum), 0)).where(
        mailings.c.erratum_of == slug,
        mailings.c.rehearsal.is_(sa.false()),
        mailings.c.released.is_(sa.false()),
        mailings.c.state.in_(_ON_ITS_WAY),
    )
    row = {
        "subscriber_id": subscriber_id,
        "slug": slug,
        "at": now(connection),
        "number": connection.scalar(newest),
    }
    values = (sa.literal(value, issue_notices.c[name].type) for name, value in row.items())
    insert = issue_notices.insert().from_select(list(row), sa.select(*values).where(~had))
    done = connection.execute(insert, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1


def _has_letter(subscriber_id: int, *of: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that a mailing's letter reached a subscriber, may have, or will."""
    will = mailings.c.state.not_in([MailingState.CANCELLED, MailingState.EXPIRED])
    return sa.exists().where(
        deliveries.c.subscriber_id == subscriber_id,
        deliveries.c.mailing_id == mailings.c.id,
        deliveries.c.state.not_in(_NOT_SENT),
        sa.or_(deliveries.c.state != DeliveryState.PENDING, will),
        mailings.c.rehearsal.is_(sa.false()),
        *of,
    )


def release_unsent(connection: sa.Connection, ids: Collection[int]) -> None:
    """Forget the issues of those of these notices that never left: nobody has them by that."""
    unsent = sa.select(notices.c.subscriber_id, notices.c.issues).where(
        notices.c.id.in_(ids),
        notices.c.kind == NoticeKind.ISSUE.value,
        notices.c.state.in_(_NOT_SENT),
    )
    for subscriber_id, issues in connection.execute(unsent).all():
        theirs = issue_notices.c.subscriber_id == subscriber_id
        brought = issue_notices.c.slug.in_(json.loads(issues))
        connection.execute(issue_notices.delete().where(theirs, brought))


def set_paused_at(connection: sa.Connection, subscriber_id: int, moment: datetime | None) -> None:
    """Record since when a subscriber must learn what they missed; None once they were."""
    this = subscribers.update().where(subscribers.c.id == subscriber_id)
    connection.execute(this.values(paused_at=moment))


def has_returned(connection: sa.Connection) -> bool:
    """Return whether `find_returned` would find anybody."""
    query = sa.select(subscribers.c.id).where(_returned(now(connection))).limit(1)
    return connection.scalar(query) is not None


def find_returned(connection: sa.Connection, most: int) -> list[int]:
    """Lock subscribers whose pause is over and who do not know yet what they missed.

    Those whom another process is telling at this moment are passed over.
    """
    query = (
        sa.select(subscribers.c.id)
        .where(_returned(now(connection)))
        .order_by(subscribers.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return list(connection.scalars(query))


def _returned(moment: datetime) -> sa.ColumnElement[bool]:
    over = sa.or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= moment)
    active = subscribers.c.status == SubscriberStatus.ACTIVE.value
    return sa.and_(subscribers.c.paused_at.is_not(None), active, over)


def find_missed(
    connection: sa.Connection, subscriber_id: int, since: datetime, *, monthly: bool
) -> list[str]:
    """Return the issues that a subscriber missed, the newest first: one more than are named.

    That is what was sent since a moment to those with their rhythm, and what a pause kept from
    them; and neither reached them as a letter or a notice, nor stands in a digest that did.

    Args:
        connection: The ledger.
        subscriber_id: Their number.
        since: From when on.
        monthly: Whether they get digests.
    """
    own = sa.and_(
        deliveries.c.subscriber_id == subscriber_id, deliveries.c.mailing_id == mailings.c.id
    )
    kept_back = sa.exists().where(own, deliveries.c.reason == "paused")
    got = sa.exists().where(own, deliveries.c.state.not_in(_NOT_SENT))
    as_notice = sa.exists().where(
        issue_notices.c.subscriber_id == subscriber_id, issue_notices.c.slug == mailings.c.slug
    )
    listed = sa.select(digest_issues.c.slug).join(
        mailings, digest_issues.c.mailing_id == mailings.c.id
    )
    in_digest = mailings.c.slug.in_(listed.where(_has_letter(subscriber_id)).correlate(None))
    ended = sa.func.coalesce(mailings.c.finished_at, now(connection))
    query = (
        sa.select(mailings.c.slug)
        .where(
            _SHOWN,
            mailings.c.monthly == monthly,
            # Whoever is not in a frozen audience misses what goes to it.
            mailings.c.state.in_([MailingState.FROZEN, *_ON_ITS_WAY]),
            sa.exists().where(editions.c.mailing_id == mailings.c.id),
            sa.or_(mailings.c.started_at >= since, sa.and_(kept_back, ended >= since)),
            ~got,
            ~as_notice,
            ~in_digest,
        )
        .order_by(mailings.c.id.desc())
        .limit(MOST_NAMED + 1)
    )
    return list(connection.scalars(query))


def welcomed_at(connection: sa.Connection, subscriber_id: int) -> datetime | None:
    """Return when a subscriber was welcomed last."""
    query = sa.select(subscribers.c.welcomed_at).where(subscribers.c.id == subscriber_id)
    moment: datetime | None = connection.scalar(query)
    return moment


def set_welcomed(connection: sa.Connection, subscriber_id: int, moment: datetime) -> None:
    """Record that a welcome letter was queued."""
    this = subscribers.update().where(subscribers.c.id == subscriber_id)
    connection.execute(this.values(welcomed_at=moment))
