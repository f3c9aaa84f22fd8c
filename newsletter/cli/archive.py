"""`newsletter archive`: what sent issues leave behind."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.archive_links import issue_address
from newsletter.cli.groups import SuggestingGroup
from newsletter.cli.output import counted, json_option, note, print_json, print_line
from newsletter.cli.progress import progress

if TYPE_CHECKING:
    from newsletter.archive.importing.run import ImportReport
    from newsletter.cli.app import App

_LISTED = 10


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
@click.option(
    "--as",
    "kind",
    type=click.Choice(["markdown"]),
    help="Write posts for a site of your own: Hugo, Jekyll, Astro or Eleventy.",
)
@json_option
@click.pass_obj
def build_(app: App, *, out: Path, kind: str | None, json_: bool) -> None:
    """Write the archive as a static site, which any host can serve.

    With --as markdown, write it as posts of your own site.

    Only what changed is written, and only what an earlier build made is deleted. Where another file
    has a name that the site needs, nothing is changed. See docs/archive.md.
    """
    from newsletter.archive import build, posts  # noqa: PLC0415 - slow, and others need it not

    write = posts.build_posts if kind else build.build
    with progress("Building the archive") as report:
        built = write(app.settings, app.reading, out, report)
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


@archive.command("import", short_help="Bring in old letters of another tool.")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def import_(app: App, *, file: Path, json_: bool) -> None:
    """Import the letters of an export of Substack, Ghost, Buttondown or Mailchimp.

    FILE is the ZIP or JSON file as you got it, or the folder that it was unpacked to. Only letters
    that were sent to everyone come into the archive; they are never sent from here. Subscribers in
    an export are not read: for them there is newsletter subscribers import.
    """
    from newsletter.archive.importing import run  # noqa: PLC0415 - slow, and others need it not

    with progress("Importing") as tell:
        report = run.import_export(app.store, app.settings, file, tell)
    if json_:
        document = asdict(report)
        del document["program"]
        print_json(document)
        return
    print_line(_report(report))
    if report.added:
        pages = issue_address(app.settings.public_url, "")
        note(f"Look at them: {pages}. To take one out again: newsletter withdraw ISSUE")


def _report(report: ImportReport) -> str:
    counts = (
        f"{report.program}, {counted(report.rows, 'row')}: {report.added:,} added, "
        f"{report.unchanged:,} unchanged, {report.skipped:,} skipped"
    )
    lines = [counts]
    lines += [f"{count:>9,}  {reason}" for reason, count in report.reasons.items()]
    lines += [f"  {one.name}: {one.reason}" for one in report.rejected[:_LISTED]]
    if more := report.skipped - _LISTED:
        lines += [f"  and {more:,} more: --json has the first 100"] if more > 0 else []
    return "\n".join(lines)
