"""`newsletter check`: every rule, with id, severity, file and line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter import desk
from newsletter.cli.annotations import annotation
from newsletter.cli.check_output import print_findings, show_on_page, write_report
from newsletter.cli.issues import issue_path
from newsletter.cli.output import counted, json_option, note, print_command, print_json, print_line
from newsletter.desk import fixing
from newsletter.errors import NewsletterError
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.cli.app import App
    from newsletter.desk import Inspection
    from newsletter.desk.fixing import FileFix
    from newsletter.model import Finding


@click.command()
@click.argument("issues", nargs=-1, metavar="[ISSUE]...")
@click.option(
    "--fix",
    "repair",
    is_flag=True,
    help="Repair what is mechanical. It shows the difference; on a terminal it asks first.",
)
@click.option("--online", is_flag=True, help="Also try every link and picture on the web.")
@click.option("--strict", is_flag=True, help="Let a warning fail the check as an error does.")
@click.option("--github", is_flag=True, help="Also show it on the page of a workflow's run.")
@click.option(
    "--gitlab",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write it into FILE, as GitLab shows it in a merge request.",
)
@json_option
@click.pass_context
def check(
    context: click.Context,
    issues: tuple[str, ...],
    *,
    repair: bool,
    online: bool,
    strict: bool,
    github: bool,
    gitlab: Path | None,
    json_: bool,
) -> None:
    """Check issues by every rule and print what is wrong, with a fix.

    Without ISSUE, check everything in issues/, and the settings. An error prevents sending; a
    warning and a hint do not.
    """
    try:
        paths = [issue_path(context.obj, issue) for issue in issues]
        fixes = _repair(context.obj, paths, json_=json_) if repair else []
        inspection = _inspect(context.obj, _renamed(paths, fixes), online=online)
    except NewsletterError as error:
        if github:
            print_command(annotation("error", str(error), title="Not checked"))
        raise
    if github:
        show_on_page(inspection.findings)
    if gitlab:
        write_report(inspection.findings, gitlab)
    if json_:
        print_json(_as_json(inspection.findings, fixes if repair else None))
    else:
        print_findings(inspection)
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if any(finding.severity in failing for finding in inspection.findings):
        context.exit(1)


def _inspect(app: App, paths: Sequence[Path], *, online: bool) -> Inspection:
    if not paths:
        return desk.inspect_folder(app.settings, online=online)
    drafts = [desk.read_draft(app.settings, path) for path in paths]
    return desk.inspect_files(app.settings, drafts, paths, online=online)


def _repair(app: App, paths: Sequence[Path], *, json_: bool) -> list[FileFix]:
    """Show what can be repaired, ask on a terminal, and write it; return what was written."""
    settings = app.settings
    every = paths or [*desk.issue_paths(settings), *fixing.ignored_paths(settings)]
    fixes = list(fixing.plan_fixes(settings, every))
    for fix in fixes:
        if json_:
            note(fix.difference.rstrip("\n"))
        else:
            print_line(fix.difference.rstrip("\n"))
    asks = sys.stdin.isatty() and sys.stdout.isatty()
    question = f"Write {'this change' if len(fixes) == 1 else 'these changes'}?"
    if fixes and asks and not click.confirm(question, default=True, err=True):
        note("Nothing was written.")
        return []
    for fix in fixes:
        fixing.write_fix(fix)
    if fixes:
        total = sum(len(fix.fixed) for fix in fixes)
        note(f"Fixed {counted(total, 'finding')} in {counted(len(fixes), 'file')}.")
    return fixes


def _renamed(paths: Sequence[Path], fixes: Sequence[FileFix]) -> list[Path]:
    """Return where these files are now."""
    moved = {fix.path: fix.target for fix in fixes}
    return [moved.get(path, path) for path in paths]


def _as_json(found: Sequence[Finding], fixes: Sequence[FileFix] | None) -> list[dict[str, object]]:
    """Return each finding; with --fix also those that were repaired, and which they are."""
    if fixes is None:
        return [asdict(finding) for finding in found]
    fixed = [asdict(finding) | {"fixed": True} for fix in fixes for finding in fix.fixed]
    return fixed + [asdict(finding) | {"fixed": False} for finding in found]
