"""The state of every file in `issues/`, and the reason for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from newsletter import checks, delivery
from newsletter.desk import archive_changes, folder, inspection, issues
from newsletter.errors import NewsletterError, check_command
from newsletter.model import NO_CHANGES, ArchiveChanges, Draft, MailingState, Severity
from newsletter.schedule import (
    Timing,
    format_utc,
    is_far_ahead,
    is_long_past,
    slot_of,
    timing_of,
)
from newsletter.store import editions, mailings, sent_counts
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.delivery import Approvals, LetterApproval, Upcoming
    from newsletter.desk.folder import IssueHead
    from newsletter.model import Issue, SentCounts
    from newsletter.store import Store
    from newsletter.store.mailings import MailingSummary

SENT: Final = {MailingState.COMPLETED, MailingState.COMPLETED_WITH_UNKNOWN}
_CHECKED: Final = 2  # issues; each costs about 40 ms
OLD: Final = "more than 7 days past its time, and never sent"
_STATES: Final = {
    MailingState.FROZEN: "sending",
    MailingState.SENDING: "sending",
    MailingState.PAUSED: "blocked",
    MailingState.COMPLETED: "sent",
    MailingState.COMPLETED_WITH_UNKNOWN: "sent",
    MailingState.CANCELLED: "cancelled",
    MailingState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class IssueStatus:
    """The state of one file in `issues/`.

    Attributes:
        issue: Its slug; for a file that is not an issue, its name without a suffix.
        path: As its author would type it.
        state: draft, scheduled, blocked, sending, sent, expired, cancelled or ignored.
        subject: None if it could not be read.
        send_at: None if it is not known.
        letter_hash: Names the letter that was or would be sent; empty if there is none.
        proofed_at: When the author last got a proof of exactly that letter; None if never.
        commit: The commit that approves it; empty if none does, or none has to.
        errors: Errors in the file; not counted once it is sent or past.
        warnings: The same for warnings.
        hints: The same for hints.
        why: What prevents sending, and what to do next; None if nothing does.
        audience: How many subscribers it was sent to; None if it was not.
        counts: What became of these letters; None if it was not sent, or nobody asked.
        started: Its letter is frozen, and it is no longer what is scheduled.
        changes: What was done with it in the archive since it was sent.
    """

    issue: str
    path: str
    state: str
    subject: str | None
    send_at: datetime | None
    letter_hash: str = ""
    proofed_at: datetime | None = None
    commit: str = ""
    errors: int = 0
    warnings: int = 0
    hints: int = 0
    why: str | None = None
    audience: int | None = None
    counts: SentCounts | None = None
    started: bool = False
    changes: ArchiveChanges = NO_CHANGES

    def as_json(self) -> dict[str, Any]:
        """Return the JSON that `status` and `send --due` print."""
        return {
            "issue": self.issue,
            "path": self.path,
            "state": self.state,
            "subject": self.subject,
            "send_at": self.send_at.isoformat() if self.send_at else None,
            "proofed": self.proofed_at is not None,
            "proofed_at": format_utc(self.proofed_at),
            "approved": self.approved,
            "letter_hash": self.letter_hash or None,
            "errors": self.errors,
            "warnings": self.warnings,
            "hints": self.hints,
            "why": self.why,
            "sent": {"audience": self.audience, **asdict(self.counts)} if self.counts else None,
            **archive_changes.as_json(self.changes),
        }

    @property
    def approved(self) -> bool:
        """Whether a proof or a commit approves exactly this letter."""
        return self.proofed_at is not None or bool(self.commit)


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of all files in `issues/`, and the issues that may still be sent."""

    lines: tuple[IssueStatus, ...]
    drafts: tuple[Draft, ...]
    upcoming: Upcoming | None


def survey_issues(
    store: Store,
    settings: Settings,
    counted: int | None = 0,
    *,
    subjects: bool = True,
    as_check: bool = False,
) -> Overview:
    """Return the state of every file in `issues/`.

    Only what may still be sent is read in full, so that years of sent issues cost little.

    Args:
        store: The ledger.
        settings: The settings of the newsletter.
        counted: Of how many mailings, the newest first, letters are counted; None of all.
        subjects: Whether what was sent has its subject.
        as_check: Of the issues that are next, count every finding that `check` prints, also
            of spelling and of the letter, which takes longer.

    Raises:
        NewsletterError: With `as_check`: the list of the author's own words cannot be read.
    """
    with store.read() as connection:
        moment = now(connection)
        ledger = mailings.summaries(connection)
        imported = editions.imported_slugs(connection)
        changes = editions.changes(connection)
        sent = sorted((one.send_at, one.id) for one in ledger if one.state in SENT)
        newest = [id_ for _, id_ in sent[::-1][:counted]]
        counts = sent_counts.count_sent(connection, newest) if newest else {}
    held = {entry.slug for entry in ledger if not entry.released}
    done = set() if subjects else {entry.slug for entry in ledger if entry.state in SENT}
    skimmed = [_skim(settings, path, done & held) for path in issues.issue_paths(settings)]
    drafts = {
        one.draft.slug: issues.read_or_report(settings, one.path)
        for one in skimmed
        if one.draft.slug not in held and _may_be_sent(one.draft, moment)
    }
    approvals = delivery.Approvals(store, settings)
    printed = _find_all(settings, skimmed, drafts, approvals) if as_check else {}
    upcoming = delivery.find_upcoming(store, settings, drafts.values(), approvals=approvals)
    survey = _Survey(
        settings,
        moment=moment,
        ledger=ledger,
        imported=imported,
        changes=changes,
        counts=counts,
        approvals=approvals,
        drafts=drafts,
        upcoming=upcoming,
        printed=printed,
    )
    lines = [*map(survey.line, skimmed), *map(_ignored, folder.ignored_files(settings))]
    return Overview(tuple(lines), tuple(drafts.values()), upcoming)


def _skim(settings: Settings, path: Path, done: AbstractSet[str]) -> IssueHead:
    """Read the front matter of a file; of what is done only the name."""
    slug = issues.slug_of_path(path)
    if slug not in done:
        return folder.read_head(settings, path)
    return folder.IssueHead(path, Draft(slug, issues.shown_path(settings, path), None, (), ()), "")


def _find_all(
    settings: Settings,
    skimmed: Sequence[IssueHead],
    drafts: Mapping[str, Draft],
    approvals: Approvals,
) -> Mapping[str, Counter[Severity]]:
    """Return how many findings `check` prints about each of the issues that are next."""
    paths = {one.draft.slug: one.path for one in skimmed}
    read = sorted(drafts.values(), key=_order)[:_CHECKED]
    found = inspection.inspect_files(
        settings,
        read,
        [paths[draft.slug] for draft in read],
        heads=skimmed,
        letter_of=approvals.letter,
    ).findings
    return {
        draft.slug: Counter(one.severity for one in found if one.path == draft.path)
        for draft in read
    }


def _order(draft: Draft) -> tuple[float, str]:
    """Return a key that sorts issues by the time they are sent; those without a time come last."""
    return (draft.send_at.timestamp() if draft.send_at else float("inf"), draft.slug)


def _may_be_sent(draft: Draft, moment: datetime) -> bool:
    return draft.send_at is None or draft.is_draft or not is_long_past(draft.send_at, moment)


def _ignored(one: folder.IgnoredFile) -> IssueStatus:
    slug = issues.guess_slug(one.name)
    return IssueStatus(slug, one.path, "ignored", None, None, why=f"{one.why}. {one.fix}")


class _Survey:
    """The ledger and all files, from which the state of one file follows."""

    def __init__(
        self,
        settings: Settings,
        *,
        moment: datetime,
        ledger: Sequence[MailingSummary],
        imported: AbstractSet[str],
        changes: Mapping[str, ArchiveChanges],
        counts: Mapping[int, SentCounts],
        approvals: Approvals,
        drafts: Mapping[str, Draft],
        upcoming: Upcoming | None,
        printed: Mapping[str, Counter[Severity]],
    ) -> None:
        self._settings = settings
        self._moment = moment
        self._approvals = approvals
        self._imported = imported
        self._changes = changes
        self._counts = counts
        self._drafts = drafts
        self._upcoming = upcoming
        self._printed = printed
        held = [entry for entry in ledger if not entry.released]
        self._mailings = {entry.slug: entry for entry in held}
        self._ended = {(entry.slug, entry.slot): entry for entry in ledger if entry.released}
        self._slots = {(entry.slot, entry.monthly): entry.slug for entry in held}
        self._texts = {entry.content_hash: entry.slug for entry in held}
        self._slots_wanted: dict[tuple[str, bool], list[str]] = defaultdict(list)
        self._first: dict[str, str] = {}
        for draft in sorted(drafts.values(), key=_order):
            if draft.send_at and delivery.is_sendable(draft):
                self._slots_wanted[slot_of(draft.send_at), draft.monthly].append(draft.slug)
                if draft.issue:
                    self._first.setdefault(draft.issue.content_hash, draft.slug)

    def line(self, skimmed: IssueHead) -> IssueStatus:
        """Return the state of one file."""
        draft = self._drafts.get(skimmed.draft.slug, skimmed.draft)
        issue = skimmed.draft.issue or draft.issue
        known = IssueStatus(
            *(draft.slug, draft.path, "scheduled", issue.subject if issue else None, draft.send_at),
            changes=self._changes.get(draft.slug, NO_CHANGES),
        )
        if held := self._mailings.get(draft.slug):
            return self._started(known, held)
        if draft.slug in self._imported:
            return replace(known, state="ignored", why=f"it is {delivery.IMPORTED}")
        blocking = 0
        if draft.slug in self._drafts:
            own = Counter(finding.severity for finding in checks.unallowed(draft))
            counts, blocking = self._printed.get(draft.slug, own), own[Severity.ERROR]
            known = replace(
                known,
                errors=counts[Severity.ERROR],
                warnings=counts[Severity.WARNING],
                hints=counts[Severity.HINT],
            )
            if letter := self._read_letter(draft.issue):
                known = replace(
                    known,
                    letter_hash=letter.letter_hash,
                    proofed_at=letter.proofed_at,
                    commit=letter.commit,
                )
        state, why = self._state(draft, blocking)
        return replace(known, state=state, why=why)

    def _started(self, known: IssueStatus, held: MailingSummary) -> IssueStatus:
        state, slug = _STATES[held.state], held.slug
        why = None
        if held.state is MailingState.PAUSED:
            why = f"paused ({held.note}): newsletter status {slug}"
        elif held.state is MailingState.COMPLETED_WITH_UNKNOWN:
            why = f"the outcome of some letters is unknown: newsletter status {slug}"
        elif held.state is MailingState.CANCELLED:
            why = "cancelled after some of its letters were sent"
        return replace(
            known,
            state=state,
            send_at=held.send_at,
            letter_hash=held.letter_hash,
            proofed_at=self._approvals.proofed_at(slug, held.letter_hash, held.provider_url),
            why=why,
            audience=held.audience if held.state in SENT else None,
            counts=self._counts.get(held.id),
            started=True,
        )

    def _state(self, draft: Draft, errors: int) -> tuple[str, str | None]:
        """Return the state of a file without a mailing, and what prevents sending."""
        at = draft.send_at
        if draft.is_draft:
            return "draft", None
        if at is None:
            first = next((one for one in draft.findings if one.severity is Severity.ERROR), None)
            return "ignored", f"{first.message}. {first.fix}" if first else "it has no date"
        ended = self._ended.get((draft.slug, slot_of(at)))
        if ended and ended.state is MailingState.CANCELLED:
            return "cancelled", f"only newsletter send {draft.slug} starts it again"
        if timing_of(at, self._moment, self._settings.max_lateness_hours) is Timing.LATE:
            return self._late_state(draft, at)
        if is_far_ahead(at, self._moment):
            return "ignored", "its date is more than a year ahead: check the year"
        blockers = self._find_blockers(draft, at, errors)
        return ("blocked", "; ".join(blockers)) if blockers else ("scheduled", None)

    def _late_state(self, draft: Draft, at: datetime) -> tuple[str, str | None]:
        if rival := self._conflicting_mailing(draft, at):
            return "ignored", f"{rival} was sent with this slot or this text"
        if is_long_past(at, self._moment):
            return "ignored", OLD
        why = f"its time has passed: newsletter send {draft.slug} --late, or give it a new send_at"
        if (draft.slug, slot_of(at)) in self._ended:
            why += f", or dismiss it: newsletter cancel {draft.slug}"
        return "expired", why

    def _find_blockers(self, draft: Draft, at: datetime, errors: int) -> list[str]:
        if self._upcoming and draft.slug == self._upcoming.slug:
            return list(self._upcoming.blocked_by)
        found = []
        if errors:
            found.append(f"{errors} error{'s' * (errors > 1)}: {check_command(draft.slug)}")
        found += [
            f"{other} has the same date and time"
            for other in self._slots_wanted[slot_of(at), draft.monthly]
            if other != draft.slug
        ]
        if rival := self._conflicting_mailing(draft, at):
            found.append(f"{rival} was already sent with this slot or this text")
        first = self._first.get(draft.issue.content_hash, draft.slug) if draft.issue else draft.slug
        if first != draft.slug:
            found.append(f"{first} has the same subject and text, and a letter is sent once")
        letter = self._read_letter(draft.issue)
        return [*found, *map(str, letter.objections if letter else ())]

    def _conflicting_mailing(self, draft: Draft, at: datetime) -> str | None:
        """Return the slug of the mailing that has this file's slot or text."""
        text = self._texts.get(draft.issue.content_hash) if draft.issue else None
        return self._slots.get((slot_of(at), draft.monthly)) or text

    def _read_letter(self, issue: Issue | None) -> LetterApproval | None:
        """Return what is known of an issue's letter; None if it cannot be made."""
        try:
            return self._approvals.read_issue(issue) if issue else None
        except NewsletterError:
            return None
