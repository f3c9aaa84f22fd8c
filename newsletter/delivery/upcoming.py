"""Reports of mailings, the issue that is next, and what blocks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.delivery import preflight
from newsletter.delivery.approval import Approvals
from newsletter.delivery.audience import audience_of, count_audience
from newsletter.errors import NewsletterError, check_command
from newsletter.model import MailingState, Severity
from newsletter.providers import capabilities_of
from newsletter.schedule import Timing, is_far_ahead, is_long_past, slot_of, timing_of
from newsletter.store import editions, mailing_reports, mailings
from newsletter.store.audiences import Audience
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.delivery.approval import LetterApproval
    from newsletter.model import Draft, Mailing, MailingReport
    from newsletter.store import Connection, Store


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The issue that is next, its audience, and what blocks it.

    ``letter`` is what is known of the letter that would go out now; None if there is no such
    letter, because its file or a template has an error.
    """

    slug: str
    send_at: datetime
    audience: int
    blocked_by: tuple[str, ...]
    letter: LetterApproval | None

    @property
    def proofed(self) -> bool:
        """Whether its author got a proof of exactly the letter that would go out now."""
        return self.letter is not None and self.letter.proofed_at is not None


def get_mailing(connection: Connection, slug: str) -> Mailing:
    """Return the real mailing of an issue, else its latest rehearsal.

    Raises:
        NewsletterError: It has neither.
    """
    found = mailings.find(connection, slug, rehearsal=False) or mailings.find(
        connection, slug, rehearsal=True
    )
    if found is None:
        raise NewsletterError(
            f"{slug} has not been sent or rehearsed", hint="See what there is: newsletter status"
        )
    return found


def mailing_slugs(store: Store) -> list[str]:
    """Return the slugs of all mailings and rehearsals, with or without a file."""
    with store.read() as connection:
        return mailings.all_slugs(connection)


def find_report(store: Store, slug: str) -> MailingReport | None:
    """Return the report of an issue's mailing, or None if it never had one."""
    with store.read() as connection:
        try:
            mailing = get_mailing(connection, slug)
        except NewsletterError:
            return None
        return mailing_reports.report(connection, mailing)


def recent_reports(store: Store, count: int = 5) -> list[MailingReport]:
    """Return the reports of the mailings that started last, and of all that are open."""
    with store.read() as connection:
        latest = mailings.find_latest(connection, count)
        shown = {mailing.id for mailing in latest}
        open_ = mailings.find_unfinished(connection, rehearsal=False)
        older = [mailing for mailing in reversed(open_) if mailing.id not in shown]
        return [mailing_reports.report(connection, mailing) for mailing in (*latest, *older)]


def is_sendable(draft: Draft) -> bool:
    """Return whether a file may be sent when its time comes: it has no errors and is no draft."""
    return draft.issue is not None and not draft.issue.draft and not _errors(draft)


def current_time(store: Store) -> datetime:
    """Return the database's time, by which this program decides."""
    with store.read() as connection:
        return now(connection)


def find_upcoming(
    store: Store,
    settings: Settings,
    drafts: Iterable[Draft],
    but: Container[str] = (),
    approvals: Approvals | None = None,
) -> Upcoming | None:
    """Return the first issue of these files that can still go out in time and has not.

    A file with errors counts with the date in its name, so that it cannot be overlooked.

    Args:
        store: The ledger.
        settings: The settings of the newsletter.
        drafts: The files.
        but: Slugs that do not count.
        approvals: What is known of letters, if the caller reads more of it.
    """
    with store.read() as connection:
        sent = mailings.slugs_sent(connection) | editions.imported_slugs(connection)
        moment = now(connection)
    waiting = sorted(
        (draft.send_at, draft.slug, draft)
        for draft in drafts
        if draft.slug not in sent
        and draft.slug not in but
        and draft.send_at is not None
        and timing_of(draft.send_at, moment, settings.max_lateness_hours) is not Timing.LATE
        and not is_long_past(draft.send_at, moment)
    )
    if not waiting:
        return None
    send_at, slug, first = waiting[0]
    blockers = _find_blockers(store, first, send_at)
    blockers += _rivals(first, send_at, waiting[1:])
    audience = 0
    with store.read() as connection:
        try:
            audience = _count(connection, settings, first)
        except NewsletterError as error:
            blockers.append(error.sentence)
    letter = None
    try:
        letter = _read_letter(approvals or Approvals(store, settings), first)
    except NewsletterError as error:
        blockers.append(str(error))
    if letter:
        blockers += map(str, letter.objections)
    blockers += preflight.list_blockers(store, settings)
    return Upcoming(slug, send_at, audience, tuple(blockers), letter)


def _count(connection: Connection, settings: Settings, draft: Draft) -> int:
    """Return how many subscribers a file's issue would go to; see `count_audience`."""
    audience = Audience(draft.slug, draft.monthly)
    if draft.issue:
        rehearsal = capabilities_of(settings).rehearsal
        audience = audience_of(connection, settings, draft.issue, rehearsal=rehearsal)
    return count_audience(connection, audience)


def _rivals(
    first: Draft, send_at: datetime, later: Iterable[tuple[datetime, str, Draft]]
) -> list[str]:
    return [
        f"{slug} has the same date and time"
        for when, slug, draft in later
        if slot_of(when) == slot_of(send_at)
        and draft.monthly == first.monthly
        and is_sendable(draft)
    ]


def _read_letter(approvals: Approvals, draft: Draft) -> LetterApproval | None:
    return None if draft.issue is None or _errors(draft) else approvals.read_issue(draft.issue)


def find_missed(store: Store, settings: Settings, drafts: Iterable[Draft]) -> tuple[str, ...]:
    """Return the issues of the last week that should have gone out and did not.

    A draft or a cancelled issue should not have; one that went out under another name did.
    """
    with store.read() as connection:
        sent = mailings.slugs_sent(connection) | editions.imported_slugs(connection)
        moment = now(connection)
        return tuple(
            draft.slug
            for draft in drafts
            if draft.slug not in sent
            and draft.send_at is not None
            and not draft.is_draft
            and timing_of(draft.send_at, moment, settings.max_lateness_hours) is Timing.LATE
            and not is_long_past(draft.send_at, moment)
            and not is_cancelled(connection, draft, draft.send_at)
            and not (draft.issue and mailings.find_conflicting(connection, draft.issue))
        )


def _find_blockers(store: Store, draft: Draft, send_at: datetime) -> list[str]:
    """Return what blocks one issue by itself."""
    found = []
    if errors := _errors(draft):
        found.append(f"{errors} error{'s' * (errors > 1)}: {check_command(draft.slug)}")
    if is_far_ahead(send_at, current_time(store)):
        found.append("its date is more than a year ahead: check the year")
    if draft.is_draft:
        found.append('it is still a draft: remove "draft: yes" when it is done')
    with store.read() as connection:
        if is_cancelled(connection, draft, send_at):
            found.append(f"it was cancelled: only newsletter send {draft.slug} starts it again")
        if draft.issue and (other := mailings.find_conflicting(connection, draft.issue)):
            found.append(f"{other.slug} was already sent with this slot or this text")
    return found


def _errors(draft: Draft) -> int:
    from newsletter import checks  # noqa: PLC0415 - slow to import, and the web app needs none

    return sum(finding.severity is Severity.ERROR for finding in checks.unallowed(draft))


def is_cancelled(connection: Connection, draft: Draft, send_at: datetime) -> bool:
    """Return whether a person cancelled the issue of a file, at this time."""
    ended = mailings.find_cancelled_or_expired(connection, draft.slug, send_at, rehearsal=False)
    return ended is not None and ended.state is MailingState.CANCELLED
