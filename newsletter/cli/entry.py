"""The command `newsletter`: its commands, and how errors become text and exit codes."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from newsletter import __version__, gc_tuning
from newsletter.cli.app import App
from newsletter.cli.failures import OF_CLICK, failure_of
from newsletter.cli.groups import SuggestingGroup, usage_error
from newsletter.cli.output import log, print_any_text, print_error, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name: (module, object, help). The help is here so that `--help` imports none of the modules.
_COMMANDS = {
    "demo": ("demo", "demo", "Play a whole week in a scratch folder."),
    "init": ("init", "init", "Make a repository of your own: settings, first draft, jobs."),
    "new": ("new", "new", "Make a draft from an article: its address, a page, a text, a post."),
    "preview": ("preview", "preview", "Show an issue in a browser, and follow its file."),
    "render": ("render", "render", "Write an issue as HTML, plain text and an email file."),
    "check": ("check", "check", "Check an issue, or all issues, by every rule."),
    "proof": ("proof", "proof", "Send one real copy of an issue to yourself."),
    "rehearse": ("rehearse", "rehearse", "Write everyone's letter to the outbox; mail nobody."),
    "send": ("send", "send", "Send an issue to its subscribers, or send what is due."),
    "act": ("act", "act", "In a job: run the command that a person chose at the forge."),
    "report": ("report", "report", "In a job: open the issue that asks a person to decide."),
    "status": ("status", "status", "Show all issues: what is next, what is blocked, what is sent."),
    "pause": ("control", "pause", "Pause a mailing; requests in flight are finished."),
    "cancel": ("control", "cancel", "End a mailing: no more of its letters are sent."),
    "resolve": ("control", "resolve", "Decide about letters whose outcome is unknown."),
    "erratum": ("erratum", "erratum", "Publish a correction of an issue that was sent."),
    "withdraw": ("erratum", "withdraw", "Take an issue out of the archive."),
    "subscribers": (
        "subscribers",
        "subscribers",
        "Manage the list: add, import, export, show, erase.",
    ),
    "events": ("events", "events", "Read from the provider what happened to letters."),
    "serve": ("serve", "serve", "Run the web app: sign-up, unsubscribe, preferences, issues."),
    "archive": ("archive", "archive", "Publish the archive, or bring in old letters."),
    "templates": ("templates", "templates", "Show the templates, or copy one to change it."),
    "doctor": ("doctor", "doctor", "Look for what is wrong with the set-up; change nothing."),
    "db": ("db", "db", "Manage the database: upgrade, show, tidy or move it."),
}


class MainGroup(SuggestingGroup):
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
        print_any_text()
        run = functools.partial(super().main, args, prog_name, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code: object = run()
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()  # the help itself
            sys.exit(error.exit_code)
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
        with gc_tuning.gc_importing():
            imported = importlib.import_module(f"newsletter.cli.{module}")
        command: click.Command = getattr(imported, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run a command; the one place where errors become text and exit codes."""
        try:
            return super().invoke(ctx)
        except OF_CLICK:
            raise  # click handles these
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort
            failure = failure_of(error)
            log().debug("The error below was raised here:", exc_info=True)
            print_error(failure.sentence, failure.hint)
            ctx.exit(failure.exit_code)


def _print_version(ctx: click.Context) -> None:
    from newsletter.repository.origin import read_origin  # noqa: PLC0415 - not needed otherwise

    print_line(f"newsletter, version {__version__} ({read_origin().text})")
    ctx.exit()


@click.group(cls=MainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, asked: _print_version(context) if asked else None,
    help="Show the version and where it came from, and exit.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print results, warnings and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print details, and a traceback of an error.")
@click.pass_context
def main(ctx: click.Context, *, quiet: bool, verbose: bool) -> None:
    """One calm letter a week, from a Markdown file to everyone who asked for it.

    ISSUE is a slug, such as 2026-11-29-rust, or the path of a file.
    Exit codes: 0 done, 1 error, 2 wrong usage, 3 a person must decide, 75 try again later.
    """
    from newsletter.cli.logs import configure_logging  # noqa: PLC0415 - not needed for `--help`

    verbosity = int(verbose) - int(quiet)
    configure_logging(verbosity)
    ctx.obj = App(ctx, verbosity=verbosity)
