"""Errors and remarks about sending: why it stopped, what waits for a person, what was skipped.

`remaining` is the text of `letters_remaining`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, assert_never

from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain, check_command
from newsletter.model import DeliveryState, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.delivery.forecast import Resolution
    from newsletter.model import Draft, Mailing, MailingReport

IMPORTED = "already in the archive as an imported letter"
_NAMED = 3


class StopKind(Enum):
    """Why one process stops before everything is sent."""

    REQUESTED = "requested"
    """Someone outside asked: a signal."""
    REFUSED = "refused"
    """The provider takes nothing more until a person acts; the mailing is paused."""
    RETRY_LATER = "retry later"
    """The provider takes nothing now, for a reason that passes."""
    NO_ANSWERS = "no answers"
    """Answers are lost, one after another, of requests that can be repeated."""
    QUOTA = "quota"
    """The account may send no more for now."""
    HOURLY_LIMIT = "hourly limit"
    """The author's own limit is reached."""


class Stop(NamedTuple):
    """Why one process stops, before the numbers of the end are known."""

    kind: StopKind
    reason: str = ""


def stop_error(stop: Stop, *, slug: str, provider: str, remaining: str) -> NewsletterError:
    """Return a stop as the error with which a run ends."""
    later = "Run the same command again later"
    match stop.kind:
        case StopKind.REQUESTED:
            return TryAgain(f"stopped; {remaining}", hint="Run the same command again")
        case StopKind.REFUSED:
            return DecisionNeeded(
                f"{stop.reason}; {remaining}", hint=f"Fix that, then run: newsletter send {slug}"
            )
        case StopKind.RETRY_LATER:
            return TryAgain(f"{stop.reason}; {remaining}", hint=later)
        case StopKind.NO_ANSWERS:
            return TryAgain(
                f"{provider} gives no usable answers; {remaining}",
                hint=f"{later}: it asks about these first",
            )
        case StopKind.QUOTA:
            return TryAgain(
                f"the account's quota at {provider} is used up; {remaining}", hint=later
            )
        case StopKind.HOURLY_LIMIT:
            return TryAgain(
                f"the hourly limit is reached; {remaining}", hint=f"{later}, or raise max_per_hour"
            )
        case _:
            assert_never(stop.kind)


def paused_or_cancelled_error(mailing: Mailing, remaining: str) -> DecisionNeeded:
    """Return that a person has paused or cancelled the mailing."""
    return DecisionNeeded(
        f"{mailing.slug} is {mailing.state}; {remaining}",
        hint=f"See: newsletter status {mailing.slug}",
    )


def letters_remaining(count: int, slug: str) -> str:
    """Return how many letters of an issue are still to be sent."""
    return f"{count:,} letter{'s' * (count != 1)} of {slug} still to send"


def waiting_for_others(slug: str, until: datetime) -> str:
    """Return that another process, alive or lost, has the rest of the letters."""
    return (
        f"{slug}: waiting for letters that another process is sending, until {until:%H:%M:%S} "
        "at the latest"
    )


def as_error(error: Exception, where: str) -> NewsletterError:
    """Return any exception as an error of this program."""
    if isinstance(error, NewsletterError):
        return error
    return NewsletterError(
        f"unexpected {type(error).__name__}",
        where=where,
        hint="See where it comes from: newsletter -v send, with that issue's name",
    )


def paused(report: MailingReport, *, overdue: bool) -> DecisionNeeded:
    """Return that a mailing waits for a person; if `overdue`, only `--late` resumes it."""
    slug, left = report.mailing.slug, report.counts[DeliveryState.PENDING]
    why = f" ({report.mailing.note})" if report.mailing.note else ""
    return DecisionNeeded(
        f"{slug} is paused{why}, with {left:,} letter{'s' * (left != 1)} still to send",
        hint=f"Continue: newsletter send {slug}{' --late' * overdue}. "
        f"Or end it: newsletter cancel {slug}",
    )


def unknown_left(
    report: MailingReport, *, settles: bool, other: Resolution | None, overdue: bool = False
) -> DecisionNeeded:
    """Return that some letters are unknown.

    Args:
        report: The mailing's report.
        settles: A later run can still reconcile them, so that no person has to decide yet.
        other: What only another account than the one of now knows.
        overdue: Only `--late` resumes the mailing.
    """
    slug, unknown = report.mailing.slug, report.counts[DeliveryState.UNKNOWN]
    hint = f"Decide with: newsletter resolve {slug} --resend, or --assume-sent"
    again = f"newsletter send {slug}{' --late' * overdue}"
    if other:
        hint = (
            f"Another account knows about {other.letters:,} of them, since they left through it: "
            f"set {other.put_back} to its previous value, then run {again}. {hint}"
        )
    if settles:
        hint = (
            f"Without risk: {again} asks the provider; newsletter status {slug} says when. {hint}"
        )
    return DecisionNeeded(
        f"it is unknown whether {unknown:,} letter{'s' * (unknown != 1)} of {slug} left", hint=hint
    )


def missed(draft: Draft, send_at: datetime, max_lateness_hours: float) -> DecisionNeeded:
    """Return that an issue should have gone out and did not."""
    fix = "" if draft.issue else f"Fix it ({check_command(draft.slug)}). "
    return DecisionNeeded(
        f"{draft.slug} should have been sent on {send_at:%Y-%m-%d at %H:%M}, and more than "
        f"{max_lateness_hours:g} hours have passed",
        hint=f"{fix}Send it anyway: newsletter send {draft.slug} --late. Or give it a new send_at",
    )


def same_slot(draft: Draft, others: Sequence[str]) -> NewsletterError:
    """Return that several files have one date and time, so that none of them is sent."""
    return NewsletterError(
        f"{draft.path} has the same date and time as {', '.join(others)}, so neither is sent",
        hint="Give one of them another send_at, or make it a draft",
    )


def nobody_is_mailed(draft: Draft, settings: Settings) -> NewsletterError:
    """Return that an issue is due and nothing left: the schedule never rehearses."""
    return NewsletterError(
        f'{draft.slug} is due, and provider is "outbox", which mails nobody: nothing was sent',
        where=settings.origin,
        hint='Set provider to the one that sends your letters, such as provider = "resend" '
        "(docs/providers.md). To see the letters without mailing anybody: "
        f"newsletter rehearse {draft.slug}",
    )


def cancelled(slug: str) -> str:
    """Return that a person cancelled what is due."""
    return f"{slug} is due and was cancelled: only newsletter send {slug} starts it again."


def imported(slug: str) -> str:
    """Return that an issue file has the name of a letter that another program sent."""
    return f"{slug} is {IMPORTED}, so it is not sent"


def imported_only(slug: str) -> NewsletterError:
    """Return that a letter which another program sent is in the archive, and has no mailing."""
    return NewsletterError(
        f"{slug} is an imported letter: it is in the archive only, and cannot be corrected",
        hint=f"To take it out of the archive: newsletter withdraw {slug}",
    )


def still_a_draft(draft: Draft) -> str:
    """Return that an issue which is due is still a draft."""
    return f'{draft.slug} is due and still says "draft: yes": not sent.'


def unreadable(draft: Draft) -> str:
    """Return that a file has an error with which it is never sent: the first one."""
    first = next((one for one in draft.findings if one.severity is Severity.ERROR), None)
    why = f"{first.message}. {first.fix}" if first else "it is no issue"
    return f"{draft.path} is never sent as it is: {why}"


def went_out_before(mailing: Mailing, draft: Draft) -> str:
    """Return that an issue, under this name or another, already had its mailing."""
    when = f"{mailing.send_at:%Y-%m-%d %H:%M}"
    if mailing.slug == draft.slug:
        return f"{draft.slug} was sent for {when}; an issue is sent once, whatever its new time."
    return f"{draft.slug} is not sent: its time or text is that of {mailing.slug} ({when})."


def left_alone(old: Sequence[str], far: Sequence[str]) -> list[str]:
    """Return which files the schedule ignores, if there are any."""
    remarks = []
    if old:
        remarks.append(f"Not sent, more than 7 days past their time: {_named(old)}.")
    if far:
        remarks.append(f"Not sent, more than a year ahead (check the year): {_named(far)}.")
    return remarks


def _named(names: Sequence[str]) -> str:
    """Return the last few of these names, and how many more there are."""
    more = len(names) - _NAMED
    shown = ", ".join(names[-_NAMED:])
    return f"{shown} and {more} more" if more > 0 else shown
