"""Dates and times as authors write them, read only to propose the right spelling."""

from __future__ import annotations

import re
from datetime import date, time
from functools import cache

from newsletter.content.words import any_of, words

_EDGE = r"(?<![0-9])"
_YEAR_FIRST = re.compile(rf"{_EDGE}(20[0-9]{{2}})([-_ ./]?)([0-9]{{1,2}})\2([0-9]{{1,2}})(?![0-9])")
_DAY_FIRST = re.compile(rf"{_EDGE}([0-9]{{1,2}})([-_ ./])([0-9]{{1,2}})\2(20[0-9]{{2}})(?![0-9])")
_CLOCK = re.compile(
    r"(?<![0-9:.])([0-9]{1,2})(?:\s*[:.hu]\s*([0-9]{2}))(?![0-9])"
    r"|(?<![0-9:.])([0-9]{1,2})\s*(?:uur\b|u\b|h\b)"
    r"|(?<![0-9:.])([01][0-9]|2[0-3])([0-5][0-9])(?![0-9])",
    re.IGNORECASE,
)
_AFTERNOON = re.compile(r"(?<=[0-9\s])p\.?m\b", re.IGNORECASE)
_NOON = 12


def find_date(text: str) -> tuple[date | None, str]:
    """Return the first day of the calendar in a text, and the text without it.

    The year comes first or last; 06-12-2026 is the sixth of December, as Europe writes it, unless
    only the other order gives a day.
    """
    for pattern, order in (
        (_YEAR_FIRST, (1, 3, 4)),
        (_DAY_FIRST, (4, 3, 1)),
        (_DAY_FIRST, (4, 1, 3)),
        (_named(), (3, 2, 1)),
        (_named_month_first(), (3, 1, 2)),
    ):
        match = pattern.search(text)
        if match:
            year, month, day = (match[group] for group in order)
            found = _day(int(year), words().months.get(month.lower()) or _number(month), int(day))
            if found:
                return found, f"{text[: match.start()]} {text[match.end() :]}"
    return None, text


def looks_like_date(text: str) -> bool:
    """Tell whether something stands in a text that is written as a day, existing or not."""
    return any(pattern.search(text) for pattern in (_YEAR_FIRST, _DAY_FIRST, _named()))


def find_clock(text: str) -> time | None:
    """Return the first time of day in a text: 7:00, 07.00, 7u00, 19h30, 7 uur."""
    match = _CLOCK.search(text)
    if not match:
        return None
    hour, minute = int(match[1] or match[3] or match[4]), int(match[2] or match[5] or 0)
    if hour < _NOON and _AFTERNOON.search(text, match.end() - 1):
        hour += _NOON
    try:
        return time(hour, minute)
    except ValueError:
        return None


@cache
def _named() -> re.Pattern[str]:
    month = any_of(words().months)
    return re.compile(
        rf"{_EDGE}([0-9]{{1,2}})(?:e|th|st|nd|rd)?[-_ .]+({month})\b"
        r"[-_ .,]*(20[0-9]{2})(?![0-9])",
        re.IGNORECASE,
    )


@cache
def _named_month_first() -> re.Pattern[str]:
    month = any_of(words().months)
    return re.compile(
        rf"\b({month})[-_ .]+([0-9]{{1,2}})(?:e|th|st|nd|rd)?[-_ ,]+(20[0-9]{{2}})(?![0-9])",
        re.IGNORECASE,
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
