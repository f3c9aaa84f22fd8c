"""The command line. Thin: parse, one call, print. Commands are imported when they are used."""

from __future__ import annotations

import functools
import importlib
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from newsletter import __version__
from newsletter.cli.groups import SuggestingGroup, usage_error
from newsletter.cli.output import print_error, warn
from newsletter.errors import NewsletterError, TryAgain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.store import Store

# Name: (module, object, help). The help stands here so that `--help` imports none of them.
_COMMANDS = {
    "demo": ("demo", "demo", "A whole week in a scratch folder: import, render, rehearse, leave."),
    "render": ("render", "render", "Write an issue as a web page, a text and an email file."),
    "check": ("check", "check", "Say all that is wrong with an issue, or with every issue."),
    "proof": ("proof", "proof", "Send one copy to yourself, to see it as a reader does."),
    "rehearse": (
        "rehearse",
        "rehearse",
        "Write everyone's own letter to look through; mail nobody.",
    ),
    "send": ("send", "send", "Send an issue to everyone who is still owed it."),
    "status": ("status", "status", "All issues: what is next, what blocks it, what has been sent."),
    "pause": ("control", "pause", "Stop a mailing after what is in flight."),
    "cancel": ("control", "cancel", "End a mailing: nothing more of it leaves."),
    "resolve": ("control", "resolve", "Decide about letters of which nobody knows if they left."),
    "subscribers": ("subscribers", "subscribers", "The list: add, import, export, show, leave."),
    "events": ("events", "events", "What became of letters: read it where a provider lists it."),
    "serve": ("serve", "serve", "The web app behind readers' links: leave, read an issue."),
    "db": ("db", "db", "The database: migrate it, look at it, move it with its ledger."),
}

# Of those that may mail somebody, or say whether the next issue will be.
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


class Commands(SuggestingGroup):
    """Imports a command when it is used, and turns every error into text and an exit code."""

    def main(  # type: ignore[override] # click has overloads for what it returns
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> Any:  # noqa: ANN401 - click's signature
        """Run the command line; click's own errors are printed as all others are."""
        run = functools.partial(super().main, args, prog_name, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code: object = run()
        except click.ClickException as error:
            print_error(*usage_error(error))
            sys.exit(error.exit_code)
        except click.Abort:
            print_error("aborted")
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of an author's week."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run a command; the one place where errors become text and exit codes."""
        try:
            return super().invoke(ctx)
        except NewsletterError as error:
            _fail(ctx, error, error.exit_code)
        except KeyboardInterrupt:
            _fail(ctx, TryAgain("stopped", hint="Run the same command again"), TryAgain.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do with these
        except OSError as error:
            where = str(error.filename or "")
            _fail(ctx, NewsletterError(error.strerror or "input or output failed", where=where), 1)
        except Exception as error:  # noqa: BLE001 - the last resort: one line, whatever it is
            problem = f"unexpected {type(error).__name__}"
            hint = "Run it again as newsletter -v ... to see where, and report that"
            _fail(ctx, NewsletterError(problem, hint=hint), NewsletterError.exit_code)


def _fail(ctx: click.Context, error: NewsletterError, code: int) -> None:
    if ctx.obj and ctx.obj.verbosity > 0:
        import traceback  # noqa: PLC0415 - seldom needed, and every command would pay for it

        traceback.print_exc()
    print_error(error.sentence, error.hint)
    ctx.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="newsletter")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an unexpected error came from.")
@click.pass_context
def main(ctx: click.Context, *, quiet: bool, verbose: bool) -> None:
    """One calm letter a week, from a Markdown file to everyone who asked for it.

    ISSUE is a slug, such as 2026-11-29-rust, or the path of a file.
    Exit codes: 0 done, 1 mend something, 2 wrong usage, 3 a person must decide, 75 run it again.
    """
    ctx.obj = App(ctx, verbosity=int(verbose) - int(quiet))
