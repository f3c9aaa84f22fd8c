"""What was done in the archive with an issue since it was sent, as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from newsletter.model import MailingState
from newsletter.schedule import format_utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from newsletter.model import ArchiveChanges, MailedCorrection


def as_json(changes: ArchiveChanges) -> dict[str, Any]:
    """Return the keys that say it in the documents of `status`."""
    return {
        "corrections": [
            {"number": one.number, "published_at": format_utc(one.at), "mailing": one.mailing}
            for one in changes.corrections
        ],
        "withdrawn": changes.withdrawn,
    }


def as_text(changes: ArchiveChanges, zone: ZoneInfo) -> Iterator[str]:
    """Yield a line for each kind of change; the days in it are those of a time zone."""
    if changes.corrections:
        last, count = changes.corrections[-1], len(changes.corrections)
        what = "1 correction" if count == 1 else f"{count:,} corrections"
        mailed = [_mailed(one, count) for one in changes.corrections if one.mailing]
        how = ", ".join(mailed) or "not mailed"
        yield f"corrected {last.at.astimezone(zone):%Y-%m-%d} ({what}, {how})"
    if changes.withdrawn:
        yield "withdrawn from the archive"


def _mailed(one: MailedCorrection, count: int) -> str:
    which = f"number {one.number} " if count > 1 else ""
    if one.state in {MailingState.COMPLETED, MailingState.COMPLETED_WITH_UNKNOWN}:
        return f"{which}mailed to {one.audience:,}"
    return f"{which}mailing {one.state}: newsletter status {one.mailing}"
