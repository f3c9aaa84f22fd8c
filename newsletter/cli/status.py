"""`newsletter status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter import delivery, desk
from newsletter.cli import problems
from newsletter.cli.explaining import explained
from newsletter.cli.output import note, print_json, say
from newsletter.cli.receipts import (
    as_json,
    as_text,
    never_sent,
    next_as_json,
    next_text,
    outlook,
)
from newsletter.errors import NewsletterError
from newsletter.model import DeliveryState
from newsletter.providers import capabilities_of
from newsletter.schedule import utc
from newsletter.subscriptions.joining import LETTERS_AN_HOUR, form_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from newsletter.cli import App
    from newsletter.model import Draft
    from newsletter.subscriptions.joining import FormState


@click.command()
@click.argument("issue", required=False)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def status(app: App, *, issue: str | None, json_: bool) -> None:
    """What is next, for how many readers, what stands in its way, and what has been sent.

    With ISSUE: how far that one is.
    """
    if issue is not None:
        _one(app, issue, json_=json_)
        return
    known = [outlook(app, receipt) for receipt in delivery.overview(app.store)]
    drafts = desk.read_all(app.settings)
    upcoming = delivery.upcoming(app.store, app.settings, drafts)
    missed = delivery.missed(app.store, app.settings, drafts)
    waiting, form = delivery.notice_counts(app.store), form_state(app.store)
    if json_:
        print_json(
            {
                "mailings": [as_json(one) for one in known],
                "next": next_as_json(upcoming),
                "missed": list(missed),
                "notices": {state.value: count for state, count in waiting.items()},
                "form": {"closed": form.closed, "last_closed_at": utc(form.last_closed_at)},
                **problems.as_json(app.store),
            }
        )
        return
    if not app.settings.issues.is_dir():
        note(f"There is no issues/ in {app.settings.root}: is this your newsletter's folder?")
    say(next_text(upcoming, real=not capabilities_of(app.settings).rehearsal))
    for slug in missed:
        say(f"Not sent, and its time has passed: {slug} (send it with --late, or change send_at)")
    for line in (*problems.as_lines(app.store), *_of_single_people(waiting, form)):
        say(line)
    for one in known:
        say(as_text(one))


def _of_single_people(waiting: Mapping[DeliveryState, int], form: FormState) -> Iterator[str]:
    """Say what is odd about signing up; nothing while all is well."""
    if count := waiting[DeliveryState.PENDING] + waiting[DeliveryState.ATTEMPTING]:
        yield f"Letters to single people that wait to be sent: {count:,}"
    if count := waiting[DeliveryState.UNKNOWN]:
        yield f"Letters to single people of which nobody knows whether they left: {count:,}"
    if form.closed:
        yield f"The sign-up form has closed itself: {LETTERS_AN_HOUR:,} letters within an hour"
    elif form.last_closed_at:
        yield f"The sign-up form closed itself in the hour from {utc(form.last_closed_at)}"


def _one(app: App, issue: str, *, json_: bool) -> None:
    slug, draft = desk.draft_if_there(app.settings, issue)
    receipt = delivery.receipt_of(app.store, slug)
    if receipt:
        found = outlook(app, receipt)
        print_json(as_json(found)) if json_ else say(explained(found, app.settings.zone))
        return
    if draft is None:
        raise NewsletterError(
            f"there is no issue {slug}", hint="See what there is: newsletter status"
        )
    can, seen = capabilities_of(app.settings), _proofed(app, draft)
    document = never_sent(slug, can, draft.issue, audience=0, proofed=seen)
    text = f"{slug}: not sent yet{', proof seen' * seen}\n  next: newsletter send {slug}"
    print_json(document) if json_ else say(text)


def _proofed(app: App, draft: Draft) -> bool:
    """Tell whether the letter was seen; one that cannot be made was not."""
    try:
        return draft.issue is not None and delivery.proofed(app.store, app.settings, draft.issue)
    except NewsletterError:
        return False
