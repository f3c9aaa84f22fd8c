"""Queries about which mailings there are and were: by issue, by slot, by text, by age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import MailingState
from newsletter.schedule import slot_of
from newsletter.store.mailings import from_row
from newsletter.store.schema import mailings

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Issue, Mailing


def find(connection: sa.Connection, slug: str, *, rehearsal: bool) -> Mailing | None:
    """Return the latest mailing of an issue that still holds its slug, or the latest of all."""
    query = (
        sa.select(mailings)
        .where(mailings.c.slug == slug, mailings.c.rehearsal == rehearsal)
        .order_by(mailings.c.released, mailings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None


def rival(connection: sa.Connection, issue: Issue) -> Mailing | None:
    """Return the real mailing that already has this issue's slug, slot or content, if any."""
    query = (
        sa.select(mailings)
        .where(
            mailings.c.rehearsal.is_(sa.false()),
            mailings.c.released.is_(sa.false()),
            sa.or_(
                mailings.c.slug == issue.slug,
                mailings.c.slot == slot_of(issue.send_at),
                mailings.c.content_hash == issue.content_hash,
            ),
        )
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None


def latest(connection: sa.Connection, count: int) -> list[Mailing]:
    """Return the mailings that were started last, newest first."""
    query = sa.select(mailings).order_by(mailings.c.id.desc()).limit(count)
    return [from_row(row) for row in connection.execute(query)]


def slugs_sent(connection: sa.Connection) -> set[str]:
    """Return the slugs that a real mailing holds."""
    query = sa.select(mailings.c.slug).where(
        mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false())
    )
    return set(connection.scalars(query))


def unfinished(connection: sa.Connection, *, rehearsal: bool) -> list[Mailing]:
    """Return the mailings that have started and of which something is owed or unknown."""
    ended = [MailingState.COMPLETED, MailingState.CANCELLED, MailingState.EXPIRED]
    query = (
        sa.select(mailings)
        .where(mailings.c.rehearsal == rehearsal, mailings.c.state.not_in(ended))
        .order_by(mailings.c.id)
    )
    return [from_row(row) for row in connection.execute(query)]


def slugs(connection: sa.Connection, *, rehearsal: bool) -> set[str]:
    """Return the slugs that ever had a mailing, whatever became of it."""
    return set(
        connection.scalars(sa.select(mailings.c.slug).where(mailings.c.rehearsal == rehearsal))
    )


def all_slugs(connection: sa.Connection) -> list[str]:
    """Return the slugs of all mailings and rehearsals, newest first."""
    query = sa.select(mailings.c.slug).order_by(mailings.c.id.desc())
    return list(dict.fromkeys(connection.scalars(query)))


def given_up(
    connection: sa.Connection, slug: str, send_at: datetime, *, rehearsal: bool
) -> Mailing | None:
    """Return the mailing of an issue for this very slot that was cancelled or expired, if any."""
    query = (
        sa.select(mailings)
        .where(
            mailings.c.slug == slug,
            mailings.c.slot == slot_of(send_at),
            mailings.c.rehearsal == rehearsal,
            mailings.c.state.in_([MailingState.CANCELLED, MailingState.EXPIRED]),
        )
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None
