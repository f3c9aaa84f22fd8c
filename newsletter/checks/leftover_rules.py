"""What was left behind: notes of the author, sample texts, furniture of a web page."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import find_line, rich_texts
from newsletter.checks.registry import Hit, rule
from newsletter.content.template_lines import is_template_line
from newsletter.content.words import ChatbotWords, any_of, words
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


@cache
def _chatbot() -> re.Pattern[str]:
    return re.compile("|".join(map(_answer, words().chatbot)), re.IGNORECASE)


def _answer(said: ChatbotWords) -> str:
    """Return a pattern of how a chatbot begins or ends its answer in a language."""
    here = rf"{any_of(said.here)}\b[^.!?\n]{{0,80}}?\b{any_of(said.text)}"
    yours = rf"\s+{any_of(said.of_yours)}\b"
    yes = rf"{any_of(said.yes)}[!.,:]?\s+{here}(?:{yours}|[^.!?\n]{{0,80}}:\s*(?:\n|\Z))"
    return rf"\A\W*(?:{yes}|{here}{yours})|\b{any_of(said.phrases)}\b"


@rule("leftover-note", Severity.WARNING)
def leftover_note(draft: Draft) -> Iterator[Hit]:
    """A note or a filler that was to be replaced: TODO, lorem ipsum, "vul hier in"."""
    for key in ("subject", "preheader"):
        entry = draft.entries.get(key)
        for found in _notes(entry.value if entry else ""):
            yield _left(entry.line if entry else 1, found)
    for block in draft.blocks:
        for text in rich_texts(block):
            for found in _notes(text.text):
                yield _left(find_line(draft, block.line, found), found)


def _notes(text: str) -> Iterator[str]:
    """Yield each note in a text, once."""
    found = [*_NOTE.finditer(text), *_leftovers().finditer(text)]
    yield from dict.fromkeys(one[0] for one in sorted(found, key=lambda one: one.start()))


def _left(line: int, found: str) -> Hit:
    return Hit(line, f'"{found}" was to be replaced before sending', "Write the text, or delete it")


@rule("sample-text", Severity.WARNING)
def sample_text(draft: Draft) -> Iterator[Hit]:
    """A sentence of the first draft that `init` wrote."""
    if draft.is_draft:
        return
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


@rule("template-leftover", Severity.WARNING)
def template_leftover(draft: Draft) -> Iterator[Hit]:
    """A line of another mailing program's template: view in browser, unsubscribe."""
    preheader = draft.entries.get("preheader")
    if preheader and is_template_line(preheader.value):
        yield _template_hit(preheader.line)
    for block in draft.blocks:
        for text in rich_texts(block):
            if is_template_line(text.text):
                yield _template_hit(find_line(draft, block.line, text.text.split("\n")[0]))


def _template_hit(line: int) -> Hit:
    return Hit(
        line,
        "this is a line of another mailing program's template",
        "Delete it: every letter has its own links to read it online and to unsubscribe",
    )


@rule("chatbot-answer", Severity.WARNING)
def chatbot_answer(draft: Draft) -> Iterator[Hit]:
    """What a chatbot said before or after the text that it wrote."""
    for block in draft.blocks:
        for text in rich_texts(block) if isinstance(block, Text) else ():
            if found := _chatbot().search(text.text.replace("’", "'")):
                begin = " ".join(found[0].split()[:2])
                yield Hit(
                    find_line(draft, block.line, begin),
                    "a chatbot said this to you, and it is no text for subscribers",
                    "Delete it",
                )
