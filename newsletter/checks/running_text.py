"""The running text of an issue, for rules about its words: what the author wrote in sentences."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.checks.prose import lines_from, rich_texts
from newsletter.model import Ask, Button, Faq, Image, Links, Quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft, RichText

_CODE: Final = re.compile(r"<code>.*?</code>", re.DOTALL)
_BREAK: Final = re.compile(r"<br\s*/?>")
_TAG: Final = re.compile(r"<[^>]*>")
# Addresses, names of files and domains, what begins with # or @, and HTML entities.
_ADDRESS: Final = re.compile(
    r"\S*(?:://|@|\\)\S*|[\w-]+(?:\.[\w-]+)+(?:/\S*)?|[#@]\w+|&\w{2,31};?|\[\[.*?\]\]"
)
_QUOTED: Final = re.compile(r"“[^”“]{0,300}[”“]|„[^”“„]{0,300}[”“]|«[^»«]{0,300}»|\"[^\"]{0,300}\"")
_FILLER: Final = re.compile(r"\blorem ipsum\b.*", re.IGNORECASE | re.DOTALL)
"""Latin that is to be replaced; the rule `leftover-note` has it."""
_GLUE: Final = str.maketrans({"\u00ad": "", "\u200b": "", "\u2011": "-", "‘": "'", "\u00a0": " "})


class Passage(NamedTuple):
    """A piece of running text, and the line of the file on which its block begins."""

    text: str
    line: int


def passages(draft: Draft) -> Iterator[Passage]:
    """Yield subject, preheader, and what the body has in sentences of the author's own.

    Quotes may be another person's words. Code and addresses are no words, and what is between
    quotation marks may be anything; all of these are left out.
    """
    for key in ("subject", "preheader"):
        if entry := draft.entries.get(key):
            yield Passage(_own_words(entry.value), entry.line)
    for block in draft.blocks:
        for part in block.parts if isinstance(block, Faq) else (block,):
            for text in _texts(part):
                yield Passage(_own_words(text), part.line)


def find_line(draft: Draft, word: str, passage: Passage) -> int:
    """Return the first line on which a word of a passage is."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for number, line in lines_from(draft, passage.line):
        if pattern.search(unicodedata.normalize("NFC", line).translate(_GLUE)):
            return number
    return passage.line


def _texts(block: Block) -> Iterator[str]:
    if not isinstance(block, Quote):
        yield from map(_plain, rich_texts(block))
    if isinstance(block, Button):
        yield block.link.label
    elif isinstance(block, Links):
        yield from (link.label for link in block.links)
    elif isinstance(block, Ask):
        yield from block.answers
    elif isinstance(block, Image):
        yield block.alt


def _plain(text: RichText) -> str:
    html = _BREAK.sub("\n", _CODE.sub(" , ", text.html))
    return unescape(_TAG.sub("", html))


def _own_words(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate(_GLUE)
    return _QUOTED.sub(" , ", _ADDRESS.sub(" , ", _FILLER.sub(" , ", text)))
