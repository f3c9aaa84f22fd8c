"""`newsletter send`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter import delivery, desk
from newsletter.cli.groups import WrongUsage
from newsletter.cli.issues import find_issue_to_change, print_warnings, warnings_line
from newsletter.cli.ledger import offer_ledger
from newsletter.cli.mailing_output import (
    OUTBOX_ONLY,
    as_text,
    due_as_json,
    forecast,
    never_sent,
    next_text,
    print_report,
)
from newsletter.cli.output import (
    counted,
    json_option,
    note,
    print_error,
    print_json,
    print_line,
    warn,
)
from newsletter.cli.progress import progress
from newsletter.cli.rehearse import run_rehearsal
from newsletter.cli.run_summary import provider_keys, summarized
from newsletter.cli.sending import pull_events_first, send_notices, stoppable, warn_of_short_keys
from newsletter.config import DEFAULT_ORIGIN
from newsletter.desk import folder
from newsletter.desk.overview import survey_issues
from newsletter.forge import RunRecord
from newsletter.model import DeliveryState
from newsletter.providers import OUTBOX
from newsletter.schedule import is_early, time_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from newsletter.cli.app import App
    from newsletter.delivery import Context, Plan, Resumption, SendRequest, SendResult


@click.command()
@click.argument("issue", required=False)
@click.option(
    "--due", is_flag=True, help="Send what the schedule says, and finish what has started."
)
@click.option("--early", is_flag=True, help="Allow it more than an hour before its time.")
@click.option("--late", is_flag=True, help="Allow it after its time has passed.")
@click.option(
    "--yes", is_flag=True, help="Skip the confirmation prompt (does not imply --early or --late)."
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Send at most this many letters, then pause."
)
@click.option(
    "--no-preflight",
    is_flag=True,
    help="Skip the test of the web app, and of the sender's DNS, before the first letter.",
)
@click.option("--dry-run", is_flag=True, help="Print what would happen; change nothing.")
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --due: add a summary for people to FILE, as Markdown.",
)
@json_option
@click.pass_context
def send(
    context: click.Context,
    *,
    issue: str | None,
    due: bool,
    early: bool,
    late: bool,
    yes: bool,
    limit: int | None,
    no_preflight: bool,
    dry_run: bool,
    summary: Path | None,
    json_: bool,
) -> None:
    """Send ISSUE to its subscribers, or with --due whatever is due.

    It is safe to run this again: no letter is sent twice, and an interrupted mailing continues with
    the letter and the audience it started with. With provider = "outbox" it is a rehearsal: nobody
    is mailed.
    """
    app: App = context.obj
    needs_issue = early or late or dry_run or limit is not None
    _refuse_contradiction(issue, due=due, needs_issue=needs_issue, needs_due=summary is not None)
    if issue is None:
        with summarized(app, summary) if summary else nullcontext(RunRecord()) as record:
            _due(context, record, preflight=not no_preflight, json_=json_)
        return
    rehearsal = app.settings.provider == OUTBOX
    slug, draft = find_issue_to_change(app, issue, asks=rehearsal or not (yes or dry_run))
    request = delivery.SendRequest(
        slug, draft, early=early, late=late, limit=limit, preflight=not no_preflight
    )
    if dry_run:
        _dry_run(app, request, json_=json_)
    elif rehearsal:
        first = f'A rehearsal of {slug}: provider is "outbox", so nobody is mailed.'
        run_rehearsal(app, request, first_line=first, json_=json_)
    else:
        _send(app, request, yes=yes, json_=json_)


def _refuse_contradiction(
    issue: str | None, *, due: bool, needs_issue: bool, needs_due: bool
) -> None:
    if due == (issue is not None):
        raise WrongUsage(
            "either an ISSUE or --due is needed",
            hint="Name an ISSUE, or use --due to send what the schedule says",
        )
    if due and needs_issue:
        raise WrongUsage(
            "--early, --late, --limit and --dry-run need an ISSUE",
            hint="Name the issue, or leave these options out",
        )
    if needs_due and not due:
        raise WrongUsage("--summary needs --due", hint="Leave it out, or use --due")


def _send(app: App, request: SendRequest, *, yes: bool, json_: bool) -> None:
    if not yes:
        offer_ledger(app)
    context = delivery.Context(app.store, app.settings, app.open_provider(app.settings))
    pull_events_first(app)
    plan = _confirm(app, context, request, yes=yes)
    with stoppable() as stop, progress(request.slug) as tell:
        send_notices(app, context.provider, stop)
        found = delivery.send_plan(replace(context, stop=stop), plan, progress=tell)
    _print_result(app, found, json_=json_)
    print_warnings(request.draft)
    if found.error:
        raise found.error


def _confirm(app: App, context: Context, request: SendRequest, *, yes: bool) -> Plan | Resumption:
    """Plan a send, and let a person confirm it, unless nothing will leave.

    Returns:
        The plan. Confirming at a terminal also allows sending early.

    Raises:
        WrongUsage: There is no terminal to ask on, and `yes` is not given.
        click.Abort: The answer was no.
    """
    asks = not yes and sys.stdin.isatty()
    if asks:
        request = replace(request, early=True)
    plan = delivery.plan_send(context, request)
    confirm_plan(app, context, plan, yes=yes)
    return plan


def confirm_plan(app: App, context: Context, plan: Plan | Resumption, *, yes: bool) -> None:
    """Let a person confirm a plan, unless nothing will leave.

    Raises:
        WrongUsage: There is no terminal to ask on, and `yes` is not given.
        click.Abort: The answer was no.
    """
    found: Plan | SendResult
    if isinstance(plan, delivery.Resumption):
        found = delivery.report_resumption(context, plan)
        if found.repeated:
            return
    else:
        found = plan
    warn_of_short_keys(app)
    if yes:
        return
    if sys.stdin.isatty():
        lines = _question(context, plan.request, found)
        click.confirm("\n".join(lines), abort=True, err=True)
    else:
        who = counted(_how_many(found), "subscriber")
        raise WrongUsage(
            f"this mails {who} through {context.capabilities.name}; "
            "without a terminal it needs --yes",
            hint="Confirm it with --yes",
        )


def _how_many(found: Plan | SendResult) -> int:
    if isinstance(found, delivery.Plan):
        return found.audience
    return found.report.counts[DeliveryState.PENDING]


def _question(context: Context, request: SendRequest, found: Plan | SendResult) -> Iterator[str]:
    """Yield what is about to happen, line by line, and the question itself."""
    if isinstance(found, delivery.Plan):
        moment = delivery.current_time(context.store)
        yield f"{request.slug}, to be sent now:"
        yield f"  subject:  {found.letter.subject}"
        to = counted(found.audience, "subscriber")
        yield f"  to:       {to}, through {context.capabilities.name}"
        if found.erratum:
            yield from (f"  changed:  {line}" for line in found.erratum.changes)
        else:
            yield f"  send_at:  {_when(found.issue.send_at, moment)}"
        yield from _proof_lines(found, context.settings.approval)
        yield from (f"  sender:   {line}" for line in found.warnings)
    else:
        mailing, left = found.report.mailing, _how_many(found)
        yield f"{request.slug}, {mailing.state.replace('_', ' ')}, to be continued now:"
        to = f"{counted(left, 'subscriber')} of {mailing.audience:,}"
        yield f"  to:       {to}, through {mailing.provider}"
        yield "  letter:   as frozen when the mailing started"
    if request.limit:
        yield f"  limit:    {request.limit:,}, then the mailing pauses"
    yield f"  warnings: {warnings_line(request.draft) or 'none'}"
    yield f"Send {request.slug} to {counted(_how_many(found), 'subscriber')}?"


def _proof_lines(plan: Plan, branch: str) -> Iterator[str]:
    known = plan.approval
    if known is None:
        return
    yield f"  proof:    {'seen' if known.proofed_at else 'none of this text yet'}"
    if branch and not known.proofed_at:
        where = f"commit {known.commit[:12]}" if known.commit else "no commit"
        yield f"  approved: by {where} of {branch}"


def _when(send_at: datetime, moment: datetime) -> str:
    far = time_until(send_at, moment)
    text = f"{send_at:%A %d %B %Y %H:%M}, {far}"
    return f"{text}: this is EARLY" if is_early(send_at, moment) else text


def _dry_run(app: App, request: SendRequest, *, json_: bool) -> None:
    settings = app.settings
    if settings.provider == OUTBOX:
        settings = delivery.rehearsal_settings(settings)
    context = delivery.Context(app.reading, settings, app.open_provider(settings))
    plan = delivery.plan_send(context, request)
    if isinstance(plan, delivery.Resumption):
        found = delivery.report_resumption(context, plan)
        _print_result(app, found, json_=json_)
        print_warnings(request.draft)
        if found.error:
            raise found.error
        return
    if json_:
        can = context.capabilities
        print_json(never_sent(request.slug, can, plan.issue, plan.audience, plan.approval))
    else:
        print_line(f"{request.slug}: would be sent to {counted(plan.audience, 'subscriber')}")
    for line in plan.warnings:
        warn(line)
    print_warnings(request.draft)


def _due(context: click.Context, record: RunRecord, *, preflight: bool, json_: bool) -> None:
    app: App = context.obj
    if not app.settings.issues.is_dir() and app.settings.origin == DEFAULT_ORIGIN:
        folder.require_folder(app.settings)  # no settings file either: the wrong folder
    provider = app.open_provider(app.settings)
    drafts = desk.read_all(app.settings)
    real = not provider.capabilities.rehearsal
    if real:
        offer_ledger(app)
        warn_of_short_keys(app)
        pull_events_first(app)
    with stoppable() as stop:
        send_notices(app, provider, stop)
        found = delivery.send_due(
            delivery.Context(app.store, app.settings, provider, stop),
            drafts,
            progress=progress,
            preflight=preflight,
            overlooked=[one.line for one in folder.ignored_files(app.settings)],
        )
    record.keys = provider_keys(app.settings.provider)
    record.errors += dict.fromkeys(map(str, found.errors))
    record.document = due_as_json(app, found, survey_issues(app.store, app.settings).lines)
    _print_due(app, found, record.document, real=real, json_=json_)
    context.exit(found.exit_code)


def _print_due(
    app: App, found: delivery.DueResult, document: Mapping[str, Any], *, real: bool, json_: bool
) -> None:
    if json_:
        print_json(document)
    else:
        for result in found.results:
            print_line(as_text(forecast(app, result.report)))
        print_line(next_text(found.next, real=real, started=bool(found.results)))
        if found.next and not real:
            print_line(OUTBOX_ONLY)
    for result in found.results:
        print_notes(result)
    for line in found.notes:
        (warn if line in found.warnings else note)(line)
    for error in found.errors:
        print_error(error.sentence, error.hint)


def _print_result(app: App, found: delivery.SendResult, *, json_: bool) -> None:
    print_report(app, found.report, json_=json_)
    print_notes(found)


def print_notes(found: delivery.SendResult) -> None:
    """Print what a person should know of a mailing besides its report."""
    mailing = found.report.mailing
    if found.edited:
        note(f"{mailing.slug} was edited after it was frozen: subscribers get the frozen letter.")
    for line in found.warnings:
        warn(line)
    if found.repeated:
        note(f"{mailing.slug} was complete already: nothing was sent.")
        if found.edited:
            note(f"To publish the text of the file: newsletter erratum {mailing.issue_slug}")
