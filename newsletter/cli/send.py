"""`newsletter send`."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

import click

from newsletter import delivery, desk
from newsletter.cli.output import note, print_json, say
from newsletter.cli.progress import progress
from newsletter.cli.receipts import as_json, as_text, never_sent
from newsletter.model import DeliveryState
from newsletter.providers import open_provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli import App


@click.command()
@click.argument("issue")
@click.option("--late", is_flag=True, help="Send it although its time has passed.")
@click.option("--yes", is_flag=True, help="Do not ask (a rehearsal never asks).")
@click.option("--limit", type=click.IntRange(min=1), help="Send at most so many, then pause.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def send(
    app: App,
    *,
    issue: str,
    late: bool,
    yes: bool,  # noqa: ARG001 - for scripts that also run with a real provider
    limit: int | None,
    dry_run: bool,
    json_: bool,
) -> None:
    """Send ISSUE to everyone who is still owed it.

    Safe to run again: what has left is not sent twice, and a mailing that was cut short goes on
    with the letter and the readers it started with. With the outbox it is a rehearsal: complete
    letters in .newsletter/outbox/, and nobody is mailed.
    """
    slug, draft = desk.draft_if_there(app.settings, issue)
    provider = open_provider(app.settings)
    order = delivery.Order(slug, draft, late=late, limit=limit)
    if dry_run:
        found = delivery.would_send(app.store, app.settings, provider, order)
    else:
        with _stoppable() as stop, progress(slug) as tell:
            found = delivery.send(
                app.store, app.settings, provider, order, stop=stop, progress=tell
            )
    if isinstance(found, delivery.Prospect):
        readers = f"{found.audience:,} reader{'s' * (found.audience != 1)}"
        document = never_sent(slug, provider.capabilities, found.issue, found.audience)
        print_json(document) if json_ else say(f"{slug}: would go to {readers}")
        return
    print_json(as_json(found.receipt)) if json_ else say(as_text(found.receipt))
    _remark(app, found)
    if found.trouble:
        raise found.trouble


def _remark(app: App, found: delivery.Report) -> None:
    mailing = found.receipt.mailing
    if found.edited:
        note(f"{mailing.slug} was edited since it was frozen; its readers get the frozen letter.")
    if found.anew:
        note("The letter had changed since its last rehearsal, so everyone's was made anew.")
    if found.repeated:
        note("It was complete already: nothing was sent.")
    elif mailing.rehearsal and found.receipt.counts[DeliveryState.ACCEPTED]:
        note(f"The letters are in {app.settings.state / 'outbox' / mailing.slug}")


@contextlib.contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into a wish to stop after what is in flight."""
    stop = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
