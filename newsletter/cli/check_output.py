"""How `newsletter check` shows its findings: to people, to GitHub, to GitLab."""

from __future__ import annotations

import os
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.cli.annotations import annotation
from newsletter.cli.output import counted, print_command, print_line
from newsletter.content import printable
from newsletter.errors import NewsletterError
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.desk import Inspection
    from newsletter.model import Finding


def print_findings(inspection: Inspection) -> None:
    """Print the findings file by file, and how many there are."""
    groups = groupby(inspection.findings, key=lambda finding: finding.path)
    for number, (_, findings) in enumerate(groups):
        if number:
            print_line("")
        for finding in findings:
            print_line(_line(finding))
    print_line(_count(inspection))


def show_on_page(found: Sequence[Finding]) -> None:
    """Show each finding beside its line on GitHub, and all of them in a table."""
    from newsletter.forge import findings_table  # noqa: PLC0415 - slow, and only for jobs

    for one in found:
        kind = one.severity if one.severity in {"error", "warning"} else "notice"
        said = f"{one.message} — {one.fix}"
        print_command(annotation(kind, said, title=one.rule, file=one.path, line=one.line))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(findings_table(found))


def write_report(found: Sequence[Finding], file: Path) -> None:
    """Write the report that GitLab shows in a merge request.

    Raises:
        NewsletterError: It cannot be written.
    """
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


def _count(inspection: Inspection) -> str:
    counts = Counter(finding.severity for finding in inspection.findings)
    parts = [counted(counts[Severity.ERROR], "error"), counted(counts[Severity.WARNING], "warning")]
    if counts[Severity.HINT]:
        parts.append(counted(counts[Severity.HINT], "hint"))
    if inspection.allowed:
        parts.append(f"{inspection.allowed} allowed")
    fixable = sum(finding.fixable for finding in inspection.findings)
    more = f"; {fixable} can be fixed: newsletter check --fix" if fixable else ""
    checked = f"{counted(len(inspection.drafts), 'issue')} checked{_of_drafts(inspection)}"
    return f"{checked}: {', '.join(parts)}{more}"


def _of_drafts(inspection: Inspection) -> str:
    """Return how many of the issues are drafts, which the schedule does not send."""
    drafts = sum(draft.is_draft for draft in inspection.drafts)
    if not drafts:
        return ""
    return ", a draft" if len(inspection.drafts) == 1 else f", {counted(drafts, 'draft')}"
