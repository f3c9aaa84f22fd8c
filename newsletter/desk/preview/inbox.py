"""The line of a letter in an inbox, as mail programs cut it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    subject: int
    preheader: int


# In characters of average width. A program counts pixels, so that these are about right.
# Apple Mail on an iPhone was measured:
# emailtooltester.com/en/blog/email-subject-lines-character-limit.
# The preheaders of Gmail in a browser and of Outlook on Windows:
# themarketer.com/resources/knowledge-base/how-long-should-your-preview-texts-be.
# The other subjects, and the app of Gmail: typecount.com/blog/email-subject-line-length.
_PROGRAMS: Final = (
    _Program("Gmail, phone", 40, 40),
    _Program("Gmail, browser", 70, 97),
    _Program("Apple Mail, iPhone", 48, 99),
    _Program("Outlook, Windows", 60, 35),
)
_FILLER: Final = re.compile("[\u034f\u2007\u200c\ufeff]")
_UNSEEN: Final = frozenset({"head", "style", "script", "title"})
_ENOUGH: Final = 400


@dataclass(frozen=True, slots=True)
class InboxLine:
    """What a mail program shows of a letter before it is opened.

    Attributes:
        program: The mail program and where it runs.
        subject: As much of it as is shown.
        preheader: As much of the preheader, or of the letter's first words without one.
    """

    program: str
    subject: str
    preheader: str


def inbox_lines(subject: str, html: str) -> tuple[InboxLine, ...]:
    """Return the line of a letter in the inbox of each program."""
    words = first_words(html)
    return tuple(
        InboxLine(one.name, _cut(subject, one.subject), _cut(words, one.preheader))
        for one in _PROGRAMS
    )


def first_words(html: str) -> str:
    """Return the text with which a letter begins, up to what keeps programs from more of it."""
    finder = _TextFinder()
    finder.feed(html)
    return " ".join(_FILLER.split("".join(finder.parts), maxsplit=1)[0].split())[:_ENOUGH]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


class _TextFinder(HTMLParser):
    """Gathers the text of a letter that a mail program finds in it, hidden or not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:  # noqa: ARG002 - its signature
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(f"{data} ")
