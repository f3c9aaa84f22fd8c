"""Queries about recurring tasks: how far each came, and whose turn it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import checkpoints

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_PUT = sa.text(
    "INSERT INTO checkpoints (name, at) VALUES (:name, :at)"
    " ON CONFLICT (name) DO UPDATE SET at = excluded.at WHERE checkpoints.at < :before"
).bindparams(sa.bindparam("at", type_=UtcDateTime), sa.bindparam("before", type_=UtcDateTime))


def find(connection: sa.Connection, name: str) -> datetime | None:
    """Return how far a task came, or None if it never ran."""
    query = sa.select(checkpoints.c.at).where(checkpoints.c.name == name)
    found: datetime | None = connection.scalar(query)
    return found


def put(connection: sa.Connection, name: str, at: datetime) -> None:
    """Record how far a task came; it never goes back."""
    connection.execute(_PUT, {"name": name, "at": at, "before": at})


def take_turn(connection: sa.Connection, name: str, every: timedelta) -> bool:
    """Take the turn of a task, once in an interval for all processes; False if it is taken."""
    moment = now(connection)
    row = {"name": name, "at": moment, "before": moment - every}
    return connection.execute(_PUT, row).rowcount == 1
