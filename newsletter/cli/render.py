"""`newsletter render`: issues as subscribers will see them, in files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.groups import WrongUsage
from newsletter.cli.issues import print_warnings, read_issue_file
from newsletter.cli.output import json_option, note, print_error, print_json, print_line
from newsletter.desk import read_draft, render_files
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.desk import RenderedIssue
    from newsletter.model import Draft


@click.command()
@click.argument("issue", required=False)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder to write to.  [default: .newsletter/render/]",
)
@click.option("--open", "in_browser", is_flag=True, help="Open the HTML file in your browser.")
@click.option(
    "--pictures", is_flag=True, help="Also take pictures: phone and desktop, light and dark."
)
@click.option(
    "--changed-since",
    metavar="COMMIT",
    help="Instead of ISSUE: every issue that changed since a commit of git.",
)
@json_option
@click.pass_context
def render(
    context: click.Context,
    issue: str | None,
    out: Path | None,
    changed_since: str | None,
    *,
    in_browser: bool,
    pictures: bool,
    json_: bool,
) -> None:
    """Write ISSUE as SLUG.html, SLUG.txt and SLUG.eml, as an invented subscriber gets it.

    This needs neither a database nor a key, and sends nothing.
    """
    app: App = context.obj
    if (issue is None) == (changed_since is None):
        raise WrongUsage(
            "either an ISSUE or --changed-since is needed",
            hint="Name an ISSUE, or give --changed-since a commit of git",
        )
    if changed_since is not None:
        _render_changed(context, changed_since, out, pictures=pictures, json_=json_)
        return
    draft = read_issue_file(app, issue or "")
    made = _render(app, draft, out, pictures=pictures)
    if json_:
        print_json(_as_json(made))
    else:
        _print(app, made)
    if in_browser and click.launch(str(made.files[0])) != 0:
        note("No browser could be opened: open the first of these files yourself.")


def _render(app: App, draft: Draft, out: Path | None, *, pictures: bool) -> RenderedIssue:
    made = render_files(app.settings, draft, out)
    print_warnings(draft)
    if not pictures:
        return made
    from newsletter.desk.pictures import take_pictures  # noqa: PLC0415 - few letters need it

    return replace(made, files=(*made.files, *take_pictures(made.files[0])))


def _render_changed(
    context: click.Context, since: str, out: Path | None, *, pictures: bool, json_: bool
) -> None:
    """Render each issue that changed; an error in one keeps no other from it."""
    from newsletter.desk.changes import find_changes  # noqa: PLC0415 - only a workflow needs it

    app: App = context.obj
    found = find_changes(app.settings, since)
    if found.why:
        note(f"{found.why}, so the newest issues are among these.")
    rendered, code = [], 0
    for path in found.paths:
        try:
            draft = read_draft(app.settings, path)
            made = _render(app, draft, out, pictures=pictures)
        except NewsletterError as error:
            print_error(error.sentence, error.hint)
            code = error.exit_code
        else:
            rendered.append(made)
            if not json_:
                _print(app, made)
    if json_:
        print_json([_as_json(made) for made in rendered])
    elif not found.paths:
        print_line(f"No issue changed since {since}.")
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        _show_on_page(app, rendered, Path(page))
    context.exit(code)


def _show_on_page(app: App, rendered: list[RenderedIssue], page: Path) -> None:
    """Show the hash of each letter on the page of the run, with the line that approves it."""
    from newsletter.forge import ChangedLetter, summarize_letters  # noqa: PLC0415 - only for jobs

    letters = [
        ChangedLetter(one.slug, one.subject, one.letter_hash, _approval_line(app, one))
        for one in rendered
    ]
    with page.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(summarize_letters(letters, app.settings.approval))


def _as_json(made: RenderedIssue) -> dict[str, object]:
    return {
        "issue": made.slug,
        "files": [str(path) for path in made.files],
        "letter_hash": made.letter_hash,
    }


def _print(app: App, made: RenderedIssue) -> None:
    for path in made.files:
        print_line(str(path))
    note(_approval_line(app, made) or f"The letter's hash is {made.letter_hash}")


def _approval_line(app: App, made: RenderedIssue) -> str:
    """Return the line that approves a letter; empty where no approval is asked for."""
    if not app.settings.approval:
        return ""
    from newsletter.delivery import approval_line  # noqa: PLC0415 - slow to import

    return approval_line(made.slug, made.letter_hash)
