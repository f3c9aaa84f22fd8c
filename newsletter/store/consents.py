"""Queries about consents: records that are only added."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import Consent
from newsletter.store.schema import consents, subscribers, wordings
from newsletter.store.sql import insert_many

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def record(
    connection: sa.Connection,
    text: str,
    source: str,
    given: Iterable[tuple[str, datetime, str | None]],
) -> None:
    """Record that subscribers agreed to a text.

    Args:
        text: The wording.
        source: Where they agreed.
        given: Address as it is compared, moment, and IP address (where known) of each.
    """
    rows = list(given)
    if not rows:
        return
    agreed = sa.select(
        subscribers.c.id,
        sa.literal_column(str(wording(connection, text))),
        sa.bindparam("at", type_=consents.c.at.type),
        sa.bindparam("source", type_=consents.c.source.type),
        sa.bindparam("ip", type_=consents.c.ip.type),
    ).where(subscribers.c.email_key == sa.bindparam("key"))
    insert_many(
        connection,
        consents.insert().from_select(
            ["subscriber_id", "wording_id", "at", "source", "ip"], agreed
        ),
        ("key", "at", "ip", "source"),
        [(*row, source) for row in rows],
    )


def consents_of(connection: sa.Connection, id_: int) -> list[Consent]:
    """Return the consents of a subscriber, oldest first."""
    rows = connection.execute(
        sa.select(consents, wordings.c.text, wordings.c.hash)
        .join(wordings)
        .where(consents.c.subscriber_id == id_)
        .order_by(consents.c.id)
    )
    return [
        Consent(
            at=row.at,
            source=row.source,
            text=row.text,
            version=row.wording_id,
            hash=row.hash,
            ip=row.ip,
            user_agent=row.user_agent,
            form=row.form,
            requested_at=row.requested_at,
            requested_ip=row.requested_ip,
            requested_user_agent=row.requested_user_agent,
            came_from=row.came_from,
            left_at=row.left_at,
        )
        for row in rows
    ]


def wording(connection: sa.Connection, text: str) -> int:
    """Return the number of a wording, which is kept from its first use on."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = sa.select(wordings.c.id).where(wordings.c.hash == digest)
    found = connection.scalar(known)
    if found is None:
        connection.execute(_NEW_WORDING, {"text": text, "hash": digest})
        found = connection.execute(known).scalar_one()
    return int(found)


_NEW_WORDING = sa.text(
    "INSERT INTO wordings (text, hash) VALUES (:text, :hash) ON CONFLICT DO NOTHING"
)
