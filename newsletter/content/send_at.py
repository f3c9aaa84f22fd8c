"""When an issue goes out: `send_at`, and dates that are improbable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from newsletter.content.dates import find_clock, find_date, looks_like_date
from newsletter.content.findings import quote_text

if TYPE_CHECKING:
    from datetime import date, time
    from zoneinfo import ZoneInfo

    from newsletter.content.findings import FindingCollector
    from newsletter.model import Entry

FAR_FROM_NAME: Final = timedelta(days=7)
FAR_AHEAD: Final = timedelta(days=366)

_MOMENT = re.compile(r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2})")
_WRITTEN = "%Y-%m-%d %H:%M"


def read_send_at(
    entry: Entry | None, day: date | None, zone: ZoneInfo, clock: time, problems: FindingCollector
) -> datetime | None:
    """Return the moment of an issue with its offset, or None where it is not known.

    Args:
        entry: The value of `send_at`, if there is one.
        day: The date of the file's name.
        zone: The newsletter's time zone.
        clock: The time of day at which an issue without `send_at` goes out.
        problems: Where to note what is wrong.
    """
    if entry is None:
        return _in_zone(datetime.combine(day, clock), zone, 1, problems) if day else None
    match = _MOMENT.fullmatch(entry.value)
    try:
        local = datetime.fromisoformat(f"{match[1]}T{match[2]}") if match else None
    except ValueError:
        local = None
    if local is None:
        suggestion = _suggestion(entry.value, day, zone, clock)
        problems.error(
            entry.line,
            "send-at-invalid",
            f'send_at is "{quote_text(entry.value)}", which is not a date and time',
            f'Write it as "send_at: {suggestion}"' if suggestion else _example(day, clock),
        )
        return None
    moment = _in_zone(local, zone, entry.line, problems)
    if moment:
        _compare(local, day, entry.line, problems)
    return moment


def note_far_ahead(
    send_at: datetime | None, today: date, line: int, problems: FindingCollector
) -> None:
    """Note a moment that is more than a year ahead: often a mistyped year."""
    if send_at and send_at.date() - today > FAR_AHEAD:
        problems.warning(
            line,
            "date-far-ahead",
            f"this issue goes out on {send_at:%Y-%m-%d}, more than a year from now",
            "Look at the year in the file name and in send_at",
        )


def _compare(local: datetime, day: date | None, line: int, problems: FindingCollector) -> None:
    if day and abs(local.date() - day) > FAR_FROM_NAME:
        problems.warning(
            line,
            "send-at-far-from-name",
            f"send_at is {local:%Y-%m-%d}, but the file name says {day:%Y-%m-%d}",
            f'Write "send_at: {day:%Y-%m-%d} {local:%H:%M}", or rename the file',
        )


def _suggestion(value: str, day: date | None, zone: ZoneInfo, clock: time) -> str:
    """Return a value that could be read in another spelling, as it should be written."""
    try:
        moment = datetime.fromisoformat(value.replace(" Z", "Z"))
    except ValueError:
        moment = None
    if moment and moment.tzinfo:
        try:
            return f"{moment.astimezone(zone):{_WRITTEN}}"
        except OverflowError:
            return ""
    found, rest = find_date(value)
    at = find_clock(rest)
    on = found or day
    # What is left of a day that does not exist, such as 2026-02-30, is no time of day.
    if on is None or not (found or (at and not looks_like_date(value))):
        return ""
    return f"{datetime.combine(on, at or clock):{_WRITTEN}}"


def _example(day: date | None, clock: time) -> str:
    example = f"{day:%Y-%m-%d}" if day else "2026-11-29"
    return f'Write a day and a time, such as "send_at: {example} {clock:%H:%M}"'


def _in_zone(
    local: datetime, zone: ZoneInfo, line: int, problems: FindingCollector
) -> datetime | None:
    moment = local.replace(tzinfo=zone)
    # A moment that the clock skips does not survive conversion to UTC and back.
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        problems.error(
            line,
            "send-at-in-gap",
            f"{local:%Y-%m-%d %H:%M} does not exist in {zone.key}: summer time begins",
            f'Write a line "send_at: {local:%Y-%m-%d} …" with a time an hour later',
        )
        return None
    # With the offset of that moment: hours counted from it are then real hours, also on a day on
    # which the clock changes (docs.python.org/3/library/datetime.html, "Aware and naive").
    return datetime.fromisoformat(moment.isoformat())
