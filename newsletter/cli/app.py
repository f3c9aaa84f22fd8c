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
    from newsletter.providers.base import Provider
    from newsletter.store import Store

# Commands that mail people, or say whether the next issue will be mailed.
_MAILING = {"erratum", "proof", "send", "status"}
# Commands that look at the author's text alone.
_WITHOUT_LIST = {"check", "new", "preview", "render", "templates"}
# Commands that use templates, or say what is wrong with an issue.
_USING_TEMPLATES = {
    "check",
    "erratum",
    "preview",
    "proof",
    "rehearse",
    "render",
    "send",
    "serve",
    "templates",
}


class App:
    """What commands share: the settings and the database, opened on first use."""

    def __init__(self, context: click.Context, verbosity: int) -> None:
        self._context = context
        self.verbosity = verbosity

    @cached_property
    def settings(self) -> Settings:
        """The settings of the current folder."""
        from newsletter import config  # noqa: PLC0415 - only commands that need them pay for them

        try:
            folder = Path.cwd()
        except FileNotFoundError:
            raise NewsletterError(
                "the current folder is gone", hint="Go to your newsletter's folder"
            ) from None
        settings = config.load(folder)
        warnings = [*config.unread_warnings()]
        if self._context.invoked_subcommand in _MAILING:
            warnings.append(config.outbox_warning(settings))
        if self._context.invoked_subcommand not in _WITHOUT_LIST:
            warnings.append(config.other_database_warning(settings))
        if self._context.invoked_subcommand in _USING_TEMPLATES:
            warnings += _unused_templates(settings)
        for warning in filter(None, warnings):
            warn(warning)
        return settings

    @cached_property
    def reading(self) -> Store:
        """The database for a command that only reads; it is not created."""
        from newsletter.store import open_to_read  # noqa: PLC0415 - SQLAlchemy is slow to import

        self._close_to_others()
        store = open_to_read(self.settings)
        self._context.call_on_close(store.close)
        return store

    def _close_to_others(self) -> None:
        """Do so before the database is opened: SQLite gives its log the permissions of the file."""
        from newsletter.store import files  # noqa: PLC0415 - SQLAlchemy is slow to import

        for warning in files.close_to_others(self.settings):
            warn(warning)

    @cached_property
    def store(self) -> Store:
        """The database; it is created if there is none."""
        from newsletter.store import open_store  # noqa: PLC0415 - SQLAlchemy is slow to import

        self._close_to_others()
        is_new = self._starts_without_settings()
        store = open_store(self.settings)
        self._context.call_on_close(store.close)
        if is_new:
            root = self.settings.root
            warn(
                f"{root} has no newsletter.toml and no issues/, so a new list was created"
                f" there. If this is the wrong folder, remove {self.settings.state}"
            )
        return store

    def open_provider(self, settings: Settings) -> Provider:
        """Return the provider that settings name; it is closed when the command ends."""
        from newsletter import providers  # noqa: PLC0415 - only commands that send pay for it

        provider = providers.open_provider(settings)
        self._context.call_on_close(provider.close)
        return provider

    def _starts_without_settings(self) -> bool:
        from newsletter.config import DEFAULT_ORIGIN  # noqa: PLC0415 - loaded with the settings

        found = self.settings
        nothing = found.origin == DEFAULT_ORIGIN and not found.issues.exists()
        return nothing and not found.database_url and not found.state.exists()


def _unused_templates(settings: Settings) -> list[str]:
    """Return a warning of each file in the author's templates/ that nothing uses."""
    if not (settings.root / "templates").is_dir():
        return []
    from newsletter.render import own_templates  # noqa: PLC0415 - few have templates of their own

    return [
        f"templates/{name} matches no template, so it is not used"
        + (f". Did you mean {near}?" if near else "")
        for name, near in own_templates.unused_files(settings.root)
    ]
