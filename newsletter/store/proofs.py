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
    provider_url: str,
    provider_id: str,
) -> None:
    """Record which letter was proofed; the recipient is not kept."""
    connection.execute(
        proofs.insert().values(
            slug=slug,
            letter_hash=letter_hash,
            ref=ref,
            provider=provider,
            provider_url=provider_url,
            provider_id=provider_id,
            at=now(connection),
        )
    )


def find_all(connection: sa.Connection) -> dict[tuple[str, str], dict[str, datetime]]:
    """Return when each letter was last proofed: by slug and base URL of the provider, and hash.

    What another URL took, such as that of a sandbox, nobody may have seen.
    """
    columns = (proofs.c.slug, proofs.c.provider_url, proofs.c.letter_hash)
    last = sa.func.max(proofs.c.at, type_=UtcDateTime)
    query = sa.select(*columns, last).where(proofs.c.provider_url.is_not(None)).group_by(*columns)
    found: dict[tuple[str, str], dict[str, datetime]] = {}
    for slug, provider_url, letter_hash, at in connection.execute(query):
        found.setdefault((slug, provider_url), {})[letter_hash] = at
    return found


def last_proof(
    connection: sa.Connection, letter_hash: str, provider_url: str | None
) -> datetime | None:
    """Return when a letter of a mailing was last proofed; None if it never was.

    Args:
        connection: A connection.
        letter_hash: Names the letter.
        provider_url: The base URL of the mailing; None of a rehearsal, which has none.
    """
    last = sa.func.max(proofs.c.at, type_=UtcDateTime)
    query = sa.select(last).where(proofs.c.letter_hash == letter_hash)
    if provider_url is not None:
        unknown = proofs.c.provider_url.is_(None)
        query = query.where(sa.or_(proofs.c.provider_url == provider_url, unknown))
    found: datetime | None = connection.scalar(query)
    return found
