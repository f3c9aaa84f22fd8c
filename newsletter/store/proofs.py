"""Queries about proofs: real copies of a letter that went to the author."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.database import now
from newsletter.store.schema import proofs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


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


def find_proofed(connection: sa.Connection, letter_hashes: Collection[str]) -> frozenset[str]:
    """Return which of these letters were proofed."""
    query = sa.select(proofs.c.letter_hash).where(proofs.c.letter_hash.in_(letter_hashes))
    return frozenset(connection.scalars(query))


def proofed_letters(connection: sa.Connection) -> Mapping[str, set[str]]:
    """Return the hashes of the letters that were proofed, by slug."""
    found: dict[str, set[str]] = {}
    for slug, letter_hash in connection.execute(sa.select(proofs.c.slug, proofs.c.letter_hash)):
        found.setdefault(slug, set()).add(letter_hash)
    return found
