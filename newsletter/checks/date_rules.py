"""Dates in the text: on another day of the week than it says, or past."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.checks.prose import find_line, rich_texts
from newsletter.checks.registry import Hit, rule
from newsletter.content.words import any_of, words
from newsletter.model import Heading, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft

_SOON: Final = timedelta(days=60)
_YEAR: Final = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s)")


class _Written(NamedTuple):
    """A date with its day of the week, as a text has it."""

    weekday: int
    day: int
    month: int
    year: int | None
    text: str


@rule("weekday-date", Severity.WARNING)
def weekday_date(draft: Draft) -> Iterator[Hit]:
    """A date is on another day of the week than the text says; a hint if it has no year."""
    for first, text in _lines_shown(draft):
        for written in _dates(text):
            if problem := _problem(draft, written):
                yield Hit(
                    find_line(draft, first, written.text.split("\n")[0]),
                    f'"{" ".join(written.text.split())}": {problem}',
                    "Write the day or the date that you mean",
                    None if written.year else Severity.HINT,
                )


def _lines_shown(draft: Draft) -> Iterator[tuple[int, str]]:
    """Yield what subscribers read, in the inbox and below it, and the line on which it begins."""
    for key in ("subject", "preheader"):
        if entry := draft.entries.get(key):
            yield entry.line, entry.value
    for block in draft.blocks:
        for text in rich_texts(block):
            yield block.line, text.text


@rule("date-past", Severity.HINT)
def date_past(draft: Draft) -> Iterator[Hit]:
    """An invitation names a date that is past when the letter goes out."""
    sent = draft.send_at.date() if draft.send_at else date.min
    for section in _sections(draft):
        texts = [(block, text.text) for block in section for text in rich_texts(block)]
        if not any(_invitation().search(text) for _, text in texts):
            continue
        for block, text in texts:
            for found in _date().finditer(text):
                day = _day_of(found)
                is_report = _past().search(_sentence(text, found).replace(found[0], ""))
                if day and day < sent <= day + _SOON and not is_report:
                    yield Hit(
                        find_line(draft, block.line, found[0].split("\n")[0]),
                        f"{day:%Y-%m-%d} is past when this letter goes out",
                        "Write the date that you mean",
                    )


def _sections(draft: Draft) -> Iterator[list[Block]]:
    """Yield the blocks of a letter from each heading to the next one."""
    section: list[Block] = []
    for block in draft.blocks:
        if isinstance(block, Heading):
            yield section
            section = []
        section.append(block)
    yield section


def _day_of(found: re.Match[str]) -> date | None:
    month = words().months[(found["month"] or found["month_first"]).casefold()]
    try:
        return date(int(found["year"]), month, int(found["day"] or found["day_last"]))
    except ValueError:
        return None


@cache
def _invitation() -> re.Pattern[str]:
    return re.compile(rf"\b{any_of(words().invitation)}\b", re.IGNORECASE)


@cache
def _past() -> re.Pattern[str]:
    return re.compile(rf"\b{any_of(words().past)}\b", re.IGNORECASE)


@cache
def _date() -> re.Pattern[str]:
    return re.compile(
        rf"(?<!\w){_day_and_month()},?\s+(?:de\s+)?(?P<year>\d{{4}})\b", re.IGNORECASE
    )


def _day_and_month() -> str:
    """Return a pattern of a day and its month, in either order."""
    months = any_of(words().months)
    return (
        rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|e|de|ste|\.)?\s+(?:of\s+|de\s+)?(?P<month>{months})"
        rf"|(?P<month_first>{months})\s+(?P<day_last>\d{{1,2}})(?:st|nd|rd|th)?)\b"
    )


def _problem(draft: Draft, written: _Written) -> str:
    sent = draft.send_at.date() if draft.send_at else None
    if not written.year and not sent:
        return ""
    day = _on(written, written.year or (sent.year if sent else 0))
    if not written.year and sent:
        if day and day < sent:
            day = _on(written, sent.year + 1)
        if not day or day - sent > _SOON:
            return ""
    if not day:
        return "that month has no such day"
    return "" if day.weekday() == written.weekday else f"{day:%Y-%m-%d} is a {day:%A}"


def _on(written: _Written, year: int) -> date | None:
    try:
        return date(year, written.month, written.day)
    except ValueError:
        return None


def _dates(text: str) -> Iterator[_Written]:
    """Yield each date with a day of the week; without a year only where no other is near."""
    weekdays, pattern = _form()
    for found in pattern.finditer(text):
        year = found["year"]
        if not year and _YEAR.search(_sentence(text, found)):
            continue
        month = words().months[(found["month"] or found["month_first"]).casefold()]
        yield _Written(
            weekdays[found["weekday"].casefold()],
            int(found["day"] or found["day_last"]),
            month,
            int(year) if year else None,
            found[0],
        )


def _sentence(text: str, found: re.Match[str]) -> str:
    begin = max([0, *(end.end() for end in _SENTENCE_END.finditer(text, 0, found.start()))])
    end = _SENTENCE_END.search(text, found.end())
    return text[begin : end.start() if end else len(text)]


@cache
def _form() -> tuple[dict[str, int], re.Pattern[str]]:
    weekdays = {
        name.casefold(): number
        for table in words().dates.values()
        for number, name in enumerate(table.days)
    }
    pattern = re.compile(
        rf"(?<!\w)(?P<weekday>{any_of(weekdays)}),?\s+(?:(?:the|de|le|den|el)\s+)?"
        rf"{_day_and_month()}(?:,?\s+(?:de\s+)?(?P<year>\d{{4}})\b)?",
        re.IGNORECASE,
    )
    return weekdays, pattern
