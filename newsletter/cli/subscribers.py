"""`newsletter subscribers`: the list."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from newsletter.cli import subscriber_output
from newsletter.cli.groups import SuggestingGroup, WrongUsage
from newsletter.cli.output import as_json, json_option, note, print_json, print_line
from newsletter.cli.subscribers_import import import_, undo, wording
from newsletter.model import ListChange, SubscriberStatus
from newsletter.subscriptions import admin, erasure
from newsletter.subscriptions.answers import asked_questions
from newsletter.subscriptions.export import as_row, export_csv
from newsletter.subscriptions.private_files import private_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli.app import App


@click.group(cls=SuggestingGroup)
def subscribers() -> None:
    """Manage the list of subscribers.

    These commands never make an address active again that unsubscribed, bounced or complained.
    """


subscribers.add_command(import_)
subscribers.add_command(undo)


@subscribers.command()
@click.argument("email")
@click.option("--consent", required=True, help="The words that this person agreed to.")
@click.option("--first-name", default="", help="First name, for the greeting.")
@json_option
@click.pass_obj
def add(app: App, *, email: str, consent: str, first_name: str, json_: bool) -> None:
    """Add a person who asked for it; they are active at once."""
    result = admin.add(app.store, email, consent=wording(consent), first_name=first_name)
    if json_:
        print_json({"result": result.value})
        return
    text = {
        ListChange.ADDED: "Added: active from now on.",
        ListChange.UPDATED: "Updated.",
        ListChange.UNCHANGED: "Unchanged: active already.",
    }
    print_line(text[result])


@subscribers.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@json_option
@click.pass_obj
def unsubscribe(app: App, *, email: str, yes: bool, json_: bool) -> None:
    """Unsubscribe a person; on a terminal it asks first."""
    if not yes and sys.stdin.isatty() and admin.is_on_the_list(app.store, email):
        click.confirm(f"Unsubscribe {email}?", abort=True, err=True)
    left = admin.unsubscribe(app.store, email)
    if json_:
        print_json({"result": "unsubscribed" if left else "unchanged"})
        return
    print_line("Unsubscribed." if left else "Unchanged: unsubscribed already.")


@subscribers.command(short_help="Erase a person for good.")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@json_option
@click.pass_obj
def erase(app: App, *, email: str, yes: bool, json_: bool) -> None:
    """Erase a person for good; only a hash remains, which keeps them off the list.

    Address, name, consents and events are deleted at once; their deliveries stay, anonymous, so
    that counts add up. Only they themselves can come back, by signing up again.
    """
    if not yes:
        if not sys.stdin.isatty():
            raise WrongUsage(
                "this cannot be undone; without a terminal it needs --yes",
                hint="Confirm it with --yes",
            )
        click.confirm(f"Erase {email} for good?", abort=True, err=True)
    erased = erasure.erase(app.store, app.settings, email)
    if json_:
        print_json({"result": "erased" if erased else "unchanged"})
        return
    print_line("Erased." if erased else "Unchanged: erased already.")


@subscribers.command(short_help="Show everything that is stored about a person.")
@click.argument("email")
@json_option
@click.pass_obj
def show(app: App, *, email: str, json_: bool) -> None:
    """Show everything that is stored about a person, and other spellings of their address.

    It answers "I got it twice": how often the provider accepted each letter, and under which ids,
    to look for in its own log.
    """
    found = admin.load_history(app.reading, email)
    alike = admin.find_same_mailbox(app.reading, email)
    if json_:
        print_json(subscriber_output.as_json(found, alike))
    else:
        print_line(subscriber_output.as_text(found, alike, app.settings.zone))


@subscribers.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in SubscriberStatus]),
    help="List only this status.",
)
@json_option
@click.pass_obj
def list_subscribers(app: App, *, status: str | None, json_: bool) -> None:
    """List all subscribers, in the order in which they joined."""
    everybody = admin.iterate_subscribers(app.reading, SubscriberStatus(status) if status else None)
    rows = (as_row(subscriber) for subscriber in everybody)
    if json_:
        _print_rows(rows, sys.stdout)
    elif sys.stdout.isatty():
        _draw(rows)
    else:
        for row in rows:
            print_line("\t".join(cell or "" for cell in row.values()))


@subscribers.command(short_help="Count subscribers, sources and answers.")
@json_option
@click.pass_obj
def stats(app: App, *, json_: bool) -> None:
    """Count the subscribers by status, their sources, and the answers to questions of letters."""
    found = admin.count_subscribers(app.reading)
    asked = asked_questions(app.reading, rehearsals=app.settings.provider == "outbox")
    counts = {status.value: count for status, count in found.counts.items()}
    document = {
        **counts,
        "paused": found.paused,
        "monthly": found.monthly,
        "suppressed": found.suppressed,
        "total": sum(counts.values()),
    }
    if json_:
        print_json({**document, **subscriber_output.sources_as_json(found, asked)})
        return
    for name, count in document.items():
        print_line(f"{name:<13}{count:>9,}")
    for line in subscriber_output.sources_as_text(found, asked):
        print_line(line)


@subscribers.command()
@click.pass_obj
def form(app: App) -> None:
    """Print the sign-up form to paste into a page of your own site."""
    from newsletter import render  # noqa: PLC0415 - slow to import, and of use here alone

    if not app.settings.public_url.startswith("https://"):
        note(
            f"The form leads to {app.settings.public_url}: set public_url to the web app's address."
        )
    click.echo(render.form(app.settings), nl=False)


@subscribers.command(short_help="Write the list as CSV.")
@click.argument("file", default="-", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def export(app: App, *, file: Path, json_: bool) -> None:
    """Write the list to FILE or standard output, as CSV that is safe in a spreadsheet."""
    with _output(file, "[" if json_ else "email,first_name,") as output:
        if json_:
            _print_rows(
                (as_row(person) for person in admin.iterate_subscribers(app.reading)), output
            )
        else:
            export_csv(app.reading, output)


def _print_rows(rows: Iterator[dict[str, str | None]], file: TextIO) -> None:
    """Write one JSON list without holding it."""
    before = "["
    for row in rows:
        file.write(f"{before}\n  {as_json(row, file.encoding)}")
        before = ","
    file.write("[]\n" if before == "[" else "\n]\n")


def _draw(rows: Iterator[dict[str, str | None]]) -> None:
    # Rich is slow to import, and only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # An address is never cut; of a time, the day is enough here.
    table = Table(Column("email", overflow="fold"), "first name", "status", "on the list since")
    for row in rows:
        email, name, status, created_at, *_ = (cell or "" for cell in row.values())
        table.add_row(Text(email), Text(name), status, created_at[:10])
    Console().print(table)


@contextlib.contextmanager
def _output(path: Path, begins: str) -> Iterator[TextIO]:
    if str(path) != "-":
        with private_file(path, begins) as file:
            yield file
        return
    # UTF-8 whatever the terminal's encoding: it is a file's content.
    wrapper = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield wrapper
        wrapper.flush()
    finally:
        wrapper.detach()
