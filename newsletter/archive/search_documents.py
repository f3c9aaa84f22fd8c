"""What the search reads of an issue: the sentences of its page, in their order."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from newsletter.archive.analysis import SearchDocument, split_sentences
from newsletter.model import Faq, Heading, Image, ItemList, Questions, Quote, Reflection, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, PublishedIssue, RichText

_TAG: Final = re.compile(r"<[^>]*>")


def document_of(issue: PublishedIssue) -> SearchDocument:
    """Return what can be found of an issue: of links, buttons and pictures only the caption.

    ``assets/search_page.js`` reads the same sentences from its page.
    """
    edition = issue.edition
    paragraphs = (text for block in edition.blocks for text in _paragraphs(block))
    return SearchDocument(
        slug=edition.slug,
        day=edition.day,
        title=edition.subject,
        preheader=edition.preheader,
        themes=edition.themes,
        sentences=tuple(one for text in paragraphs for one in split_sentences(text)),
    )


def _paragraphs(block: Block) -> Iterator[str]:
    match block:
        case Text() | Heading() | Reflection():
            yield _plain(block.body)
        case Quote():
            yield from map(_plain, block.paragraphs)
        case Questions():
            yield from (_plain(text) for one in block.items for text in (one.question, one.hint))
        case ItemList():
            yield from _items(block)
        case Faq():
            for entry in block.items:
                yield _plain(entry.question)
                yield from (text for part in entry.answer for text in _paragraphs(part))
        case Image():
            yield block.caption


def _items(block: ItemList) -> Iterator[str]:
    for item in block.items:
        yield from map(_plain, item.paragraphs)
        if item.sublist:
            yield from _items(item.sublist)


def _plain(text: RichText) -> str:
    return html.unescape(_TAG.sub("", text.html.replace("<br>", " ")))
