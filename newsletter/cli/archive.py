"""`newsletter archive`: what sent issues leave behind."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import counted, json_option, print_json, print_line
from newsletter.cli.progress import progress

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.group(cls=SuggestingGroup)
def archive() -> None:
    """Publish the archive, or bring in old letters."""


@archive.command("build", short_help="Write the archive as a static site.")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the site; it is made if it is not there.",
)
@json_option
@click.pass_obj
def build_(app: App, *, out: Path, json_: bool) -> None:
    """Write the archive as a static site, which any host can serve.

    Only what changed is written, and only what an earlier build made is deleted. Where another file
    has a name that the site needs, nothing is changed. See docs/archive.md.
    """
    from newsletter.archive.build import build  # noqa: PLC0415 - slow, and others need it not

    with progress("Building the archive") as report:
        built = build(app.settings, app.reading, out, report)
    if json_:
        print_json({"out": str(out), "issues": built.issues, **asdict(built.changes)})
        return
    changes = built.changes
    if not built.issues:
        print_line("No issue was sent yet: the archive is empty.")
    print_line(
        f"{out}: {counted(built.issues, 'issue')}, {counted(changes.written, 'file')} written, "
        f"{changes.unchanged:,} unchanged, {changes.deleted:,} deleted."
    )
