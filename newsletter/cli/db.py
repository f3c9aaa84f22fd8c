"""`newsletter db`: the database itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from newsletter import tokens
from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import counted, json_option, note, print_json, print_line, warn
from newsletter.cli.progress import progress
from newsletter.config import make_state
from newsletter.store import health, transfer
from newsletter.store import url as url_store
from newsletter.store.database import HEAD, connect, upgrade
from newsletter.store.keys import existing_keys
from newsletter.store.sqlite import prepare_file
from newsletter.subscriptions import retention

if TYPE_CHECKING:
    from collections.abc import Collection

    from newsletter.cli.app import App
    from newsletter.config import Settings


@click.group(cls=SuggestingGroup)
def db() -> None:
    """Manage the database: upgrade, show, tidy or move it.

    NEWSLETTER_DATABASE_URL says where it is; without it, it is a file in .newsletter/.
    """


@db.command("upgrade")
@json_option
@click.pass_obj
def upgrade_(app: App, *, json_: bool) -> None:
    """Apply the migrations that this version needs.

    An SQLite file is copied first; any other command upgrades it too.
    """
    place = url_store.locate(app.settings)
    if isinstance(place, url_store.SqliteFile):
        if place.path.parent == app.settings.state:
            make_state(app.settings)
        prepare_file(place.path)
    store = connect(place)
    try:
        applied = upgrade(store, place)
    finally:
        store.close()
    if json_:
        print_json({"applied": applied, "revision": HEAD})
    elif applied:
        print_line(f"Applied {counted(applied, 'migration')}: {_database(app)} is at {HEAD}.")
    else:
        print_line(f"Nothing to do: {_database(app)} is at {HEAD}.")


@db.command(short_help="Show the ledger and whether it fits this program.")
@json_option
@click.pass_obj
def status(app: App, *, json_: bool) -> None:
    """Show the ledger's id, the database, and whether its tables and keys match this program."""
    found = health.database_state(app.settings)
    document = {
        "ledger": found.ledger,
        "engine": found.engine,
        "behind": found.behind,
        "subscribers": found.subscribers,
        "key_matches": _known(app.settings, found.fingerprints),
        "closed": found.closed,
    }
    if json_:
        print_json(document)
        return
    print_line(f"{'database:':<13}{_database(app)}")
    for name, value in document.items():
        print_line(f"{name.replace('_', ' ') + ':':<13}{_shown(value)}")
    if found.behind:
        note("Upgrade it with: newsletter db upgrade")


@db.command(short_help="Remove data whose time is over.")
@json_option
@click.pass_obj
def tidy(app: App, *, json_: bool) -> None:
    """Remove data whose time is over; docs/events.md lists how long each kind is kept.

    The web app does this daily by itself.
    """
    found = asdict(retention.tidy(app.store, app.settings))
    if json_:
        print_json(found)
        return
    for name, count in found.items():
        print_line(f"{name.replace('_', ' ') + ':':<14}{count:>9,} removed")


@db.command(short_help="Copy everything to another, empty database.")
@click.argument("url")
@json_option
@click.pass_obj
def move(app: App, *, url: str, json_: bool) -> None:
    """Copy everything to the empty database at URL, and close the one in use now.

    The ledger keeps its id and its keys. Nothing is sent or written from the old database any more.
    If it is interrupted, run the same command again.
    """
    if url_store.has_password(url):
        warn("a password in a command stays in the shell's history; set PGPASSWORD instead")
    with progress("Copying") as report:
        moved = transfer.move(app.settings, url, report)
    line = f"NEWSLETTER_DATABASE_URL={url_store.without_password(url)}"
    if json_:
        document = {"ledger": moved.ledger, "already": moved.already, "rows": dict(moved.rows)}
        print_json({**document, "set": line})
        return
    count = sum(moved.rows.values())
    print_line("It was moved there already." if moved.already else f"Moved: {count:,} rows.")
    print_line(f"The old database is closed. From now on, set:\n  {line}")


def _database(app: App) -> str:
    """Return which database this is; a server without its host, for a log may be public."""
    place = url_store.locate(app.settings)
    if isinstance(place, url_store.Server):
        return f"the PostgreSQL database that {url_store.VARIABLE} names"
    root = app.settings.root
    path = place.path.relative_to(root) if place.path.is_relative_to(root) else place.path
    return f"the file {path}"


def _known(settings: Settings, fingerprints: Collection[str]) -> bool:
    """Tell whether every key that signed letters is configured here; no key is made for this."""
    if not fingerprints:
        return True
    return set(fingerprints) <= {tokens.fingerprint(key) for key in existing_keys(settings)}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
