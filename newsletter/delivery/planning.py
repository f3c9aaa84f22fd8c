"""Which mailing a `send` means: the one that has started, or a new one, frozen now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import checks, render
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import MailingState
from newsletter.schedule import Timing, is_early, time_until, timing_of
from newsletter.store import freezing, mailings, recovery, rehearsals
from newsletter.store.database import now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Draft, Issue, Letter, Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store

REPLACEABLE = frozenset({MailingState.CANCELLED, MailingState.EXPIRED})


@dataclass(frozen=True, slots=True)
class SendRequest:
    """What a person asked of one `send` or `rehearse`.

    Attributes:
        slug: The issue.
        draft: Its file as read now, or None if it is gone.
        early: It may start long before its time.
        late: It may start, or go on, after its time.
        drafts: It may be a draft: only a rehearsal may.
        limit: Send to at most so many, then pause.
        preflight: Try the web app before letters for real leave; all else is always required.
        scheduled: Nobody asked just now, so that a limit which somebody set holds.
    """

    slug: str
    draft: Draft | None
    early: bool = False
    late: bool = False
    drafts: bool = False
    limit: int | None = None
    preflight: bool = True
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class NewMailing:
    """An issue with its letter, to be frozen; `anew` if it takes an older rehearsal's place."""

    issue: Issue
    letter: Letter
    anew: bool = False


def plan_send(
    store: Store, settings: Settings, provider: Provider, order: SendRequest
) -> Mailing | NewMailing:
    """Decide what an order means; nothing changes yet.

    Raises:
        NewsletterError: There is no such issue, or it may not be sent (now).
    """
    rehearsal = provider.capabilities.rehearsal
    with store.read() as connection:
        found = mailings.find(connection, order.slug, rehearsal=rehearsal)
        moment = now(connection)
    started = found if found and found.state not in REPLACEABLE else None
    # A rehearsal follows its file; what mails people goes on with what was frozen.
    if started and (order.draft is None or not rehearsal):
        return started
    if order.draft is None:
        raise _without_file(order.slug, found)
    issue = _ready(order.draft, drafts=order.drafts)
    fresh = NewMailing(issue, render.letter(issue, settings), anew=started is not None)
    if problem := provider.unsupported(fresh.letter):
        raise NewsletterError(
            problem, where=issue.path, hint="Change that, or send it through another provider"
        )
    if started:
        with store.read() as connection:
            same = _same_rehearsal(connection, settings, provider, started, fresh)
        return started if same else fresh
    if not rehearsal:
        _refuse_untimely(issue, moment, settings, order)
    return fresh


def _without_file(slug: str, ended: Mailing | None) -> NewsletterError:
    """Return that there is nothing to send, for the file is gone."""
    if ended:
        return NewsletterError(
            f"{slug} is {ended.state}, and its file is gone from issues/",
            hint=f"Put the file back to send it, or leave it: newsletter cancel {slug}"
            if ended.state is MailingState.EXPIRED
            else "Put the file back to send it",
        )
    return NewsletterError(
        f"there is no issue {slug} in issues/", hint="See what there is: newsletter status"
    )


def _refuse_untimely(
    issue: Issue, moment: datetime, settings: Settings, order: SendRequest
) -> None:
    """Refuse to start long before or after the issue's time, unless a person says so."""
    if is_early(issue.send_at, moment) and not order.early:
        raise NewsletterError(
            f"the time of this issue is {issue.send_at:%Y-%m-%d %H:%M}, "
            f"{time_until(issue.send_at, moment)}",
            where=issue.path,
            hint=f"Send it now all the same: newsletter send {issue.slug} --early. "
            "Or leave it to newsletter send --due",
        )
    late = timing_of(issue.send_at, moment, settings.max_lateness_hours) is Timing.LATE
    if late and not order.late:
        raise NewsletterError(
            f"the time of this issue was {issue.send_at:%Y-%m-%d %H:%M}, more than "
            f"{settings.max_lateness_hours:g} hours ago",
            where=issue.path,
            hint="Send it all the same with --late, or change send_at",
        )


def freeze(store: Store, settings: Settings, provider: Provider, fresh: NewMailing) -> Mailing:
    """Freeze what is planned, or return what another process froze just before.

    Raises:
        NewsletterError: Nobody is on the list, or another mailing has this slug, slot or text.
        TryAgain: Another process is sending the rehearsal that this one is to replace.
    """
    with store.write() as connection:
        freezing.lock_freezing(connection)
        if other := _frozen_meanwhile(connection, settings, provider, fresh):
            return other
        count_audience(connection)
        frozen = freezing.freeze(
            connection,
            fresh.issue,
            fresh.letter,
            provider=provider.capabilities.name,
            provider_url=settings.provider_url,
            rehearsal=provider.capabilities.rehearsal,
        )
        if frozen.rehearsal:
            provider.keep_audience_mark(frozen.slug, rehearsals.audience_hash(connection))
        return frozen


def count_audience(connection: Connection) -> int:
    """Return how many readers there are to mail.

    Raises:
        NewsletterError: There are none.
    """
    readers = freezing.count_audience(connection)
    if not readers:
        raise NewsletterError(
            "there is nobody to send to: no active subscribers",
            hint="Add one: newsletter subscribers add EMAIL --consent TEXT",
        )
    return readers


def check_no_duplicate(connection: Connection, issue: Issue) -> None:
    """Check that no real mailing has this issue's slug, slot or text.

    Raises:
        NewsletterError: One has.
    """
    other = mailings.find_conflicting(connection, issue)
    if other is None:
        return
    if other.state is MailingState.CANCELLED:
        problem = f"{other.slug} was cancelled after part of it had left"
    elif other.slug == issue.slug:
        problem = f"{other.slug} already went out under this name"
    else:
        problem = f"{other.slug} already went out with this slot or this text"
    raise NewsletterError(
        problem,
        where=issue.path,
        hint=f"A letter is sent once; see: newsletter status {other.slug}",
    )


def check_can_freeze(connection: Connection, fresh: NewMailing) -> Mailing | None:
    """Refuse what freezing would refuse, before the world outside is asked anything.

    Returns:
        The mailing of this very letter, if another process has just frozen it: no rival.

    Raises:
        NewsletterError: Nobody is on the list, or another mailing has this slug, slot or text.
    """
    other = mailings.find(connection, fresh.issue.slug, rehearsal=False)
    if other and _same(other, fresh):
        return other
    check_no_duplicate(connection, fresh.issue)
    count_audience(connection)
    return None


def is_edited(mailing: Mailing, draft: Draft | None) -> bool:
    """Tell whether the file no longer says what the started mailing does."""
    if draft is None:
        return False
    return draft.issue is None or draft.issue.content_hash != mailing.content_hash


def _ready(draft: Draft, *, drafts: bool) -> Issue:
    issue = checks.sound(draft)
    if issue.draft and not drafts:
        raise NewsletterError(
            "this issue is still a draft",
            where=draft.path,
            hint='Remove the line "draft: yes" to send it; to see its letters: '
            f"newsletter rehearse {draft.slug}",
        )
    return issue


def _frozen_meanwhile(
    connection: Connection, settings: Settings, provider: Provider, fresh: NewMailing
) -> Mailing | None:
    """Return the mailing of exactly this letter, if another process was first; make room."""
    rehearsal = provider.capabilities.rehearsal
    other = mailings.find(connection, fresh.issue.slug, rehearsal=rehearsal)
    if not rehearsal:
        if other and _same(other, fresh):
            return other
        check_no_duplicate(connection, fresh.issue)
    elif other:
        if _same_rehearsal(connection, settings, provider, other, fresh):
            return other
        recovery.expire_leases(connection, other.id)
        left = recovery.lease_left(connection, other.id)
        if left and left.total_seconds() > 0:
            raise TryAgain(
                "the rehearsal before this one is still being written",
                hint=f"Run it again in {left.total_seconds():.0f} seconds",
            )
        # Under the write lock, so that nobody is writing files of either.
        provider.discard_rehearsal(fresh.issue.slug)
        mailings.discard(connection, other)
    return None


def _same(mailing: Mailing, fresh: NewMailing) -> bool:
    return (
        mailing.letter_hash == fresh.letter.hash
        and mailing.send_at == fresh.issue.send_at
        and mailing.state not in REPLACEABLE
    )


def _same_rehearsal(
    connection: Connection,
    settings: Settings,
    provider: Provider,
    other: Mailing,
    fresh: NewMailing,
) -> bool:
    """Tell whether a rehearsal is of this letter, for those who are on the list now."""
    return (
        _same(other, fresh)
        and other.provider_url == settings.provider_url
        and provider.audience_mark(other.slug) == rehearsals.audience_hash(connection)
    )
