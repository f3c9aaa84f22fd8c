"""Claims and settlement of notices: as with deliveries, but one to a request.

Before a notice is repeated, its subscriber is read again: if anything changed, other bytes come
out, and it is not repeated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from newsletter import states
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    NoticeKind,
    RequestRefused,
    RetryLater,
    SubscriberStatus,
    Unknown,
)
from newsletter.store.database import now
from newsletter.store.issue_notices import release_unsent
from newsletter.store.leases import end_dead_leases
from newsletter.store.notices import is_actionable
from newsletter.store.schema import (
    address_changes,
    editions,
    issue_notices,
    mailings,
    notices,
    signups,
    subscribers,
    withdrawals,
)
from newsletter.store.sql import new_id

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from newsletter.model import Outcome
    from newsletter.store.notices import ProviderAccount


class NamedIssue(NamedTuple):
    """An issue that a notice brings or names.

    ``mailing`` is the public id of its mailing, and ``letter`` what was frozen with it; the latter
    is empty where the notice only names the issue.
    """

    slug: str
    subject: str
    mailing: str
    letter: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that this process owns until its lease is over.

    Attributes:
        attempt: Grows with every claim; an earlier owner can settle nothing any more.
        key: Names the request to a provider that knows idempotency keys.
        key_id: Fingerprint of the key that signs its link.
        claimed_at: When it was first claimed under this key: the date of the letter.
        lease_until: When another process may take it.
        email: To whom.
        subscriber: Public id of the subscriber.
        signup: Public id of the sign-up that it confirms, if it confirms one.
        change: Public id of the change of address that it is about, if it is about one.
        plain_text: It has no HTML part.
        first_name: What they are greeted with, if anything.
        issues: The issues that it brings or names and that are not withdrawn, the newest first.
        payload_hash: Of the bytes that left before, or None if this is no repetition.
        account: Fingerprint of the provider's account that takes it.
        owner: Names the lock file that its sender holds.
    """

    id: int
    ref: str
    kind: NoticeKind
    attempt: int
    key: str
    key_id: str
    claimed_at: datetime
    email: str
    subscriber: str
    signup: str | None
    change: str | None
    plain_text: bool
    lease_until: datetime
    first_name: str | None = None
    issues: tuple[NamedIssue, ...] = ()
    payload_hash: str | None = None
    account: str | None = None
    owner: str | None = None


_ATTEMPTING: Final = notices.c.state == DeliveryState.ATTEMPTING


def expire(connection: sa.Connection) -> None:
    """End what has waited too long, of all providers.

    What a lost process left attempting becomes unknown, never pending: when its lease is over, or
    at once if that process is known to be dead.
    """
    end_dead_leases(connection, notices, _ATTEMPTING)
    moment = now(connection)
    overdue = sa.select(notices.c.id).where(
        sa.or_(
            sa.and_(_ATTEMPTING, notices.c.lease_until <= moment),
            sa.and_(notices.c.state == DeliveryState.PENDING, notices.c.expires_at <= moment),
        )
    )
    ids = connection.scalars(overdue.with_for_update(skip_locked=True)).all()
    if not ids:
        return
    connection.execute(
        notices.update()
        .where(notices.c.id.in_(ids))
        .values(
            state=sa.case(
                (_ATTEMPTING, DeliveryState.UNKNOWN.value), else_=DeliveryState.SKIPPED.value
            ),
            reason=sa.case((_ATTEMPTING, "the process that sent it was lost"), else_="too late"),
            due_at=moment,
        )
    )
    release_unsent(connection, ids)


def claim(
    connection: sa.Connection,
    via: ProviderAccount,
    *,
    key_id: str,
    lease: timedelta,
    window: timedelta,
    owner: str | None = None,
) -> Notice | None:
    """Take the next notice that may leave or be repeated, or None when there is none.

    Nobody else can take it until the transaction ends, in which it must get a payload or be given
    up. It waits for no lock: what another process holds at this moment is passed over.

    Args:
        via: Whose notices.
        key_id: Fingerprint of the key that will sign.
        lease: How long its owner may take.
        window: How long after a claim the provider still knows its key; zero if it knows none.
        owner: Names the lock file that the sender holds.
    """
    expire(connection)
    moment = now(connection)
    query = (
        _WITH_SUBSCRIBER.where(is_actionable(via), notices.c.due_at <= moment)
        .where(notices.c.state != DeliveryState.ATTEMPTING)
        .order_by(notices.c.due_at, notices.c.id)
        .limit(1)
        .with_for_update(of=notices, skip_locked=True)
    )
    while row := connection.execute(query).one_or_none():
        issues = _read_issues(connection, row)
        why = _obsolete_reason(row, moment, window)
        if row.issues and not issues:
            why = why or "withdrawn or cancelled"
        if why:
            _give_up(connection, row.id, why)
        else:
            taken = _claimed_notice(row, issues, moment=moment, lease=lease, key_id=key_id)
            return replace(taken, account=via.account, owner=owner)
    return None


def record_payload(connection: sa.Connection, notice: Notice, payload_hash: str) -> None:
    """Record a claim with the hash of the bytes about to leave, in the transaction of the claim.

    In one statement: when a transaction changes a row twice, PostgreSQL locks the rows it refers
    to, and could deadlock with a process that holds them and waits for this one.
    """
    connection.execute(
        notices.update()
        .where(notices.c.id == notice.id)
        .values(
            state=DeliveryState.ATTEMPTING,
            attempt=notice.attempt,
            key=notice.key,
            key_id=notice.key_id,
            claimed_at=notice.claimed_at,
            lease_until=notice.lease_until,
            payload_hash=payload_hash,
            account=notice.account,
            owner=notice.owner,
        )
    )


def give_up_replay(connection: sa.Connection, notice: Notice, reason: str) -> None:
    """Give up repeating a notice: it stays unknown; in the transaction of the claim."""
    connection.execute(
        notices.update()
        .where(notices.c.id == notice.id)
        .values(state=DeliveryState.UNKNOWN, reason=reason, payload_hash=None)
    )


def settle(
    connection: sa.Connection, notice: Notice, outcome: Outcome, *, pause: timedelta
) -> bool:
    """Record the provider's answer, for as long as this claim owns the notice.

    Args:
        notice: The claim.
        outcome: That a repetition was not taken says nothing of the first attempt.
        pause: When to try again, if there is anything to try.

    Returns:
        False if another process has taken the notice over: then nothing changed.
    """
    if notice.payload_hash and isinstance(outcome, RetryLater | RequestRefused):
        outcome = Unknown(outcome.reason)
    moment = now(connection)
    taken = outcome if isinstance(outcome, Accepted) else None
    changed = connection.execute(
        _update_of_owner(notice).values(
            state=states.state_after(outcome),
            reason=None if isinstance(outcome, Accepted) else outcome.reason,
            provider_id=taken.provider_id if taken else None,
            accepted_at=moment if taken else None,
            lease_until=moment,
            due_at=moment + pause,
        )
    )
    if notice.kind is NoticeKind.ISSUE:
        release_unsent(connection, [notice.id])
    return changed.rowcount == 1


_EMAIL: Final = sa.case(
    (notices.c.kind == NoticeKind.NEW_ADDRESS, address_changes.c.new_email),
    (notices.c.kind == NoticeKind.OLD_ADDRESS, address_changes.c.old_email),
    else_=subscribers.c.email,
)
_WITH_SUBSCRIBER: Final = (
    sa.select(
        notices,
        _EMAIL.label("email"),
        subscribers.c.public_id.label("subscriber"),
        subscribers.c.first_name,
        subscribers.c.plain_text,
        address_changes.c.public_id.label("change"),
        address_changes.c.confirmed_at.label("changed_at"),
        subscribers.c.status,
        signups.c.public_id.label("signup"),
        subscribers.c.left_at,
        signups.c.requested_at,
        signups.c.confirmed_at,
    )
    .outerjoin(subscribers, notices.c.subscriber_id == subscribers.c.id)
    .outerjoin(signups, notices.c.signup_id == signups.c.id)
    .outerjoin(address_changes, notices.c.change_id == address_changes.c.id)
)


_TO_ACTIVE: Final = frozenset(
    {NoticeKind.ALREADY_HERE, NoticeKind.WELCOME, NoticeKind.ISSUE, NoticeKind.MISSED}
)
"""What goes to nobody who has left."""


def _obsolete_reason(row: sa.Row[Any], moment: datetime, window: timedelta) -> str | None:
    """Return why a notice has become pointless, or None."""
    unknown = row.state == DeliveryState.UNKNOWN
    confirms = row.kind == NoticeKind.CONFIRMATION
    is_mail = row.kind in _TO_ACTIVE
    moves = row.kind == NoticeKind.NEW_ADDRESS
    reasons = {
        "erased": row.status is None,
        "too late": row.expires_at <= moment,
        "the provider no longer knows its key": unknown and row.claimed_at <= moment - window,
        "confirmed already": confirms
        and (row.confirmed_at or row.status == SubscriberStatus.ACTIVE),
        "left since": confirms and row.left_at and row.left_at > row.requested_at,
        "changed since": row.email is None or (moves and row.changed_at),
        "not subscribed any more": is_mail and row.status != SubscriberStatus.ACTIVE,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _read_issues(connection: sa.Connection, row: sa.Row[Any]) -> tuple[NamedIssue, ...]:
    """Return the issues of a notice that are not withdrawn, in its order."""
    slugs: list[str] = json.loads(row.issues or "[]")
    if not slugs:
        return ()
    brings = row.kind == NoticeKind.ISSUE
    letter = mailings.c.letter if brings else sa.literal(b"", mailings.c.letter.type)
    text = _text_of_notice(row) if brings else sa.literal(0)
    query = (
        sa.select(editions.c.slug, editions.c.subject, mailings.c.public_id, letter)
        .join(
            mailings,
            sa.or_(
                editions.c.mailing_id == mailings.c.id,
                sa.and_(
                    mailings.c.erratum_of == editions.c.slug,
                    mailings.c.erratum == editions.c.number,
                ),
            ),
        )
        .where(
            editions.c.slug.in_(slugs),
            editions.c.number == text,
            mailings.c.rehearsal.is_(sa.false()),
            mailings.c.released.is_(sa.false()),
            editions.c.slug.not_in(sa.select(withdrawals.c.slug)),
        )
    )
    if brings:
        query = query.where(mailings.c.state != MailingState.CANCELLED)
    found = {issue[0]: NamedIssue(*issue) for issue in connection.execute(query)}
    return tuple(found[slug] for slug in slugs if slug in found)


def _text_of_notice(row: sa.Row[Any]) -> sa.ScalarSelect[int]:
    """Return which text of its issue a notice brings: as sent, or a correction."""
    return (
        sa.select(issue_notices.c.number)
        .where(
            issue_notices.c.subscriber_id == row.subscriber_id,
            issue_notices.c.slug == editions.c.slug,
        )
        .correlate(editions)
        .scalar_subquery()
    )


def _give_up(connection: sa.Connection, id_: int, reason: str) -> None:
    """Skip what has not left; what may have left stays unknown, and is not repeated."""
    this = notices.update().where(notices.c.id == id_)
    pending = notices.c.state == DeliveryState.PENDING
    connection.execute(
        this.values(
            state=sa.case((pending, DeliveryState.SKIPPED.value), else_=notices.c.state),
            reason=sa.case((pending, reason), else_=notices.c.reason),
            payload_hash=None,
        )
    )
    release_unsent(connection, [id_])


def _claimed_notice(
    row: sa.Row[Any],
    issues: tuple[NamedIssue, ...],
    *,
    moment: datetime,
    lease: timedelta,
    key_id: str,
) -> Notice:
    repeated = row.state == DeliveryState.UNKNOWN
    return Notice(
        id=row.id,
        ref=row.ref,
        kind=NoticeKind(row.kind),
        attempt=row.attempt + 1,
        key=row.key if repeated else new_id(),
        key_id=row.key_id if repeated else key_id,
        claimed_at=row.claimed_at if repeated else moment,
        email=row.email,
        subscriber=row.subscriber,
        signup=row.signup,
        change=row.change,
        plain_text=row.plain_text,
        first_name=row.first_name,
        issues=issues,
        lease_until=moment + lease,
        payload_hash=row.payload_hash if repeated else None,
    )


def _update_of_owner(notice: Notice) -> sa.Update:
    return notices.update().where(
        notices.c.id == notice.id, notices.c.attempt == notice.attempt, notices.c.state.in_(_OURS)
    )


_OURS: Final = sorted(states.deliveries_before(DeliveryState.ACCEPTED))
