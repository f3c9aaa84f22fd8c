"""`newsletter demo`: the real commands, one after another, on a newsletter in a scratch folder."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli import main
from newsletter.cli.output import print_line
from newsletter.desk.demo import scratch_newsletter
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONSENT = "I signed up for the letter on the website"


@click.command()
def demo() -> None:
    """Play a whole week in a scratch folder: import, render, rehearse, unsubscribe, status.

    Nobody is mailed, nothing outside that folder is changed, and no setting of yours is used.
    """
    folder, slug = scratch_newsletter(datetime.now().astimezone().date())
    print_line(f"A newsletter with one issue and twelve invented subscribers, in {folder}")
    with contextlib.chdir(folder), _clean_environment():
        for title, arguments in (
            ("Import the subscribers from another tool", _import()),
            ("Render the letter as HTML, plain text and an email", ("render", slug)),
            ("Before Sunday: write everyone's own letter, to look through", ("rehearse", slug)),
            ("Run the same command again: there is nothing to do", ("rehearse", slug)),
            ("One subscriber unsubscribes", ("subscribers", "unsubscribe", "bram@example.org")),
            ("See what is next", ("status",)),
        ):
            print_line(f"\n{title}\n$ newsletter {shlex.join(arguments)}")
            if main.main(arguments, prog_name="newsletter", standalone_mode=False):
                raise NewsletterError(f"the demo stopped at: newsletter {shlex.join(arguments)}")
            sys.stdout.flush()
    command = _as_typed()
    print_line(
        f"\nLook at    {folder}/.newsletter/render/{slug}.html (open it in a browser)"
        f"\n           {folder}/.newsletter/outbox/{slug}/index.html (everyone's own letter)"
        f"\nTry next   cd {folder}"
        f"\n           {command} subscribers list"
        f"\n           and after you edit issues/{slug}.md:"
        f"\n           {command} check {slug}"
        f"\n           {command} rehearse {slug}"
        f"\n           an author's week:"
        f"\n           {command} new"
        f"\n           {command} preview"
        f"\nDelete     {folder}, when you have seen enough"
        f"\nAll commands: {command} --help"
    )


def _as_typed() -> str:
    """Return how to call this program from another folder."""
    if shutil.which("newsletter"):
        return "newsletter"
    # `./dev` runs the command of its own .venv.
    command = Path(sys.argv[0]).absolute()
    dev = command.parent.parent.parent / "dev"
    return shlex.quote(str(dev if dev.is_file() else command))


def _import() -> tuple[str, ...]:
    return ("subscribers", "import", "subscribers.csv", "--consent", _CONSENT)


@contextlib.contextmanager
def _clean_environment() -> Iterator[None]:
    """Hide every setting of the user's own newsletter."""
    mine = {name: value for name, value in os.environ.items() if name.startswith("NEWSLETTER_")}
    for name in mine:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(mine)
