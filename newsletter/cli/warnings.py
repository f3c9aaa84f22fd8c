"""One line about the warnings of an issue, for every command that shows or sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import checks
from newsletter.cli.output import note
from newsletter.model import Severity

if TYPE_CHECKING:
    from newsletter.model import Draft


def count_warnings(draft: Draft | None) -> int:
    """Return how many warnings there are about an issue's file."""
    found = checks.check(draft) if draft else ()
    return sum(finding.severity is Severity.WARNING for finding in found)


def warnings_line(draft: Draft | None) -> str:
    """Return how many warnings there are, and how to see them; empty if there are none."""
    count = count_warnings(draft)
    if draft is None or not count:
        return ""
    return f"{count:,} warning{'s' * (count != 1)}: newsletter check {draft.slug}"


def print_warnings(draft: Draft | None) -> None:
    """Tell of an issue's warnings beside the result, if there are any."""
    if line := warnings_line(draft):
        note(line)
