"""Queries about the archive: the texts that were published, and which of them are shown."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter.model import (
    ArchiveChanges,
    Correction,
    Edition,
    MailedCorrection,
    MailingState,
    PublishedIssue,
)
from newsletter.store import block_json
from newsletter.store.database import now
from newsletter.store.schema import editions, mailings, withdrawals

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


def record(connection: sa.Connection, edition: Edition, mailing_id: int | None = None) -> None:
    """Record a text.

    Args:
        edition: The text.
        mailing_id: The mailing of a text as it was sent; None of a correction, and of a letter
            that another program sent.

    Raises:
        sqlalchemy.exc.IntegrityError: There is a correction of this number, or such a letter.
    """
    row = {
        "slug": edition.slug,
        "number": edition.number,
        "mailing_id": mailing_id,
        "at": edition.at,
        "day": edition.day.isoformat(),
        "subject": edition.subject,
        "preheader": edition.preheader,
        "article": edition.article,
        "themes": json.dumps(edition.themes, ensure_ascii=False),
        "blocks": block_json.encode(edition.blocks),
        "content_hash": edition.content_hash,
        "change": edition.change,
        "imported_from": edition.imported_from or None,
    }
    connection.execute(editions.insert().values(row))


def fingerprint(connection: sa.Connection) -> str:
    """Return a value that changes when anything about the archive may have changed."""
    counts = [
        sa.select(sa.func.max(editions.c.id)),
        sa.select(sa.func.count()).select_from(editions),
        sa.select(sa.func.count()).select_from(withdrawals),
        # A mailing that is released, and a rehearsal that gives way to a real one.
        sa.select(sa.func.count()).where(mailings.c.released.is_(sa.true())),
        sa.select(sa.func.max(mailings.c.id)),
    ]
    row = connection.execute(sa.select(*(one.scalar_subquery() for one in counts))).one()
    return "-".join(str(value or 0) for value in row)


def changed_at(connection: sa.Connection) -> datetime | None:
    """Return when the archive was changed last; None if nothing was published yet."""
    moments = [
        sa.select(sa.func.max(editions.c.at)),
        sa.select(sa.func.max(withdrawals.c.at)),
        # A mailing that was cancelled before anything left takes its text along.
        sa.select(sa.func.max(mailings.c.finished_at)).where(mailings.c.released.is_(sa.true())),
    ]
    return max(filter(None, map(connection.scalar, moments)), default=None)


def published(
    connection: sa.Connection, *, rehearsals: bool, slugs: Collection[str] | None = None
) -> list[PublishedIssue]:
    """Return the issues in the archive, newest first.

    Args:
        rehearsals: Whether a rehearsal counts where no real mailing has started.
        slugs: Only these; None for all.
    """
    query = (
        sa.select(editions, mailings.c.rehearsal, mailings.c.monthly)
        .select_from(editions.outerjoin(mailings, editions.c.mailing_id == mailings.c.id))
        .where(
            _is_shown(rehearsals=rehearsals),
            editions.c.slug.not_in(sa.select(withdrawals.c.slug)),
        )
        # A real mailing's text counts before a rehearsal's, and the latest before an earlier one.
        .order_by(editions.c.number, mailings.c.rehearsal.desc(), editions.c.id)
    )
    if slugs is not None:
        query = query.where(editions.c.slug.in_(slugs))
    found: dict[str, dict[int, sa.Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.slug, {})[row.number] = row
    # A correction of an issue that is not shown is not shown either.
    issues = [_issue(list(texts.values())) for texts in found.values() if 0 in texts]
    return sorted(issues, key=lambda one: (one.edition.day, one.slug), reverse=True)


def _is_shown(*, rehearsals: bool) -> sa.ColumnElement[bool]:
    mailed = sa.and_(
        mailings.c.released.is_(sa.false()),
        sa.true() if rehearsals else mailings.c.rehearsal.is_(sa.false()),
    )
    return sa.or_(editions.c.mailing_id.is_(None), mailed)


def _issue(rows: list[sa.Row[Any]]) -> PublishedIssue:
    first, last = rows[0], rows[-1]
    return PublishedIssue(
        edition=_edition(last),
        published_at=first.at,
        corrections=tuple(Correction(row.number, row.at, row.change) for row in rows[1:]),
        monthly=bool(first.monthly),
    )


def _edition(row: sa.Row[Any]) -> Edition:
    return Edition(
        slug=row.slug,
        number=row.number,
        at=row.at,
        day=date.fromisoformat(row.day),
        subject=row.subject,
        preheader=row.preheader,
        article=row.article,
        themes=tuple(json.loads(row.themes)),
        blocks=block_json.decode(row.blocks),
        content_hash=row.content_hash,
        change=row.change,
        imported_from=row.imported_from or "",
    )


def changes(connection: sa.Connection, slug: str | None = None) -> dict[str, ArchiveChanges]:
    """Return what was done with issues since they were sent, by slug; only where there is any.

    Args:
        slug: Only of this issue; None for all.
    """
    mailed = sa.and_(
        mailings.c.erratum_of == editions.c.slug,
        mailings.c.erratum == editions.c.number,
        mailings.c.rehearsal.is_(sa.false()),
        mailings.c.released.is_(sa.false()),
    )
    corrected = (
        sa.select(
            *(editions.c.slug, editions.c.number, editions.c.at),
            *(mailings.c.slug.label("mailing"), mailings.c.state, mailings.c.audience),
        )
        .select_from(editions.outerjoin(mailings, mailed))
        .where(editions.c.number > 0, editions.c.mailing_id.is_(None))
        .order_by(editions.c.number)
    )
    withdrawn = sa.select(withdrawals.c.slug)
    if slug is not None:
        corrected = corrected.where(editions.c.slug == slug)
        withdrawn = withdrawn.where(_withdrawn(slug))
    found: dict[str, list[MailedCorrection]] = {}
    for row in connection.execute(corrected):
        state = MailingState(row.state) if row.state else None
        found.setdefault(row.slug, []).append(
            MailedCorrection(row.number, row.at, row.mailing, state, row.audience)
        )
    gone = set(connection.scalars(withdrawn))
    return {one: ArchiveChanges(tuple(found.get(one, ())), one in gone) for one in gone | {*found}}


def is_newest_text(connection: sa.Connection, slug: str, content_hash: str) -> bool:
    """Return whether a text is the newest correction of an issue."""
    query = (
        sa.select(editions.c.content_hash)
        .where(editions.c.slug == slug, editions.c.number > 0)
        .order_by(editions.c.number.desc())
        .limit(1)
    )
    return connection.scalar(query) == content_hash


def imported_slugs(connection: sa.Connection) -> set[str]:
    """Return the slugs of letters that another program sent: they are never sent again."""
    query = sa.select(editions.c.slug).where(editions.c.imported_from.is_not(None))
    return set(connection.scalars(query))


def content_hashes(connection: sa.Connection) -> dict[str, str]:
    """Return the content hash of the first text of each issue, by its slug."""
    query = sa.select(editions.c.slug, editions.c.content_hash).where(editions.c.number == 0)
    return {row.slug: row.content_hash for row in connection.execute(query)}


def is_imported(connection: sa.Connection, slug: str) -> bool:
    """Return whether another program sent a letter of this slug."""
    query = sa.select(editions.c.id).where(
        editions.c.slug == slug, editions.c.imported_from.is_not(None)
    )
    return connection.scalar(query) is not None


def is_withdrawn(connection: sa.Connection, slug: str) -> bool:
    """Return whether an issue was taken out of the archive."""
    return connection.scalar(sa.select(withdrawals.c.at).where(_withdrawn(slug))) is not None


def withdraw(connection: sa.Connection, slug: str) -> bool:
    """Take an issue out of the archive; return whether it was in it."""
    if is_withdrawn(connection, slug):
        return False
    connection.execute(withdrawals.insert().values(slug=slug, at=now(connection)))
    return True


def _withdrawn(slug: str) -> sa.ColumnElement[bool]:
    return withdrawals.c.slug == slug
