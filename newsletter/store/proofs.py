"""Queries about proofs: real copies of a letter that went to the author."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.database import now
from newsletter.store.schema import proofs

if TYPE_CHECKING:
    from datetime import datetime


def record(
    connection: sa.Connection,
    *,
    slug: str,
    letter_hash: str,
    ref: str,
    provider: str,
    provider_id: str,
) -> None:
    """Record which letter was proofed; the recipient is not kept."""
    connection.execute(
        proofs.insert().values(
            slug=slug,
            letter_hash=letter_hash,
            ref=ref,
            provider=provider,
            provider_id=provider_id,
            at=now(connection),
        )
    )


def find_all(connection: sa.Connection) -> dict[str, dict[str, datetime]]:
    """Return when each letter was last proofed, by slug and hash."""
    columns = (proofs.c.slug, proofs.c.letter_hash, sa.func.max(proofs.c.at, type_=UtcDateTime))
    found: dict[str, dict[str, datetime]] = {}
    query = sa.select(*columns).group_by(proofs.c.slug, proofs.c.letter_hash)
    for slug, letter_hash, at in connection.execute(query):
        found.setdefault(slug, {})[letter_hash] = at
    return found


def last_proof(connection: sa.Connection, letter_hash: str) -> datetime | None:
    """Return when a letter was last proofed; None if it never was."""
    last = sa.func.max(proofs.c.at, type_=UtcDateTime)
    query = sa.select(last).where(proofs.c.letter_hash == letter_hash)
    found: datetime | None = connection.scalar(query)
    return found
