"""`newsletter send`."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from newsletter import delivery, desk
from newsletter.cli.output import note, on_terminal, print_json, say
from newsletter.cli.receipts import as_json, as_text, never_sent
from newsletter.providers import open_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        would = delivery.would_send(app.store, app.settings, provider, order)
        if isinstance(would, int):
            name, rehearsal = provider.capabilities.name, provider.capabilities.rehearsal
            document = never_sent(slug, name, rehearsal=rehearsal, audience=would)
            text = f"{slug}: would go to {would} readers"
        else:
            document, text = as_json(would), as_text(would)
        print_json(document) if json_ else say(text)
        return
    with _stoppable() as stop, _progress(slug) as progress:
        report = delivery.send(
            app.store, app.settings, provider, order, stop=stop, progress=progress
        )
    if report.edited:
        note(f"{slug} was edited since it was frozen; its readers get the frozen letter.")
    print_json(as_json(report.receipt)) if json_ else say(as_text(report.receipt))
    if report.repeated:
        note("It was complete already: nothing was sent.")
    elif report.receipt.mailing.rehearsal:
        note(f"The letters are in .newsletter/outbox/{slug}/")
    if report.trouble:
        raise report.trouble


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


@contextlib.contextmanager
def _progress(slug: str) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on a terminal; elsewhere say now and then how far it is."""
    if not on_terminal():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where there is a bar to draw
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(slug, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
