"""The shape of a letter: its headings, its length, its pictures, its pace."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import bare, count_words, find_line, lines_from, rich_texts, words
from newsletter.checks.registry import Hit, rule
from newsletter.model import (
    Button,
    Divider,
    Heading,
    Image,
    Quote,
    Reflection,
    Severity,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft

LONGEST_SENTENCE: Final = 40
LONGEST_PARAGRAPH: Final = 150
LONGEST_LETTER: Final = 1500
_MOST_QUOTES: Final = 3
_MOST_BUTTONS: Final = 3
_REFRAIN: Final = 5  # words; what is said twice on purpose is short
_SIGNS: Final = re.compile(r"\s*(#{1,6})\s")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…:;])[\"'”’»)\]]*\s+")


@rule("long-sentence", Severity.HINT)
def long_sentence(draft: Draft) -> Iterator[Hit]:
    """A sentence has more than 40 words."""
    for block in draft.blocks:
        for text in rich_texts(block) if isinstance(block, Text | Quote) else ():
            for sentence in _SENTENCE_END.split(text.text):
                count = len(words(sentence))
                if count > LONGEST_SENTENCE:
                    begin = " ".join(sentence.split()[:2])
                    yield Hit(
                        find_line(draft, block.line, begin),
                        f"a sentence of {count} words is hard to follow on a phone",
                        "Make two of it",
                    )


@rule("long-paragraph", Severity.HINT)
def long_paragraph(draft: Draft) -> Iterator[Hit]:
    """A paragraph has more than 150 words."""
    for block in draft.blocks:
        count = len(words(block.body.text)) if isinstance(block, Text) else 0
        if count > LONGEST_PARAGRAPH:
            yield Hit(
                block.line,
                f"a paragraph of {count} words fills more than the screen of a phone",
                "Put an empty line where a new thought begins",
            )


@rule("long-letter", Severity.HINT)
def long_letter(draft: Draft) -> Iterator[Hit]:
    """The letter has more than 1500 words."""
    count = count_words(draft)
    if count > LONGEST_LETTER:
        yield Hit(
            draft.blocks[0].line,
            f"the letter has {count} words, which few subscribers read to the end",
            "Send an excerpt, and let the button lead to the whole article",
        )


@rule("no-opening", Severity.HINT)
def no_opening(draft: Draft) -> Iterator[Hit]:
    """The letter begins with a heading and not with a few words of its own."""
    first = next((b for b in draft.blocks if not isinstance(b, Image | Divider)), None)
    subject = draft.entries.get("subject")
    # A heading that repeats the subject is another rule's, and goes.
    if isinstance(first, Heading) and (not subject or bare(first.body.text) != bare(subject.value)):
        yield Hit(
            first.line,
            "the letter begins with a heading",
            "Begin with a sentence or two to the subscriber",
        )


@rule("heading-order", Severity.HINT)
def heading_order(draft: Draft) -> Iterator[Hit]:
    """The first heading is of a lower level than a later one."""
    # A block's own level says nothing here: the first heading always has the highest.
    lines = dict(lines_from(draft, 1))
    written = [
        (len(found[1]), block.line)
        for block in draft.blocks
        if isinstance(block, Heading) and (found := _SIGNS.match(lines.get(block.line, "")))
    ]
    if written and written[0][0] > min(written)[0]:
        yield Hit(
            written[0][1],
            "the first heading is of a lower level than one below it",
            'Begin both with "## "',
        )


@rule("heading-without-text", Severity.HINT)
def heading_without_text(draft: Draft) -> Iterator[Hit]:
    """A heading has nothing below it."""
    for block, below in pairwise([*draft.blocks, None]):
        if not isinstance(block, Heading):
            continue
        ends = below is None or isinstance(below, Divider)
        if ends or (isinstance(below, Heading) and below.level <= block.level):
            yield Hit(block.line, "there is no text below this heading", "Write it, or delete it")


@rule("several-reflections", Severity.HINT)
def several_reflections(draft: Draft) -> Iterator[Hit]:
    """There are several reflections; one has more weight."""
    yield from _too_many(draft, Reflection, 1, "reflections")


@rule("several-quotes", Severity.HINT)
def several_quotes(draft: Draft) -> Iterator[Hit]:
    """There are more than three quotes, so that none of them stands out."""
    yield from _too_many(draft, Quote, _MOST_QUOTES, "quotes")


def _too_many(
    draft: Draft,
    kind: type[Block],
    most: int,
    name: str,
    fix: str = "Keep the strongest, or write the others as text",
) -> Iterator[Hit]:
    found = [block for block in draft.blocks if isinstance(block, kind)]
    if len(found) > most:
        yield Hit(
            found[most].line,
            f"the letter has {len(found)} {name}, and none of them stands out",
            fix,
        )


@rule("several-buttons", Severity.HINT)
def several_buttons(draft: Draft) -> Iterator[Hit]:
    """There are more than three buttons, so that none of them is the one to press."""
    fix = "Keep one for each article, and make links in the text of the others"
    yield from _too_many(draft, Button, _MOST_BUTTONS, "buttons", fix)


@rule("repeated-paragraph", Severity.WARNING)
def repeated_paragraph(draft: Draft) -> Iterator[Hit]:
    """The same paragraph is there twice, as after pasting."""
    seen: set[str] = set()
    for block in draft.blocks:
        text = bare(block.body.text) if isinstance(block, Text | Reflection) else ""
        if text in seen and len(text.split()) > _REFRAIN:
            yield Hit(block.line, "this text is there twice", "Delete one of the two")
        seen.add(text)
