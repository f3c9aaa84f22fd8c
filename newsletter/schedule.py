"""When an issue may go out: pure arithmetic on moments that know their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum

_RECENT = timedelta(days=7)
_SOON = timedelta(hours=1)
_A_YEAR = timedelta(days=366)


class Timing(Enum):
    """Where a moment lies beside an issue's `send_at`."""

    EARLY = "early"
    DUE = "due"
    LATE = "late"


def timing_of(send_at: datetime, now: datetime, max_lateness_hours: float) -> Timing:
    """Tell whether an issue is early, due, or past the window in which it may start."""
    if now < send_at:
        return Timing.EARLY
    return Timing.DUE if now <= send_at + timedelta(hours=max_lateness_hours) else Timing.LATE


def is_early(send_at: datetime, now: datetime) -> bool:
    """Tell whether it is so long before an issue's time that a person must say so."""
    return now < send_at - _SOON


def time_until(moment: datetime, now: datetime) -> str:
    """Return how far off a moment is, as a person says it, such as "3 days from now"."""
    seconds = abs((moment - now).total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        # Two days and more are days; less than two is told in hours, and so on.
        if seconds >= 2 * length or unit == "minute":
            count = int(seconds // length)
            side = "from now" if moment >= now else "ago"
            return f"{count:,} {unit}{'s' * (count != 1)} {side}"
    raise AssertionError(moment)


def is_far_ahead(send_at: datetime, now: datetime) -> bool:
    """Tell whether an issue's time is more than a year ahead, which is mostly a slip."""
    return send_at > now + _A_YEAR


def is_long_past(send_at: datetime, now: datetime) -> bool:
    """Tell whether an issue's time is so long ago that a schedule leaves it alone."""
    return now > send_at + _RECENT


def is_overdue(started_at: datetime, now: datetime, finish_within_hours: float) -> bool:
    """Tell whether a mailing should have been finished by now."""
    return now > started_at + timedelta(hours=finish_within_hours)


def slot_of(send_at: datetime) -> str:
    """Return the local date and time that only one real mailing may have."""
    return send_at.strftime("%Y-%m-%dT%H:%M")


def format_utc(moment: datetime | None) -> str | None:
    """Return a moment as JSON and exports have it: ISO 8601 in UTC, to the second, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
