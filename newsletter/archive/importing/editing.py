"""An old letter as the archive keeps it: read as an issue file is, so that its blocks are ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from newsletter import content, render
from newsletter.archive.importing.export_file import shown_name
from newsletter.archive.importing.fields import without_fields
from newsletter.archive.importing.letters import NOT_SENT, TOO_LONG, LeftOut
from newsletter.archive.importing.markup import Surroundings, read_markup
from newsletter.archive.importing.pieces import PieceKind, write_body
from newsletter.archive.runs import text_of
from newsletter.article.drafting import as_value
from newsletter.content.file_names import has_file_name_words, issue_file_name
from newsletter.content.front_matter_fields import MAX_PREHEADER, MAX_SUBJECT
from newsletter.content.front_matter_lists import LONGEST_THEME
from newsletter.content.links import is_link
from newsletter.errors import NewsletterError
from newsletter.model import Edition, Image, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from newsletter.archive.importing.letters import SentLetter
    from newsletter.archive.importing.pictures import ExportPictures
    from newsletter.model import Draft, Issue

_BRACKETS: Final = re.compile(r"\[(?=\[)|(?<=\])\]")
_YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Editor:
    """Makes editions of the letters of one export.

    Attributes:
        program: Its name.
        zone: The newsletter's time zone.
        today: The moment of the import: what is later was not sent.
        pictures: The export's.
        surroundings: What letters refer to.
    """

    program: str
    zone: ZoneInfo
    today: datetime
    pictures: ExportPictures
    surroundings: Surroundings

    def edit(self, letter: SentLetter) -> Edition | LeftOut:
        """Return a letter's edition; its slug may be that of another letter too."""
        sent_at = letter.sent_at
        if sent_at.tzinfo is None:
            sent_at = sent_at.replace(tzinfo=self.zone)
        title = _one_line(letter.title, MAX_SUBJECT)
        known = title or letter.name or letter.url
        if sent_at.year not in _YEARS:
            return LeftOut(known, "its date is not of this century")
        if sent_at > self.today:
            return LeftOut(known, NOT_SENT)
        if not title:
            return LeftOut(known, "it has no title")
        try:
            issue = self._read(letter, title, sent_at)
        except NewsletterError as error:
            return LeftOut(title, error.problem)
        return self._edition(issue, sent_at.astimezone(UTC))

    def _read(self, letter: SentLetter, title: str, sent_at: datetime) -> Issue:
        """Return a letter as an issue.

        Raises:
            NewsletterError: It has no text, or one that no issue may have.
        """
        pieces = read_markup(letter.markup, self.surroundings)
        if not any(piece.runs and piece.kind is not PieceKind.HEADING for piece in pieces):
            raise NewsletterError("there is no text in it")
        if sum(len(text_of(piece.runs)) for piece in pieces) > content.MAX_BYTES:
            raise NewsletterError(TOO_LONG)
        local = sent_at.astimezone(self.zone)
        draft = content.read(
            f"{_header(letter, title)}{write_body(pieces, title)}".encode(),
            name=issue_file_name(
                local.date(), letter.name if has_file_name_words(letter.name) else title
            ),
            path=shown_name(title),
            zone=self.zone,
            send_clock=time(local.hour, local.minute),
        )
        if draft.issue is None:
            raise NewsletterError(f"its text cannot be kept: {_first_error(draft)}")
        return draft.issue

    def _edition(self, issue: Issue, sent_at: datetime) -> Edition:
        blocks = tuple(
            replace(block, picture=self.pictures.describe(block.file))
            if isinstance(block, Image) and block.file
            else block
            for block in issue.blocks
        )
        return Edition(
            slug=issue.slug,
            number=0,
            at=sent_at,
            day=issue.send_at.date(),
            subject=issue.subject,
            preheader=issue.preheader,
            article=issue.article,
            themes=issue.themes,
            blocks=render.published_blocks(replace(issue, blocks=blocks)),
            content_hash=issue.content_hash,
            imported_from=self.program.casefold(),
        )


def _header(letter: SentLetter, title: str) -> str:
    rows = [f"subject: {as_value(title)}"]
    if preheader := _one_line(letter.preheader, MAX_PREHEADER):
        rows.append(f"preheader: {as_value(preheader)}")
    if letter.url and is_link(letter.url) and not re.search(r"\s", letter.url):
        rows.append(f"article: {letter.url}")
    if themes := ", ".join(_themes(letter.themes)):
        rows.append(f"themes: {themes}")
    return "\n".join(("---", *rows, "---", "", ""))


def _one_line(text: str, longest: int) -> str:
    """Return a title without fields, of at most so many characters."""
    plain = _BRACKETS.sub("", without_fields(text.replace("\t", " ")))
    if len(plain) <= longest:
        return plain
    return f"{plain[: longest - 1].rpartition(' ')[0] or plain[: longest - 1]}…"


def _themes(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        theme = _one_line(name.replace(",", " "), 1000)
        if theme and len(theme) <= LONGEST_THEME and re.search(r"[^\W_]", theme):
            yield " ".join(theme.split())


def _first_error(draft: Draft) -> str:
    return next(one.message for one in draft.findings if one.severity is Severity.ERROR)
