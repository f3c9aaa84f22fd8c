"""When an issue may go out: pure arithmetic on moments with a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import time

_RECENT = timedelta(days=7)
_SOON = timedelta(hours=1)
_A_YEAR = timedelta(days=366)
_SHOWS_LONG = timedelta(hours=4)
_DAY = timedelta(days=1)

HOURS_BETWEEN_RUNS = 2
"""The hours between two runs of a job at a forge, all day; near `send_time` there are more."""


class Timing(Enum):
    """Where a moment lies relative to an issue's `send_at`."""

    EARLY = "early"
    DUE = "due"
    LATE = "late"


def timing_of(send_at: datetime, now: datetime, max_lateness_hours: float) -> Timing:
    """Return whether an issue is early, due, or past the window in which it may start."""
    if now < send_at:
        return Timing.EARLY
    return Timing.DUE if now <= send_at + timedelta(hours=max_lateness_hours) else Timing.LATE


def is_early(send_at: datetime, now: datetime) -> bool:
    """Return whether it is so early that a person must ask for it explicitly."""
    return now < send_at - _SOON


def is_after_window(local: datetime, send_time: time, max_lateness_hours: float) -> bool:
    """Return whether the day's window in which a mailing may start ended in the last hours.

    What still fails then is shown to a person. Runs go on all day and night, so that this is not
    said of every one of them.

    Args:
        local: The moment, in the newsletter's time zone.
        send_time: The local time at which issues go out: the window begins.
        max_lateness_hours: Its length. Of more than a day, it is the window of an earlier day.
    """
    begin = local.replace(hour=send_time.hour, minute=send_time.minute, second=0, microsecond=0)
    since_end = (local - begin - timedelta(hours=max_lateness_hours)) % _DAY
    return since_end < _SHOWS_LONG


def time_until(moment: datetime, now: datetime) -> str:
    """Return how far off a moment is in words, such as "3 days from now"."""
    seconds = abs((moment - now).total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        # Two days and more are days; less than two are hours, and so on.
        if seconds >= 2 * length or unit == "minute":
            count = int(seconds // length)
            side = "from now" if moment >= now else "ago"
            return f"{count:,} {unit}{'s' * (count != 1)} {side}"
    raise AssertionError(moment)


def is_far_ahead(send_at: datetime, now: datetime) -> bool:
    """Return whether an issue's time is more than a year ahead, which is mostly a mistake."""
    return send_at > now + _A_YEAR


def is_long_past(send_at: datetime, now: datetime) -> bool:
    """Return whether an issue's time is so long ago that the schedule ignores it."""
    return now > send_at + _RECENT


def is_overdue(started_at: datetime, now: datetime, finish_within_hours: float) -> bool:
    """Return whether a mailing should have been finished by now."""
    return now > started_at + timedelta(hours=finish_within_hours)


def slot_of(send_at: datetime) -> str:
    """Return the local date and time that only one real mailing may have."""
    return send_at.strftime("%Y-%m-%dT%H:%M")


def format_utc(moment: datetime | None) -> str | None:
    """Return a moment as JSON and exports have it: ISO 8601 in UTC, to the second, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
