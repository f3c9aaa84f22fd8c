"""What sent issues leave behind: their texts, as the archive shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from newsletter.model.issue import Block


@dataclass(frozen=True, slots=True)
class Edition:
    """One text of an issue as it was published.

    Attributes:
        slug: Of the issue.
        number: 0 as it was sent; 1 and more are corrections, in order.
        at: When it was published.
        day: The local date of the issue.
        blocks: Its images of files have the address ``media/NAME``, and no file.
        content_hash: SHA-256 (hex) of subject, preheader and body, as of an issue.
        change: What a correction changed, in the author's words; empty of any other text.
        imported_from: The program that sent it, of an imported letter; else empty.
    """

    slug: str
    number: int
    at: datetime
    day: date
    subject: str
    preheader: str
    article: str
    themes: tuple[str, ...]
    blocks: tuple[Block, ...]
    content_hash: str
    change: str = ""
    imported_from: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """That a text was corrected: when, and what changed, in the author's words."""

    number: int
    at: datetime
    change: str


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """An issue in the archive: its newest text, and how it came about.

    Attributes:
        edition: The newest text.
        published_at: When the first one was published.
        corrections: Oldest first; the last one is ``edition``.
        monthly: Whether it was a digest for those who chose to get one a month.
    """

    edition: Edition
    published_at: datetime
    corrections: tuple[Correction, ...] = ()
    monthly: bool = False

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        return self.edition.slug
