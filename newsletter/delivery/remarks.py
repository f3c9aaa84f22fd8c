"""What `send` and `send --due` say at their end: troubles with an exit code, and remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.errors import DecisionNeeded, NewsletterError
from newsletter.model import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.delivery.resolution import Resolution
    from newsletter.model import Draft, Mailing, MailingReport

_NAMED = 3


def as_error(error: Exception, where: str) -> NewsletterError:
    """Return an error as one line, whatever it is."""
    if isinstance(error, NewsletterError):
        return error
    return NewsletterError(
        f"unexpected {type(error).__name__}",
        where=where,
        hint="See where it comes from: newsletter -v send, with that issue's name",
    )


def paused(receipt: MailingReport, *, overdue: bool) -> DecisionNeeded:
    """Return that a mailing waits for a person; `overdue` if only `--late` resumes it."""
    slug, left = receipt.mailing.slug, receipt.counts[DeliveryState.PENDING]
    why = f" ({receipt.mailing.note})" if receipt.mailing.note else ""
    return DecisionNeeded(
        f"{slug} is paused{why}, with {left:,} letter{'s' * (left != 1)} still to go",
        hint=f"Go on: newsletter send {slug}{' --late' * overdue}. "
        f"Or end it: newsletter cancel {slug}",
    )


def unknown_left(
    receipt: MailingReport, *, settles: bool, other: Resolution | None, overdue: bool = False
) -> DecisionNeeded:
    """Return that it is not known what became of some letters.

    Args:
        receipt: The mailing's account.
        settles: A later run can still find out, so that nobody has to decide yet.
        other: What only another account than the one of now can tell.
        overdue: Only with `--late`.
    """
    slug, unknown = receipt.mailing.slug, receipt.counts[DeliveryState.UNKNOWN]
    hint = f"Decide with: newsletter resolve {slug} --resend, or --assume-sent"
    again = f"newsletter send {slug}{' --late' * overdue}"
    if other:
        hint = (
            f"Of {other.letters:,} another account can tell, through which they left: "
            f"put {other.put_back} back as it was, then {again}. {hint}"
        )
    if settles:
        hint = f"Without risk: {again} asks again; when, tells newsletter status {slug}. {hint}"
    return DecisionNeeded(
        f"nobody knows whether {unknown:,} letter{'s' * (unknown != 1)} of {slug} left", hint=hint
    )


def missed(draft: Draft, send_at: datetime, max_lateness_hours: float) -> DecisionNeeded:
    """Return that an issue was to go out and did not."""
    mend = "" if draft.issue else f"Mend it (newsletter check {draft.slug}). "
    return DecisionNeeded(
        f"{draft.slug} was to go out on {send_at:%Y-%m-%d at %H:%M}, and more than "
        f"{max_lateness_hours:g} hours have passed",
        hint=f"{mend}Send it all the same: newsletter send {draft.slug} --late. "
        "Or give it a new send_at",
    )


def same_slot(draft: Draft, others: Sequence[str]) -> NewsletterError:
    """Return that several files want one date and time, so that none of them is sent."""
    return NewsletterError(
        f"{draft.path} has the same date and time as {', '.join(others)}, so neither is sent",
        hint="Give one of them another send_at, or make it a draft",
    )


def nobody_is_mailed(draft: Draft, settings: Settings) -> NewsletterError:
    """Return that an issue is due and nothing left, for the schedule never rehearses."""
    return NewsletterError(
        f'{draft.slug} is due, and provider is "outbox", which mails nobody: nothing was sent',
        where=settings.origin,
        hint='Set provider to the one that sends your letters, such as provider = "resend" '
        "(docs/providers.md). To see the letters without mailing anybody: "
        f"newsletter rehearse {draft.slug}",
    )


def cancelled(slug: str) -> str:
    """Return that a person cancelled what is due."""
    return f"{slug} is due and was cancelled: only newsletter send {slug} starts it anew."


def still_a_draft(draft: Draft) -> str:
    """Return that what is due is not done."""
    return f'{draft.slug} is due and still says "draft: yes": not sent.'


def went_out_before(mailing: Mailing, draft: Draft) -> str:
    """Return that an issue is another one, or another time of one, that had its mailing."""
    when = f"{mailing.send_at:%Y-%m-%d %H:%M}"
    if mailing.slug == draft.slug:
        return f"{draft.slug} went out for {when}; a letter is sent once, whatever its new time."
    return f"{draft.slug} is left alone: its time or text is that of {mailing.slug} ({when})."


def left_alone(old: Sequence[str], undated: Sequence[str], far: Sequence[str]) -> list[str]:
    """Return which files a schedule has nothing to do with, if there are any."""
    remarks = []
    if old:
        remarks.append(f"Left alone, more than 7 days past their time: {_named(old)}.")
    if undated:
        remarks.append(f"Never sent under these names: {_named(undated)} (newsletter check).")
    if far:
        remarks.append(f"More than a year ahead, so look at the year: {_named(far)}.")
    return remarks


def _named(names: Sequence[str]) -> str:
    """Return the last few of these names, and how many more there are."""
    more = len(names) - _NAMED
    shown = ", ".join(names[-_NAMED:])
    return f"{shown} and {more} more" if more > 0 else shown
