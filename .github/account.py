"""Write what `send --due --json` reports as Markdown, for a run's summary and for an issue.

    python3 .github/account.py RECEIPT MESSAGES

RECEIPT is the JSON document (empty when there was none), MESSAGES what went to standard error.
The first line is a comment that names what waits for a person: it is the same as long as he is
asked the same. Anybody may read these pages, so nothing that looks like an address gets through.
"""  # noqa: INP001 - a script of the workflow, which runs it without the package

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

STATES = ("accepted", "rejected", "skipped", "unknown", "attempting", "pending")
WAITING = ("paused", "completed_with_unknown", "expired")
ADDRESS = re.compile(r"\S+@\S+")


def main() -> None:
    """Print the account of one run."""
    receipt, messages = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
    document = json.loads(receipt) if receipt.strip() else {}
    said = [line for line in messages.splitlines() if line.startswith("newsletter: ")]
    waits, *lines = asked(document, said)
    lines += [*told(said), *counted(document), *remarks(document), *coming(document)]
    if not lines:
        lines = ["Nothing is due." if document else "It ended without a word."]
    text = "\n".join([waits, *lines])
    sys.stdout.write(ADDRESS.sub("(an address)", text) + "\n")


def asked(document: dict[str, Any], said: list[str]) -> list[str]:
    """Return what a person must do, under a comment that is the same while that is the same."""
    waiting = [one for one in document.get("mailings", []) if one["state"] in WAITING]
    if not waiting:
        return [mark(" ".join(said))]
    what = "; ".join(f"{one['issue']} {one['state']} {one.get('note') or ''}" for one in waiting)
    lines = [mark(what), "### For a person to decide", ""]
    for one in waiting:
        why = f": {one['note']}" if one.get("note") else ""
        lines += [f"**{one['issue']}** is {words(one['state'])}{why}", ""]
        if one.get("next_step"):
            lines += ["```sh", one["next_step"], "```", ""]
    return lines


def mark(what: str) -> str:
    """Return a line that no reader sees."""
    return f"<!-- waits: {' '.join(what.replace('--', '').split())} -->"


def told(said: list[str]) -> list[str]:
    """Return the errors as the program told them."""
    return [f"> {line.removeprefix('newsletter: ')}\n" for line in said]


def counted(document: dict[str, Any]) -> list[str]:
    """Return a table in which every row adds up: readers are the sum of what follows."""
    mailings = document.get("mailings", [])
    if not mailings:
        return []
    head = ["issue", "state", "readers", *STATES]
    rows = [
        [one["issue"], words(one["state"]), one["audience"], *(one[state] for state in STATES)]
        for one in mailings
    ]
    rule = ["---", "---", *["--:"] * (len(head) - 2)]
    return ["### Letters", "", *(row(cells) for cells in (head, rule, *rows)), ""]


def remarks(document: dict[str, Any]) -> list[str]:
    """Return what else there is to say, such as a draft whose day it is."""
    notes = [f"- {note}" for note in document.get("notes", [])]
    return [*notes, ""] if notes else []


def coming(document: dict[str, Any]) -> list[str]:
    """Return what is next, and what stands in its way."""
    following = document.get("next")
    if not following:
        return []
    when = following["send_at"].replace("T", " ")[:16]
    line = f"Next: {following['issue']}, {when}, {following['audience']} readers."
    return [line, "", *(f"- in its way: {one}" for one in following.get("blocked_by", []))]


def words(state: str | None) -> str:
    """Return a state as prose."""
    return (state or "not sent").replace("_", " ")


def row(cells: list[Any]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    main()
