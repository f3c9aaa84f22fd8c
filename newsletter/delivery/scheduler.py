"""`send --due`: what has started is finished, what is due is started, what was missed is told.

Safe at any time, anywhere and twice: what to do follows from the ledger, the files and the
database's clock, never from when or how often this runs. `docs/sending.md` has the whole table.
"""

from __future__ import annotations

import contextlib
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from newsletter.delivery import remarks
from newsletter.delivery.expiry import expire
from newsletter.delivery.planning import REPLACEABLE, SendRequest, is_edited
from newsletter.delivery.reconcile import can_settle
from newsletter.delivery.resolution import forecast_mailing, needs_other_account
from newsletter.delivery.send import SendResult, check_same_provider, send_issue
from newsletter.delivery.sender import unheard
from newsletter.delivery.upcoming import Upcoming, find_upcoming, is_sendable
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import MailingState, PauseReason
from newsletter.schedule import Timing, is_far_ahead, is_long_past, is_overdue, slot_of, timing_of
from newsletter.store import mailing_reports, mailings
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from threading import Event

    from newsletter.config import Settings
    from newsletter.model import Draft, Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store

Progress: TypeAlias = "Callable[[str], AbstractContextManager[Callable[[int, int], None]]]"
"""Given a slug: whom to tell, while that is sent, how many letters are done, of how many."""

_GRAVEST_FIRST = (3, 1, 75)
_GOING = frozenset({MailingState.FROZEN, MailingState.SENDING})


@dataclass(frozen=True, slots=True)
class DueResult:
    """How one `send --due` ended.

    Attributes:
        reports: Of every mailing that is under way, is due now, or has just expired.
        notes: Remarks, a line each: what was left alone, and why.
        troubles: All that somebody must mend, decide or wait for.
        next: The issue that comes after these.
    """

    reports: tuple[SendResult, ...]
    notes: tuple[str, ...]
    troubles: tuple[NewsletterError, ...]
    next: Upcoming | None

    @property
    def exit_code(self) -> int:
        """Of the gravest trouble: 3 before 1 before 75 before 0."""
        codes = {trouble.exit_code for trouble in self.troubles}
        return next((code for code in _GRAVEST_FIRST if code in codes), 0)


def send_due(
    store: Store,
    settings: Settings,
    provider: Provider,
    drafts: Iterable[Draft],
    *,
    stop: Event,
    progress: Progress,
    note: Callable[[str], None] = unheard,
    preflight: bool = True,
    overlooked: Iterable[str] = (),
) -> DueResult:
    """Do what the schedule says, and finish what has started.

    Trouble with one mailing or file never keeps another from being finished or started.

    Args:
        store: The ledger; its clock is the time.
        settings: The newsletter's.
        provider: Who takes the letters; with one that only rehearses, nothing starts.
        drafts: Every issue file as read now.
        stop: Set from outside to claim nothing more and finish what is in flight.
        progress: How to tell of each mailing how far it is.
        note: Called with a line for whoever watches, when it has to wait for others.
        preflight: Try the web app before letters for real leave.
        overlooked: A line about each file that is never sent for its name or place.

    Raises:
        NewsletterError: The ledger cannot be read.
    """
    store.refuse_closed()
    run = _Run(
        store,
        settings,
        provider,
        {draft.slug: draft for draft in drafts},
        _stop=stop,
        _progress=progress,
        _note=note,
        _preflight=preflight,
    )
    run.finish_what_has_started()
    run.look_at_files()
    run.notes += overlooked
    coming = None
    with run.telling("issues"):
        coming = find_upcoming(store, settings, run.files.values(), but=run.reports)
    reports = tuple(run.reports.values())
    troubles = [report.trouble for report in reports if report.trouble]
    return DueResult(reports, tuple(run.notes), (*troubles, *run.troubles), coming)


@dataclass(slots=True)
class _Run:
    """One pass over what has started and over the files; the arguments are those of `due`."""

    _store: Store
    _settings: Settings
    _provider: Provider
    files: Mapping[str, Draft]
    _: KW_ONLY
    _stop: Event
    _progress: Progress
    _note: Callable[[str], None]
    _preflight: bool
    reports: dict[str, SendResult] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    troubles: list[NewsletterError] = field(default_factory=list)

    def finish_what_has_started(self) -> None:
        """Go on with every mailing that has started, with what was frozen then."""
        with self._store.read() as connection:
            started = mailings.find_unfinished(connection, rehearsal=False)
        for mailing in started:
            self._finish(mailing)

    def look_at_files(self) -> None:
        """Start what is due, and record what missed its window; all else is left alone."""
        with self._store.read() as connection:
            moment = now(connection)
            known = mailings.slugs(connection, rehearsal=False)
        dated = sorted((d.send_at, d.slug) for d in self.files.values() if d.send_at)
        for send_at, slug in dated:
            if send_at <= moment and not is_long_past(send_at, moment):
                draft = self.files[slug]
                with self.telling(draft.path):
                    self._look_at(draft, send_at, moment)
        old = [
            slug for send_at, slug in dated if is_long_past(send_at, moment) and slug not in known
        ]
        undated = [draft.path for draft in self.files.values() if draft.send_at is None]
        far = [
            slug
            for send_at, slug in dated
            if is_far_ahead(send_at, moment) and not self.files[slug].is_draft and slug not in known
        ]
        self.notes += remarks.left_alone(old, undated, far)

    @contextlib.contextmanager
    def telling(self, where: str) -> Iterator[None]:
        """Keep whatever goes wrong in one step for the end, where it is told."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - no file may keep another letter back
            self.troubles.append(remarks.as_error(error, where))

    def _finish(self, mailing: Mailing) -> None:
        """Go on with one mailing, and account for it whatever comes of that."""
        try:
            report = self._go_on(mailing)
        except Exception as error:  # noqa: BLE001 - one mailing keeps no other back
            trouble = remarks.as_error(error, mailing.slug)
            try:
                report = self._account(mailing, trouble)
            except NewsletterError:  # gone, or out of reach
                self.troubles.append(trouble)
                return
        file = self.files.get(mailing.slug)
        self.reports[mailing.slug] = replace(report, edited=is_edited(mailing, file))

    def _go_on(self, mailing: Mailing) -> SendResult:
        """Send what is owed as it was frozen, unless it waits for a person."""
        hours = self._settings.finish_within_hours
        with self._store.read() as connection:
            overdue = is_overdue(mailing.started_at, now(connection), hours)
            can = self._provider.capabilities
            settles = can_settle(connection, mailing.id, self._settings, can)
        if overdue and mailing.state in _GOING and self._began_here(mailing):
            # Even if nothing could leave now: a person must hear of it.
            with self._store.write() as connection:
                mailings.change_state(
                    connection, mailing.id, MailingState.PAUSED, PauseReason.OUT_OF_TIME
                )
                mailing = mailings.get(connection, mailing.id)
        if mailing.state is MailingState.PAUSED:
            report = self._account(mailing)
            return replace(report, trouble=remarks.paused(report.receipt, overdue=overdue))
        undecided = mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
        if undecided and (overdue or not settles):
            report = self._account(mailing)
            other = needs_other_account(forecast_mailing(report.receipt, can, self._settings))
            trouble = remarks.unknown_left(
                report.receipt, settles=settles, other=other, overdue=overdue
            )
            return replace(report, trouble=trouble)
        check_same_provider(mailing, self._settings, self._provider)
        report = self._send(mailing.slug, None)
        if report.trouble or report.receipt.mailing.state is not MailingState.PAUSED:
            return report
        # A person had it sent to some of its readers, and it was cut short.
        return replace(report, trouble=remarks.paused(report.receipt, overdue=False))

    def _began_here(self, mailing: Mailing) -> bool:
        here = (self._provider.capabilities.name, self._settings.provider_url)
        return (mailing.provider, mailing.provider_url) == here

    def _look_at(self, draft: Draft, send_at: datetime, moment: datetime) -> None:
        """Do with a file whose time has come what its mailing, or the want of one, asks for."""
        late = timing_of(send_at, moment, self._settings.max_lateness_hours) is Timing.LATE
        with self._store.read() as connection:
            mailing = mailings.find(connection, draft.slug, rehearsal=False)
            ended = mailings.find_cancelled_or_expired(
                connection, draft.slug, send_at, rehearsal=False
            )
        if mailing and mailing.state not in REPLACEABLE:
            self._look_at_started(mailing, draft, send_at, late=late)
        elif ended and ended.state is MailingState.CANCELLED:
            # A schedule does not undo what a person decided.
            self.notes += [] if late else [remarks.cancelled(draft.slug)]
        elif draft.is_draft:
            self.notes += [] if late else [remarks.still_a_draft(draft)]
        elif late and ended is None:
            self._miss(draft, send_at)
        elif late:
            pass  # it has been told
        else:
            self._begin(draft, send_at)

    def _look_at_started(
        self, mailing: Mailing, draft: Draft, send_at: datetime, *, late: bool
    ) -> None:
        """Account for an issue that is due and complete."""
        told = self.reports.get(mailing.slug)
        if mailing.state is not MailingState.COMPLETED:
            if not told:  # another process started it just now: join in
                self._finish(mailing)
        elif not late and not told:
            report = self._account(mailing)
            self.reports[draft.slug] = replace(
                report, repeated=True, edited=is_edited(mailing, draft)
            )
            if slot_of(mailing.send_at) != slot_of(send_at):
                self.notes.append(remarks.went_out_before(mailing, draft))

    def _begin(self, draft: Draft, send_at: datetime) -> None:
        if is_sendable(draft) and (others := self._in_the_same_slot(draft, send_at)):
            raise remarks.same_slot(draft, others)
        if self._provider.capabilities.rehearsal:
            raise remarks.nobody_is_mailed(draft, self._settings)
        if self._stop.is_set():
            raise TryAgain(f"stopped before {draft.slug}", hint="Run the same command again")
        self.reports[draft.slug] = self._send(draft.slug, draft)

    def _in_the_same_slot(self, draft: Draft, send_at: datetime) -> list[str]:
        """Return the other issues that are for this slot; one that a person cancelled is not."""
        beside = [
            other.slug
            for other in self.files.values()
            if other.send_at
            and other.slug != draft.slug
            and slot_of(other.send_at) == slot_of(send_at)
            and is_sendable(other)
        ]
        with self._store.read() as connection:
            for slug in tuple(beside):
                ended = mailings.find_cancelled_or_expired(
                    connection, slug, send_at, rehearsal=False
                )
                if ended and ended.state is MailingState.CANCELLED:
                    beside.remove(slug)
        return beside

    def _miss(self, draft: Draft, send_at: datetime) -> None:
        """Record that an issue missed its window, and tell of it the first time."""
        found = expire(self._store, self._settings, self._provider, draft, send_at)
        if found and found.state is MailingState.EXPIRED:
            trouble = remarks.missed(draft, send_at, self._settings.max_lateness_hours)
            self.reports[draft.slug] = self._account(found, trouble)
        elif found:
            self.notes.append(remarks.went_out_before(found, draft))

    def _send(self, slug: str, draft: Draft | None) -> SendResult:
        order = SendRequest(slug, draft, preflight=self._preflight, scheduled=True)
        with self._progress(slug) as tell:
            return send_issue(
                self._store,
                self._settings,
                self._provider,
                order,
                stop=self._stop,
                progress=tell,
                note=self._note,
            )

    def _account(self, mailing: Mailing, trouble: NewsletterError | None = None) -> SendResult:
        with self._store.read() as connection:
            receipt = mailing_reports.report(connection, mailings.get(connection, mailing.id))
        return SendResult(receipt, edited=False, repeated=False, anew=False, trouble=trouble)
