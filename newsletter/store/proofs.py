"""Queries about proofs: letters that their author had sent to himself, through a real provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.database import now
from newsletter.store.schema import proofs

if TYPE_CHECKING:
    from collections.abc import Collection


def record(
    connection: sa.Connection,
    *,
    slug: str,
    letter_hash: str,
    ref: str,
    provider: str,
    provider_id: str,
) -> None:
    """Keep which letter was proofed; to whom it went is not kept."""
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


def seen(connection: sa.Connection, letter_hashes: Collection[str]) -> frozenset[str]:
    """Return which of these letters were proofed."""
    query = sa.select(proofs.c.letter_hash).where(proofs.c.letter_hash.in_(letter_hashes))
    return frozenset(connection.scalars(query))
