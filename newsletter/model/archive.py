"""What sent issues leave behind: their texts, as the archive shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.model.issue import Image

if TYPE_CHECKING:
    from datetime import date, datetime

    from newsletter.model.issue import Block
    from newsletter.model.mailings import MailingState


_MEDIA: Final = "media/"


class ChangedLine(NamedTuple):
    """A sentence that a correction took away, or one that it added; perhaps of the subject."""

    text: str
    added: bool
    subject: bool = False

    def __str__(self) -> str:
        return f"{'+' if self.added else '-'} {'subject: ' * self.subject}{self.text}"

    def encode(self) -> str:
        """Return the line of it in the ``change`` of an edition."""
        return f"{'+' if self.added else '-'}{':' if self.subject else ' '}{self.text}"

    @classmethod
    def decode(cls, line: str) -> ChangedLine:
        """Return what `encode` made a line of."""
        return cls(line[2:], added=line[:1] == "+", subject=line[1:2] == ":")


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
        change: What a correction changed: a line for each `ChangedLine`. Empty of any other text,
            and where that is not known.
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

    @property
    def changes(self) -> tuple[ChangedLine, ...]:
        """The sentences that a correction took away and added, in the order of the text."""
        return _changed_lines(self.change)

    @property
    def pictures(self) -> tuple[str, ...]:
        """The names of the stored pictures that it shows, in the order of the text."""
        urls = (block.url for block in self.blocks if isinstance(block, Image))
        return tuple(url.removeprefix(_MEDIA) for url in urls if url.startswith(_MEDIA))


@dataclass(frozen=True, slots=True)
class Correction:
    """That a text was corrected: when, and what changed, as its edition has it."""

    number: int
    at: datetime
    change: str

    @property
    def added(self) -> tuple[str, ...]:
        """The sentences that it added, in the order of the text."""
        return tuple(line.text for line in _changed_lines(self.change) if line.added)


@dataclass(frozen=True, slots=True)
class MailedCorrection:
    """A correction, and its real mailing.

    Attributes:
        number: 1 and more, in order.
        at: When it was published.
        mailing: The slug of the mailing; None if it was not mailed. Then the next two are None too.
        state: That of the mailing.
        audience: How many subscribers the mailing is for.
    """

    number: int
    at: datetime
    mailing: str | None = None
    state: MailingState | None = None
    audience: int | None = None


@dataclass(frozen=True, slots=True)
class ArchiveChanges:
    """What was done in the archive with an issue since it was sent; corrections oldest first."""

    corrections: tuple[MailedCorrection, ...] = ()
    withdrawn: bool = False


NO_CHANGES: Final = ArchiveChanges()


def _changed_lines(change: str) -> tuple[ChangedLine, ...]:
    lines = change.split("\n") if change else ()
    return tuple(map(ChangedLine.decode, lines))


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
