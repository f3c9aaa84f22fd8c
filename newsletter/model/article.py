"""An article, as it was found in a page, a text, a post or a feed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from newsletter.model.issue import Link


class LineKind(StrEnum):
    """What a line of an article is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    QUOTE = "quote"
    IMAGE = "image"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class ArticleLine:
    """One paragraph, heading, item of a list, quote or image of an article.

    Attributes:
        kind: What it is.
        text: Its text, without marks. Of an image, the text that can stand for it; of a gap,
            what was there and has no text of its own.
        group: The items of one list have the same number.
        links: The links in it, as label and address. Of an image, the first one is its address
            or file.
    """

    kind: LineKind
    text: str
    group: int = 0
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """What a source says, and what it says about itself; "" or None where it does not.

    Attributes:
        lines: What it says, in its order. What belongs to the site may be among it.
        title: Its title.
        url: Its canonical address.
        summary: What it says about itself in a sentence or two.
        published: The day of its publication.
        site_name: The name of the site.
        language: A code such as "nl".
    """

    lines: tuple[ArticleLine, ...]
    title: str = ""
    url: str = ""
    summary: str = ""
    published: date | None = None
    site_name: str = ""
    language: str = ""
