"""Reports on mailings, as JSON documents and as text."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from newsletter import delivery
from newsletter.cli.output import counted, print_json, print_line
from newsletter.delivery import ResolutionMethod
from newsletter.desk import archive_changes
from newsletter.model import NO_CHANGES, DeliveryState, EventTotals, MailingState
from newsletter.providers import capabilities_of
from newsletter.schedule import format_utc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newsletter.cli.app import App
    from newsletter.delivery import (
        DueResult,
        LetterApproval,
        MailingForecast,
        Resolution,
        Upcoming,
    )
    from newsletter.desk.overview import IssueStatus
    from newsletter.model import Issue, MailingReport
    from newsletter.providers.base import Capabilities


def forecast(app: App, report: MailingReport) -> MailingForecast:
    """Return what will happen to a mailing under the settings of this folder."""
    mailing = report.mailing
    settings = delivery.rehearsal_settings(app.settings) if mailing.rehearsal else app.settings
    found = delivery.forecast_mailing(report, capabilities_of(settings), settings)
    if mailing.state is MailingState.EXPIRED and not file_of(app, mailing.slug):
        # Without its file it cannot be sent: all that remains is to dismiss it.
        return replace(found, next_step=f"newsletter cancel {mailing.slug}")
    return found


def file_of(app: App, slug: str) -> bool:
    """Tell whether an issue's file is in `issues/`."""
    return (app.settings.issues / f"{slug}.md").exists()


def as_json(found: MailingForecast) -> dict[str, Any]:
    """Return the document of `send ISSUE` and `status ISSUE`."""
    report, details = found.report, found.report.details
    mailing = report.mailing
    return {
        "issue": mailing.slug,
        "state": mailing.state.value,
        "rehearsal": mailing.rehearsal,
        "provider": mailing.provider,
        "audience": mailing.audience,
        **{state.value: report.counts[state] for state in DeliveryState},
        "assumed": report.assumed,
        **asdict(report.heard),
        "content_hash": mailing.content_hash or None,
        "started_at": format_utc(mailing.started_at),
        "finished_at": format_utc(mailing.finished_at),
        "next_step": found.next_step,
        "send_at": mailing.send_at.isoformat(),
        "note": mailing.note or None,
        "proofed": report.proofed,
        "proofed_at": format_utc(report.proofed_at),
        "letter_hash": mailing.letter_hash or None,
        "reasons": {state.value: dict(reasons) for state, reasons in details.reasons.items()},
        "accepted_twice": details.accepted_twice,
        "unsettled": [_resolution_as_json(resolution) for resolution in found.resolutions],
        "decisions": [{**asdict(one), "at": format_utc(one.at)} for one in details.decisions],
        **archive_changes.as_json(report.changes),
    }


def _resolution_as_json(resolution: Resolution) -> dict[str, Any]:
    safe_until = None if resolution.method is ResolutionMethod.SEARCH else resolution.moment
    not_before = resolution.moment if resolution.method is ResolutionMethod.SEARCH else None
    return {
        "letters": resolution.letters,
        "by": resolution.method.value,
        "until": format_utc(safe_until),
        "not_before": format_utc(not_before),
        "put_back": resolution.put_back or None,
    }


def never_sent(
    slug: str,
    provider: Capabilities,
    issue: Issue | None,
    audience: int,
    letter: LetterApproval | None,
) -> dict[str, Any]:
    """Return the same document for an issue that was never sent."""
    proofed_at = letter.proofed_at if letter else None
    return {
        "issue": slug,
        "state": None,
        "rehearsal": provider.rehearsal,
        "provider": provider.name,
        "audience": audience,
        **{state.value: 0 for state in DeliveryState},
        "pending": audience,
        "assumed": 0,
        **asdict(EventTotals()),
        "content_hash": issue.content_hash if issue else None,
        "started_at": None,
        "finished_at": None,
        "next_step": f"newsletter send {slug}",
        "send_at": issue.send_at.isoformat() if issue else None,
        "note": None,
        "proofed": proofed_at is not None,
        "proofed_at": format_utc(proofed_at),
        "approved": letter is not None and letter.approved,
        "why": "; ".join(map(str, letter.objections)) or None if letter else None,
        "letter_hash": letter.letter_hash if letter else None,
        "reasons": {},
        "accepted_twice": 0,
        "unsettled": [],
        "decisions": [],
        **archive_changes.as_json(NO_CHANGES),
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
        "letter_hash": upcoming.letter.letter_hash if upcoming.letter else None,
    }


OUTBOX_ONLY = '  provider is "outbox", which mails nobody: on its day, send --due refuses it'
"""A remark for authors who have a scheduled issue and no provider yet."""


def next_text(upcoming: Upcoming | None, *, real: bool = False, started: bool = False) -> str:
    """Return the next issue as text.

    Args:
        upcoming: The issue.
        real: A provider will mail it.
        started: The same output names an issue that has started.
    """
    if upcoming is None:
        return f"Next: nothing; no {'other ' * started}issue in issues/ is scheduled."
    when = f"{upcoming.send_at:%A %d %B %Y %H:%M}"
    audience = counted(upcoming.audience, "subscriber")
    seen = ", proof seen" * upcoming.proofed
    lines = [f"Next: {upcoming.slug}, {when}, {audience}{seen}"]
    lines += [f"  blocked: {reason}" for reason in upcoming.blocked_by]
    letter = upcoming.letter
    if real and letter and not letter.objections and not letter.approved:
        lines.append(f"  no proof of this text yet: {delivery.proof_command(upcoming.slug)}")
    return "\n".join(lines)


def due_as_json(app: App, found: DueResult, lines: Iterable[IssueStatus]) -> dict[str, Any]:
    """Return the document of `send --due`; `lines` are the states of all files in `issues/`."""
    return {
        "mailings": [as_json(forecast(app, result.report)) for result in found.results],
        "next": next_as_json(found.next),
        "issues": [line.as_json() for line in lines],
        "notes": list(found.notes),
        "troubles": [str(error) for error in found.errors],
    }


def print_report(app: App, report: MailingReport, *, json_: bool) -> None:
    """Print the report on a mailing."""
    found = forecast(app, report)
    print_json(as_json(found)) if json_ else print_line(as_text(found))


def as_text(found: MailingForecast) -> str:
    """Return a report as text: counts that add up, and what to do next."""
    return "\n".join([*report_lines(found), *next_step(found)])


def report_lines(found: MailingForecast) -> list[str]:
    """Return the lines of a report, whose counts add up."""
    report, mailing = found.report, found.report.mailing
    state, through, accepted = mailing.state.replace("_", " "), mailing.provider, "accepted"
    if mailing.rehearsal:
        state, through, accepted = f"rehearsal {state}", "nobody is mailed", "in the outbox"
    lines = [f"{mailing.slug}: {state} ({through})"]
    words = {one: one.value for one in DeliveryState} | {DeliveryState.ACCEPTED: accepted}
    parts = [f"{n:,} {words[one]}" for one in DeliveryState if (n := report.counts[one])]
    audience = counted(mailing.audience, "subscriber")
    lines.append(f"  {audience} = " + " + ".join(parts) if parts else "  nobody was mailed")
    if report.assumed:
        lines.append(f"  {report.assumed:,} of the accepted: assumed by a person")
    lines += _event_lines(report.heard)
    if mailing.note:
        lines.append(f"  why: {mailing.note}")
    return lines


def _event_lines(heard: EventTotals) -> list[str]:
    events = asdict(heard)
    silent = events.pop("silent")
    known = ", ".join(f"{n:,} {kind}" for kind, n in events.items() if n)
    lines = [f"  of these {known}"] if known else []
    if silent:
        lines.append(
            f"  no event for more than a day about {silent:,} of the accepted: see docs/events.md"
        )
    return lines


def next_step(found: MailingForecast) -> list[str]:
    """Return a line for each command that may be next, if there is something to do."""
    steps = (found.next_step or "").splitlines()
    return [f"  {'or' if place else 'next'}: {step}" for place, step in enumerate(steps)]
