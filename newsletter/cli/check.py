"""`newsletter check`: every rule, with id, severity, file and line."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from newsletter.cli.issues import issue_path
from newsletter.cli.output import json_option, print_json, print_line
from newsletter.content import printable
from newsletter.desk import read_draft
from newsletter.desk.cross_checks import check_all, check_some
from newsletter.model import Severity

if TYPE_CHECKING:
    from newsletter.cli.app import App
    from newsletter.model import Finding


@click.command()
@click.argument("issues", nargs=-1, metavar="[ISSUE]...")
@json_option
@click.pass_context
def check(context: click.Context, issues: tuple[str, ...], *, json_: bool) -> None:
    """Check issues by every rule and print what is wrong, with a fix.

    Without ISSUE, check everything in issues/. An error prevents sending; a warning does not.
    """
    app: App = context.obj
    settings = app.settings
    if issues:
        paths = [issue_path(app, issue) for issue in issues]
        drafts = [read_draft(settings, path) for path in paths]
        found = check_some(settings, drafts, paths)
    else:
        drafts, found = check_all(settings)
    if json_:
        print_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            print_line(_line(finding))
        print_line(_count(found, len(drafts)))
    if any(finding.severity is Severity.ERROR for finding in found):
        context.exit(1)


def _line(finding: Finding) -> str:
    where = f"{printable(finding.path)}:{finding.line}"
    return f"{where}: {finding.severity} {finding.rule}: {finding.message} — {finding.fix}"


def _count(found: list[Finding], files: int) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    return (
        f"{_number(files, 'issue')} checked: "
        f"{_number(errors, 'error')}, {_number(len(found) - errors, 'warning')}"
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
