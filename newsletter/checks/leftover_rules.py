"""What was left behind: notes of the author, sample texts, furniture of a web page."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import find_line, rich_texts
from newsletter.checks.registry import Hit, rule
from newsletter.content.words import any_of, words
from newsletter.model import Heading, ItemList, Severity, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

_NOTE: Final = re.compile(r"\b(?:TODO|FIXME|XXX+|TBD|TK TK)\b|(?i:\blorem ipsum\b)")
_UNITS: Final = r"min(?:\.|ute[ns]?|uut|uten)?"
_MINUTES: Final = re.compile(
    rf"(?:(?:leestijd|reading time):?\s*)?(?:ca\.?\s*)?\d{{1,3}}[ \u00a0-]*{_UNITS}"
    r"(?:\s+(?:leestijd|lezen|leesplezier|read|reading(?: time)?))?",
    re.IGNORECASE,
)


@cache
def _leftovers() -> re.Pattern[str]:
    return re.compile(rf"\b{any_of(words().leftovers)}(?!\w)", re.IGNORECASE)


@cache
def _samples() -> re.Pattern[str]:
    return re.compile(any_of(words().samples), re.IGNORECASE)


@cache
def _furniture() -> re.Pattern[str]:
    return re.compile(rf"\W*{any_of(words().furniture)}\W*", re.IGNORECASE)


@cache
def _read_on() -> re.Pattern[str]:
    return re.compile(rf"[^\w\[\]]*{any_of(words().read_on)}[^\w\[\]]*", re.IGNORECASE)


@rule("leftover-note", Severity.WARNING)
def leftover_note(draft: Draft) -> Iterator[Hit]:
    """A note or a filler that was to be replaced: TODO, lorem ipsum, "vul hier in"."""
    for key in ("subject", "preheader"):
        entry = draft.entries.get(key)
        if entry and (found := _note(entry.value)):
            yield _left(entry.line, found)
    for block in draft.blocks:
        for text in rich_texts(block):
            if found := _note(text.text):
                yield _left(find_line(draft, block.line, found), found)


def _note(text: str) -> str:
    found = _NOTE.search(text) or _leftovers().search(text)
    return found[0] if found else ""


def _left(line: int, found: str) -> Hit:
    return Hit(line, f'"{found}" was to be replaced before sending', "Write the text, or delete it")


@rule("sample-text", Severity.WARNING)
def sample_text(draft: Draft) -> Iterator[Hit]:
    """A sentence of the first draft that `init` wrote."""
    for block in draft.blocks:
        for text in rich_texts(block):
            if _samples().search(text.text):
                yield Hit(
                    block.line,
                    "this is still the sample text of a new newsletter",
                    "Write a text of your own",
                )
                return


@rule("page-furniture", Severity.WARNING)
def page_furniture(draft: Draft) -> Iterator[Hit]:
    """A line that belongs to a web page: reading time, buttons to share, related posts."""
    for block in draft.blocks:
        if not isinstance(block, Text | Heading | ItemList):
            continue
        for text in rich_texts(block):
            line = text.text.strip()
            if _MINUTES.fullmatch(line) or _furniture().fullmatch(line):
                yield Hit(
                    find_line(draft, block.line, line),
                    "this line belongs to a web page and not to a letter",
                    "Delete it",
                )


@rule("read-on-without-link", Severity.WARNING)
def read_on_without_link(draft: Draft) -> Iterator[Hit]:
    """A line such as "Lees verder" that leads nowhere."""
    for block in draft.blocks:
        text = block.body if isinstance(block, Text) else None
        if text and "<a " not in text.html and _read_on().fullmatch(text.text):
            yield Hit(
                block.line,
                "this line asks to read on, and is no link",
                "Make it one: [Lees verder](https://…)",
            )
