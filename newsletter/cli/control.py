"""`newsletter pause`, `cancel` and `resolve`: what a person decides about a mailing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from newsletter import delivery
from newsletter.cli.groups import WrongUsage
from newsletter.cli.issues import find_issue, find_issue_to_change
from newsletter.cli.mailing_output import forecast, print_report
from newsletter.cli.output import counted, json_option, note
from newsletter.cli.status_text import safe_options
from newsletter.model import DeliveryState

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.delivery import MailingForecast, UnknownDecision


@click.command()
@click.argument("issue")
@json_option
@click.pass_obj
def pause(app: App, *, issue: str, json_: bool) -> None:
    """Pause the mailing of ISSUE; requests in flight are finished. `send ISSUE` continues it."""
    slug, _ = find_issue(app, issue)
    print_report(app, delivery.pause_mailing(app.store, slug), json_=json_)


@click.command()
@click.argument("issue")
@json_option
@click.pass_obj
def cancel(app: App, *, issue: str, json_: bool) -> None:
    """End the mailing of ISSUE: subscribers without a letter get none.

    A rehearsal, or a mailing of which no letter was sent, can be started again. For an issue
    that missed its time, this ends the reminders.
    """
    slug, _ = find_issue_to_change(app, issue, asks=True)
    if slug not in issue and sys.stdin.isatty():
        click.confirm(f"Cancel {slug}?", abort=True, err=True)
    print_report(app, delivery.cancel_mailing(app.store, slug), json_=json_)


@click.command()
@click.argument("issue")
@click.option("--resend", is_flag=True, help="Send these letters once more.")
@click.option("--assume-sent", is_flag=True, help="Count these letters as sent.")
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@json_option
@click.pass_obj
def resolve(
    app: App, *, issue: str, resend: bool, assume_sent: bool, yes: bool, json_: bool
) -> None:
    """Decide about the letters of ISSUE whose outcome is unknown.

    Known outcomes never change. Who decided, and what, is recorded.
    """
    if resend == assume_sent:
        raise WrongUsage(
            "either --resend or --assume-sent is needed",
            hint="Give --resend to send them once more, or --assume-sent to count them as sent",
        )
    slug, _ = find_issue_to_change(app, issue, asks=not yes)
    decision = delivery.UnknownDecision.RESEND if resend else delivery.UnknownDecision.ASSUME_SENT
    found = forecast(app, delivery.report_unknown(app.store, slug, decision))
    for line in safe_options(found, app.settings.zone):
        note(line)
    if not yes and sys.stdin.isatty():
        click.confirm(_question(found, decision), abort=True, err=True)
    print_report(app, delivery.resolve_unknown(app.store, slug, decision), json_=json_)


def _question(found: MailingForecast, decision: UnknownDecision) -> str:
    """Return the question: how many letters there are, and what is at risk."""
    count = found.report.counts[DeliveryState.UNKNOWN]
    slug = found.report.mailing.slug
    letters = f"{counted(count, 'letter')} of {slug}"
    if decision is delivery.UnknownDecision.RESEND:
        return f"Send {letters} once more? Whoever has the letter already gets it twice"
    return f"Count {letters} as sent? Whoever does not have the letter never gets it"
