"""`newsletter new --digest`: the issues of a month become one issue, in their own words."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from newsletter.archive_links import issue_address
from newsletter.article.drafting import DraftText, PartCount, as_value, escape
from newsletter.article.words import draft_texts
from newsletter.checks.prose import plain
from newsletter.content.words import words
from newsletter.desk import folder, new_issue
from newsletter.desk.authoring import NewDraft
from newsletter.desk.issues import shown_path, slug_of_path
from newsletter.errors import NewsletterError
from newsletter.model import Text
from newsletter.model.issue import MONTHLY
from newsletter.providers import OUTBOX
from newsletter.store import editions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.model import PublishedIssue
    from newsletter.store import Store

_PREHEADER: Final = 90
"""About as much as an inbox shows."""

_FIRST: Final = re.compile(
    r".+?[.!?…][\"”’»)\]]*(?=\s+[\"“‘„(]*[^\W\d_a-zß-öø-ÿ]|\s+[\"“‘„(]*\d|\Z)"
)
"""A sentence with what closes it, before a capital or a digit."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year."""

    year: int
    number: int

    def __str__(self) -> str:
        """Return it as it is typed: 2026-11."""
        return f"{self.year}-{self.number:02}"

    def holds(self, day: date) -> bool:
        """Return whether a day is in it."""
        return (day.year, day.month) == (self.year, self.number)

    @property
    def last_day(self) -> date:
        """Its last day."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])


def make_digest(
    settings: Settings, store: Store, month: Month, *, day: date | None, now: datetime, write: bool
) -> NewDraft:
    """Make the digest of a month: title, first sentence and link of each issue that was sent.

    Args:
        settings: The newsletter's settings.
        store: The ledger.
        month: The month in which the issues went out, by their local date.
        day: The day of the digest; None for the first free one after the month.
        now: The moment.
        write: Write the file; otherwise the text alone is wanted.

    Raises:
        NewsletterError: No issue of that month was sent, there is a digest of it already, or the
            file cannot be written.
    """
    if write:
        folder.require_folder(settings)
    if day:
        new_issue.require_sensible_day(day, settings, now)
    issues = _issues_of(settings, store, month)
    texts = draft_texts(settings.language)
    form = words().dates.get(settings.language.partition("-")[0].lower())
    name = form.months[month.number - 1] if form else f"{month.number:02}"
    subject = texts.digest.format(month=name, year=month.year)
    end = datetime.combine(month.last_day, datetime.max.time(), settings.zone)
    place = new_issue.find_place(settings, [subject], day, max(now, end), monthly=True)
    if write and (known := new_issue.find_namesake(settings, place)):
        raise NewsletterError(
            f"{shown_path(settings, known)} is the digest of {month} already",
            hint=f"Go on with it: newsletter preview {slug_of_path(known)}",
        )
    text = _write(settings, issues, subject, texts.digest_button)
    if write:
        new_issue.write_issue(settings, place, text, {})
    parts = PartCount(
        opening=len(issues), questions=0, quotes=0, reflections=0, related=0, button=True
    )
    return NewDraft(
        path=shown_path(settings, place.path),
        slug=place.slug,
        article="",
        send_at=place.send_at,
        draft=DraftText(text, subject, parts, ()),
        cut=(),
        alternatives={},
        held=(*place.held, *_not_over(month, now, end)),
    )


def _not_over(month: Month, now: datetime, end: datetime) -> tuple[str, ...]:
    if now > end:
        return ()
    return (f"{month} is not over: an issue that goes out later in it is not in this digest.",)


def _issues_of(settings: Settings, store: Store, month: Month) -> list[PublishedIssue]:
    """Return the issues of a month that were sent to everybody, the oldest first."""
    with store.read() as connection:
        every = editions.published(connection, rehearsals=settings.provider == OUTBOX)
    found = [
        one
        for one in reversed(every)
        if month.holds(one.edition.day) and not one.monthly and not one.edition.imported_from
    ]
    if not found:
        raise NewsletterError(
            f"no issue of {month} was sent", hint="See what was sent: newsletter status"
        )
    return found


def _write(settings: Settings, issues: Sequence[PublishedIssue], subject: str, button: str) -> str:
    titles = [one.edition.subject for one in issues]
    preheader = titles[0]
    for title in titles[1:]:
        if len(preheader) + len(title) > _PREHEADER:
            break
        preheader += f", {title}"
    rows = ["---", f"subject: {as_value(subject)}", f"preheader: {as_value(preheader)}"]
    rows += [f"audience: {MONTHLY}", "draft: yes", "---"]
    for one in issues:
        rows += ["", f"## {escape(one.edition.subject)}"]
        if sentence := _first_sentence(one):
            rows += ["", escape(sentence)]
        rows += ["", f"[{escape(button)}]({issue_address(settings.public_url, one.slug)})"]
    return "\n".join(rows) + "\n"


def _first_sentence(issue: PublishedIssue) -> str:
    """Return the first sentence of an issue's text; nothing where it has no paragraph."""
    for block in issue.edition.blocks:
        if isinstance(block, Text):
            text = plain(block.body.html)
            found = _FIRST.match(text)
            return found[0] if found else text
    return ""
