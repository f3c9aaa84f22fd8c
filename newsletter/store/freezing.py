"""Freezing: a letter and its audience become a mailing, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.model import (
    DeliveryState,
    Draft,
    Edition,
    Issue,
    Letter,
    Mailing,
    MailingState,
)
from newsletter.schedule import slot_of
from newsletter.store import editions
from newsletter.store.audiences import Audience, is_in
from newsletter.store.database import now
from newsletter.store.mailings import COLUMNS, from_row
from newsletter.store.schema import deliveries, digest_issues, ledger, mailings, subscribers
from newsletter.store.sql import new_id

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


def freeze(
    connection: sa.Connection,
    issue: Issue,
    letter: Letter,
    *,
    provider: str,
    provider_url: str,
    rehearsal: bool,
    digest: Collection[str] = (),
) -> Mailing:
    """Freeze a letter and its audience: everyone in it who is active and has not paused.

    In the caller's transaction, so that the whole mailing is there or nothing of it; its text comes
    into the archive with it.

    Args:
        connection: The write transaction, in which `lock_freezing` was called.
        issue: The issue.
        letter: The issue, rendered.
        provider: The provider that sends it.
        provider_url: Its base URL, if not the usual one.
        rehearsal: Whether that provider mails nobody.
        digest: The issues that a digest lists.

    Raises:
        sqlalchemy.exc.IntegrityError: Slug, slot or content belong to another mailing.
    """
    moment = now(connection)
    row = new_row(issue.slug, issue.send_at, moment) | {
        "content_hash": issue.content_hash,
        "letter_hash": letter.hash,
        "letter": letter.encode(),
        "provider": provider,
        "provider_url": provider_url,
        "rehearsal": rehearsal,
        "state": MailingState.FROZEN,
        "monthly": issue.monthly,
    }
    insert = mailings.insert().returning(mailings.c.id).values(row)
    mailing_id = connection.execute(insert).scalar_one()
    editions.record(connection, _edition(issue, moment), mailing_id)
    listed = [{"mailing_id": mailing_id, "slug": slug} for slug in digest]
    if listed:
        connection.execute(digest_issues.insert(), listed)
    audience = Audience(issue.slug, issue.monthly, tuple(digest))
    return freeze_audience(connection, mailing_id, is_in(audience, moment))


def _edition(issue: Issue, moment: datetime) -> Edition:
    """Return the text of an issue as the archive keeps it."""
    return Edition(
        slug=issue.slug,
        number=0,
        at=moment,
        day=issue.send_at.date(),
        subject=issue.subject,
        preheader=issue.preheader,
        article=issue.article,
        themes=issue.themes,
        blocks=issue.blocks,
        content_hash=issue.content_hash,
    )


def new_row(slug: str, send_at: datetime, moment: datetime) -> dict[str, object]:
    """Return the columns that all new mailings have in common."""
    return {
        "public_id": new_id(),
        "slug": slug,
        "slot": slot_of(send_at),
        "send_at": send_at.isoformat(),
        "note": "",
        "released": False,
        "audience": 0,
        "started_at": moment,
    }


def freeze_audience(
    connection: sa.Connection, mailing_id: int, wanted: sa.ColumnElement[bool]
) -> Mailing:
    """Make a pending delivery for every subscriber of whom a condition holds; count them."""
    people = (
        sa.select(
            sa.literal(mailing_id),
            subscribers.c.id,
            _random_ref(connection),
            sa.literal(DeliveryState.PENDING.value),
            sa.false(),
            subscribers.c.plain_text,
        )
        .where(wanted)
        .order_by(subscribers.c.id)
        # Nobody is erased between the select and the insert.
        .with_for_update(read=True, key_share=True)
    )
    columns = ["mailing_id", "subscriber_id", "ref", "state", "assumed", "plain_text"]
    insert = deliveries.insert().from_select(columns, people)
    # SQLAlchemy keeps the count of an insert only on request.
    made = connection.execute(insert, execution_options={"preserve_rowcount": True})
    frozen = mailings.update().where(mailings.c.id == mailing_id).values(audience=made.rowcount)
    return from_row(connection.execute(frozen.returning(*COLUMNS)).one())


def _random_ref(connection: sa.Connection) -> sa.ColumnElement[str]:
    """Return an expression with a different random name in every row."""
    if connection.dialect.name == "postgresql":
        return sa.func.replace(sa.cast(sa.func.gen_random_uuid(), sa.Text), "-", "")
    return sa.func.lower(sa.func.hex(sa.func.randomblob(16)))


def lock_freezing(connection: sa.Connection) -> None:
    """Let one transaction at a time freeze; SQLite has only one writer anyway."""
    connection.execute(sa.select(ledger.c.id).with_for_update(key_share=True))


def record_expired(
    connection: sa.Connection,
    draft: Draft,
    send_at: datetime,
    *,
    provider: str,
    provider_url: str,
    rehearsal: bool,
) -> Mailing:
    """Record that an issue missed its window; it has no letter, no audience, and holds no slot.

    Args:
        draft: The file of the issue, which may hold errors.
        send_at: When it was due, local with its offset.
        provider: The provider of the settings.
        provider_url: Its base URL, if not the usual one.
        rehearsal: Whether that provider mails nobody.
    """
    moment = now(connection)
    row = new_row(draft.slug, send_at, moment) | {
        "content_hash": draft.issue.content_hash if draft.issue else "",
        "letter_hash": "",
        "letter": b"",
        "provider": provider,
        "provider_url": provider_url,
        "rehearsal": rehearsal,
        "monthly": draft.monthly,
        "state": MailingState.EXPIRED,
        "note": "its time had passed before anything started",
        "released": True,
        "finished_at": moment,
    }
    return from_row(connection.execute(mailings.insert().returning(*COLUMNS).values(row)).one())
