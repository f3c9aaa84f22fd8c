from __future__ import annotations

from datetime import date

import pytest

from newsletter.render.dates import write_date


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("nl", "zondag 6 december", "zondag 6 december 2026"),
        ("nl-BE", "zondag 6 december", "zondag 6 december 2026"),
        ("EN-us", "Sunday 6 December", "Sunday 6 December 2026"),
        ("de", "Sonntag, 6. Dezember", "Sonntag, 6. Dezember 2026"),
        ("fr", "dimanche 6 décembre", "dimanche 6 décembre 2026"),
        ("es", "domingo 6 de diciembre", "domingo 6 de diciembre de 2026"),
        ("sv", "2026-12-06", "2026-12-06"),
    ],
)
def test_a_date_is_written_as_its_language_writes_it(language: str, short: str, long: str) -> None:
    day = date(2026, 12, 6)
    assert write_date(day, language) == short
    assert write_date(day, language, year=True) == long


def test_each_day_and_month_has_its_own_name() -> None:
    days = [write_date(date(2026, 11, 30 - n), "nl") for n in range(7)][::-1]
    assert [day.split()[0] for day in days] == [
        "dinsdag",
        "woensdag",
        "donderdag",
        "vrijdag",
        "zaterdag",
        "zondag",
        "maandag",
    ]
    months = [write_date(date(2026, month, 1), "nl").split()[2] for month in range(1, 13)]
    assert (months[0], months[4], months[11]) == ("januari", "mei", "december")
    assert len(set(months)) == 12
