"""When a letter goes out: days and hours that were probably not meant."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from newsletter.checks.registry import Hit, rule
from newsletter.content.send_at import FAR_FROM_NAME
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

_MORNING: Final = 5


@rule("send-at-another-day", Severity.HINT)
def send_at_another_day(draft: Draft) -> Iterator[Hit]:
    """`send_at` is on another day than the date of the file's name."""
    entry = draft.entries.get("send_at")
    try:
        day = date.fromisoformat(draft.slug[:10])
    except ValueError:
        return
    at = draft.send_at
    if entry and at and at.date() != day and abs(at.date() - day) <= FAR_FROM_NAME:
        yield Hit(
            entry.line,
            f"send_at is {at:%Y-%m-%d}, and the file is named after {day:%Y-%m-%d}",
            "Rename the file, or write the other day",
        )


@rule("night-slot", Severity.HINT)
def night_slot(draft: Draft) -> Iterator[Hit]:
    """The letter goes out between midnight and five o'clock."""
    entry = draft.entries.get("send_at")
    if entry and draft.send_at and draft.send_at.hour < _MORNING:
        yield Hit(
            entry.line,
            f"the letter goes out at {draft.send_at:%H:%M}, in the night",
            "Write another time, such as 07:00, unless you mean it",
        )


@rule("draft-in-the-past", Severity.HINT)
def draft_in_the_past(draft: Draft) -> Iterator[Hit]:
    """The day of a draft is past, so that it would not be sent by schedule."""
    today = draft.source.today if draft.source else None
    if today and draft.is_draft and draft.send_at and draft.send_at.date() < today:
        entry = draft.entries.get("send_at")
        yield Hit(
            entry.line if entry else 1,
            f"this draft is for {draft.send_at:%Y-%m-%d}, which is past",
            "Give it a day to come: rename the file, and change send_at if it has one",
        )
