"""`newsletter render`: an issue as subscribers will see it, in three files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.issues import print_warnings, read_issue_file
from newsletter.cli.output import json_option, note, print_json, print_line
from newsletter.desk import render_files

if TYPE_CHECKING:
    from newsletter.cli.app import App


@click.command()
@click.argument("issue")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to write to.  [default: .newsletter/render/]",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the HTML file in your browser.")
@json_option
@click.pass_context
def render(
    context: click.Context, issue: str, out: Path | None, *, in_browser: bool, json_: bool
) -> None:
    """Write ISSUE as SLUG.html, SLUG.txt and SLUG.eml, as an invented subscriber gets it.

    This needs neither a database nor a key, and sends nothing.
    """
    app: App = context.obj
    draft = read_issue_file(app, issue)
    files = render_files(app.settings, draft, out)
    print_warnings(draft)
    if json_:
        print_json({"issue": files[0].stem, "files": [str(path) for path in files]})
    else:
        for path in files:
            print_line(str(path))
    if in_browser and click.launch(str(files[0])) != 0:
        note("No browser could be opened: open the first of these files yourself.")
