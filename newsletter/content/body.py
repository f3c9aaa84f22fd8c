"""The body of an issue: Markdown becomes blocks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from newsletter.content.ask import asks, note_second, read_ask
from newsletter.content.decoding import has_words
from newsletter.content.faq import gather_faqs
from newsletter.content.images import read_image
from newsletter.content.lines import inspect_lines
from newsletter.content.lists import LISTS, read_list
from newsletter.content.markdown import lone_image, lone_link, nodes, parse, plain, rows, trimmed
from newsletter.content.own_lines import BULB
from newsletter.content.rich_text import (
    REPORTED,
    RichTextConverter,
    block_name,
    button,
    is_reflection,
)
from newsletter.content.token_rules import inspect, only_images
from newsletter.model import Button, Divider, Heading, Image, Links, Quote, Reflection, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector
    from newsletter.model import Block, RichText


def read_body(text: str, start: int, problems: FindingCollector) -> tuple[Block, ...]:
    """Return the blocks of a body.

    Args:
        text: The Markdown below the front matter.
        start: The index in the file of its first line.
        problems: Where to note what is wrong.
    """
    tokens, env = parse(text)
    errors_before = problems.errors
    inspect(tokens, env, start, problems)
    inspect_lines(tokens, text.split("\n"), start, problems)
    blocks = tuple(gather_faqs(_gather(_blocks(tokens, RichTextConverter(start, problems)))))
    note_second(blocks, problems)
    if not blocks and problems.errors == errors_before:
        problems.error(
            max(start, 1),
            "empty-body",
            "there is no text below the front matter",
            "Write the letter there",
        )
    return blocks


def _gather(blocks: Iterable[Block]) -> Iterator[Block]:
    """Keep the first of several buttons in a row, and make those below it one block of links."""
    for is_button, group in groupby(blocks, lambda block: isinstance(block, Button)):
        run = list(group)
        yield from run[:1] if is_button else run
        if is_button and run[1:]:
            yield Links(run[1].line, tuple(b.link for b in run[1:] if isinstance(b, Button)))


def _blocks(tokens: Sequence[Token], converter: RichTextConverter) -> Iterator[Block]:
    outermost = 0
    parts = list(nodes(tokens))
    for above, node, below in zip([(), *parts], parts, [*parts[1:], ()], strict=False):
        kind = node[0].type
        if asks(node, below):
            yield read_ask(node, below, converter)
        elif asks(above, node):
            continue
        elif kind == "paragraph_open":
            yield from _paragraph(node[1], converter)
        elif kind == "heading_open":
            level = int(node[0].tag[1:])
            outermost = min(level, outermost or level)
            yield from _heading(node, 2 if level == outermost else 3, converter)
        elif kind == "blockquote_open":
            yield from _quote(node, converter)
        elif kind in LISTS:
            yield read_list(node, converter)
        elif kind == "hr":
            yield Divider(converter.line(node[0]))


def _paragraph(inline: Token, converter: RichTextConverter) -> Iterator[Block]:
    children = inline.children or []
    line = converter.line(inline)
    links = [lone_link(row) for row in rows(children)]
    if only_images(children):
        yield from _images(children, line)
    elif all(links):
        for offset, row in enumerate(links):
            link = button(row)
            if link:
                yield Button(line + offset, link)
    elif BULB.match(plain(children)):
        yield from _reflection(inline, converter)
    elif has_words(plain(children)):
        yield Text(line, converter.paragraph(inline))


def _images(children: Sequence[Token], line: int) -> Iterator[Image]:
    for offset, row in enumerate(rows(children)):
        found = lone_image(row)
        image = read_image(*found, line + offset) if found else None
        if image:
            yield image


def _reflection(inline: Token, converter: RichTextConverter) -> Iterator[Reflection]:
    children = list(inline.children or ())
    at = next(index for index, token in enumerate(children) if "💡" in token.content)
    children[at] = children[at].copy(content=BULB.sub("", children[at].content, count=1))
    children = trimmed(children)
    if has_words(plain(children)):
        source = BULB.sub("", inline.content, count=1)
        yield Reflection(converter.line(inline), converter.rich(children, source))
    else:
        converter.empty(inline, "reflection")


def _heading(node: Sequence[Token], level: int, converter: RichTextConverter) -> Iterator[Heading]:
    opening, inline = node[0], node[1]
    if has_words(plain(inline.children)):
        # Equals signs below a sentence were meant as a divider; below a few words, as a heading.
        words = plain(inline.children).strip()
        sentence = words.endswith(".") or "\n" in inline.content
        underlined = opening.markup == "-" or (opening.markup == "=" and sentence)
        yield Heading(converter.line(opening), level, converter.paragraph(inline), underlined)
    else:
        converter.empty(opening, "heading")


def _quote(node: Sequence[Token], converter: RichTextConverter) -> Iterator[Quote]:
    paragraphs: list[RichText] = []
    strange: Sequence[Token] = ()
    for part in nodes(node[1:-1]):
        if part[0].type == "paragraph_open" and not (paragraphs and is_reflection(part)):
            paragraphs.append(converter.paragraph(part[1]))
        elif part[0].type not in REPORTED:
            strange = strange or part
    if strange:
        converter.problems.error(
            converter.line(strange[0]),
            "quote-content",
            f"a quote holds only paragraphs, not {block_name(strange)}",
            "Take it out of the quote: remove the > signs before it",
        )
    if paragraphs:
        yield Quote(converter.line(node[0]), tuple(paragraphs))
    elif len(node) == len(("open", "close")):
        converter.empty(node[0], "quote")
