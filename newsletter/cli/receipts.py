"""Accounts of mailings, as JSON documents and as lines for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from newsletter.model import DeliveryState, Heard, MailingState
from newsletter.schedule import utc

if TYPE_CHECKING:
    from newsletter.delivery import DueReport, Upcoming
    from newsletter.model import Issue, Receipt
    from newsletter.providers.base import Capabilities

_NEXT = {
    MailingState.FROZEN: "newsletter send {slug}",
    MailingState.SENDING: "newsletter send {slug}",
    MailingState.PAUSED: "newsletter send {slug}, or newsletter cancel {slug}",
    MailingState.COMPLETED_WITH_UNKNOWN: "newsletter resolve {slug} --resend or --assume-sent",
    MailingState.EXPIRED: "newsletter send {slug} --late, or another send_at in its file",
}


def as_json(receipt: Receipt) -> dict[str, Any]:
    """Return the document of `send ISSUE` and `status ISSUE`."""
    mailing = receipt.mailing
    return {
        "issue": mailing.slug,
        "state": mailing.state.value,
        "rehearsal": mailing.rehearsal,
        "provider": mailing.provider,
        "audience": mailing.audience,
        **{state.value: receipt.counts[state] for state in DeliveryState},
        "assumed": receipt.assumed,
        **asdict(receipt.heard),
        "content_hash": mailing.content_hash or None,
        "started_at": utc(mailing.started_at),
        "finished_at": utc(mailing.finished_at),
        "next_step": next_step(receipt),
        "send_at": mailing.send_at.isoformat(),
        "note": mailing.note or None,
        "proofed": receipt.proofed,
    }


def never_sent(
    slug: str,
    provider: Capabilities,
    issue: Issue | None,
    audience: int,
    *,
    proofed: bool = False,
) -> dict[str, Any]:
    """Return the same document for an issue that was never sent, for as far as it can be read."""
    return {
        "issue": slug,
        "state": None,
        "rehearsal": provider.rehearsal,
        "provider": provider.name,
        "audience": audience,
        **{state.value: 0 for state in DeliveryState},
        "pending": audience,
        "assumed": 0,
        **asdict(Heard()),
        "content_hash": issue.content_hash if issue else None,
        "started_at": None,
        "finished_at": None,
        "next_step": f"newsletter send {slug}",
        "send_at": issue.send_at.isoformat() if issue else None,
        "note": None,
        "proofed": proofed,
    }


def next_as_json(upcoming: Upcoming | None) -> dict[str, Any] | None:
    """Return the `next` of `status` and of `send --due`."""
    if upcoming is None:
        return None
    return {
        "issue": upcoming.slug,
        "send_at": upcoming.send_at.isoformat(),
        "audience": upcoming.audience,
        "blocked_by": list(upcoming.blocked_by),
        "proofed": upcoming.proofed,
    }


def next_text(upcoming: Upcoming | None, *, real: bool = False) -> str:
    """Return what is next as a person reads it; `real` if its letters will leave for real."""
    if upcoming is None:
        return "Next: nothing; no issue in issues/ is still to come."
    when = f"{upcoming.send_at:%A %d %B %Y %H:%M}"
    readers = f"{upcoming.audience:,} reader{'s' * (upcoming.audience != 1)}"
    seen = ", proof seen" * upcoming.proofed
    lines = [f"Next: {upcoming.slug}, {when}, {readers}{seen}"]
    lines += [f"  in its way: {obstacle}" for obstacle in upcoming.blocked_by]
    if real and not upcoming.proofed:
        lines.append(
            f"  no proof of this text yet: newsletter proof {upcoming.slug} --to you@example.org"
        )
    return "\n".join(lines)


def due_as_json(found: DueReport) -> dict[str, Any]:
    """Return the document of `send --due`."""
    return {
        "mailings": [as_json(report.receipt) for report in found.reports],
        "next": next_as_json(found.next),
        "notes": list(found.notes),
        "troubles": [str(trouble) for trouble in found.troubles],
    }


def next_step(receipt: Receipt) -> str | None:
    """Return the command that carries a mailing on, or None where there is nothing to do."""
    command = _NEXT.get(receipt.mailing.state)
    return command.format(slug=receipt.mailing.slug) if command else None


def as_text(receipt: Receipt) -> str:
    """Return an account as a person reads it: it adds up, and says what to do."""
    mailing = receipt.mailing
    kind = "rehearsal, nobody is mailed" if mailing.rehearsal else mailing.provider
    lines = [f"{mailing.slug}: {mailing.state.replace('_', ' ')} ({kind})"]
    parts = [f"{n:,} {state}" for state in DeliveryState if (n := receipt.counts[state])]
    readers = f"{mailing.audience:,} reader{'s' * (mailing.audience != 1)}"
    lines.append(f"  {readers} = " + " + ".join(parts) if parts else "  nobody was mailed")
    if receipt.assumed:
        lines.append(f"  {receipt.assumed:,} of the accepted ones a person assumed")
    told = asdict(receipt.heard)
    silent = told.pop("silent")
    if any(told.values()):
        lines.append("  of which " + ", ".join(f"{n:,} {what}" for what, n in told.items() if n))
    if silent:
        lines.append(
            f"  nothing was heard for more than a day of {silent:,} accepted ones: docs/events.md"
        )
    if mailing.note:
        lines.append(f"  why: {mailing.note}")
    if step := next_step(receipt):
        lines.append(f"  next: {step}")
    return "\n".join(lines)
