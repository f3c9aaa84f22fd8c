"""Which mailing a `send` means: the one that has started, or a new one, frozen now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import checks, render
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import MailingState
from newsletter.schedule import Timing, timing
from newsletter.store import history, mailings, recovery
from newsletter.store.engine import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Draft, Issue, Letter, Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store

REPLACEABLE = frozenset({MailingState.CANCELLED, MailingState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Fresh:
    """An issue with its letter, to be frozen; `anew` if it takes an older rehearsal's place."""

    issue: Issue
    letter: Letter
    anew: bool = False


def plan(
    store: Store,
    settings: Settings,
    provider: Provider,
    slug: str,
    draft: Draft | None,
    *,
    late: bool,
) -> Mailing | Fresh:
    """Decide what a `send` of this issue means; nothing changes yet.

    Raises:
        NewsletterError: There is no such issue, or it may not be sent (now).
    """
    rehearsal = provider.capabilities.rehearsal
    with store.read() as connection:
        started = history.find(connection, slug, rehearsal=rehearsal)
        moment = now(connection)
    if started and started.state in REPLACEABLE:
        started = None
    # A rehearsal follows its file; what mails people goes on with what was frozen.
    if started and (draft is None or not rehearsal):
        return started
    if draft is None:
        raise NewsletterError(
            f"there is no issue {slug} in issues/", hint="See what there is: newsletter status"
        )
    issue = _ready(draft)
    fresh = Fresh(issue, render.letter(issue, settings), anew=started is not None)
    if problem := provider.unfit(fresh.letter):
        raise NewsletterError(
            problem, where=issue.path, hint="Change that, or send it through another provider"
        )
    if started:
        return started if _same(started, fresh) else fresh
    if timing(issue.send_at, moment, settings.max_lateness_hours) is Timing.LATE and not late:
        raise NewsletterError(
            f"its time was {issue.send_at:%Y-%m-%d %H:%M}, more than "
            f"{settings.max_lateness_hours:g} hours ago",
            where=issue.path,
            hint="Send it all the same with --late, or change send_at",
        )
    return fresh


def freeze(store: Store, settings: Settings, provider: Provider, fresh: Fresh) -> Mailing:
    """Freeze what is planned, or return what another process froze just before.

    Raises:
        NewsletterError: Nobody is on the list, or another mailing has this slug, slot or text.
        TryAgain: Another process is sending the rehearsal that this one is to replace.
    """
    with store.write() as connection:
        mailings.alone(connection)
        if other := _frozen_meanwhile(connection, provider, fresh):
            return other
        audience(connection)
        return mailings.freeze(
            connection,
            fresh.issue,
            fresh.letter,
            provider=provider.capabilities.name,
            provider_url=settings.provider_url,
            rehearsal=provider.capabilities.rehearsal,
        )


def audience(connection: Connection) -> int:
    """Return how many readers there are to mail.

    Raises:
        NewsletterError: There are none.
    """
    readers = mailings.audience(connection)
    if not readers:
        raise NewsletterError(
            "there is nobody to send to: no active subscribers",
            hint="Add one: newsletter subscribers add EMAIL --consent TEXT",
        )
    return readers


def refuse_rival(connection: Connection, issue: Issue) -> None:
    """Check that no real mailing has this issue's slug, slot or text.

    Raises:
        NewsletterError: One has.
    """
    other = history.rival(connection, issue)
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


def refuse_vain(store: Store, fresh: Fresh) -> None:
    """Refuse what freezing would refuse, before the world outside is asked anything.

    Raises:
        NewsletterError: Nobody is on the list, or another mailing has this slug, slot or text.
    """
    with store.read() as connection:
        other = history.find(connection, fresh.issue.slug, rehearsal=False)
        if not (other and _same(other, fresh)):
            refuse_rival(connection, fresh.issue)
            audience(connection)


def edited(mailing: Mailing, draft: Draft | None) -> bool:
    """Tell whether the file no longer says what the started mailing does."""
    if draft is None:
        return False
    return draft.issue is None or draft.issue.content_hash != mailing.content_hash


def _ready(draft: Draft) -> Issue:
    issue = checks.sound(draft)
    if issue.draft:
        raise NewsletterError(
            "is still a draft", where=draft.path, hint='Remove the line "draft: yes" to send it'
        )
    return issue


def _frozen_meanwhile(connection: Connection, provider: Provider, fresh: Fresh) -> Mailing | None:
    """Return the mailing of exactly this letter, if another process was first; make room."""
    rehearsal = provider.capabilities.rehearsal
    other = history.find(connection, fresh.issue.slug, rehearsal=rehearsal)
    if other and _same(other, fresh):
        return other
    if not rehearsal:
        refuse_rival(connection, fresh.issue)
    elif other:
        recovery.expire_leases(connection, other.id)
        left = recovery.lease_left(connection, other.id)
        if left and left.total_seconds() > 0:
            raise TryAgain(
                "the rehearsal of the text before this one is being sent",
                hint=f"Run it again in {left.total_seconds():.0f} seconds",
            )
        # Under the write lock, so that nobody is writing files of either.
        provider.forget(fresh.issue.slug)
        mailings.discard(connection, other)
    return None


def _same(mailing: Mailing, fresh: Fresh) -> bool:
    return (
        mailing.letter_hash == fresh.letter.hash
        and mailing.send_at == fresh.issue.send_at
        and mailing.state not in REPLACEABLE
    )
