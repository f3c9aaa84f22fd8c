"""Queries about suppressions: keyed hashes of addresses that must not be mailed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.schema import ledger, subscribers, suppressions
from newsletter.store.sql import among

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an address must not be mailed, and since when."""

    reason: str
    at: datetime


def count(connection: sa.Connection) -> int:
    """Return how many suppressions there are."""
    return connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) or 0


def hash_key(connection: sa.Connection) -> bytes:
    """Return the key of the address hashes; it never rotates."""
    key: bytes = connection.execute(sa.select(ledger.c.suppression_key)).scalar_one()
    return key


def find(connection: sa.Connection, hashes: Collection[str]) -> dict[str, Suppression]:
    """Return which of these address hashes are suppressed."""
    rows = connection.execute(
        sa.select(suppressions).where(among(connection, suppressions.c.address_hash, hashes))
    )
    return {row.address_hash: Suppression(row.reason, row.at) for row in rows}


# An address that was erased, came back and left again is suppressed already.
_SUPPRESS = sa.text(
    "INSERT INTO suppressions (address_hash, reason, at) VALUES (:address_hash, :reason, :at)"
    " ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=UtcDateTime))


def reduce_to_hashes(
    connection: sa.Connection, gone: Collection[tuple[int, str, str, datetime]]
) -> None:
    """Delete subscribers, and keep only that their addresses must not be mailed.

    Args:
        gone: Of each the number, the hash of the address, the reason and the moment.
    """
    if not gone:
        return
    rows = [{"address_hash": digest, "reason": why, "at": at} for _, digest, why, at in gone]
    connection.execute(_SUPPRESS, rows)
    numbers = [one[0] for one in gone]
    connection.execute(subscribers.delete().where(among(connection, subscribers.c.id, numbers)))
