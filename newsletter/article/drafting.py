"""A selection becomes the text of an issue file, with a gap for each thing that is missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from newsletter.article.prose import BULB, LOST
from newsletter.model import LineKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from newsletter.article.selection import Quotation, Selection
    from newsletter.article.words import DraftTexts
    from newsletter.model import ArticleLine, Link

_ADDRESS: Final = re.compile(r"(https?://[^\s<>\"“”]*[^\s<>\"“”.,;:!?)\]'’])")
_ALWAYS: Final = re.compile(r"([\\`*\[\]<{|^]|~(?=~)|(?<=~)~)")
_SOMETIMES: Final = re.compile(
    r"(?<!\w)(_)|(_)(?!\w)|(&)(?=#?\w+;)|(=)(?==)|(?<==)(=)|(\+)(?=\+)|(?<=\+)(\+)"
    r"|(\$)(?=[A-Za-z{\[$])|(%)(?=[A-Za-z%])|(?<=[A-Za-z%])(%)|(:)(?=[a-z0-9_+-]+:)|(@)(?=\w+@)|(#)(?=#)"
)
_AT_START: Final = re.compile(rf"([#>+=-]|~|:(?=:)|!(?=!)|{BULB})")
_NUMBERED: Final = re.compile(r"(\d{1,9})([.)])(?=\s|$)")
_YAML_LIKE: Final = re.compile(
    r"\[.*\]|\{.*\}|[>|][-+]?[0-9]?|!!?\w+\b.*|&\w+(?:\s.*)?|\*\w+|null|~"
)
_IN_FILE_NAME: Final = re.compile(r"[\s\x00-\x1f%#?<>()\[\]{}\\\"|^`]")
"""What a file's name may hold, and Markdown reads as something else."""
_LONGEST_GAP: Final = 180  # what `check` still recognises as one
_GAP_SIGNS: Final = re.compile(r"[\[\]<>{}|*_`\\]")


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many of each part a draft has."""

    opening: int
    questions: int
    quotes: int
    reflections: int
    related: int
    button: bool


@dataclass(frozen=True, slots=True)
class DraftText:
    """The text of a draft.

    Attributes:
        text: The whole file.
        subject: Its subject; "" where that is a gap.
        parts: What it has.
        todo: What it lacks, by name, in its order.
    """

    text: str
    subject: str
    parts: PartCount
    todo: tuple[str, ...]


def write_draft(
    selection: Selection, url: str, texts: DraftTexts, pictures: Mapping[str, str]
) -> DraftText:
    """Return the text of an issue file.

    Args:
        selection: What goes into it.
        url: The article's address; "" where it is not known.
        texts: What a draft says itself.
        pictures: The file to show for an image, by the address that the article has for it.
    """
    todo: list[str] = []
    subject = selection.subjects[0] if selection.subjects else ""
    preheader = selection.preheaders[0] if selection.preheaders else ""
    rows = ["---", f"subject: {as_value(subject) or _gap('subject', texts.subject, todo)}"]
    rows.append(f"preheader: {as_value(preheader) or _gap('preheader', texts.preheader, todo)}")
    rows += [f"article: {url}"] if url else []
    rows += ["draft: yes", "---"]
    for block in _blocks(selection, url, texts, pictures, todo):
        rows += ["", block]
    counts = PartCount(
        opening=sum(line.kind is LineKind.PARAGRAPH for line in selection.opening),
        questions=len(selection.questions),
        quotes=min(1, len(selection.quotes)),
        reflections=min(1, len(selection.reflections)),
        related=len(selection.related),
        button=bool(url),
    )
    return DraftText("\n".join(rows) + "\n", subject, counts, tuple(dict.fromkeys(todo)))


def _blocks(
    selection: Selection,
    url: str,
    texts: DraftTexts,
    pictures: Mapping[str, str],
    todo: list[str],
) -> Iterator[str]:
    """Yield the blocks of the body; `todo` gets the name of each gap."""
    if not any(line.kind is LineKind.PARAGRAPH for line in selection.opening):
        yield _gap("opening", texts.opening, todo)
    for line in selection.opening:
        yield _opening_block(line, texts, pictures, todo)
    quotes = selection.quotes
    yield _quote(quotes[0]) if quotes else f"> {_gap('quote', texts.quote, todo)}"
    if selection.questions:
        if selection.heading:
            yield f"## {escape(selection.heading)}"
        yield "\n".join(
            f"- {escape(one.question)}{f' → {escape(one.hint)}' if one.hint else ''}"
            for one in selection.questions
        )
    if selection.reflections:
        yield f"{BULB} {escape(selection.reflections[0])}"
    else:
        yield _gap("reflection", texts.reflection, todo)
    yield _button(selection.related, url, texts, todo)
    for link in selection.related:
        if not link.url:
            yield _gap("related", texts.related.format(what=f"“{link.label}”"), todo)


def _opening_block(
    line: ArticleLine, texts: DraftTexts, pictures: Mapping[str, str], todo: list[str]
) -> str:
    if line.kind is LineKind.GAP:
        return _missing(line.text, texts, todo)
    if line.kind is LineKind.IMAGE:
        source = line.links[0].url if line.links else ""
        if source not in pictures:
            return _missing("picture", texts, todo)
        if not line.text:
            todo.append("alt")  # `check` refuses an image without a text that can stand for it
        file = _IN_FILE_NAME.sub(lambda found: quote(found[0]), pictures[source])
        return f"![{escape(line.text)}]({file})"
    text = escape(line.text)
    while LOST in text:
        text = text.replace(LOST, _gap("missing", texts.inline, todo))
    return text


def _missing(what: str, texts: DraftTexts, todo: list[str]) -> str:
    return _gap("missing", texts.missing.format(what=texts.things.get(what, what)), todo)


def _quote(quote: Quotation) -> str:
    lines = [f"> {escape(quote.text)}"]
    if quote.source:
        lines += [">", f"> {escape(quote.source)}"]
    return "\n".join(lines)


def _button(related: tuple[Link, ...], url: str, texts: DraftTexts, todo: list[str]) -> str:
    """Return the button, and directly below it the other articles whose address is known."""
    button = _link(texts.button, url) if url else _gap("button", texts.missing_button, todo)
    others = [_link(escape(link.label), link.url) for link in related if link.url]
    return "\n\n".join([button, *others])


def _link(label: str, url: str) -> str:
    return f"[{label}](<{url}>)" if re.search(r"[()\s]", url) else f"[{label}]({url})"


def _gap(name: str, what: str, todo: list[str]) -> str:
    todo.append(name)
    return f"[[{' '.join(_GAP_SIGNS.sub(' ', what).split())[:_LONGEST_GAP]}]]"


def as_value(text: str) -> str:
    """Return a value of the front matter that is read as this text."""
    quoted = text[:1] == text[-1:] and text[:1] in {'"', "'"} and len(text) > 1
    if not quoted and not _YAML_LIKE.fullmatch(text):
        return text
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'


def escape(text: str) -> str:
    """Return a text in which Markdown finds no mark; an address in it becomes a link."""
    parts = _ADDRESS.split(text)
    return _protect_start(
        "".join(f"<{part}>" if i % 2 else _without_marks(part) for i, part in enumerate(parts))
    )


def escape_label(text: str) -> str:
    """Return a text in which Markdown finds no mark; an address in it stays text, as in a link."""
    return _protect_start(_without_marks(text))


def _protect_start(escaped: str) -> str:
    escaped = _NUMBERED.sub(r"\1\\\2", escaped, count=1) if _NUMBERED.match(escaped) else escaped
    return f"\\{escaped}" if _AT_START.match(escaped) and escaped[:1] != BULB else escaped


def _without_marks(text: str) -> str:
    return _SOMETIMES.sub(lambda found: f"\\{found[0]}", _ALWAYS.sub(r"\\\1", text))
