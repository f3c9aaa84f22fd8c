"""Show what `check --json` found beside the lines of a pull request, and all of it in the summary.

    python3 .github/findings.py FINDINGS SUMMARY

Annotations go to standard output. GitHub shows the first ten errors and ten warnings of a step;
the Markdown that is added to SUMMARY holds every one.
"""  # noqa: INP001 - a script of the workflow, which runs it without the package

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Print the findings as annotations, and add them to the summary."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    findings = json.loads(text) if text.strip() else []
    for found in findings:
        sys.stdout.write(annotation(found) + "\n")
    with Path(sys.argv[2]).open("a", encoding="utf-8") as summary:
        summary.write("\n".join(table(findings)) + "\n")


def annotation(found: dict[str, Any]) -> str:
    """Return the command that puts a finding beside its line.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    where = f"file={as_property(found['path'])},line={found['line']}"
    title = f"title={as_property(found['rule'])}"
    return f"::{found['severity']} {where},{title}::{as_data(sentence(found))}"


def as_data(text: str) -> str:
    """Escape what would end or change a command's text, as GitHub's own toolkit does.

    https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(text: str) -> str:
    """Escape what would also end a property of a command."""
    return as_data(text).replace(":", "%3A").replace(",", "%2C")


def table(findings: list[dict[str, Any]]) -> list[str]:
    """Return the findings as a table."""
    if not findings:
        return ["No errors and no warnings."]
    rows = [
        f"| {cell(one['severity'])} | {cell(one['path'])}:{one['line']} | {cell(sentence(one))} |"
        for one in findings
    ]
    return ["| | where | what |", "|---|---|---|", *rows]


def cell(text: str) -> str:
    """Return text for a cell of a table: one line, without Markdown or HTML of its own."""
    plain = " ".join(text.split())
    return "".join(f"\\{one}" if one in r"\`*_[]<>|&!#~@" else one for one in plain)


def sentence(found: dict[str, Any]) -> str:
    """Return what is wrong and what to do."""
    return f"{found['message']} — {found['fix']}"


if __name__ == "__main__":
    main()
