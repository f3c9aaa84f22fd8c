"""What a file's name and the values of its front matter mean."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from newsletter.content.problems import shown
from newsletter.content.source import has_words

if TYPE_CHECKING:
    from datetime import time
    from zoneinfo import ZoneInfo

    from newsletter.content.header import Entry, Header
    from newsletter.content.problems import Problems

MAX_SLUG: Final = 100
MAX_SUBJECT: Final = 200
CALM_SUBJECT: Final = 70
"""Beyond about this length mail programs cut a subject off."""
MAX_PREHEADER: Final = 250

_DATE = r"20[0-9]{2}-[0-9]{2}-[0-9]{2}"
_NAME = re.compile(rf"({_DATE})(?:-[a-z0-9]+)+\.md")
_MOMENT = re.compile(rf"({_DATE})[ T]([0-9]{{2}}:[0-9]{{2}})")
_YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Fields:
    """The values of the front matter; `send_at` is None where it could not be understood."""

    subject: str
    preheader: str
    draft: bool
    send_at: datetime | None


def read_name(name: str, problems: Problems) -> tuple[str, date | None]:
    """Return a file name's slug, and its date if the name is as it should be."""
    slug = name.removesuffix(".md")
    match = _NAME.fullmatch(name)
    day = _day(match[1]) if match else None
    if day is None or len(slug) > MAX_SLUG:
        if match and day is None:
            problem = f"{match[1]} is not a day of the calendar"
        elif match:
            problem = f"the name has {len(slug)} characters, more than {MAX_SLUG}"
        else:
            problem = f'"{shown(name)}" is not a date and words joined by hyphens'
        problems.error(1, "file-name", problem, f"Rename it to {_proper_name(slug)}")
        return slug, None
    return slug, day


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _proper_name(slug: str) -> str:
    """Return the nearest name that is as it should be; letters stand for a date to fill in."""
    dated = re.match(_DATE, slug)
    day = dated[0] if dated and _day(dated[0]) else "YYYY-MM-DD"
    rest = re.sub(r"^[0-9]{1,4}[-_ ][0-9]{1,2}[-_ ][0-9]{1,4}", "", slug)
    plain = unicodedata.normalize("NFKD", rest).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain)) or "name"
    return f"{day}-{words}"[:MAX_SLUG].rstrip("-") + ".md"


def read_fields(
    header: Header, day: date | None, *, zone: ZoneInfo, send_clock: time, problems: Problems
) -> Fields:
    """Return what the front matter says; `day` is the date of the file's name."""
    entries = header.entries
    return Fields(
        subject=_subject(entries.get("subject"), header, problems),
        preheader=_preheader(entries.get("preheader"), problems),
        draft=_draft(entries.get("draft"), problems),
        send_at=_send_at(entries.get("send_at"), day, zone, send_clock, problems),
    )


def _subject(entry: Entry | None, header: Header, problems: Problems) -> str:
    if entry is None or not has_words(entry.value):
        if header.found:
            line = entry.line if entry else header.line
            problems.error(
                line,
                "subject-missing",
                "there is no subject",
                'Write a line "subject: …" in the front matter',
            )
        return ""
    length = len(entry.value)
    if length > CALM_SUBJECT:
        note = problems.error if length > MAX_SUBJECT else problems.warning
        note(
            entry.line,
            "subject-too-long",
            f"the subject has {length} characters; mail programs show about {CALM_SUBJECT}",
            f"Say it in {CALM_SUBJECT} characters or fewer",
        )
    _no_tab(entry, "subject", problems)
    return entry.value


def _preheader(entry: Entry | None, problems: Problems) -> str:
    if entry is None:
        return ""
    if len(entry.value) > MAX_PREHEADER:
        problems.error(
            entry.line,
            "preheader-too-long",
            f"the preheader has {len(entry.value)} characters, more than {MAX_PREHEADER}",
            "Say it in 100 characters or fewer: that is what mail programs show",
        )
    _no_tab(entry, "preheader", problems)
    return entry.value


def _no_tab(entry: Entry, key: str, problems: Problems) -> None:
    if "\t" in entry.value:
        problems.error(
            entry.line,
            "forbidden-character",
            f"the {key} holds a tab",
            "Write a space instead",
        )


def _draft(entry: Entry | None, problems: Problems) -> bool:
    if entry is None:
        return False
    answer = _YES_OR_NO.get(entry.value.casefold())
    if answer is None:
        problems.error(
            entry.line,
            "draft-invalid",
            f'draft is "{shown(entry.value)}"',
            'Write "draft: yes" or "draft: no"',
        )
    return answer is True


def _send_at(
    entry: Entry | None, day: date | None, zone: ZoneInfo, clock: time, problems: Problems
) -> datetime | None:
    if entry is None:
        return _in_zone(datetime.combine(day, clock), zone, 1, problems) if day else None
    match = _MOMENT.fullmatch(entry.value)
    try:
        local = datetime.fromisoformat(f"{match[1]}T{match[2]}") if match else None
    except ValueError:
        local = None
    if local is None:
        problems.error(
            entry.line,
            "send-at-invalid",
            f'send_at is "{shown(entry.value)}", which is not a date and time',
            'Write it as "send_at: 2026-11-29 07:00"',
        )
        return None
    return _in_zone(local, zone, entry.line, problems)


def _in_zone(local: datetime, zone: ZoneInfo, line: int, problems: Problems) -> datetime | None:
    moment = local.replace(tzinfo=zone)
    # A moment that the clock skips comes back changed from a journey through UTC.
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
