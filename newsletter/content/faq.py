"""Questions with their answers, below a heading that says so."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from newsletter.content.words import any_of, words
from newsletter.model import Faq, FaqItem, Heading, ItemList, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from newsletter.model import Block

_SECTION: Final = 2
_QUESTION: Final = 3
_ASKS: Final = re.compile(r"\?[\"'”’»)]*(?: \[\d+\])?\Z")  # a link's number may follow


def gather_faqs(blocks: Iterable[Block]) -> Iterator[Block]:
    """Make one block of the questions and answers that follow each other.

    A question is a heading of level 3 that ends in a question mark, below a heading of level 2
    such as "Veelgestelde vragen". Paragraphs and lists answer it; a question without any of them
    stays a heading.
    """
    found = list(blocks)
    at, in_section = 0, False
    while at < len(found):
        block = found[at]
        if isinstance(block, Heading) and block.level == _SECTION:
            in_section = bool(_announces().match(block.body.text))
        items = tuple(_items(found, at)) if in_section else ()
        if items:
            yield Faq(block.line, items)
            at += sum(1 + len(item.answer) for item in items)
        else:
            yield block
            at += 1


def _items(blocks: Sequence[Block], at: int) -> Iterator[FaqItem]:
    while at < len(blocks):
        question = blocks[at]
        if not (
            isinstance(question, Heading)
            and question.level == _QUESTION
            and _ASKS.search(question.body.text)
        ):
            return
        answer: list[Text | ItemList] = []
        for block in (blocks[index] for index in range(at + 1, len(blocks))):
            if not isinstance(block, Text | ItemList):
                break
            answer.append(block)
        if not answer:
            return
        yield FaqItem(question.line, question.body, tuple(answer))
        at += 1 + len(answer)


@functools.cache
def _announces() -> re.Pattern[str]:
    """Return the pattern of what such a heading begins with, in every language."""
    return re.compile(rf"\W*{any_of(words().faq)}(?!\w)", re.IGNORECASE)
