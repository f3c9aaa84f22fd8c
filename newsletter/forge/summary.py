"""The summary of one `send --due`: Markdown for the page of a run, and for an issue on the forge.

Its first line is a comment for `newsletter report`: how the run ended, and what it asks of a
person. That question is the same text as long as nothing new must be decided.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.forge.markdown import plain, table_row
from newsletter.model import PauseReason

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

_COUNTS: Final = ("accepted", "rejected", "skipped", "unknown", "attempting", "pending")
_WAITING: Final = ("paused", "completed_with_unknown", "expired")
_NOT_SENT: Final = ("ignored", "draft", "blocked")
"""The states in which an issue will not be sent as it is."""

_OUTCOMES: Final = {0: "Nothing to decide or to correct", 3: "A person must decide"}
_SHOWN: Final = "Temporary failure; a person should look at it"
_LATER: Final = "Temporary failure; the next run tries again"

_LONGEST: Final = 65_536  # characters that an issue on GitHub takes
_FENCE: Final = "```"
_CUT: Final = "… and more: run newsletter status"
_LONGEST_QUESTION: Final = 2_000
_FIRST_LINE: Final = re.compile(r"^<!-- newsletter-run (\{.*\}) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run leaves for people.

    Attributes:
        exit_code: How it ended.
        last: A temporary failure is shown to a person: the day's window is over, or they wait.
        asks: What a person must decide; empty if nothing.
        body: The Markdown.
    """

    exit_code: int
    last: bool
    asks: str
    body: str

    @property
    def outcome(self) -> str:
        """How it ended, in a few words."""
        if self.exit_code == TryAgain.exit_code:
            return _SHOWN if self.last else _LATER
        return _OUTCOMES.get(self.exit_code, f"Something to correct (exit code {self.exit_code})")

    def as_text(self, end: str = "") -> str:
        """Return the first line and the Markdown, cut where an issue on GitHub takes no more.

        Args:
            end: What follows in any case.
        """
        first = {"exit": self.exit_code, "last": self.last, "asks": self.asks}
        # Two hyphens would end the comment, and a forge may notify whoever is named behind an @.
        safe = json.dumps(first).replace("--", r"\u002d\u002d").replace("@", r"\u0040")
        line = f"<!-- newsletter-run {safe} -->\n"
        return line + _cut(self.body, _LONGEST - len(line) - len(end)) + end


@dataclass(slots=True)
class RunRecord:
    """What is known of a run so far.

    Attributes:
        document: What `send --due --json` prints; empty before that.
        errors: Each error, with its hint.
        warnings: Each warning.
        keys: The secrets that the provider knows the author by.
        on_github: They are stored at GitHub, with `gh`.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    keys: tuple[str, ...] = ()
    on_github: bool = False

    @property
    def other_warnings(self) -> list[str]:
        """Each warning once, without those that are an error too."""
        return [one for one in dict.fromkeys(self.warnings) if one not in self.errors]


def summarize_run(record: RunRecord, exit_code: int, *, last: bool) -> RunSummary:
    """Return the summary of a run that has ended."""
    document = record.document
    waiting = [one for one in document.get("mailings", []) if one["state"] in _WAITING]
    said = [*record.errors, *record.warnings]
    lines = [
        *_decisions(waiting, record),
        *(f"> {plain(error)}\n" for error in dict.fromkeys(record.errors)),
        *_warnings(record.other_warnings),
        *_letters(document),
        *_notes(document, record.warnings),
        *_next(document, said),
    ]
    if not lines:
        lines = ["Nothing is due." if document else "It ended without a result."]
    lines += ["", *_not_sent(document, said)]
    asks = _question(waiting, record.errors) if exit_code == DecisionNeeded.exit_code else ""
    body = "\n".join(lines).rstrip()
    return RunSummary(exit_code, last, asks, body + "\n")


def read_summary(text: str) -> RunSummary:
    """Return the last summary in a text.

    Raises:
        NewsletterError: There is none.
    """
    found = list(_FIRST_LINE.finditer(text))
    try:
        first = json.loads(found[-1][1])
        exit_code, last, asks = int(first["exit"]), bool(first["last"]), str(first["asks"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise NewsletterError(
            "there is no summary of a run in it",
            hint="Make one: newsletter send --due --summary FILE",
        ) from None
    return RunSummary(exit_code, last, asks, text[found[-1].end() :].lstrip("\n"))


def _cut(text: str, room: int) -> str:
    """Return the lines of a text that there is room for, with no block of code left open."""
    if len(text) <= room:
        return text
    kept, left = [], room - len(f"{_FENCE}\n\n{_CUT}\n")
    for line in text.splitlines(keepends=True):
        left -= len(line)
        if left < 0:
            break
        kept.append(line)
    if sum(line.startswith(_FENCE) for line in kept) % 2:
        kept.append(f"{_FENCE}\n")
    return f"{''.join(kept)}\n{_CUT}\n"


def _question(waiting: Sequence[Mapping[str, Any]], errors: Sequence[str]) -> str:
    what = [f"{one['issue']} {one['state']} {one.get('note') or ''}" for one in waiting] or errors
    return " ".join("; ".join(what).split())[:_LONGEST_QUESTION]


def _decisions(waiting: Sequence[Mapping[str, Any]], record: RunRecord) -> list[str]:
    """Return what waits for a person, each with the commands of which one is next."""
    lines = ["### For a person to decide", ""] if waiting else []
    for one in waiting:
        why = f": {plain(one['note'])}" if one.get("note") else ""
        lines += [f"**{plain(one['issue'])}** is {_words(one['state'])}{why}", ""]
        if one["state"] == "paused" and one.get("note") not in {None, *PauseReason}:
            lines += _key_to_store(record)
        lines += _choices((one.get("next_step") or "").splitlines())
    return lines


def _key_to_store(record: RunRecord) -> list[str]:
    """Return how a key that the provider refuses is replaced; it may be another refusal too."""
    if not record.keys:
        return []
    names = " and ".join(f"`{key}`" for key in record.keys)
    plan = " (without `--env newsletter` on a free plan)" if record.on_github else ""
    text = f"Correct the cause first. If it is the key, store the right one in the secret {names}"
    commands = [f"gh secret set --env newsletter {key}" for key in record.keys]
    return [f"{text}{plan}.", "", *(_box(*commands) if record.on_github else ())]


def _choices(steps: Sequence[str]) -> list[str]:
    """Return each command in a box of its own, so that no two are copied at once."""
    lines: list[str] = []
    for step in steps:
        lines += ["or", ""] if lines else []
        lines += _box(step) if step.startswith("newsletter ") else [plain(step), ""]
    return lines


def _box(*commands: str) -> list[str]:
    return ["```sh", *commands, "```", ""]


def _letters(document: Mapping[str, Any]) -> list[str]:
    """Return a table in which every row adds up to its number of subscribers."""
    mailings = document.get("mailings", [])
    if not mailings:
        return []
    head = ["issue", "state", "subscribers", *_COUNTS]
    rows = [
        [plain(one["issue"]), _state(one), one["audience"], *(one[count] for count in _COUNTS)]
        for one in mailings
    ]
    rule = ["---", "---", *["--:"] * (len(head) - 2)]
    lines = ["### Letters", "", *map(table_row, (head, rule, *rows)), ""]
    if any(one.get("rehearsal") for one in mailings):
        lines += ["**A rehearsal mails nobody.** To mail subscribers, set `provider`.", ""]
    return lines


def _state(mailing: Mapping[str, Any]) -> str:
    state = _words(mailing["state"])
    return f"rehearsal: {state}, nobody was mailed" if mailing.get("rehearsal") else state


def _notes(document: Mapping[str, Any], said: Container[str]) -> list[str]:
    """Return other remarks, such as files that are too old."""
    notes = [f"- {plain(note)}" for note in document.get("notes", []) if note not in said]
    return [*notes, ""] if notes else []


def _next(document: Mapping[str, Any], said: Container[str]) -> list[str]:
    """Return what is next, and what blocks it."""
    following = document.get("next")
    if not following:
        return []
    when = following["send_at"].replace("T", " ")[:16]
    count = following["audience"]
    who = "1 subscriber" if count == 1 else f"{count:,} subscribers"
    line = f"Next: {plain(following['issue'])}, {when}, {who}."
    reasons = [one for one in following.get("blocked_by", []) if one not in said]
    return [line, "", *(f"- blocked: {plain(one)}" for one in reasons), ""]


def _not_sent(document: Mapping[str, Any], said: Iterable[str]) -> list[str]:
    """Return the files in `issues/` that will not be sent as they are, and why."""
    following = document.get("next") or {}
    said = [*said, *following.get("blocked_by", [])]
    found = [one for one in document.get("issues", []) if one.get("state") in _NOT_SENT]
    lines = [
        f"- {one['state']}: {plain(one.get('path') or one.get('issue'))}"
        + (f": {plain(_shorten(one['why'], said))}" if one.get("why") else "")
        for one in found
    ]
    return ["### Not sent by itself", "", *lines, ""] if lines else []


def _shorten(why: str, said: Iterable[str]) -> str:
    """Return a reason without the sentences that are in the summary already."""
    for sentence in said:
        why = why.replace(sentence, "see above")
    return why


def _warnings(warnings: Sequence[str]) -> list[str]:
    lines = [f"- warning: {plain(warning)}" for warning in warnings]
    return [*lines, ""] if lines else []


def _words(state: str | None) -> str:
    return (state or "not sent").replace("_", " ")
