"""What a `send` means: a mailing that has started, or a new one, frozen as it was planned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newsletter import render
from newsletter.delivery import preflight
from newsletter.delivery.approval import Approvals
from newsletter.delivery.audience import audience_of, count_audience
from newsletter.delivery.media import keep_pictures
from newsletter.delivery.messages import IMPORTED
from newsletter.delivery.sender_domain import find_sender_changes
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import MailingState
from newsletter.schedule import Timing, is_early, time_until, timing_of
from newsletter.store import editions, freezing, mailings, recovery, rehearsals
from newsletter.store.database import now

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.delivery.approval import LetterApproval
    from newsletter.delivery.context import Context
    from newsletter.model import Draft, Edition, Issue, Letter, Mailing
    from newsletter.store import Connection
    from newsletter.store.audiences import Audience

REPLACEABLE = frozenset({MailingState.CANCELLED, MailingState.EXPIRED})


@dataclass(frozen=True, slots=True)
class SendRequest:
    """What a person or the schedule asks of one `send` or `rehearse`.

    Attributes:
        slug: The issue.
        draft: Its file as read now, or None if it is gone.
        early: It may start long before its time.
        late: It may start, or continue, after its time.
        drafts: It may be a draft: only a rehearsal may.
        limit: Send to at most so many, then pause.
        preflight: Try the web app and look at the DNS before real letters leave; all other checks
            always run.
        scheduled: The schedule asks, so that a limit which a person set stays.
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
class Plan:
    """A new mailing: what a person confirms is what is frozen.

    Attributes:
        request: What was asked.
        issue: The issue.
        letter: The issue, rendered.
        audience: How many subscribers it would have now.
        replaced: It replaces an older rehearsal.
        warnings: How its sender differs from that of the last real mailing.
        approval: What is known of the letter: its proof and its approval; None of a rehearsal.
        erratum: The correction that it mails; None of an issue.
    """

    request: SendRequest
    issue: Issue
    letter: Letter
    audience: int
    replaced: bool = False
    warnings: tuple[str, ...] = ()
    approval: LetterApproval | None = None
    erratum: Edition | None = None


@dataclass(frozen=True, slots=True)
class Resumption:
    """A mailing that has started: it continues with the frozen letter and audience."""

    request: SendRequest
    mailing: Mailing

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to send."""
        return self.mailing.state is MailingState.COMPLETED


def plan_send(context: Context, request: SendRequest) -> Plan | Resumption:
    """Decide what a request means, and render a new letter; nothing changes yet.

    Raises:
        NewsletterError: There is no such issue, or it may not be sent (now).
    """
    rehearsal = context.capabilities.rehearsal
    with context.store.read() as connection:
        found = mailings.find(connection, request.slug, rehearsal=rehearsal)
        moment = now(connection)
        check_not_imported(connection, request.slug)
    started = found if found and found.state not in REPLACEABLE else None
    # A rehearsal follows its file; what mails people continues with what was frozen.
    if started and (request.draft is None or not rehearsal):
        return Resumption(request, started)
    if request.draft is None:
        raise _without_file(request.slug, found)
    issue = check_issue(request.draft, drafts=request.drafts)
    letter = render_letter(context, issue)
    if rehearsal:
        return _plan_rehearsal(context, request, issue, letter, started)
    _check_time(issue, moment, context.settings, request)
    approval = check_approval(context, issue, letter, scheduled=request.scheduled)
    preflight.check_settings(context.store, context.settings)
    with context.store.read() as connection:
        if same := _find_same(connection, issue, letter):
            return Resumption(request, same)
        check_no_duplicate(connection, issue)
        warnings = find_sender_changes(connection, letter)
        audience = count_audience(connection, _audience(connection, context, issue))
        return Plan(request, issue, letter, audience, warnings=warnings, approval=approval)


def render_letter(context: Context, issue: Issue) -> Letter:
    """Render an issue, for this provider.

    Raises:
        NewsletterError: A template is wrong, or the provider cannot carry the letter.
    """
    letter = render.letter(issue, context.settings)
    if problem := context.provider.unsupported(letter):
        raise NewsletterError(
            problem, where=issue.path, hint="Change that, or send it through another provider"
        )
    return letter


def _plan_rehearsal(
    context: Context, request: SendRequest, issue: Issue, letter: Letter, older: Mailing | None
) -> Plan | Resumption:
    with context.store.read() as connection:
        if older and _is_same_rehearsal(connection, context, older, issue, letter):
            return Resumption(request, older)
        audience = count_audience(connection, _audience(connection, context, issue))
        return Plan(request, issue, letter, audience, replaced=older is not None)


def _audience(connection: Connection, context: Context, issue: Issue) -> Audience:
    rehearsal = context.capabilities.rehearsal
    return audience_of(connection, context.settings, issue, rehearsal=rehearsal)


def check_approval(
    context: Context, issue: Issue, letter: Letter, *, scheduled: bool
) -> LetterApproval:
    """Refuse a letter that needs a proof, or that the schedule may send only once approved."""
    found = Approvals(context.store, context.settings).read_letter(issue, letter.hash)
    for objection in found.objections if scheduled else found.objections_to_all:
        raise objection
    return found


def _without_file(slug: str, ended: Mailing | None) -> NewsletterError:
    """Return that there is nothing to send, for the file is gone."""
    if ended and ended.erratum_of:
        return NewsletterError(
            f"{slug} is {ended.state}",
            hint=f"Mail it again: newsletter erratum {ended.erratum_of} --mail",
        )
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


def _check_time(issue: Issue, moment: datetime, settings: Settings, request: SendRequest) -> None:
    """Refuse to start long before or after the issue's time, unless a person says so."""
    if is_early(issue.send_at, moment) and not request.early:
        raise NewsletterError(
            f"the time of this issue is {issue.send_at:%Y-%m-%d %H:%M}, "
            f"{time_until(issue.send_at, moment)}",
            where=issue.path,
            hint=f"Send it now anyway: newsletter send {issue.slug} --early. "
            "Or leave it to newsletter send --due",
        )
    late = timing_of(issue.send_at, moment, settings.max_lateness_hours) is Timing.LATE
    if late and not request.late:
        raise NewsletterError(
            f"the time of this issue was {issue.send_at:%Y-%m-%d %H:%M}, more than "
            f"{settings.max_lateness_hours:g} hours ago",
            where=issue.path,
            hint="Send it anyway with --late, or change send_at",
        )


def freeze(context: Context, plan: Plan) -> Mailing:
    """Freeze what is planned, or return what another process froze just before.

    Raises:
        NewsletterError: The list is empty, the issue's time has passed, or another mailing has
            this slug, slot or text.
        TryAgain: Another process is writing the rehearsal that this one replaces.
    """
    settings, can = context.settings, context.capabilities
    with context.store.write() as connection:
        freezing.lock_freezing(connection)
        if other := _find_frozen_meanwhile(connection, context, plan):
            return other
        if not can.rehearsal:
            # A person may have taken their time to confirm the plan.
            _check_time(plan.issue, now(connection), settings, plan.request)
        audience = _audience(connection, context, plan.issue)
        count_audience(connection, audience)
        frozen = freezing.freeze(
            connection,
            replace(plan.issue, blocks=render.published_blocks(plan.issue)),
            plan.letter,
            provider=can.name,
            provider_url=settings.provider_url,
            rehearsal=can.rehearsal,
            digest=audience.digest,
        )
        if not frozen.rehearsal:
            keep_pictures(connection, plan.letter)
        else:
            mark = rehearsals.audience_hash(connection, audience)
            context.provider.keep_audience_mark(frozen.slug, mark)
        return frozen


def check_not_imported(connection: Connection, slug: str) -> None:
    """Check that no other program sent a letter of this slug.

    Raises:
        NewsletterError: One did.
    """
    if editions.is_imported(connection, slug):
        raise NewsletterError(
            f"{slug} is {IMPORTED}",
            hint="An imported letter is never sent; give a new issue another name or date",
        )


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
        problem = f"{other.slug} was already sent under this name"
    else:
        problem = f"{other.slug} was already sent with this slot or this text"
    raise NewsletterError(
        problem,
        where=issue.path,
        hint=f"A letter is sent once; see: newsletter status {other.slug}",
    )


def is_edited(connection: Connection, mailing: Mailing, draft: Draft | None) -> bool:
    """Return whether the file says something else than the mailing, or its newest correction."""
    if draft is None:
        return False
    if draft.issue is None:
        return True
    text = draft.issue.content_hash
    if text == mailing.content_hash:
        return False
    return not editions.is_newest_text(connection, mailing.issue_slug, text)


def check_issue(draft: Draft, *, drafts: bool) -> Issue:
    """Return the issue of a file.

    Raises:
        NewsletterError: It has errors, or is a draft where none may be sent.
    """
    from newsletter import checks  # noqa: PLC0415 - slow to import, and the web app needs none

    issue = checks.require_valid(draft)
    if issue.draft and not drafts:
        raise NewsletterError(
            "this issue is still a draft",
            where=draft.path,
            hint='Remove the line "draft: yes" to send it; to see its letters: '
            f"newsletter rehearse {draft.slug}",
        )
    return issue


def _find_frozen_meanwhile(connection: Connection, context: Context, plan: Plan) -> Mailing | None:
    """Return the mailing of exactly this letter, if another process was first; make room."""
    slug = plan.issue.slug
    if not context.capabilities.rehearsal:
        if same := _find_same(connection, plan.issue, plan.letter):
            return same
        check_no_duplicate(connection, plan.issue)
        return None
    other = mailings.find(connection, slug, rehearsal=True)
    if other is None or _is_same_rehearsal(connection, context, other, plan.issue, plan.letter):
        return other
    discard_rehearsal(connection, context, other)
    return None


def discard_rehearsal(connection: Connection, context: Context, other: Mailing) -> None:
    """Remove an older rehearsal, its rows and its letters.

    Raises:
        TryAgain: Another process is writing it.
    """
    recovery.expire_leases(connection, other.id)
    left = recovery.lease_left(connection, other.id)
    if left and left.total_seconds() > 0:
        raise TryAgain(
            "the rehearsal before this one is still being written",
            hint=f"Run it again in {left.total_seconds():.0f} seconds",
        )
    # Under the write lock, so that no process is writing files of either.
    context.provider.discard_rehearsal(other.slug)
    mailings.discard(connection, other)


def _find_same(connection: Connection, issue: Issue, letter: Letter) -> Mailing | None:
    """Return the real mailing of this very letter, if another process has just frozen it."""
    other = mailings.find(connection, issue.slug, rehearsal=False)
    return other if other and _is_same(other, issue, letter) else None


def _is_same(mailing: Mailing, issue: Issue, letter: Letter) -> bool:
    return (
        mailing.letter_hash == letter.hash
        and mailing.send_at == issue.send_at
        and mailing.state not in REPLACEABLE
    )


def _is_same_rehearsal(
    connection: Connection, context: Context, other: Mailing, issue: Issue, letter: Letter
) -> bool:
    """Return whether a rehearsal is of this letter, for those who are on the list now."""
    if not _is_same(other, issue, letter) or other.provider_url != context.settings.provider_url:
        return False
    mark = rehearsals.audience_hash(connection, _audience(connection, context, issue))
    return context.provider.audience_mark(other.slug) == mark
