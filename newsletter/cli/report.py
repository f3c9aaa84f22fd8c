"""`newsletter report`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from newsletter.cli.annotations import annotation, on_actions
from newsletter.cli.output import print_command, print_line
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.forge import ask_person, open_tracker, read_summary


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def report(context: click.Context, *, file: Path) -> None:
    """Open or renew the one issue on the forge that asks a person, from a summary in FILE.

    FILE is what `send --due --summary FILE` wrote. It works in a job of GitHub, Forgejo or GitLab.
    It ends with the exit code of that run, so that the job shows it, but with 0 where nobody needs
    to look: the open issue asks the same already (3), or it was temporary, a later run tries again
    and the time for today's letter is not over (75).
    """
    try:
        summary = read_summary(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        raise NewsletterError(
            f"{file} is no summary of a run",
            hint="Make one: newsletter send --due --summary FILE",
        ) from None
    if summary.exit_code != DecisionNeeded.exit_code:
        print_line(f"The run ended with exit code {summary.exit_code}: {summary.outcome}.")
        print_line("No issue asks for this.")
        again = summary.exit_code == TryAgain.exit_code and not summary.last
        context.exit(0 if again else summary.exit_code)
    tracker = open_tracker(os.environ)
    context.call_on_close(tracker.close)
    asked = ask_person(tracker, summary)
    if asked.new:
        text, kind = f"{asked.issue.url} says what, and how.", "error"
    else:
        text, kind = f"{asked.issue.url} still waits for an answer.", "warning"
    print_line(f"A person must decide: {text}")
    if on_actions():
        print_command(annotation(kind, text, title="A person must decide"))
    context.exit(DecisionNeeded.exit_code if asked.new else 0)
