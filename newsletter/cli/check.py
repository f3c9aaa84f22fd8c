"""`newsletter check`: every rule, with id, severity, file and line."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.annotations import annotation
from newsletter.cli.issues import issue_path
from newsletter.cli.output import json_option, print_command, print_json, print_line
from newsletter.content import printable
from newsletter.desk import read_draft
from newsletter.desk.cross_checks import check_all, check_some
from newsletter.errors import NewsletterError
from newsletter.model import Severity

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.model import Draft, Finding


@click.command()
@click.argument("issues", nargs=-1, metavar="[ISSUE]...")
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
    github: bool,
    gitlab: Path | None,
    json_: bool,
) -> None:
    """Check issues by every rule and print what is wrong, with a fix.

    Without ISSUE, check everything in issues/. An error prevents sending; a warning does not.
    """
    try:
        drafts, found = _check(context.obj, issues)
    except NewsletterError as error:
        if github:
            print_command(annotation("error", str(error), title="Not checked"))
        raise
    if github:
        _show_on_page(found)
    if gitlab:
        _write_report(found, gitlab)
    if json_:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            print_line(_line(finding))
        print_line(_count(found, len(drafts)))
    if any(finding.severity is Severity.ERROR for finding in found):
        context.exit(1)


def _check(app: App, issues: tuple[str, ...]) -> tuple[list[Draft], list[Finding]]:
    settings = app.settings
    if not issues:
        return check_all(settings)
    paths = [issue_path(app, issue) for issue in issues]
    drafts = [read_draft(settings, path) for path in paths]
    return drafts, check_some(settings, drafts, paths)


def _show_on_page(found: list[Finding]) -> None:
    """Show each finding beside its line, and all of them in a table."""
    from newsletter.forge import findings_table  # noqa: PLC0415 - slow, and only for jobs

    for one in found:
        kind = one.severity if one.severity in {"error", "warning"} else "notice"
        said = f"{one.message} — {one.fix}"
        print_command(annotation(kind, said, title=one.rule, file=one.path, line=one.line))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(findings_table(found))


def _write_report(found: list[Finding], file: Path) -> None:
    from newsletter.forge import code_quality  # noqa: PLC0415 - slow, and only for jobs

    try:
        file.write_text(code_quality(found), encoding="utf-8")
    except OSError as error:
        raise NewsletterError(
            f"the report cannot be written to {file}: {error.strerror}",
            hint="Name a file in a folder that this user may write",
        ) from None


def _line(finding: Finding) -> str:
    where = f"{printable(finding.path)}:{finding.line}"
    return f"{where}: {finding.severity} {finding.rule}: {finding.message} — {finding.fix}"


def _count(found: list[Finding], files: int) -> str:
    counts = Counter(finding.severity for finding in found)
    hints = counts[Severity.HINT]
    return (
        f"{_number(files, 'issue')} checked: "
        f"{_number(counts[Severity.ERROR], 'error')}, "
        f"{_number(counts[Severity.WARNING], 'warning')}"
        + (f", {_number(hints, 'hint')}" if hints else "")
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
