"""Which mailing a `send` means: the one that has started, or a new one, frozen now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import checks, render
from newsletter.errors import NewsletterError
from newsletter.model import Draft, Issue, Letter, MailingState, Receipt
from newsletter.schedule import Timing, timing
from newsletter.store import mailings
from newsletter.store.engine import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store

REPLACEABLE = frozenset({MailingState.CANCELLED, MailingState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent: either what has `started`, or this issue and letter, to be frozen."""

    started: Mailing | None
    issue: Issue | None
    letter: Letter | None

    @property
    def edited(self) -> bool:
        """Whether the file no longer says what the started mailing does."""
        return bool(
            self.started and self.issue and self.issue.content_hash != self.started.content_hash
        )


def _ready(draft: Draft) -> Issue:
    issue = checks.sound(draft)
    if issue.draft:
        raise NewsletterError(
            "is still a draft", where=draft.path, hint='Remove the line "draft: yes" to send it'
        )
    return issue


def plan(
    store: Store,
    settings: Settings,
    provider: Provider,
    slug: str,
    draft: Draft | None,
    *,
    late: bool,
) -> Plan:
    """Decide what a `send` of this issue means; nothing changes yet.

    Raises:
        NewsletterError: There is no such issue, or it may not be sent (now).
    """
    rehearsal = provider.capabilities.rehearsal
    with store.read() as connection:
        started = mailings.find(connection, slug, rehearsal=rehearsal)
        moment = now(connection)
    # A rehearsal follows its file; what mails people goes on with what was frozen.
    if started and started.state not in REPLACEABLE and (draft is None or not rehearsal):
        return Plan(started, draft.issue if draft else None, None)
    if draft is None:
        raise NewsletterError(
            f"there is no issue {slug} in issues/", hint="See what there is: newsletter status"
        )
    issue = _ready(draft)
    letter = render.letter(issue, settings)
    if started and _same(started, issue, letter):
        return Plan(started, issue, letter)
    if timing(issue.send_at, moment, settings.max_lateness_hours) is Timing.LATE and not late:
        raise NewsletterError(
            f"its time was {issue.send_at:%Y-%m-%d %H:%M}, more than "
            f"{settings.max_lateness_hours:g} hours ago",
            where=issue.path,
            hint="Send it all the same with --late, or change send_at",
        )
    return Plan(None, issue, letter)


def freeze(store: Store, provider: Provider, plan: Plan) -> Mailing:
    """Freeze what is planned, or return what another process froze just before.

    Raises:
        NewsletterError: Nobody is on the list, or another mailing has this slug, slot or text.
    """
    if plan.started:
        return plan.started
    if plan.issue is None or plan.letter is None:
        raise ValueError("a plan holds a started mailing or an issue with its letter")
    capabilities = provider.capabilities
    with store.write() as connection:
        if other := _frozen_meanwhile(connection, provider, plan.issue, plan.letter):
            return other
        if not mailings.audience(connection):
            raise NewsletterError(
                "there is nobody to send to: no active subscribers",
                hint="Add one: newsletter subscribers add EMAIL --consent TEXT",
            )
        return mailings.freeze(
            connection,
            plan.issue,
            plan.letter,
            provider=capabilities.name,
            rehearsal=capabilities.rehearsal,
        )


def preview(store: Store, provider: Provider, plan: Plan) -> Receipt | int:
    """Return the account of what has started, or how many readers a new mailing would have."""
    with store.read() as connection:
        if plan.started:
            return mailings.receipt(connection, plan.started)
        if plan.issue and not provider.capabilities.rehearsal:
            _refuse_rival(connection, plan.issue)
        return mailings.audience(connection)


def _refuse_rival(connection: Connection, issue: Issue) -> None:
    other = mailings.rival(connection, issue)
    if other:
        raise NewsletterError(
            f"{other.slug} already went out "
            + ("under this name" if other.slug == issue.slug else "with this slot or this text"),
            where=issue.path,
            hint=f"A letter is sent once; see: newsletter status {other.slug}",
        )


def _frozen_meanwhile(
    connection: Connection, provider: Provider, issue: Issue, letter: Letter
) -> Mailing | None:
    """Return the mailing of exactly this letter, if another process was first; make room."""
    rehearsal = provider.capabilities.rehearsal
    other = mailings.find(connection, issue.slug, rehearsal=rehearsal)
    if other and _same(other, issue, letter):
        return other
    if not rehearsal:
        _refuse_rival(connection, issue)
    elif other:
        # Under the write lock, so that nobody is writing the new files yet.
        provider.forget(issue.slug)
        mailings.discard(connection, other)
    return None


def _same(mailing: Mailing, issue: Issue, letter: Letter) -> bool:
    return (
        mailing.letter_hash == letter.hash
        and mailing.send_at == issue.send_at
        and mailing.state not in REPLACEABLE
    )
