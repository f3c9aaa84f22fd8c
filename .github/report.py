"""Write what `send --due --json` reports as Markdown, for a run's summary and for an issue.

    python3 .github/report.py RESULT MESSAGES

RESULT is the JSON document (empty when there was none), MESSAGES what went to standard error.
The first line is a comment that names what a person must decide: it is the same as long as the
question is the same. These pages may be public, so nothing that looks like an address is printed.
"""  # noqa: INP001 - a script of the workflow, which runs it without the package

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

STATES = ("accepted", "rejected", "skipped", "unknown", "attempting", "pending")
WAITING = ("paused", "completed_with_unknown", "expired")
UNSEEN = {"ignored": "ignored", "draft": "draft", "blocked": "blocked"}
"""The states in which an issue will not be sent by itself."""

WORD = re.compile(r"\S+")
LONGEST = 60_000
"""Characters of a report: an issue on GitHub takes 65,536."""


def main() -> None:
    """Print the report of one run."""
    result, messages = (Path(name).read_text(encoding="utf-8") for name in sys.argv[1:])
    document = json.loads(result) if result.strip() else {}
    failed = errors(messages)
    waits, *lines = asked(document, failed)
    lines += [*quoted(failed), *counted(document), *remarks(document), *coming(document)]
    if not lines:
        lines = ["Nothing is due." if document else "It ended without a result."]
    lines += ["", *unseen(document), *warned(messages)]
    text = "\n".join([waits, *lines]).rstrip()
    sys.stdout.write(hidden(text[:LONGEST]) + "\n")


def hidden(text: str) -> str:
    """Return text without the words that may be addresses.

    Word by word, so that the time grows with the length of the text and no faster.
    """
    return WORD.sub(lambda word: "(an address)" if "@" in word[0] else word[0], text)


def errors(messages: str) -> list[str]:
    """Return every error that was printed, each with its hint on the same line."""
    found: list[str] = []
    for line in messages.splitlines():
        if line.startswith("error: "):
            found.append(line.removeprefix("error: "))
        elif line.startswith("hint: ") and found:
            found[-1] += f". {line.removeprefix('hint: ')}"
    return found


def asked(document: dict[str, Any], failed: list[str]) -> list[str]:
    """Return what a person must do, below a comment that changes only when that changes."""
    waiting = [one for one in document.get("mailings", []) if one["state"] in WAITING]
    if not waiting:
        return [mark(" ".join(failed))]
    what = "; ".join(f"{one['issue']} {one['state']} {one.get('note') or ''}" for one in waiting)
    lines = [mark(what), "### For a person to decide", ""]
    for one in waiting:
        why = f": {one['note']}" if one.get("note") else ""
        lines += [f"**{one['issue']}** is {words(one['state'])}{why}", ""]
        if one.get("next_step"):
            lines += ["```sh", one["next_step"], "```", ""]
    return lines


def mark(what: str) -> str:
    """Return a comment, which is not shown."""
    return f"<!-- waits: {' '.join(what.replace('--', '').split())} -->"


def quoted(failed: list[str]) -> list[str]:
    """Return the errors as quotations."""
    return [f"> {error}\n" for error in failed]


def counted(document: dict[str, Any]) -> list[str]:
    """Return a table in which every row adds up to its number of subscribers."""
    mailings = document.get("mailings", [])
    if not mailings:
        return []
    head = ["issue", "state", "subscribers", *STATES]
    rows = [
        [one["issue"], state_of(one), one["audience"], *(one[state] for state in STATES)]
        for one in mailings
    ]
    rule = ["---", "---", *["--:"] * (len(head) - 2)]
    lines = ["### Letters", "", *(row(cells) for cells in (head, rule, *rows)), ""]
    if any(one.get("rehearsal") for one in mailings):
        lines += ["**A rehearsal mails nobody.** To mail subscribers, set `provider`.", ""]
    return lines


def state_of(mailing: dict[str, Any]) -> str:
    """Return a mailing's state, and whether it was a rehearsal."""
    state = words(mailing["state"])
    return f"rehearsal: {state}, nobody was mailed" if mailing.get("rehearsal") else state


def unseen(document: dict[str, Any]) -> list[str]:
    """Return the files in `issues/` that will not be sent as they are, and why."""
    found = [one for one in document.get("issues", []) if one.get("state") in UNSEEN]
    lines = [
        f"- {UNSEEN[one['state']]}: {one.get('path') or one.get('issue')}"
        + (f": {one['why']}" if one.get("why") else "")
        for one in found
    ]
    return ["### Not sent by itself", "", *lines, ""] if lines else []


def warned(messages: str) -> list[str]:
    """Return the warnings that were printed."""
    lines = [line for line in messages.splitlines() if line.startswith("warning: ")]
    return [f"- {line}" for line in dict.fromkeys(lines)]


def remarks(document: dict[str, Any]) -> list[str]:
    """Return other notes, such as a draft that is due."""
    notes = [f"- {note}" for note in document.get("notes", [])]
    return [*notes, ""] if notes else []


def coming(document: dict[str, Any]) -> list[str]:
    """Return what is next, and what blocks it."""
    following = document.get("next")
    if not following:
        return []
    when = following["send_at"].replace("T", " ")[:16]
    count = following["audience"]
    who = "1 subscriber" if count == 1 else f"{count} subscribers"
    line = f"Next: {following['issue']}, {when}, {who}."
    return [line, "", *(f"- blocked: {one}" for one in following.get("blocked_by", []))]


def words(state: str | None) -> str:
    """Return a state as words."""
    return (state or "not sent").replace("_", " ")


def row(cells: list[Any]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    main()
