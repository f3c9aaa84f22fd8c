"""ISSUE arguments, as every command understands them, and warnings about an issue's file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from newsletter import checks, desk
from newsletter.cli.output import counted, note, warn
from newsletter.content import printable
from newsletter.desk.issues import match_issue, slug_of_argument
from newsletter.errors import NewsletterError, check_command
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from newsletter.cli.app import App
    from newsletter.desk.issues import IssueMatch
    from newsletter.model import Draft


def issue_path(app: App, typed: str) -> Path:
    """Return the file of an issue, for a command that needs no database.

    Raises:
        NewsletterError: There is no such issue.
    """
    found = match_issue(app.settings, typed, ledger=tuple)
    if found.path is None:
        raise AssertionError(found)  # without a ledger, only files are known
    return found.path


def read_issue_file(app: App, typed: str) -> Draft:
    """Read the file of an issue, for a command that needs no database.

    Raises:
        NewsletterError: There is no such issue, or its file cannot be read.
    """
    path = issue_path(app, typed)
    warn_if_outside(app, path)
    return desk.read_draft(app.settings, path)


def find_issue(app: App, typed: str) -> tuple[str, Draft | None]:
    """Return an issue's slug, and its file unless that is gone.

    Raises:
        NewsletterError: There is no such issue, or its file cannot be read.
    """
    found = _match(app, typed)
    warn_if_outside(app, found.path)
    return found.slug, desk.read_draft(app.settings, found.path) if found.path else None


def find_issue_to_change(app: App, typed: str, *, asks: bool) -> tuple[str, Draft | None]:
    """Return the same for a command that cannot be undone.

    Unless it asks for confirmation, the whole slug must be typed.

    Args:
        app: What commands share.
        typed: The argument.
        asks: On a terminal, the command shows the slug and asks before it acts.

    Raises:
        NewsletterError: There is no such issue, or only a part of its slug was typed.
    """
    found = _match(app, typed)
    require_whole(found, typed, asks=asks)
    warn_if_outside(app, found.path)
    return found.slug, desk.read_draft(app.settings, found.path) if found.path else None


def require_whole(found: IssueMatch, typed: str, *, asks: bool) -> None:
    """Require that the whole slug was typed, unless a terminal is there to show it and ask.

    Raises:
        NewsletterError: Only a part of it was typed.
    """
    if not found.whole and not (asks and sys.stdin.isatty()):
        raise NewsletterError(
            f'"{typed}" is only a part of {found.slug}',
            hint=f"Type the whole slug, because this cannot be undone: {found.slug}",
        )


def _mailing_slugs(app: App) -> Iterable[str]:
    from newsletter.delivery import mailing_slugs  # noqa: PLC0415 - slow to import

    return mailing_slugs(app.reading)


def _match(app: App, typed: str) -> IssueMatch:
    try:
        return match_issue(app.settings, typed, lambda: _mailing_slugs(app))
    except NewsletterError:
        from newsletter import delivery  # noqa: PLC0415 - slow to import

        # No file and no mailing has this name, but the archive may have.
        delivery.refuse_imported(app.reading, slug_of_argument(app.settings, typed))
        raise


def warn_if_outside(app: App, path: Path | None) -> None:
    """Warn of a file that is where the schedule does not look."""
    if path and not desk.in_issues(app.settings, path):
        warn(
            f"{printable(str(path))} is not in issues/, so send --due never sees it. "
            "Move it there if the schedule is to send it"
        )


def count_warnings(draft: Draft | None) -> int:
    """Count the warnings about an issue's file."""
    found = checks.unallowed(draft) if draft else ()
    return sum(finding.severity is Severity.WARNING for finding in found)


def warnings_line(draft: Draft | None) -> str:
    """Return how many warnings there are, and how to see them; empty if there are none."""
    count = count_warnings(draft)
    if draft is None or not count:
        return ""
    return f"{counted(count, 'warning')}: {check_command(draft.slug)}"


def print_warnings(draft: Draft | None) -> None:
    """Print how many warnings an issue has, if any."""
    if line := warnings_line(draft):
        note(line)
