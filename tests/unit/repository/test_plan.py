"""When the jobs of an author's repository start."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.config import PROVIDERS, Settings
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider
from newsletter.repository.plan import as_cron, daily_triggers, plan_repository, utc_times
from newsletter.repository.providers import facts_of


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


def minutes_of_day(cron: str) -> list[int]:
    """Return the minutes of the day at which a cron starts, after midnight."""
    minute, hours, *rest = cron.split()
    assert rest == ["*", "*", "*"]
    if not hours.startswith("*/"):
        return [int(hours) * 60 + int(minute)]
    return [hour * 60 + int(minute) for hour in range(0, 24, int(hours.removeprefix("*/")))]


@pytest.mark.parametrize("send_time", ["07:00", "00:05", "21:00"])
@pytest.mark.parametrize("hours", [4, 6, 12])
def test_each_moment_of_the_day_has_two_triggers_in_its_window(send_time: str, hours: int) -> None:
    settings = replace(Settings(Path()), send_time=send_time, max_lateness_hours=hours)
    plan = plan_repository(
        settings, pages="none", ci="github", install=None, today=date(2026, 7, 1)
    )
    offset = timedelta(hours=2)  # of Amsterdam, on that day
    for crons, shift in ((plan.crons, timedelta()), (plan.utc_crons, offset)):
        starts = [start for cron in crons for start in minutes_of_day(cron)]
        assert all(start % 5 for start in starts)
        for send_at in range(24 * 60):
            begin = send_at - shift // timedelta(minutes=1)
            within = [start for start in starts if (start - begin) % (24 * 60) <= hours * 60]
            assert len(within) >= 2, send_at


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_jobs_have_every_variable_of_their_provider(provider: str) -> None:
    facts = facts_of(provider)
    known = {*facts.sends_with, *facts.reads_too, facts.reports_with} - {""}
    # Another name for the region, and a part of keys that are gone after hours.
    assert set(PROVIDERS[provider]) - known <= {"AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"}
    assert known <= set(PROVIDERS[provider])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_jobs_need_what_the_provider_needs_to_send_and_no_more(
    tmp_path: Path, provider: str
) -> None:
    names = facts_of(provider).sends_with
    values = dict.fromkeys(names, "example.org") | {"AWS_REGION": "eu-west-1"}
    settings = replace(Settings(tmp_path), provider=provider, sender="Gerrit <gerrit@example.org>")
    open_provider(replace(settings, credentials=values)).close()
    for name in names:
        without = {key: value for key, value in values.items() if key != name}
        with pytest.raises(NewsletterError, match=name):
            open_provider(replace(settings, credentials=without)).close()
