"""Leases: which senders hold them, and which of those senders are known to be dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store import sender_locks
from newsletter.store.database import now
from newsletter.store.sql import among

if TYPE_CHECKING:
    from pathlib import Path


def end_dead_leases(
    connection: sa.Connection, table: sa.Table, open_: sa.ColumnElement[bool]
) -> None:
    """End now the leases of senders that are known to be dead; leave all others as they are.

    Args:
        table: Of batches, or of notices.
        open_: Which of its rows have a lease that matters.
    """
    owners = dead_owners(connection, table, open_)
    if not owners:
        return
    moment = now(connection)
    theirs = sa.and_(open_, table.c.lease_until > moment, table.c.owner.in_(owners))
    # In one order, and without those that another sender takes over at this moment.
    held = sa.select(table.c.id).where(theirs).order_by(table.c.id)
    ids = connection.scalars(held.with_for_update(skip_locked=True)).all()
    ended = table.update().where(among(connection, table.c.id, ids))
    connection.execute(ended.values(lease_until=moment))


def dead_owners(
    connection: sa.Connection, table: sa.Table, open_: sa.ColumnElement[bool]
) -> list[str]:
    """Return the senders that hold leases and are known to be dead."""
    state: Path | None = connection.get_execution_options().get("newsletter_state")
    if state is None:
        return []
    leased = sa.and_(open_, table.c.lease_until > now(connection), table.c.owner.is_not(None))
    owners = connection.scalars(sa.select(table.c.owner).where(leased).distinct())
    return sender_locks.dead_owners(owners.all(), state)
