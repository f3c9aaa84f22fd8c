"""What commands share: the settings and the database."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.cli.output import warn
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    import click

    from newsletter.config import Settings
    from newsletter.store import Store

# Commands that may mail somebody, or say whether the next issue will be mailed.
_MAILING = {"proof", "send", "status"}


class App:
    """What commands share: the settings and the database, opened when first asked for."""

    def __init__(self, context: click.Context, verbosity: int) -> None:
        self._context = context
        self.verbosity = verbosity

    @cached_property
    def settings(self) -> Settings:
        """The settings that hold in the current folder."""
        from newsletter import config  # noqa: PLC0415 - only commands that need them pay for them

        try:
            folder = Path.cwd()
        except FileNotFoundError:
            raise NewsletterError(
                "the current folder is gone", hint="Go to your newsletter's folder"
            ) from None
        settings = config.load(folder)
        warnings = [*config.unread()]
        if self._context.invoked_subcommand in _MAILING:
            warnings.append(config.outbox_warning(settings))
        for warning in filter(None, warnings):
            warn(warning)
        return settings

    @cached_property
    def reading(self) -> Store:
        """The newsletter's database for a command that only reads; none is made."""
        from newsletter.store import open_to_read  # noqa: PLC0415 - SQLAlchemy is slow to import

        self._close_to_others()
        store = open_to_read(self.settings)
        self._context.call_on_close(store.close)
        return store

    def _close_to_others(self) -> None:
        """Before it is opened, for SQLite gives its log the rights of the file."""
        from newsletter.store import files  # noqa: PLC0415 - SQLAlchemy is slow to import

        for warning in files.close_to_others(self.settings):
            warn(warning)

    @cached_property
    def store(self) -> Store:
        """The newsletter's database; it is made if there is none."""
        from newsletter.store import open_store  # noqa: PLC0415 - SQLAlchemy is slow to import

        self._close_to_others()
        strange = self._begins_in_a_strange_folder()
        store = open_store(self.settings)
        self._context.call_on_close(store.close)
        if strange:
            root = self.settings.root
            warn(
                f"{root} has no newsletter.toml and no issues/, so a new list begins"
                f" there. If it is the wrong folder, remove {self.settings.state}"
            )
        return store

    def _begins_in_a_strange_folder(self) -> bool:
        from newsletter.config import DEFAULT_ORIGIN  # noqa: PLC0415 - loaded with the settings

        found = self.settings
        nothing = found.origin == DEFAULT_ORIGIN and not found.issues.exists()
        return nothing and not found.database_url and not found.state.exists()
