"""Queries about rehearsals: their audience, and the letters they wrote."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from newsletter.model import DeliveryState
from newsletter.store.audiences import Audience, is_in
from newsletter.store.database import now
from newsletter.store.schema import deliveries, subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator


class RehearsedLetter(NamedTuple):
    """One subscriber's letter in a rehearsal."""

    ref: str
    public_id: str
    email: str
    first_name: str | None
    plain_text: bool


def audience_hash(connection: sa.Connection, audience: Audience) -> str:
    """Return a hash of the subscribers who would be mailed now, with all that their letters show.

    It changes as soon as one of them joins, leaves, pauses, or changes a name, an address or a
    preference: then a rehearsal no longer shows what would leave.
    """
    query = (
        sa.select(
            subscribers.c.public_id,
            subscribers.c.email,
            subscribers.c.first_name,
            subscribers.c.plain_text,
        )
        .where(is_in(audience, now(connection)))
        .order_by(subscribers.c.id)
    )
    digest = hashlib.sha256()
    for row in connection.execute(query):
        digest.update(json.dumps([*row]).encode())
    return digest.hexdigest()


def letters(connection: sa.Connection, mailing_id: int) -> Iterator[RehearsedLetter]:
    """Yield the letters that a rehearsal wrote, in the order of the list."""
    query = (
        sa.select(
            deliveries.c.ref,
            subscribers.c.public_id,
            subscribers.c.email,
            subscribers.c.first_name,
            deliveries.c.plain_text,
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.mailing_id == mailing_id, deliveries.c.state == DeliveryState.ACCEPTED)
        .order_by(subscribers.c.id)
    )
    return (RehearsedLetter(*row) for row in connection.execute(query))
