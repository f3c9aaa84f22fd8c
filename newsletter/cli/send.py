"""`newsletter send`."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from newsletter import delivery, desk
from newsletter.cli.events import hear_first
from newsletter.cli.output import note, print_json, say
from newsletter.cli.progress import progress
from newsletter.cli.receipts import as_json, as_text, due_as_json, never_sent, next_text, outlook
from newsletter.model import DeliveryState
from newsletter.providers import open_provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli import App
    from newsletter.providers.base import Provider

_SHORT_KEY = 16


@click.command()
@click.argument("issue", required=False)
@click.option("--due", is_flag=True, help="What the schedule says, and whatever has started.")
@click.option("--late", is_flag=True, help="Send it although its time has passed.")
@click.option("--yes", is_flag=True, help="Do not ask (a rehearsal never asks).")
@click.option("--limit", type=click.IntRange(min=1), help="Send at most so many, then pause.")
@click.option("--no-preflight", is_flag=True, help="Do not try the web app before it begins.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@click.pass_context
def send(
    context: click.Context,
    *,
    issue: str | None,
    due: bool,
    late: bool,
    yes: bool,
    limit: int | None,
    no_preflight: bool,
    dry_run: bool,
    json_: bool,
) -> None:
    """Send ISSUE to everyone who is still owed it, or with --due whatever is due.

    Safe to run again: what has left is not sent twice, and a mailing that was cut short goes on
    with the letter and the readers it started with. With the outbox it is a rehearsal: complete
    letters in .newsletter/outbox/, and nobody is mailed.
    """
    app: App = context.obj
    if due == (issue is not None):
        raise click.UsageError("name an ISSUE, or let the schedule say with --due")
    if issue is None:
        if late or limit or dry_run:
            raise click.UsageError("--late, --limit and --dry-run go with an ISSUE")
        _due(context, preflight=not no_preflight, json_=json_)
        return
    slug, draft = desk.draft_if_there(app.settings, issue)
    provider = open_provider(app.settings)
    order = delivery.Order(slug, draft, late=late, limit=limit, preflight=not no_preflight)
    found = (
        delivery.would_send(app.store, app.settings, provider, order)
        if dry_run
        else _send(app, provider, order, yes=yes)
    )
    if isinstance(found, delivery.Prospect):
        _tell_prospect(app, provider, slug, found, json_=json_)
        return
    account = outlook(app, found.receipt)
    print_json(as_json(account)) if json_ else say(as_text(account))
    _remark(app, found)
    if found.trouble:
        raise found.trouble


def _send(app: App, provider: Provider, order: delivery.Order, *, yes: bool) -> delivery.Report:
    if not provider.capabilities.rehearsal:
        hear_first(app)
        _ask(app, provider, order, yes=yes)
    with _stoppable() as stop, progress(order.slug) as tell:
        _send_notices(app, provider, stop)
        return delivery.send(
            app.store, app.settings, provider, order, stop=stop, progress=tell, note=note
        )


def _tell_prospect(
    app: App, provider: Provider, slug: str, found: delivery.Prospect, *, json_: bool
) -> None:
    if json_:
        seen = delivery.proofed(app.store, app.settings, found.issue)
        can = provider.capabilities
        print_json(never_sent(slug, can, found.issue, found.audience, proofed=seen))
    else:
        say(f"{slug}: would go to {_readers(found.audience)}")


def _due(context: click.Context, *, preflight: bool, json_: bool) -> None:
    app: App = context.obj
    provider = open_provider(app.settings)
    drafts = desk.read_all(app.settings)
    if not provider.capabilities.rehearsal:
        _warn_of_short_keys(app)
        hear_first(app)
    with _stoppable() as stop:
        _send_notices(app, provider, stop)
        found = delivery.due(
            app.store,
            app.settings,
            provider,
            drafts,
            stop=stop,
            progress=progress,
            note=note,
            preflight=preflight,
        )
    if json_:
        print_json(due_as_json(app, found))
    else:
        for report in found.reports:
            say(as_text(outlook(app, report.receipt)))
        say(next_text(found.next, real=not provider.capabilities.rehearsal))
    for report in found.reports:
        _remark(app, report)
    for line in found.notes:
        note(line)
    for trouble in found.troubles:
        click.echo(f"newsletter: {trouble}", err=True)
    context.exit(found.exit_code)


def _ask(app: App, provider: Provider, order: delivery.Order, *, yes: bool) -> None:
    """Let a person say that letters may leave for real, unless none will."""
    found = delivery.would_send(app.store, app.settings, provider, order)
    if isinstance(found, delivery.Report):
        if found.repeated:
            return
        readers = found.receipt.counts[DeliveryState.PENDING]
    else:
        readers = found.audience
    _warn_of_short_keys(app)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"this mails {_readers(readers)} through {provider.capabilities.name}: say --yes"
        )
    question = f"Send {order.slug} to {_readers(readers)} through {provider.capabilities.name}?"
    click.confirm(question, abort=True, err=True)


def _warn_of_short_keys(app: App) -> None:
    if any(len(key) < _SHORT_KEY for key in app.settings.secret_keys):
        note("NEWSLETTER_SECRET_KEY holds a short key, which can be guessed: openssl rand -hex 32")


def _readers(count: int) -> str:
    return f"{count:,} reader{'s' * (count != 1)}"


def _remark(app: App, found: delivery.Report) -> None:
    mailing = found.receipt.mailing
    if found.edited:
        note(f"{mailing.slug} was edited since it was frozen; its readers get the frozen letter.")
    if found.anew:
        note("The letter had changed since its last rehearsal, so everyone's was made anew.")
    if found.repeated:
        note(f"{mailing.slug} was complete already: nothing was sent.")
    elif mailing.rehearsal and found.receipt.counts[DeliveryState.ACCEPTED]:
        note(f"The letters are in {app.settings.state / 'outbox' / mailing.slug}")


def _send_notices(app: App, provider: Provider, stop: threading.Event) -> None:
    """Take along what waits for single people; whatever comes of it, the issue is sent."""
    found = delivery.send_notices(app.store, app.settings, provider, stop)
    if found.accepted:
        note(f"{found.accepted:,} notice{'s' * (found.accepted != 1)} left as well.")
    if found.trouble:
        note(str(found.trouble))


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
