"""The setting `ledger`, which names the database that may send: offered, or printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from newsletter import config
from newsletter.cli.output import note
from newsletter.providers import capabilities_of
from newsletter.store import health
from newsletter.store import url as url_store

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.config import Settings


def offer_ledger(app: App) -> None:
    """Ask on a terminal whether this database is the ledger, and write its id into the settings.

    Only while the setting is empty, and for a database that has subscribers: an empty one is what
    the setting guards against. Another id is never replaced.

    Raises:
        NewsletterError: The settings file cannot be written, or not without another change.
    """
    found = _unnamed_ledger(app.settings)
    if found is None:
        return
    ledger, subscribers = found
    click.echo(_describe(app.settings, subscribers), err=True)
    origin = app.settings.origin
    if click.confirm(f'Write ledger = "{ledger}" into {origin}?', default=False, err=True):
        app.settings = config.save(app.settings, "ledger", ledger)
        click.echo(f"Written. Commit {origin}, so that the scheduled job may send", err=True)


def note_ledger(app: App) -> None:
    """Print on a terminal what `offer_ledger` would ask, and the line to write; ask nothing."""
    settings = app.settings
    if found := _unnamed_ledger(settings):
        ledger, subscribers = found
        line = f'If this is the one, set in {settings.origin}: ledger = "{ledger}"'
        click.echo(f"{_describe(settings, subscribers)}\n{line}", err=True)


def _unnamed_ledger(settings: Settings) -> tuple[str, int] | None:
    """Return the id of a database that can be the ledger, and how many subscribers it has.

    None if that is settled, or cannot be said here.
    """
    real = not capabilities_of(settings).rehearsal
    in_file = settings.origin != config.DEFAULT_ORIGIN
    if settings.ledger or not in_file or not real or not sys.stdin.isatty():
        return None
    if jobs := config.jobs_database(settings):
        note(
            'The setting "ledger" stays empty: this database is a file on this computer, and '
            f"{jobs} gives the jobs another one. Set NEWSLETTER_DATABASE_URL as they have it"
        )
        return None
    found = health.database_state(settings)
    if not found.ledger or not found.subscribers or found.closed or found.behind:
        return None
    return found.ledger, found.subscribers


def _describe(settings: Settings, subscribers: int) -> str:
    place = url_store.locate(settings)
    name = (
        str(place.path)
        if isinstance(place, url_store.SqliteFile)
        else url_store.without_password(settings.database_url)
    )
    return (
        'The setting "ledger" is empty: it names the one database that may mail people.\n'
        f"  database:    {name}\n"
        f"  subscribers: {subscribers:,}"
    )
