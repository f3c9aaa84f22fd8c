"""Queries of the readers' web app: who leaves, what an issue looked like, is the database fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import Status
from newsletter.store.schema import imported, ledger, mailings, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection

_HERE = frozenset({Status.PENDING.value, Status.ACTIVE.value})
_REVISION = sa.table("alembic_version", sa.column("version_num", sa.Text)).c.version_num


@dataclass(frozen=True, slots=True)
class Condition:
    """What a database is: its ledger, its newest migration, and whether another took its place."""

    ledger: str
    revision: str
    closed: bool


def condition(connection: sa.Connection) -> Condition:
    """Return what database this is."""
    revision = sa.select(_REVISION).scalar_subquery()
    row = connection.execute(sa.select(ledger.c.id, revision, ledger.c.closed_at)).one()
    return Condition(row[0], row[1], row[2] is not None)


def still_here(connection: sa.Connection, public_ids: Collection[str]) -> list[int]:
    """Return the row numbers of those who have not left in any way.

    In a write transaction nobody else can change any of the named until its end. They come in one
    order, so that two processes which do the same never wait for each other in a circle.
    """
    # Whoever left before is held too: an import that took them off may be undone at this moment.
    query = (
        sa.select(subscribers.c.id, subscribers.c.status)
        .where(subscribers.c.public_id.in_(public_ids))
        .order_by(subscribers.c.id)
    )
    if connection.get_execution_options().get("newsletter_write"):
        query = query.with_for_update()
    return [id_ for id_, status in connection.execute(query) if status in _HERE]


def taken_off(connection: sa.Connection, public_ids: Collection[str]) -> list[int]:
    """Return the row numbers of those whom only an import took off the list, or added as gone.

    That they leave by their own act as well has to be noted: then undoing that import brings none
    of them back.
    """
    query = (
        sa.select(subscribers.c.id)
        .join(imported, imported.c.subscriber_id == subscribers.c.id)
        .where(
            subscribers.c.public_id.in_(public_ids),
            subscribers.c.status.not_in(_HERE),
            imported.c.touched.is_(sa.false()),
        )
        .order_by(subscribers.c.id)
    )
    return list(connection.scalars(query))


def published(
    connection: sa.Connection, slug: str, *, rehearsals: bool
) -> tuple[str, bytes] | None:
    """Return hash and bytes of the letter that an issue's readers got, or None if none did.

    Args:
        connection: An open transaction.
        slug: Of the issue.
        rehearsals: Whether its rehearsal will do where no real mailing has started.
    """
    query = (
        sa.select(mailings.c.letter_hash, mailings.c.letter)
        .where(mailings.c.slug == slug, mailings.c.released.is_(sa.false()))
        .order_by(mailings.c.rehearsal, mailings.c.id.desc())
        .limit(1)
    )
    if not rehearsals:
        query = query.where(mailings.c.rehearsal.is_(sa.false()))
    row = connection.execute(query).one_or_none()
    return (row.letter_hash, row.letter) if row else None
