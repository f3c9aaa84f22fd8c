"""When the jobs of an author's repository start."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo

import pytest

from newsletter.repository.plan import as_cron, daily_triggers, utc_times


def test_the_usual_window_has_five_triggers_and_one_after_it() -> None:
    crons = [as_cron(one) for one in daily_triggers(time(7), 6)]
    assert crons == [
        "3 7 * * *",
        "33 7 * * *",
        "17 8 * * *",
        "41 9 * * *",
        "7 12 * * *",
        "23 13 * * *",
    ]


@pytest.mark.parametrize("hours", [0, 0.1, 0.5, 1, 2, 6, 11.5, 23, 24, 48, 8784])
@pytest.mark.parametrize("start", [time(0), time(7), time(7, 27), time(23, 58)])
def test_triggers_are_distinct_never_at_a_round_minute_and_begin_at_once(
    start: time, hours: float
) -> None:
    found = daily_triggers(start, hours)
    assert len(set(found)) == len(found) >= 2
    assert [one for one in found if one.minute % 5 == 0] == []
    first = (found[0].hour * 60 + found[0].minute - start.hour * 60 - start.minute) % (24 * 60)
    assert first <= 4


def test_a_late_hour_goes_on_after_midnight() -> None:
    assert as_cron(daily_triggers(time(21), 6)[-1]) == "23 3 * * *"


def test_in_utc_a_time_has_one_moment_in_winter_and_one_in_summer() -> None:
    amsterdam = utc_times(time(7, 3), ZoneInfo("Europe/Amsterdam"), 2026)
    assert sorted(amsterdam) == [time(5, 3), time(6, 3)]
    london = utc_times(time(7, 3), ZoneInfo("Europe/London"), 2026)
    assert sorted(london) == [time(6, 3), time(7, 3)]
    assert [*utc_times(time(7, 3), ZoneInfo("Etc/UTC"), 2026)] == [time(7, 3)]
    assert [*utc_times(time(1, 3), ZoneInfo("Asia/Kolkata"), 2026)] == [time(19, 33)]
