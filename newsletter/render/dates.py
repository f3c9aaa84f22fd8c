"""Dates as the newsletter's language writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


def write_date(day: date, language: str, *, year: bool = False) -> str:
    """Return a date such as "zondag 6 december".

    Args:
        day: A date, or a moment in the newsletter's time zone.
        language: A language tag; of a language that `templates/words/` does not have, the date
            is in digits: 2026-12-06.
        year: Whether its year follows.
    """
    from newsletter.content.words import words  # noqa: PLC0415 - the web app needs none

    form = words().dates.get(language.partition("-")[0].lower())
    if form is None:
        return f"{day:%Y-%m-%d}"
    return (form.long if year else form.short).format(
        weekday=form.days[day.weekday()],
        day=day.day,
        month=form.months[day.month - 1],
        year=day.year,
    )
