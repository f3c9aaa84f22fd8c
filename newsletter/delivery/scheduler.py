"""`send --due`: finish what has started, start what is due, report what was missed.

Safe at any time, anywhere and twice: what to do follows from the ledger, the files and the
database's clock, never from when or how often this runs. `docs/sending.md` has the whole table.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from newsletter.delivery import messages
from newsletter.delivery.forecast import forecast_mailing, needs_other_account
from newsletter.delivery.planning import REPLACEABLE, SendRequest, is_edited
from newsletter.delivery.preflight import check_ledger
from newsletter.delivery.reconcile import can_settle
from newsletter.delivery.send import SendResult, check_same_provider, send_issue
from newsletter.delivery.upcoming import Upcoming, find_upcoming, is_cancelled, is_sendable
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import MailingState, PauseReason
from newsletter.schedule import Timing, is_far_ahead, is_long_past, is_overdue, slot_of, timing_of
from newsletter.store import editions, freezing, mailing_reports, mailings
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from newsletter.delivery.context import Context
    from newsletter.model import Draft, Mailing

Progress: TypeAlias = "Callable[[str], AbstractContextManager[Callable[[int, int], None]]]"
"""Given a slug: a context with a function to call with the letters done and the audience."""

_MOST_SERIOUS_FIRST = (3, 1, 75)
_IN_PROGRESS = frozenset({MailingState.FROZEN, MailingState.SENDING})


@dataclass(frozen=True, slots=True)
class DueResult:
    """How one `send --due` ended.

    Attributes:
        results: Of every mailing that is being sent, is due now, or has just expired.
        notes: Remarks, a line each: what was ignored, and why.
        warnings: Those of the remarks that name a letter which was probably meant to leave.
        errors: All that a person must fix, decide or wait for.
        next: The issue that comes after these.
    """

    results: tuple[SendResult, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[NewsletterError, ...]
    next: Upcoming | None

    @property
    def exit_code(self) -> int:
        """Of the most serious error: 3 before 1 before 75 before 0."""
        codes = {error.exit_code for error in self.errors}
        return next((code for code in _MOST_SERIOUS_FIRST if code in codes), 0)


def send_due(
    context: Context,
    drafts: Iterable[Draft],
    *,
    progress: Progress,
    preflight: bool = True,
    overlooked: Iterable[str] = (),
) -> DueResult:
    """Do what the schedule says, and finish what has started.

    An error in one mailing or file never keeps another from being finished or started.

    Args:
        context: What it works with; through a provider that only rehearses, nothing starts.
        drafts: Every issue file as read now.
        progress: How to report the progress of each mailing.
        preflight: Try the web app and look at the DNS before real letters leave.
        overlooked: A line about each file that is never sent for its name or place.

    Raises:
        NewsletterError: The ledger cannot be read.
    """
    context.store.refuse_closed()
    files = {draft.slug: draft for draft in drafts}
    run = _Run(context, files, progress=progress, preflight=preflight)
    run.finish_started()
    run.look_at_files()
    run.notes += overlooked
    coming = None
    with run.collect_errors("issues"):
        coming = find_upcoming(context.store, context.settings, run.files.values(), but=run.results)
    results = tuple(run.results.values())
    errors = [result.error for result in results if result.error]
    notes, warnings = tuple(run.notes), tuple(run.warnings)
    return DueResult(results, notes, warnings, (*errors, *run.errors), coming)


class _Run:
    """One pass over what has started and over the files; the arguments are those of `send_due`."""

    def __init__(
        self,
        context: Context,
        files: Mapping[str, Draft],
        *,
        progress: Progress,
        preflight: bool,
    ) -> None:
        self._context = context
        self._store = context.store
        self._settings = context.settings
        self.files = files
        self._progress = progress
        self._preflight = preflight
        self.results: dict[str, SendResult] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[NewsletterError] = []

    def finish_started(self) -> None:
        """Continue every mailing that has started, as it was frozen."""
        with self._store.read() as connection:
            started = mailings.find_unfinished(connection, rehearsal=False)
        for mailing in started:
            self._finish(mailing)

    def look_at_files(self) -> None:
        """Start what is due, and record what missed its window; ignore the rest."""
        with self._store.read() as connection:
            moment = now(connection)
            known = mailings.slugs(connection, rehearsal=False)
            imported = editions.imported_slugs(connection)
        dated = sorted((d.send_at, d.slug) for d in self.files.values() if d.send_at)
        for send_at, slug in dated:
            if send_at <= moment and not is_long_past(send_at, moment):
                if slug in imported:
                    self._warn(messages.imported(slug))
                    continue
                draft = self.files[slug]
                with self.collect_errors(draft.path):
                    self._start_if_due(draft, send_at, moment)
        self._name_unreadable(moment, known)
        self.notes += messages.left_alone(*self._ignored_files(dated, moment, known))

    def _name_unreadable(self, moment: datetime, known: Container[str]) -> None:
        """Name coming files that cannot be sent, and those without a date."""
        for draft in self.files.values():
            if draft.issue or draft.slug in known:
                continue
            if not draft.is_draft and (draft.send_at is None or draft.send_at > moment):
                self._warn(messages.unreadable(draft))
            elif draft.send_at is None:
                self.notes.append(messages.unreadable(draft))

    def _warn(self, line: str) -> None:
        """Keep a remark about a letter that was probably meant to leave."""
        self.notes.append(line)
        self.warnings.append(line)

    def _ignored_files(
        self, dated: Iterable[tuple[datetime, str]], moment: datetime, known: Container[str]
    ) -> tuple[list[str], list[str]]:
        """Return which files are too old or too far ahead."""
        new = [(send_at, slug) for send_at, slug in dated if slug not in known]
        old = [slug for send_at, slug in new if is_long_past(send_at, moment)]
        far = [
            slug
            for send_at, slug in new
            if is_far_ahead(send_at, moment) and not self.files[slug].is_draft
        ]
        return old, far

    @contextlib.contextmanager
    def collect_errors(self, where: str) -> Iterator[None]:
        """Keep an error of one step for the end, where all are reported."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no file may stop another mailing
            self.errors.append(messages.as_error(error, where))

    def _finish(self, mailing: Mailing) -> None:
        """Continue one mailing, and report it however that ends."""
        try:
            result = self._continue(mailing)
        except Exception as raised:  # noqa: BLE001 - one mailing keeps no other back
            error = messages.as_error(raised, mailing.slug)
            try:
                result = self._report(mailing, error)
            except NewsletterError:  # gone, or out of reach
                self.errors.append(error)
                return
        self.results[mailing.slug] = result
        with self.collect_errors(mailing.slug):
            edited = self._is_edited(mailing)
            self.results[mailing.slug] = replace(result, edited=edited)

    def _is_edited(self, mailing: Mailing) -> bool:
        with self._store.read() as connection:
            return is_edited(connection, mailing, self.files.get(mailing.issue_slug))

    def _continue(self, mailing: Mailing) -> SendResult:
        """Send what is owed as it was frozen, unless it waits for a person."""
        hours = self._settings.finish_within_hours
        with self._store.read() as connection:
            overdue = is_overdue(mailing.started_at, now(connection), hours)
            settles = can_settle(
                connection, mailing.id, self._context.capabilities, self._context.account_id
            )
        if overdue and mailing.state in _IN_PROGRESS and self._context.is_provider_of(mailing):
            # Even if nothing could leave now: a person must hear of it.
            mailing = self._pause(mailing)
        if mailing.state is MailingState.PAUSED:
            result = self._report(mailing)
            return replace(result, error=messages.paused(result.report, overdue=overdue))
        with_unknown = mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
        if with_unknown and (overdue or not settles):
            return self._report_unknown(mailing, settles=settles, overdue=overdue)
        check_same_provider(self._context, mailing)
        result = self._send(mailing.slug, None)
        if result.error or result.report.mailing.state is not MailingState.PAUSED:
            return result
        # It was sent with --limit, and the limit is reached.
        return replace(result, error=messages.paused(result.report, overdue=False))

    def _pause(self, mailing: Mailing) -> Mailing:
        with self._store.write() as connection:
            mailings.change_state(
                connection, mailing.id, MailingState.PAUSED, PauseReason.OUT_OF_TIME
            )
            return mailings.get(connection, mailing.id)

    def _report_unknown(self, mailing: Mailing, *, settles: bool, overdue: bool) -> SendResult:
        result = self._report(mailing)
        forecast = forecast_mailing(result.report, self._context.capabilities, self._settings)
        error = messages.unknown_left(
            result.report,
            settles=settles,
            other=needs_other_account(forecast),
            overdue=overdue,
        )
        return replace(result, error=error)

    def _start_if_due(self, draft: Draft, send_at: datetime, moment: datetime) -> None:
        """Start an issue whose time has come, or report why not."""
        late = timing_of(send_at, moment, self._settings.max_lateness_hours) is Timing.LATE
        with self._store.read() as connection:
            mailing = mailings.find(connection, draft.slug, rehearsal=False)
            ended = mailings.find_cancelled_or_expired(
                connection, draft.slug, send_at, rehearsal=False
            )
        if mailing and mailing.state not in REPLACEABLE:
            self._report_started(mailing, draft, send_at, late=late)
        elif ended and ended.state is MailingState.CANCELLED:
            # A schedule does not undo what a person decided.
            self.notes += [] if late else [messages.cancelled(draft.slug)]
        elif draft.is_draft:
            if not late:
                self._warn(messages.still_a_draft(draft))
        elif late and ended is None:
            self._report_missed(draft, send_at)
        elif late:
            pass  # it has been reported
        else:
            self._begin(draft, send_at)

    def _report_started(
        self, mailing: Mailing, draft: Draft, send_at: datetime, *, late: bool
    ) -> None:
        """Report an issue that is due and complete."""
        known = self.results.get(mailing.slug)
        if mailing.state is not MailingState.COMPLETED:
            if not known:  # another process started it just now: join in
                self._finish(mailing)
        elif not late and not known:
            result = self._report(mailing)
            edited = self._is_edited(mailing)
            self.results[draft.slug] = replace(result, repeated=True, edited=edited)
            if slot_of(mailing.send_at) != slot_of(send_at):
                self._warn(messages.went_out_before(mailing, draft))

    def _begin(self, draft: Draft, send_at: datetime) -> None:
        if is_sendable(draft) and (others := self._in_the_same_slot(draft, send_at)):
            raise messages.same_slot(draft, others)
        if self._context.capabilities.rehearsal:
            raise messages.nobody_is_mailed(draft, self._settings)
        if self._context.stop.is_set():
            raise TryAgain(f"stopped before {draft.slug}", hint="Run the same command again")
        self.results[draft.slug] = self._send(draft.slug, draft)

    def _in_the_same_slot(self, draft: Draft, send_at: datetime) -> list[str]:
        """Return the other issues for this slot, without those that a person cancelled."""
        beside = [
            other
            for other in self.files.values()
            if other.send_at
            and other.slug != draft.slug
            and slot_of(other.send_at) == slot_of(send_at)
            and other.monthly == draft.monthly
            and is_sendable(other)
        ]
        with self._store.read() as connection:
            return [one.slug for one in beside if not is_cancelled(connection, one, send_at)]

    def _report_missed(self, draft: Draft, send_at: datetime) -> None:
        """Record that an issue missed its window, and report it the first time."""
        found = _record_missed(self._context, draft, send_at)
        if found and found.state is MailingState.EXPIRED:
            error = messages.missed(draft, send_at, self._settings.max_lateness_hours)
            self.results[draft.slug] = self._report(found, error)
        elif found:
            self._warn(messages.went_out_before(found, draft))

    def _send(self, slug: str, draft: Draft | None) -> SendResult:
        request = SendRequest(slug, draft, preflight=self._preflight, scheduled=True)
        with self._progress(slug) as tell:
            return send_issue(self._context, request, progress=tell)

    def _report(self, mailing: Mailing, error: NewsletterError | None = None) -> SendResult:
        with self._store.read() as connection:
            report = mailing_reports.report(connection, mailings.get(connection, mailing.id))
        return SendResult(report, error=error)


def _record_missed(context: Context, draft: Draft, send_at: datetime) -> Mailing | None:
    """Record once that an issue missed its window, so that it is reported once.

    Returns:
        Its mailing, *expired*; or the real mailing that has its slug, slot or text, so that it was
        not missed; or None if this is known, or another process has just started it.

    Raises:
        NewsletterError: This database is not the ledger: in another one everything looks missed.
    """
    can = context.capabilities
    check_ledger(context.store, context.settings, can)
    with context.store.write() as connection:
        freezing.lock_freezing(connection)
        if mailings.find_cancelled_or_expired(connection, draft.slug, send_at, rehearsal=False):
            return None
        if draft.issue and (rival := mailings.find_conflicting(connection, draft.issue)):
            return rival
        older = mailings.find(connection, draft.slug, rehearsal=False)
        if older and older.state not in REPLACEABLE:
            return None
        return freezing.record_expired(
            connection,
            draft,
            send_at,
            provider=can.name,
            provider_url=context.settings.provider_url,
            rehearsal=False,
        )
