"""An article, as it was found in a page, a text, a post or a feed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter.model.web_address import web_address

if TYPE_CHECKING:
    from datetime import date

    from newsletter.model.issue import Link

_ENDS_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NEVER_SHOWN: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


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

    The text is one line without control characters, whatever it is made of.
    """

    kind: LineKind
    text: str
    group: int = 0
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        """Make the text one line."""
        object.__setattr__(self, "text", one_line(self.text))


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

    What a stranger wrote goes into the front matter of a draft. So each text is one line without
    control characters, and the address is that of a web page, or "".
    """

    lines: tuple[ArticleLine, ...]
    title: str = ""
    url: str = ""
    summary: str = ""
    published: date | None = None
    site_name: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        """Keep what may go into the front matter of a draft."""
        for name in ("title", "summary", "site_name", "language"):
            object.__setattr__(self, name, one_line(getattr(self, name)))
        object.__setattr__(self, "url", web_address(self.url))


def one_line(text: str) -> str:
    """Return a text as one line, without control characters and marks that turn it around."""
    text = _SURROGATE.sub("\ufffd", _ENDS_LINE.sub(" ", text))
    return _NEVER_SHOWN.sub("", text).strip()
