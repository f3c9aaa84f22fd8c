"""Queries about one mailing as a whole: freezing it, its state, its account, its end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from newsletter import states
from newsletter.errors import DecisionNeeded
from newsletter.model import DeliveryState, Mailing, MailingState, Pause, Receipt
from newsletter.schedule import slot_of
from newsletter.store import heard, mailing_reports, proofs
from newsletter.store.candidates import reachable
from newsletter.store.database import now
from newsletter.store.ids import new_id
from newsletter.store.schema import batches, decisions, deliveries, ledger, mailings, subscribers

if TYPE_CHECKING:
    from newsletter.model import Draft, Issue, Letter


def freeze(
    connection: sa.Connection,
    issue: Issue,
    letter: Letter,
    *,
    provider: str,
    provider_url: str,
    rehearsal: bool,
) -> Mailing:
    """Freeze a letter and its audience: everyone who is active and has not paused.

    All in the caller's transaction, so that a mailing is either whole or not there.

    Raises:
        sqlalchemy.exc.IntegrityError: Slug, slot or content belong to another mailing.
    """
    moment = now(connection)
    row = {
        "public_id": new_id(),
        "slug": issue.slug,
        "slot": slot_of(issue.send_at),
        "send_at": issue.send_at.isoformat(),
        "content_hash": issue.content_hash,
        "letter_hash": letter.hash,
        "letter": letter.encode(),
        "provider": provider,
        "provider_url": provider_url,
        "rehearsal": rehearsal,
        "state": MailingState.FROZEN,
        "note": "",
        "released": False,
        "audience": 0,
        "started_at": moment,
    }
    insert = mailings.insert().returning(mailings.c.id).values(row)
    mailing_id = connection.execute(insert).scalar_one()
    count = _freeze_audience(connection, mailing_id, moment)
    connection.execute(mailings.update().where(mailings.c.id == mailing_id).values(audience=count))
    return get(connection, mailing_id)


def _freeze_audience(connection: sa.Connection, mailing_id: int, moment: datetime) -> int:
    """Make a pending delivery for everyone who can be reached; return how many there are."""
    readers = (
        sa.select(
            sa.literal(mailing_id),
            subscribers.c.id,
            _random_ref(connection),
            sa.literal(DeliveryState.PENDING.value),
            sa.false(),
            subscribers.c.plain_text,
        )
        .where(reachable(moment))
        .order_by(subscribers.c.id)
        # Nobody is erased between being chosen here and being written down.
        .with_for_update(read=True, key_share=True)
    )
    columns = ["mailing_id", "subscriber_id", "ref", "state", "assumed", "plain_text"]
    insert = deliveries.insert().from_select(columns, readers)
    # Of an insert, SQLAlchemy keeps the count only when it is told to.
    return connection.execute(insert, execution_options={"preserve_rowcount": True}).rowcount


def _random_ref(connection: sa.Connection) -> sa.ColumnElement[str]:
    """Return an expression that is another random name in every row."""
    if connection.dialect.name == "postgresql":
        return sa.func.replace(sa.cast(sa.func.gen_random_uuid(), sa.Text), "-", "")
    return sa.func.lower(sa.func.hex(sa.func.randomblob(16)))


def alone(connection: sa.Connection) -> None:
    """Let one transaction at a time freeze; SQLite's have the database to themselves anyway."""
    connection.execute(sa.select(ledger.c.id).with_for_update(key_share=True))


def audience(connection: sa.Connection) -> int:
    """Return how many readers a mailing would have if it were frozen now."""
    query = sa.select(sa.func.count()).where(reachable(now(connection)))
    return connection.scalar(query) or 0


def get(connection: sa.Connection, mailing_id: int) -> Mailing:
    """Return one mailing by its number.

    Raises:
        DecisionNeeded: It is gone: an edited issue has replaced this rehearsal.
    """
    row = connection.execute(sa.select(mailings).where(mailings.c.id == mailing_id)).one_or_none()
    if row is None:
        raise _replaced()
    return from_row(row)


def hold(connection: sa.Connection, mailing_id: int) -> Mailing:
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


def counts(connection: sa.Connection, mailing_id: int) -> dict[DeliveryState, int]:
    """Return how many deliveries of a mailing are in each state."""
    query = (
        sa.select(deliveries.c.state, sa.func.count())
        .where(deliveries.c.mailing_id == mailing_id)
        .group_by(deliveries.c.state)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state.value, 0) for state in DeliveryState}


def receipt(connection: sa.Connection, mailing: Mailing) -> Receipt:
    """Return the mailing's account as it stands in this transaction."""
    assumed = sa.select(sa.func.count()).where(
        deliveries.c.mailing_id == mailing.id, deliveries.c.assumed.is_(sa.true())
    )
    found = counts(connection, mailing.id)
    return Receipt(
        mailing,
        found,
        assumed=connection.scalar(assumed) or 0,
        details=mailing_reports.of_mailing(connection, mailing.id),
        at=now(connection),
        proofed=bool(proofs.seen(connection, [mailing.letter_hash])),
        heard=heard.of_mailing(connection, mailing, found[DeliveryState.ACCEPTED]),
    )


def move(connection: sa.Connection, mailing_id: int, target: MailingState, note: str = "") -> bool:
    """Bring a mailing to another state, if that may follow its present one; tell whether it did."""
    ends = {MailingState.COMPLETED, MailingState.COMPLETED_WITH_UNKNOWN, MailingState.CANCELLED}
    values: dict[str, object] = {"state": target, "note": note, "finished_at": None}
    if target in ends:  # a limit has no meaning any more, whatever is sent again
        values |= {"finished_at": now(connection), "room": None}
    changed = connection.execute(
        mailings.update()
        .where(mailings.c.id == mailing_id)
        .where(mailings.c.state.in_(states.mailings_before(target)))
        .values(values)
    )
    return changed.rowcount == 1


def limit(connection: sa.Connection, mailing_id: int, room: int | None) -> None:
    """Let a mailing go to `room` more readers, or to all of them."""
    connection.execute(mailings.update().where(mailings.c.id == mailing_id).values(room=room))


def start(connection: sa.Connection, mailing_id: int) -> bool:
    """Bring a mailing to *sending*; tell whether that may be."""
    going = get(connection, mailing_id).state is MailingState.SENDING
    return going or move(connection, mailing_id, MailingState.SENDING)


def pause_at_limit(connection: sa.Connection, mailing_id: int) -> None:
    """Pause a mailing that was started for some of its readers, unless it has ended."""
    limited = sa.select(mailings.c.state).where(
        mailings.c.id == mailing_id, mailings.c.room.is_not(None)
    )
    if connection.scalar(limited) == MailingState.SENDING:
        move(connection, mailing_id, MailingState.PAUSED, Pause.LIMIT)


def conclude(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing that has nothing left to do; any other stays as it is."""
    hold(connection, mailing_id)
    end = states.conclusion(counts(connection, mailing_id))
    if end:
        move(connection, mailing_id, end)


def conclude_known(connection: sa.Connection, mailing_id: int) -> None:
    """Complete a mailing that ended with something unknown, when the last of it is known now.

    In the transaction that settles, so that its account adds up at any moment. Nothing is waited
    for: whoever else holds the mailing concludes it, and so does the end of every run.
    """
    ended = sa.select(mailings.c.id).where(
        mailings.c.id == mailing_id, mailings.c.state == MailingState.COMPLETED_WITH_UNKNOWN
    )
    if connection.scalar(ended.with_for_update(key_share=True, skip_locked=True)):
        conclude(connection, mailing_id)


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


def expire(
    connection: sa.Connection,
    draft: Draft,
    send_at: datetime,
    *,
    provider: str,
    provider_url: str,
    rehearsal: bool,
) -> Mailing:
    """Record that an issue missed its window. It has no letter and no audience, and frees all.

    Args:
        connection: A write transaction.
        draft: Its file, which may hold errors.
        send_at: When it was to go out, local with its offset.
        provider: Through whom.
        provider_url: And where, if not at the usual address.
        rehearsal: Whether that provider mails nobody.
    """
    moment = now(connection)
    row = {
        "public_id": new_id(),
        "slug": draft.slug,
        "slot": slot_of(send_at),
        "send_at": send_at.isoformat(),
        "content_hash": draft.issue.content_hash if draft.issue else "",
        "letter_hash": "",
        "letter": b"",
        "provider": provider,
        "provider_url": provider_url,
        "rehearsal": rehearsal,
        "state": MailingState.EXPIRED,
        "note": "its time had passed before anything started",
        "released": True,
        "audience": 0,
        "started_at": moment,
        "finished_at": moment,
    }
    insert = mailings.insert().returning(mailings.c.id).values(row)
    return get(connection, connection.execute(insert).scalar_one())
