"""What `check` found: a table for the page of a run, and the report that GitLab shows."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from newsletter.forge.markdown import plain, table_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Finding

_MOST_CHARACTERS: Final = 300_000  # GitHub shows none of a summary above 1 MiB
_LONGEST: Final = 300
_LONGEST_TEXT: Final = 1_000
_SEVERITIES: Final = {"error": "major", "warning": "minor"}


def findings_table(findings: Sequence[Finding]) -> str:
    """Return Markdown with a row for each finding, as far as a page takes them."""
    if not findings:
        return "No errors and no warnings.\n"
    lines = ["| | where | what |", "|---|---|---|"]
    length = 0
    for number, one in enumerate(findings):
        if length > _MOST_CHARACTERS:
            lines += ["", f"and {len(findings) - number:,} more: run newsletter check"]
            break
        where = f"{plain(one.path, longest=_LONGEST)}:{one.line}"
        what = plain(f"{one.message} — {one.fix}", longest=_LONGEST)
        lines.append(table_row([one.severity, where, what]))
        length += len(lines[-1])
    return "\n".join(lines) + "\n"


def code_quality(findings: Sequence[Finding]) -> str:
    """Return a report of GitLab's code quality: each finding beside its line in a merge request.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    return json.dumps([_as_quality(one) for one in findings], indent=2) + "\n"


def _as_quality(finding: Finding) -> dict[str, object]:
    said = _readable(f"{finding.message} — {finding.fix}"[:_LONGEST_TEXT])
    path = _readable(finding.path)
    what = json.dumps([finding.rule, path, finding.line, said])
    return {
        "description": said,
        "check_name": finding.rule,
        "fingerprint": hashlib.sha256(what.encode()).hexdigest(),
        "severity": _SEVERITIES.get(finding.severity, "info"),
        "location": {"path": path, "lines": {"begin": finding.line}},
    }


def _readable(text: str) -> str:
    """Return a text of which every character can be in JSON: a file's name may hold any byte."""
    return text.encode("utf-8", "backslashreplace").decode()
