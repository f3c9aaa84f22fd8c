from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter import content
from newsletter.schedule import Timing, format_utc, is_after_window, is_overdue, slot_of, timing_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOUR = timedelta(hours=1)


def send_at(local: str) -> datetime:
    """Return the moment that an issue file with this `send_at` is for."""
    raw = f"---\nsubject: Over rust\nsend_at: {local}\n---\nEen zin.\n".encode()
    name = f"{local[:10]}-rust.md"
    draft = content.read(raw, name=name, path=name, zone=AMSTERDAM, send_clock=time(7))
    assert draft.issue, draft.findings
    return draft.issue.send_at


@pytest.mark.parametrize(
    ("local", "in_utc"),
    [
        ("2026-11-29 07:00", "2026-11-29T06:00:00Z"),
        ("2026-07-05 07:00", "2026-07-05T05:00:00Z"),
        # The hour that comes twice is meant the first time.
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 00:30", "2026-10-24T22:30:00Z"),
        ("2026-03-29 00:30", "2026-03-28T23:30:00Z"),
    ],
)
def test_a_local_time_is_one_moment(local: str, in_utc: str) -> None:
    moment = send_at(local)
    assert format_utc(moment) == in_utc
    assert moment == datetime.fromisoformat(moment.isoformat())
    assert slot_of(moment) == local.replace(" ", "T")


@pytest.mark.parametrize(
    "local", ["2026-11-29 07:00", "2026-10-25 00:30", "2026-10-25 02:30", "2026-03-29 00:30"]
)
def test_the_window_is_real_hours_on_every_day(local: str) -> None:
    moment = send_at(local)
    begins = moment.astimezone(UTC)
    second = timedelta(seconds=1)
    assert timing_of(moment, begins - second, 6) is Timing.EARLY
    assert timing_of(moment, begins, 6) is Timing.DUE
    assert timing_of(moment, begins + 6 * HOUR, 6) is Timing.DUE
    assert timing_of(moment, begins + 6 * HOUR + second, 6) is Timing.LATE


def test_a_mailing_has_its_hours_and_no_more() -> None:
    begun = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert not is_overdue(begun, begun + 48 * HOUR, 48)
    assert is_overdue(begun, begun + 48 * HOUR + timedelta(seconds=1), 48)


@pytest.mark.parametrize(
    ("local", "send_time", "hours", "over"),
    [
        ("2026-11-29 07:03", "07:00", 6, False),
        ("2026-11-29 12:59", "07:00", 6, False),
        ("2026-11-29 13:00", "07:00", 6, True),
        ("2026-11-29 16:59", "07:00", 6, True),
        ("2026-11-29 17:00", "07:00", 6, False),
        ("2026-11-29 06:59", "07:00", 6, False),
        ("2026-11-29 23:30", "20:00", 6, False),
        ("2026-11-30 01:59", "20:00", 6, False),
        ("2026-11-30 02:23", "20:00", 6, True),
        ("2026-11-29 08:00", "07:00", 0, True),
        ("2026-11-29 08:00", "07:00", 48, True),
        ("2026-11-29 08:00", "07:00", 26, False),
        ("2026-11-29 09:00", "07:00", 26, True),
        ("2026-11-29 13:00", "07:00", 48, False),
    ],
)
def test_the_day_s_window_is_over_for_some_hours_after_it(
    local: str, send_time: str, hours: float, *, over: bool
) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=AMSTERDAM)
    assert is_after_window(moment, time.fromisoformat(send_time), hours) is over
