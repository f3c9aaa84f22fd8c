"""What rules need of blocks: their prose, their links, and the lines these are on."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.content.words import any_of
from newsletter.content.words import words as language_words
from newsletter.model import (
    Ask,
    Button,
    Faq,
    Heading,
    ItemList,
    Links,
    Questions,
    Quote,
    Reflection,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft, RichText

_ANCHOR: Final = re.compile(r'<a href="([^"]*)">(.*?)</a>')
_TAG: Final = re.compile(r"<[^>]*>")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")


class PlacedLink(NamedTuple):
    """A link of a letter: its label, its address, and its line in the file."""

    label: str
    url: str
    line: int
    alone: bool = False


def rich_texts(block: Block) -> Iterator[RichText]:
    """Yield all prose of a block, in order."""
    if isinstance(block, Text | Heading | Reflection):
        yield block.body
    elif isinstance(block, Quote):
        yield from block.paragraphs
    elif isinstance(block, Questions):
        for item in block.items:
            yield item.question
            yield item.hint
    elif isinstance(block, ItemList):
        yield from _of_list(block)
    elif isinstance(block, Ask):
        yield block.question
    elif isinstance(block, Faq):
        for part in block.parts:
            yield from rich_texts(part)


def _of_list(block: ItemList) -> Iterator[RichText]:
    for item in block.items:
        yield from item.paragraphs
        if item.sublist:
            yield from _of_list(item.sublist)


def links(draft: Draft) -> Iterator[PlacedLink]:
    """Yield every link of a letter, in order."""
    for block in draft.blocks:
        if isinstance(block, Button | Links):
            for link in [block.link] if isinstance(block, Button) else block.links:
                line = find_line(draft, block.line, link.url)
                yield PlacedLink(link.label, link.url, line, alone=True)
        for text in rich_texts(block):
            for url, label in _ANCHOR.findall(text.html):
                address = unescape(url)
                line = find_line(draft, block.line, address)
                yield PlacedLink(plain(label), address, line)


def plain(html: str) -> str:
    """Return inline HTML as plain text."""
    return " ".join(unescape(_TAG.sub("", html)).split())


def find_line(draft: Draft, first: int, needle: str) -> int:
    """Return the line on which something is, from the first line of its block on."""
    return next((at for at, line in lines_from(draft, first) if needle in line), first)


def lines_from(draft: Draft, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from one of them on."""
    lines = _LINE_END.split(draft.source.text) if draft.source else []
    yield from enumerate(lines[first - 1 :], start=first)


def count_words(draft: Draft) -> int:
    """Return how many words the prose of a letter has."""
    return sum(len(words(text.text)) for block in draft.blocks for text in rich_texts(block))


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return _WORD.findall(text)


def bare(text: str) -> str:
    """Return only the words of a text, in lower case, to compare it with another."""
    return " ".join(words(text.casefold()))


@cache
def subject_prefixes() -> re.Pattern[str]:
    """Return a pattern of what mail programs write at the beginning of a subject.

    A copy is only meant where a subject follows as it was, with its capital.
    """
    said = language_words()
    return re.compile(
        rf"(?:(?i:{any_of(said.subject_prefixes)})\s*:\s+|\[(?i:test|concept|draft)\]\s*"
        rf"|(?i:{any_of(said.copies)})\s+(?=[\"“‘']?[A-ZÀ-Þ0-9]))+"
    )
