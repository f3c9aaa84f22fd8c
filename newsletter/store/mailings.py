"""Queries about mailings: find them, lock them, change their state."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from newsletter import states
from newsletter.errors import DecisionNeeded
from newsletter.model import DeliveryState, Issue, Mailing, MailingState, Pause
from newsletter.schedule import slot_of
from newsletter.store.database import now
from newsletter.store.mailing_reports import count_by_state
from newsletter.store.schema import batches, decisions, deliveries, mailings


def get(connection: sa.Connection, mailing_id: int) -> Mailing:
    """Return one mailing by its number.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    row = connection.execute(sa.select(mailings).where(mailings.c.id == mailing_id)).one_or_none()
    if row is None:
        raise _replaced()
    return from_row(row)


def lock(connection: sa.Connection, mailing_id: int) -> Mailing:
    """Return one mailing as it is, and keep others from claiming of it or changing it.

    In a write transaction, before anything is decided by the mailing's state or by its counts.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    this = sa.select(mailings.c.id).where(mailings.c.id == mailing_id)
    connection.execute(this.with_for_update(key_share=True))
    return get(connection, mailing_id)


def letter_of(connection: sa.Connection, mailing_id: int) -> bytes:
    """Return the frozen letter.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    query = sa.select(mailings.c.letter).where(mailings.c.id == mailing_id)
    letter: bytes | None = connection.scalar(query)
    if letter is None:
        raise _replaced()
    return letter


def change_state(
    connection: sa.Connection, mailing_id: int, target: MailingState, note: str = ""
) -> bool:
    """Bring a mailing to another state, if that may follow its present one; tell whether it did."""
    ends = {MailingState.COMPLETED, MailingState.COMPLETED_WITH_UNKNOWN, MailingState.CANCELLED}
    values: dict[str, object] = {"state": target, "note": note, "finished_at": None}
    if target in ends:  # a limit has no meaning any more, whatever is sent again
        values |= {"finished_at": now(connection), "claims_left": None}
    changed = connection.execute(
        mailings.update()
        .where(mailings.c.id == mailing_id)
        .where(mailings.c.state.in_(states.mailings_before(target)))
        .values(values)
    )
    return changed.rowcount == 1


def set_limit(connection: sa.Connection, mailing_id: int, room: int | None) -> None:
    """Let a mailing go to `room` more readers, or to all of them."""
    connection.execute(
        mailings.update().where(mailings.c.id == mailing_id).values(claims_left=room)
    )


def start(connection: sa.Connection, mailing_id: int) -> bool:
    """Bring a mailing to *sending*; tell whether that may be."""
    going = get(connection, mailing_id).state is MailingState.SENDING
    return going or change_state(connection, mailing_id, MailingState.SENDING)


def pause_at_limit(connection: sa.Connection, mailing_id: int) -> None:
    """Pause a mailing that was started for some of its readers, unless it has ended."""
    limited = sa.select(mailings.c.state).where(
        mailings.c.id == mailing_id, mailings.c.claims_left.is_not(None)
    )
    if connection.scalar(limited) == MailingState.SENDING:
        change_state(connection, mailing_id, MailingState.PAUSED, Pause.LIMIT)


def complete_if_done(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing that has nothing left to do; any other stays as it is."""
    lock(connection, mailing_id)
    end = states.conclusion(count_by_state(connection, mailing_id))
    if end:
        change_state(connection, mailing_id, end)


def complete_if_all_known(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing that ended with something unknown, when the last of it is known now.

    In the transaction that settles, so that its account adds up at any moment. Nothing is waited
    for: whoever else holds the mailing concludes it, and so does the end of every run.
    """
    ended = sa.select(mailings.c.id).where(
        mailings.c.id == mailing_id, mailings.c.state == MailingState.COMPLETED_WITH_UNKNOWN
    )
    if connection.scalar(ended.with_for_update(key_share=True, skip_locked=True)):
        complete_if_done(connection, mailing_id)


def release(connection: sa.Connection, mailing_id: int) -> bool:
    """Free slug, slot and content of a cancelled mailing of which nothing was attempted."""
    attempted = sa.exists().where(
        deliveries.c.mailing_id == mailing_id,
        deliveries.c.state.not_in([DeliveryState.PENDING, DeliveryState.SKIPPED]),
    )
    changed = connection.execute(
        mailings.update().where(mailings.c.id == mailing_id, ~attempted).values(released=True)
    )
    return changed.rowcount == 1


def discard(connection: sa.Connection, mailing: Mailing) -> None:
    """Remove a rehearsal with all it did. A real mailing is never removed."""
    if not mailing.rehearsal:
        raise ValueError("only a rehearsal can be discarded")
    for table in (deliveries, batches, decisions):
        connection.execute(table.delete().where(table.c.mailing_id == mailing.id))
    connection.execute(mailings.delete().where(mailings.c.id == mailing.id))


def record_decision(
    connection: sa.Connection, mailing_id: int, *, who: str, what: str, count: int
) -> None:
    """Keep what a person decided, and about how many deliveries."""
    connection.execute(
        decisions.insert().values(
            mailing_id=mailing_id, at=now(connection), who=who, what=what, deliveries=count
        )
    )


def _replaced() -> DecisionNeeded:
    return DecisionNeeded(
        "this rehearsal was replaced by one of the edited issue", hint="See: newsletter status"
    )


def from_row(row: sa.Row[Any]) -> Mailing:
    """Return the mailing that a row of its table is."""
    return Mailing(
        id=row.id,
        public_id=row.public_id,
        slug=row.slug,
        send_at=datetime.fromisoformat(row.send_at),
        content_hash=row.content_hash,
        letter_hash=row.letter_hash,
        provider=row.provider,
        provider_url=row.provider_url,
        rehearsal=row.rehearsal,
        state=MailingState(row.state),
        note=row.note,
        released=row.released,
        audience=row.audience,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def find(connection: sa.Connection, slug: str, *, rehearsal: bool) -> Mailing | None:
    """Return the latest mailing of an issue that still holds its slug, or the latest of all."""
    query = (
        sa.select(mailings)
        .where(mailings.c.slug == slug, mailings.c.rehearsal == rehearsal)
        .order_by(mailings.c.released, mailings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None


def find_conflicting(connection: sa.Connection, issue: Issue) -> Mailing | None:
    """Return the real mailing that already has this issue's slug, slot or content, if any."""
    query = (
        sa.select(mailings)
        .where(
            mailings.c.rehearsal.is_(sa.false()),
            mailings.c.released.is_(sa.false()),
            sa.or_(
                mailings.c.slug == issue.slug,
                mailings.c.slot == slot_of(issue.send_at),
                mailings.c.content_hash == issue.content_hash,
            ),
        )
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None


def find_latest(connection: sa.Connection, count: int) -> list[Mailing]:
    """Return the mailings that were started last, newest first."""
    query = sa.select(mailings).order_by(mailings.c.id.desc()).limit(count)
    return [from_row(row) for row in connection.execute(query)]


def slugs_sent(connection: sa.Connection) -> set[str]:
    """Return the slugs that a real mailing holds."""
    query = sa.select(mailings.c.slug).where(
        mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false())
    )
    return set(connection.scalars(query))


def find_unfinished(connection: sa.Connection, *, rehearsal: bool) -> list[Mailing]:
    """Return the mailings that have started and of which something is owed or unknown."""
    ended = [MailingState.COMPLETED, MailingState.CANCELLED, MailingState.EXPIRED]
    query = (
        sa.select(mailings)
        .where(mailings.c.rehearsal == rehearsal, mailings.c.state.not_in(ended))
        .order_by(mailings.c.id)
    )
    return [from_row(row) for row in connection.execute(query)]


def slugs(connection: sa.Connection, *, rehearsal: bool) -> set[str]:
    """Return the slugs that ever had a mailing, whatever became of it."""
    return set(
        connection.scalars(sa.select(mailings.c.slug).where(mailings.c.rehearsal == rehearsal))
    )


def all_slugs(connection: sa.Connection) -> list[str]:
    """Return the slugs of all mailings and rehearsals, newest first."""
    query = sa.select(mailings.c.slug).order_by(mailings.c.id.desc())
    return list(dict.fromkeys(connection.scalars(query)))


def find_cancelled_or_expired(
    connection: sa.Connection, slug: str, send_at: datetime, *, rehearsal: bool
) -> Mailing | None:
    """Return the mailing of an issue for this very slot that was cancelled or expired, if any."""
    query = (
        sa.select(mailings)
        .where(
            mailings.c.slug == slug,
            mailings.c.slot == slot_of(send_at),
            mailings.c.rehearsal == rehearsal,
            mailings.c.state.in_([MailingState.CANCELLED, MailingState.EXPIRED]),
        )
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None


class MailingSummary(NamedTuple):
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


def summaries(connection: sa.Connection) -> list[MailingSummary]:
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
        MailingSummary(slug, slot, datetime.fromisoformat(send_at), MailingState(state), *rest)
        for slug, slot, send_at, state, *rest in connection.execute(query)
    ]


def published_letter(
    connection: sa.Connection, slug: str, *, rehearsals: bool
) -> tuple[str, bytes] | None:
    """Return hash and bytes of the letter that an issue's readers got, or None if none did.

    Args:
        connection: An open transaction.
        slug: Of the issue.
        rehearsals: Whether its rehearsal will do where no real mailing has started.
    """
    query = (
        sa.select(mailings.c.letter_hash, mailings.c.letter)
        .where(mailings.c.slug == slug, mailings.c.released.is_(sa.false()))
        .order_by(mailings.c.rehearsal, mailings.c.id.desc())
        .limit(1)
    )
    if not rehearsals:
        query = query.where(mailings.c.rehearsal.is_(sa.false()))
    row = connection.execute(query).one_or_none()
    return (row.letter_hash, row.letter) if row else None


def latest_published_slug(connection: sa.Connection, *, rehearsals: bool) -> str | None:
    """Return the slug of the newest issue whose page can be read, or None if there is none."""
    query = (
        sa.select(mailings.c.slug)
        .where(mailings.c.released.is_(sa.false()))
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    if not rehearsals:
        query = query.where(mailings.c.rehearsal.is_(sa.false()))
    return connection.scalar(query)
