"""Queries about the pictures of letters: small copies, which the web app serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import media
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

_AT_A_TIME: Final = 50
# Two processes may store one picture at the same moment: either copy is right.
_PUT: Final = sa.text(
    "INSERT INTO media (name, body, stored_at) VALUES (:name, :body, :at)"
    " ON CONFLICT (name) DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime), sa.bindparam("body", type_=sa.LargeBinary))


def find_stored(connection: sa.Connection, names: Collection[str]) -> frozenset[str]:
    """Return which of these pictures are stored."""
    query = sa.select(media.c.name).where(among(connection, media.c.name, names))
    return frozenset(connection.scalars(query))


def read(connection: sa.Connection, name: str) -> bytes | None:
    """Return a picture; None if there is none of that name."""
    found: bytes | None = connection.scalar(sa.select(media.c.body).where(media.c.name == name))
    return None if found is None else bytes(found)


def store(
    connection: sa.Connection, names: Collection[str], copies: Mapping[str, bytes]
) -> frozenset[str]:
    """Store pictures, and keep those that were stored already for as long as the new ones.

    Args:
        names: All that a letter needs.
        copies: Those of them that were not stored.

    Returns:
        Those that are missing now, because another process has just deleted them.
    """
    moment = now(connection)
    for name, body in copies.items():
        connection.execute(_PUT, {"name": name, "body": body, "at": moment})
    needed = media.update().where(among(connection, media.c.name, names))
    kept = connection.scalars(needed.values(stored_at=moment).returning(media.c.name))
    return frozenset(names) - frozenset(kept)


def mark_sent(connection: sa.Connection, names: Collection[str]) -> frozenset[str]:
    """Keep pictures for as long as there is a ledger; return those that are not stored."""
    sent = media.update().where(among(connection, media.c.name, names))
    marked = connection.scalars(sent.values(sent=True).returning(media.c.name))
    return frozenset(names) - frozenset(marked)


def delete_unused(connection: sa.Connection, before: datetime) -> int:
    """Delete pictures that no letter to people shows and that were last needed before a moment."""
    unused = sa.select(media.c.name).where(media.c.sent.is_(sa.false()), media.c.stored_at < before)
    names = list(connection.scalars(unused.limit(_AT_A_TIME).with_for_update()))
    gone = media.delete().where(among(connection, media.c.name, names))
    return connection.execute(gone).rowcount if names else 0
