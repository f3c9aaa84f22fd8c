"""What `check` found, as a table for the page of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.forge.markdown import plain, table_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Finding

_MOST_CHARACTERS: Final = 300_000  # GitHub shows none of a summary above 1 MiB
_LONGEST: Final = 300


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
