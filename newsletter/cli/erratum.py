"""`newsletter erratum` and `newsletter withdraw`: what is corrected after it was sent."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from newsletter import delivery
from newsletter.cli.issues import find_issue_to_change, print_warnings, require_whole
from newsletter.cli.ledger import offer_ledger
from newsletter.cli.mailing_output import as_json, as_text, forecast
from newsletter.cli.output import counted, json_option, note, print_json, print_line, warn
from newsletter.cli.progress import progress
from newsletter.cli.send import confirm_plan, print_notes
from newsletter.cli.sending import pull_events_first, send_notices, stoppable
from newsletter.desk.issues import match_issue
from newsletter.desk.viewer import write_index
from newsletter.providers import OUTBOX
from newsletter.schedule import format_utc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli.app import App
    from newsletter.delivery import Context, Erratum, Plan, Resumption, SendResult
    from newsletter.model import Draft, Edition


@click.command()
@click.argument("issue")
@click.option("--mail", is_flag=True, help="Mail it to everyone who has an older text.")
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@json_option
@click.pass_obj
def erratum(app: App, *, issue: str, mail: bool, yes: bool, json_: bool) -> None:
    """Publish the corrected file of ISSUE, which was sent before.

    The archive shows the new text, with the date and what changed. With --mail, everyone who is
    active now and whose newest text of this issue is an older one gets it as a letter, under a name
    of its own: ISSUE--erratum-1. It is safe to run this again: the same text makes no second
    correction and is mailed to nobody twice. With provider = "outbox", --mail is a rehearsal:
    nobody is mailed, and nothing is published.
    """
    slug, draft = find_issue_to_change(app, issue, asks=not yes)
    found = delivery.read_erratum(app.store, slug, draft)
    if draft is None:
        raise AssertionError(slug)  # it has been read
    if not found.edition.number:
        note(f"{slug} says what was sent: there is nothing to correct.")
        _print(app, found, published=found.edition, json_=json_)
    elif mail:
        _mail(app, found, draft, yes=yes, json_=json_)
    else:
        _publish(app, found, yes=yes, json_=json_)


def _publish(app: App, found: Erratum, *, yes: bool, json_: bool) -> None:
    if not found.is_new:
        note(f"The archive has this text of {found.issue.slug} already.")
        _print(app, found, published=found.edition, json_=json_)
        return
    if not yes and sys.stdin.isatty():
        lines = [*_described(found), f"Publish this text of {found.issue.slug}?"]
        click.confirm("\n".join(lines), abort=True, err=True)
    published = delivery.publish_erratum(app.store, app.settings, found)
    _print(app, found, published=published, json_=json_)


def _described(found: Erratum) -> Iterator[str]:
    """Yield the number of a correction, and what it changes."""
    yield f"{found.issue.slug}, correction {found.edition.number}:"
    yield from (f"  {line}" for line in found.edition.changes)


def _mail(app: App, found: Erratum, draft: Draft, *, yes: bool, json_: bool) -> None:
    settings = app.settings
    rehearsal = settings.provider == OUTBOX
    if rehearsal:
        settings = delivery.rehearsal_settings(settings)
    elif not yes:
        offer_ledger(app)
    context = delivery.Context(app.store, settings, app.open_provider(settings))
    if not rehearsal:
        pull_events_first(app)
    plan = delivery.plan_erratum(context, draft, found)
    if plan is None:
        note("Nobody has an older text who may be mailed now, so nobody is mailed.")
        if rehearsal:
            _print(app, found, published=None, json_=json_)
        else:
            _publish(app, found, yes=yes, json_=json_)
        return
    if rehearsal:
        _rehearse(app, context, found, plan, json_=json_)
        return
    if isinstance(plan, delivery.Plan):
        _warn_of_undecided(app, found.issue.slug)
    confirm_plan(app, context, plan, yes=yes)
    sent = _send(app, context, plan)
    published = found.edition
    if found.is_new:  # in one transaction with its mailing
        published = replace(published, at=sent.report.mailing.started_at)
    _print(app, found, published=published, sent=sent, json_=json_)
    print_warnings(draft)
    if sent.error:
        raise sent.error


def _warn_of_undecided(app: App, slug: str) -> None:
    if count := delivery.count_undecided(app.store, slug):
        warn(
            f"{counted(count, 'subscriber')} will not get it, because nobody knows whether they "
            f"got {slug}. To decide about them first: newsletter status {slug}"
        )


def _send(app: App, context: Context, plan: Plan | Resumption) -> SendResult:
    with stoppable() as stop, progress(plan.request.slug) as tell:
        send_notices(app, context.provider, stop)
        return delivery.send_plan(replace(context, stop=stop), plan, progress=tell)


def _rehearse(
    app: App, context: Context, found: Erratum, plan: Plan | Resumption, *, json_: bool
) -> None:
    slug = found.issue.slug
    first = f'A rehearsal of a correction of {slug}: provider is "outbox", so nobody is mailed.'
    (note if json_ else print_line)(first)
    sent = _send(app, context, plan)
    _print(app, found, published=None, sent=sent, json_=json_)
    index = write_index(app.store, app.settings, sent.report.mailing, found.issue)
    note(f"Look through the letters: {index}")
    if sent.error:
        raise sent.error


def _print(
    app: App,
    found: Erratum,
    *,
    published: Edition | None,
    sent: SendResult | None = None,
    json_: bool,
) -> None:
    """Print what was published, and how its mailing went."""
    number = found.edition.number
    report = forecast(app, sent.report) if sent else None
    if json_:
        document: dict[str, Any] = {
            "issue": found.issue.slug,
            "number": number,
            "changed": found.is_new and published is not None,
            "published_at": format_utc(published.at) if published else None,
            "mailing": as_json(report) if report else None,
        }
        print_json(document)
    else:
        if number and published:
            for line in _described(found):
                print_line(line)
            at = published.at.astimezone(app.settings.zone)
            print_line(f"  in the archive since {at:%Y-%m-%d %H:%M}")
            _advise_build(app)
        if report:
            print_line(as_text(report))
    if sent:
        print_notes(sent)


def _advise_build(app: App) -> None:
    """Say that a static archive is another place, which has the old text until it is built anew."""
    if app.settings.archive_url:
        note(
            f"{app.settings.archive_url} follows with its next build: newsletter archive build, "
            "or the job that runs it."
        )


@click.command()
@click.argument("issue")
@json_option
@click.pass_obj
def withdraw(app: App, *, issue: str, json_: bool) -> None:
    """Take ISSUE out of the archive, for good; its address says that it is gone.

    Search, feeds, digests and lists of missed letters have it no more. Letters that were mailed
    stay where they are.
    """
    slug = _find_in_archive(app, issue)
    if sys.stdin.isatty():
        click.confirm(f"Withdraw {slug} from the archive, for good?", abort=True, err=True)
    was_there = delivery.withdraw_issue(app.store, slug)
    if json_:
        print_json({"issue": slug, "withdrawn": True, "already": not was_there})
    elif was_there:
        print_line(f"{slug} is withdrawn: its address answers that it is gone.")
        _advise_build(app)
    else:
        print_line(f"{slug} was withdrawn before.")


def _find_in_archive(app: App, typed: str) -> str:
    """Return the slug of an issue that was sent or imported; elsewhere than on a terminal whole."""
    found = match_issue(app.settings, typed, lambda: delivery.archived_slugs(app.reading))
    require_whole(found, typed, asks=True)
    return found.slug
