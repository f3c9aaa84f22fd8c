"""`newsletter rehearse`, and `newsletter send` where the provider is the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from newsletter import delivery
from newsletter.cli.issues import find_issue, print_warnings
from newsletter.cli.mailing_output import print_report
from newsletter.cli.output import json_option, note, print_line
from newsletter.cli.progress import progress
from newsletter.cli.sending import send_notices, stoppable
from newsletter.desk.viewer import write_index
from newsletter.model import DeliveryState
from newsletter.providers import OUTBOX

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.command()
@click.argument("issue")
@click.option("--open", "in_browser", is_flag=True, help="Open the letters in your browser.")
@json_option
@click.pass_obj
def rehearse(app: App, *, issue: str, in_browser: bool, json_: bool) -> None:
    """Write everyone's own letter of ISSUE to the outbox; nobody is mailed.

    The letters are complete files in .newsletter/outbox/, with a page index.html that shows them
    all; drafts work too. Run it again after the text or the list has changed: all letters are
    written again. With a real provider, their unsubscribe links do nothing.
    """
    slug, draft = find_issue(app, issue)
    order = delivery.SendRequest(slug, draft, drafts=True)
    run_rehearsal(app, order, in_browser=in_browser, json_=json_)


def run_rehearsal(
    app: App,
    order: delivery.SendRequest,
    *,
    first_line: str = "",
    in_browser: bool = False,
    json_: bool,
) -> None:
    """Rehearse an issue and print its report.

    Args:
        app: What commands share.
        order: What to rehearse.
        first_line: Printed before anything else.
        in_browser: Open the letters.
        json_: Print one JSON document.

    Raises:
        NewsletterError: It could not be rehearsed, or not completely.
    """
    with stoppable() as stop, progress(order.slug) as tell:
        if app.settings.provider == OUTBOX:
            send_notices(app, app.open_provider(app.settings), stop)
        found = delivery.rehearse_issue(app.store, app.settings, order, stop=stop, progress=tell)
    issue = order.draft.issue if order.draft else None
    index = write_index(app.store, app.settings, found.report.mailing, issue)
    if first_line:
        (note if json_ else print_line)(first_line)
    print_report(app, found.report, json_=json_)
    _print_notes(found)
    print_warnings(order.draft)
    if found.report.counts[DeliveryState.ACCEPTED]:
        note(f"Look through the letters: {index}")
        if in_browser and click.launch(str(index)) != 0:
            note("No browser could be opened: open that page yourself.")
    if found.error:
        raise found.error


def _print_notes(found: delivery.SendResult) -> None:
    slug = found.report.mailing.slug
    if found.replaced:
        note("The text or the list has changed since the last rehearsal: all letters are new.")
    if found.edited:
        note(f"{slug} was edited meanwhile: these letters have the text from before that.")
    if found.repeated:
        note(
            f"{slug} was complete already: nothing was sent, because neither its text nor "
            "the list has changed."
        )
