"""A question to subscribers, and the answers that they can click on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.content.markdown import nodes, plain
from newsletter.model import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector
    from newsletter.content.rich_text import RichTextConverter
    from newsletter.model import Block

MOST_ANSWERS: Final = 4
LONGEST_ANSWER: Final = 60
"""In characters: an answer is one line of a letter on a phone, or two."""

BOX: Final = re.compile(r"\[[ xX✓]?\](?:\s+|\Z)")
_ENDS_ASKING: Final = re.compile(r"\?[\"'”’»)]*\s*\Z")


def asks(above: Sequence[Token], node: Sequence[Token]) -> bool:
    """Tell whether a paragraph that ends in a question mark stands above a list of boxes only."""
    if not above or not node or above[0].type != "paragraph_open":
        return False
    return (
        node[0].type == "bullet_list_open"
        and _ENDS_ASKING.search(plain(above[1].children)) is not None
        and all(BOX.match(_first_words(item)) for item in nodes(node[1:-1]))
    )


def read_ask(
    paragraph: Sequence[Token], answers: Sequence[Token], converter: RichTextConverter
) -> Ask:
    """Return a question with its answers: two blocks for which `asks` is true."""
    line = converter.line(paragraph[0])
    read = tuple(_answer(item, converter) for item in nodes(answers[1:-1]))
    if not 1 < len(read) <= MOST_ANSWERS:
        converter.problems.error(
            converter.line(answers[0]),
            "ask-answers",
            f"a question to subscribers has two to four answers, not {len(read)}",
            'Write two to four lines "- [ ] answer"; begin each line of another list with "- "',
        )
    elif len({answer.casefold() for answer in read}) < len(read):
        converter.problems.error(
            converter.line(answers[0]),
            "ask-answers",
            "two answers to this question are the same",
            "Write each answer once",
        )
    return Ask(line, converter.paragraph(paragraph[1]), read)


def note_second(blocks: Sequence[Block], problems: FindingCollector) -> None:
    """Note questions below the first one: an answer's address names its issue and its number."""
    for ask in [block for block in blocks if isinstance(block, Ask)][1:]:
        problems.error(
            ask.line,
            "ask-twice",
            "a letter asks one question, and there is one above",
            'Keep one of them, and begin the lines of the other list with "- "',
        )


def answer_rows(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the inline tokens of all answers in a body."""
    above: Sequence[Token] = ()
    for node in nodes(tokens):
        if asks(above, node):
            yield from (token for token in node if token.type == "inline")
        above = node


def _answer(item: Sequence[Token], converter: RichTextConverter) -> str:
    parts = list(nodes(item[1:-1]))
    inline = parts[0][1]
    words = " ".join(BOX.sub("", plain(inline.children), count=1).split())
    simple = all(token.type in ("text", "softbreak") for token in inline.children or ())
    if len(parts) > 1 or not simple or not words or len(words) > LONGEST_ANSWER:
        converter.problems.error(
            converter.line(inline),
            "ask-answer",
            f"an answer is a link, so it has 1 to {LONGEST_ANSWER} characters on one line, without "
            "links or marks",
            "Write a few words",
        )
    return words


def _first_words(item: Sequence[Token]) -> str:
    is_paragraph = len(item) > len(("open", "paragraph", "close")) and (
        item[1].type == "paragraph_open"
    )
    return plain(item[2].children) if is_paragraph else ""
