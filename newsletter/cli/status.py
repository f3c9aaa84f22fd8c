"""`newsletter status`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from newsletter import delivery
from newsletter.cli.issues import find_issue, print_warnings
from newsletter.cli.ledger import note_ledger
from newsletter.cli.mailing_output import (
    OUTBOX_ONLY,
    as_json,
    as_text,
    forecast,
    never_sent,
    next_as_json,
    next_text,
)
from newsletter.cli.output import json_option, note, print_json, print_line
from newsletter.cli.status_text import (
    NEXT_STEP,
    SENT_SHOWN,
    explain_mailing,
    findings_text,
    is_done,
    is_open,
    letter_text,
    overview_text,
    problem_lines,
)
from newsletter.cli.terminal_lines import fold
from newsletter.desk.overview import survey_issues
from newsletter.errors import NewsletterError, check_command
from newsletter.model import DeliveryState
from newsletter.providers import capabilities_of
from newsletter.schedule import Timing, format_utc, is_early, timing_of
from newsletter.subscriptions.refusals import refused_lately, unreadable_webhooks
from newsletter.subscriptions.signup import SignupLimits, form_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from newsletter.cli.app import App
    from newsletter.delivery import LetterApproval, MissingDigest, Upcoming
    from newsletter.desk.overview import IssueStatus, Overview
    from newsletter.model import Draft
    from newsletter.store import Store
    from newsletter.subscriptions.signup import FormState


@click.command()
@click.argument("issue", required=False)
@json_option
@click.pass_obj
def status(app: App, *, issue: str | None, json_: bool) -> None:
    """Show every issue: what is next and what blocks it, later issues, drafts, ignored and sent.

    With ISSUE: show the progress of that one.
    """
    if issue is not None:
        _one(app, issue, json_=json_)
        return
    known = [forecast(app, report) for report in delivery.recent_reports(app.reading)]
    every = json_ or app.verbosity > 0
    count = None if every else SENT_SHOWN
    found = survey_issues(app.reading, app.settings, count, subjects=every, as_check=True)
    missed = delivery.find_missed(app.reading, app.settings, found.drafts)
    digest = delivery.find_missing_digest(app.reading, app.settings, found.drafts)
    waiting, form = delivery.count_notices(app.reading), form_state(app.reading)
    if json_:
        print_json(
            {
                "mailings": [as_json(one) for one in known],
                "next": next_as_json(found.upcoming),
                "issues": [line.as_json() for line in found.lines],
                "missed": list(missed),
                "missing_digest": asdict(digest) if digest else None,
                "notices": {state.value: count for state, count in waiting.items()},
                "form": {
                    "closed": form.closed,
                    "last_closed_at": format_utc(form.last_closed_at),
                    "slowed": asdict(form.flood) if form.flood else None,
                },
                **_problems_as_json(app.reading),
            }
        )
        return
    if not app.settings.issues.is_dir():
        note(
            f"There is no issues/ in {app.settings.root}. Make a newsletter with newsletter init, "
            "or go to the folder of yours."
        )
    found_problems = problem_lines(app.reading)
    asked = (*_digest_line(digest), *_notice_lines(waiting, form))
    for line in (*_coming(app, found), *found_problems, *asked):
        print_line(fold(line))
    for one in known:
        if not is_done(one.report):
            print_line("\n".join(map(fold, as_text(one).splitlines())))
    note_ledger(app)


def _coming(app: App, found: Overview) -> Iterator[str]:
    """Yield what is next, and the state of every other file in `issues/`."""
    real = not capabilities_of(app.settings).rehearsal
    started = any(map(is_open, found.lines))
    first, *more = next_text(found.upcoming, real=real, started=started).splitlines()
    yield first
    if found.upcoming is None:
        yield from more
    else:
        line = next((one for one in found.lines if one.issue == found.upcoming.slug), None)
        yield from letter_text(line, app.settings.zone) if real else ()
        yield from more
        yield from findings_text(line)
        if not real:
            yield OUTBOX_ONLY
        if step := _next_command(found.upcoming, line, real=real):
            yield f"  next: {step}"
    yield from overview_text(found, app.settings.zone, every=app.verbosity > 0, real=real)


def _next_command(upcoming: Upcoming, line: IssueStatus | None, *, real: bool) -> str:
    """Return what a person types next about the next issue; empty if another line says it."""
    slug = upcoming.slug
    if upcoming.letter is None:
        return check_command(slug)
    if line and line.state == "draft":
        return f"newsletter preview {slug}"
    if not real:
        return f"newsletter rehearse {slug}"
    objections = tuple(map(str, upcoming.letter.objections))
    if objections and upcoming.blocked_by == objections:
        return delivery.proof_command(slug)
    if upcoming.blocked_by or not upcoming.letter.approved:
        return ""
    return "newsletter send --due, which the schedule runs by itself"


def _digest_line(digest: MissingDigest | None) -> Iterator[str]:
    if digest:
        people = (
            "1 subscriber gets"
            if digest.subscribers == 1
            else (f"{digest.subscribers:,} subscribers get")
        )
        yield (
            f"{people} one letter a month, and there is none of {digest.month} yet: "
            f"newsletter new --digest {digest.month}"
        )


def _notice_lines(waiting: Mapping[DeliveryState, int], form: FormState) -> Iterator[str]:
    """Yield what is unusual about notices and sign-ups; nothing while all is well."""
    if count := waiting[DeliveryState.PENDING] + waiting[DeliveryState.ATTEMPTING]:
        yield f"Notices that wait to be sent: {count:,}"
    if count := waiting[DeliveryState.UNKNOWN]:
        yield f"Notices whose outcome is unknown: {count:,}"
    if form.closed:
        most = SignupLimits().letters_per_hour
        yield f"The sign-up form is closed: {most:,} notices within an hour"
    elif form.last_closed_at:
        yield f"The sign-up form was closed for an hour from {format_utc(form.last_closed_at)}"
    if flood := form.flood:
        yield (
            f"The sign-up form is slowed: {flood.asked:,} asked within 24 hours, and of"
            f" {flood.written:,} who got a letter {flood.confirmed:,} confirmed. It sends at most"
            f" {flood.letters_a_day:,} letters a day until more do"
        )


def _one(app: App, issue: str, *, json_: bool) -> None:
    slug, draft = find_issue(app, issue)
    report = delivery.find_report(app.reading, slug)
    if report:
        found = forecast(app, report)
        print_json(as_json(found)) if json_ else print_line(
            explain_mailing(found, app.settings.zone)
        )
        print_warnings(draft)
        return
    delivery.refuse_imported(app.reading, slug)
    if draft is None:
        raise NewsletterError(
            f"there is no issue {slug}", hint="See what there is: newsletter status"
        )
    can, letter = capabilities_of(app.settings), _read_letter(app, draft)
    document = never_sent(slug, can, draft.issue, 0, letter)
    document["next_step"] = _first_step(app, draft, letter)
    if json_:
        print_json(document)
    else:
        when = f", for {draft.send_at:%A %d %B %Y %H:%M}" if draft.send_at else ""
        kind = "a draft" if draft.is_draft else "not sent yet"
        seen = ", proof seen" * document["proofed"]
        print_line(f"{slug}: {kind}{when}{seen}")
        for line in _letter_lines(app, letter):
            print_line(fold(line))
        print_line(f"  next: {document['next_step']}")
    print_warnings(draft)


def _letter_lines(app: App, letter: LetterApproval | None) -> Iterator[str]:
    """Yield the letter's hash, and why the schedule would not send it."""
    if letter is None:
        return
    yield f"  letter's hash: {letter.letter_hash}"
    if letter.commit:
        yield f"  approved by commit {letter.commit[:12]} of {app.settings.approval}"
    yield from (f"  blocked: {one}" for one in letter.objections)


def _first_step(app: App, draft: Draft, letter: LetterApproval | None) -> str:
    """Return what a person types next for an issue that was never sent."""
    if draft.issue is None:
        return check_command(draft.slug)
    if draft.is_draft or capabilities_of(app.settings).rehearsal:
        return f"newsletter rehearse {draft.slug}"
    moment = delivery.current_time(app.reading)
    far = draft.send_at is not None and is_early(draft.send_at, moment)
    late = draft.send_at is not None and (
        timing_of(draft.send_at, moment, app.settings.max_lateness_hours) is Timing.LATE
    )
    # Who sends a late one decides for themselves; in time, the schedule needs an approval.
    if letter and (letter.objections_to_all if late else letter.objections):
        return delivery.proof_command(draft.slug)
    return f"newsletter send {draft.slug}{' --early' * far}{' --late' * late}"


def _read_letter(app: App, draft: Draft) -> LetterApproval | None:
    """Return what is known of an issue's letter; None if it cannot be made."""
    try:
        known = delivery.Approvals(app.reading, app.settings)
        return known.read_issue(draft.issue) if draft.issue else None
    except NewsletterError:
        return None


def _problems_as_json(store: Store) -> dict[str, Any]:
    """Return what `status --json` has of these."""
    return {
        "refused": [
            {
                "cause": one.cause.value,
                "mailbox_provider": one.mailbox_provider,
                "subscribers": one.subscribers,
                "first_at": format_utc(one.first_at),
                "last_at": format_utc(one.last_at),
                "says": one.says,
                "next_step": NEXT_STEP[one.cause],
            }
            for one in refused_lately(store)
        ],
        "webhooks": {"unreadable": unreadable_webhooks(store)},
    }
