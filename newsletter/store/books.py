"""Queries about all mailings at once, without their letters: what a list of issues shows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from newsletter.model import MailingState
from newsletter.store.schema import mailings, proofs

if TYPE_CHECKING:
    from collections.abc import Mapping


class Entry(NamedTuple):
    """What the ledger says of one real mailing, in short."""

    slug: str
    slot: str
    send_at: datetime
    state: MailingState
    note: str
    released: bool
    content_hash: str
    letter_hash: str
    audience: int


def entries(connection: sa.Connection) -> list[Entry]:
    """Return all real mailings, oldest first."""
    columns = (
        mailings.c.slug,
        mailings.c.slot,
        mailings.c.send_at,
        mailings.c.state,
        mailings.c.note,
        mailings.c.released,
        mailings.c.content_hash,
        mailings.c.letter_hash,
        mailings.c.audience,
    )
    query = sa.select(*columns).where(mailings.c.rehearsal.is_(sa.false())).order_by(mailings.c.id)
    return [
        Entry(slug, slot, datetime.fromisoformat(send_at), MailingState(state), *rest)
        for slug, slot, send_at, state, *rest in connection.execute(query)
    ]


def proofed_letters(connection: sa.Connection) -> Mapping[str, set[str]]:
    """Return the hashes of the letters that were proofed, by slug."""
    found: dict[str, set[str]] = {}
    for slug, letter_hash in connection.execute(sa.select(proofs.c.slug, proofs.c.letter_hash)):
        found.setdefault(slug, set()).add(letter_hash)
    return found
