"""Queries about mailings: find them, lock them, change their state."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter import states
from newsletter.errors import DecisionNeeded
from newsletter.model import DeliveryState, Issue, Letter, Mailing, MailingState, PauseReason
from newsletter.schedule import slot_of
from newsletter.store.database import now
from newsletter.store.mailing_reports import count_by_state
from newsletter.store.schema import (
    batches,
    decisions,
    deliveries,
    digest_issues,
    editions,
    mailings,
    withdrawals,
)

COLUMNS: Final = tuple(column for column in mailings.c if column is not mailings.c.letter)
"""All that a `Mailing` holds: the letter is many times larger, and `letter_of` reads it."""

_REAL: Final = sa.and_(mailings.c.rehearsal.is_(sa.false()), mailings.c.released.is_(sa.false()))
_OF_ISSUE: Final = mailings.c.erratum == 0
"""Not of a correction, which holds no slot and no text, and has no page of its own."""


def get(connection: sa.Connection, mailing_id: int) -> Mailing:
    """Return one mailing by its number.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    found = _one(connection, sa.select(*COLUMNS).where(mailings.c.id == mailing_id))
    if found is None:
        raise _replaced()
    return found


def lock(connection: sa.Connection, mailing_id: int) -> Mailing:
    """Return one mailing, and keep others from claiming its deliveries or changing it.

    In a write transaction, before its state or its counts decide anything.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    query = sa.select(*COLUMNS).where(mailings.c.id == mailing_id)
    found = _one(connection, query.with_for_update(key_share=True))
    if found is None:
        raise _replaced()
    return found


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


def last_letter(connection: sa.Connection) -> Letter | None:
    """Return the letter of the real mailing that started last; None if there was none."""
    query = (
        sa.select(mailings.c.letter)
        .where(_REAL, mailings.c.letter != b"")
        .order_by(mailings.c.started_at.desc(), mailings.c.id.desc())
        .limit(1)
    )
    frozen: bytes | None = connection.scalar(query)
    return Letter.decode(frozen) if frozen else None


def change_state(
    connection: sa.Connection, mailing_id: int, target: MailingState, note: str = ""
) -> bool:
    """Change a mailing's state, if that may follow its present one; return whether it did."""
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


def set_limit(connection: sa.Connection, mailing_id: int, limit: int | None) -> None:
    """Let so many more deliveries of a mailing be claimed; None lets all of them."""
    this = mailings.update().where(mailings.c.id == mailing_id)
    connection.execute(this.values(claims_left=limit))


def start(connection: sa.Connection, mailing_id: int) -> bool:
    """Bring a mailing to *sending*; return whether it is in that state now."""
    started = change_state(connection, mailing_id, MailingState.SENDING)
    return started or get(connection, mailing_id).state is MailingState.SENDING


def pause_at_limit(connection: sa.Connection, mailing_id: int) -> None:
    """Pause a mailing that was started with a limit, unless it has ended."""
    limited = sa.select(mailings.c.state).where(
        mailings.c.id == mailing_id, mailings.c.claims_left.is_not(None)
    )
    if connection.scalar(limited) == MailingState.SENDING:
        change_state(connection, mailing_id, MailingState.PAUSED, PauseReason.LIMIT)


def complete_if_done(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing of which nothing is pending or attempting; leave any other as it is."""
    lock(connection, mailing_id)
    end = states.final_state(count_by_state(connection, mailing_id))
    if end:
        change_state(connection, mailing_id, end)


def complete_if_all_known(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing that ended with unknown deliveries, once none of them is unknown.

    In the transaction that settles, so that its report adds up at any moment. It waits for no lock:
    the transaction that holds the mailing completes it, and so does the end of every run.
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
    """Remove a rehearsal with all its rows. A real mailing is never removed."""
    if not mailing.rehearsal:
        raise ValueError("only a rehearsal can be discarded")
    for table in (deliveries, batches, decisions, editions, digest_issues):
        connection.execute(table.delete().where(table.c.mailing_id == mailing.id))
    connection.execute(mailings.delete().where(mailings.c.id == mailing.id))


def record_decision(
    connection: sa.Connection, mailing_id: int, *, who: str, what: str, count: int
) -> None:
    """Record what a person decided, and about how many deliveries."""
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
    """Return the mailing of a row that has `COLUMNS`."""
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
        monthly=row.monthly,
        erratum=row.erratum,
        erratum_of=row.erratum_of,
    )


def find(connection: sa.Connection, slug: str, *, rehearsal: bool) -> Mailing | None:
    """Return the latest mailing of an issue that still holds its slug, or the latest of all."""
    query = (
        sa.select(*COLUMNS)
        .where(mailings.c.slug == slug, mailings.c.rehearsal == rehearsal)
        .order_by(mailings.c.released, mailings.c.id.desc())
        .limit(1)
    )
    return _one(connection, query)


def find_conflicting(connection: sa.Connection, issue: Issue) -> Mailing | None:
    """Return the real mailing that already has this issue's slug, slot or content, if any."""
    query = (
        sa.select(*COLUMNS)
        .where(
            _REAL,
            sa.or_(
                mailings.c.slug == issue.slug,
                sa.and_(
                    _OF_ISSUE,
                    mailings.c.slot == slot_of(issue.send_at),
                    mailings.c.monthly == issue.monthly,
                ),
                sa.and_(_OF_ISSUE, mailings.c.content_hash == issue.content_hash),
            ),
        )
        .limit(1)
    )
    return _one(connection, query)


def find_latest(connection: sa.Connection, count: int) -> list[Mailing]:
    """Return the mailings that were started last, newest first."""
    query = sa.select(*COLUMNS).order_by(mailings.c.id.desc()).limit(count)
    return [from_row(row) for row in connection.execute(query)]


def slugs_sent(connection: sa.Connection) -> set[str]:
    """Return the slugs that a real mailing holds."""
    return set(connection.scalars(sa.select(mailings.c.slug).where(_REAL)))


def find_unfinished(connection: sa.Connection, *, rehearsal: bool) -> list[Mailing]:
    """Return the mailings that have started and not ended, or ended with unknown deliveries."""
    ended = [MailingState.COMPLETED, MailingState.CANCELLED, MailingState.EXPIRED]
    query = (
        sa.select(*COLUMNS)
        .where(mailings.c.rehearsal == rehearsal, mailings.c.state.not_in(ended))
        .order_by(mailings.c.id)
    )
    return [from_row(row) for row in connection.execute(query)]


def find_of_issue(connection: sa.Connection, slug: str) -> list[Mailing]:
    """Return the real mailings of an issue and of its corrections, oldest first."""
    query = (
        sa.select(*COLUMNS)
        .where(_REAL, sa.or_(mailings.c.slug == slug, mailings.c.erratum_of == slug))
        .order_by(mailings.c.erratum)
    )
    return [from_row(row) for row in connection.execute(query)]


def slugs(connection: sa.Connection, *, rehearsal: bool) -> set[str]:
    """Return the slugs that ever had a mailing, in whatever state."""
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
    """Return the cancelled or expired mailing of an issue for this slot, if there is one."""
    query = (
        sa.select(*COLUMNS)
        .where(
            mailings.c.slug == slug,
            mailings.c.slot == slot_of(send_at),
            mailings.c.rehearsal == rehearsal,
            mailings.c.state.in_([MailingState.CANCELLED, MailingState.EXPIRED]),
        )
        .order_by(mailings.c.id.desc())
        .limit(1)
    )
    return _one(connection, query)


class MailingSummary(NamedTuple):
    """One real mailing, for a list of issues."""

    id: int
    slug: str
    slot: str
    monthly: bool
    send_at: datetime
    state: MailingState
    note: str
    released: bool
    content_hash: str
    letter_hash: str
    provider_url: str
    audience: int


def summaries(connection: sa.Connection) -> list[MailingSummary]:
    """Return all real mailings of issues, oldest first; those of corrections are left out."""
    columns = (mailings.c[name] for name in MailingSummary._fields)
    query = (
        sa.select(*columns)
        .where(mailings.c.rehearsal.is_(sa.false()), _OF_ISSUE)
        .order_by(mailings.c.id)
    )
    return [
        MailingSummary(
            *(id_, slug, slot, monthly), datetime.fromisoformat(send_at), MailingState(state), *rest
        )
        for id_, slug, slot, monthly, send_at, state, *rest in connection.execute(query)
    ]


def published_letter(
    connection: sa.Connection, slug: str, *, rehearsals: bool
) -> tuple[str, bytes] | None:
    """Return hash and bytes of the letter that an issue's subscribers got, or None.

    Args:
        rehearsals: Whether a rehearsal counts where no real mailing has started.
    """
    query = (
        sa.select(mailings.c.letter_hash, mailings.c.letter)
        .where(mailings.c.slug == slug, _published(rehearsals=rehearsals))
        .order_by(mailings.c.rehearsal, mailings.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (row.letter_hash, row.letter) if row else None


def latest_published_slug(connection: sa.Connection, *, rehearsals: bool) -> str | None:
    """Return the slug of the newest issue that has a page, or None if there is none."""
    query = sa.select(mailings.c.slug).where(
        _published(rehearsals=rehearsals),
        mailings.c.slug.not_in(sa.select(withdrawals.c.slug)),
    )
    return connection.scalar(query.order_by(mailings.c.id.desc()).limit(1))


def _published(*, rehearsals: bool) -> sa.ColumnElement[bool]:
    held = mailings.c.released.is_(sa.false()) if rehearsals else _REAL
    return sa.and_(held, _OF_ISSUE)


def _one(connection: sa.Connection, query: sa.Select[Any]) -> Mailing | None:
    row = connection.execute(query).one_or_none()
    return from_row(row) if row else None
