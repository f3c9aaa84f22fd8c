"""Published issues for tests of the archive."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from newsletter.model import Correction, Edition, PublishedIssue, Text
from tests.support.issues import rich

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Block

SUNDAY = date(2026, 11, 29)


def published(
    slug: str = "2026-11-29-rust",
    *,
    subject: str = "De weg naar rust",
    preheader: str = "Even niets",
    themes: Sequence[str] = (),
    blocks: Sequence[Block] | None = None,
    corrections: Sequence[str] = (),
) -> PublishedIssue:
    """Return an issue that went out at seven on the day in its slug, and was corrected since."""
    day = date.fromisoformat(slug[:10])
    sent = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    corrected = tuple(
        Correction(number, sent + timedelta(days=number), change)
        for number, change in enumerate(corrections, start=1)
    )
    edition = Edition(
        slug=slug,
        number=len(corrected),
        at=corrected[-1].at if corrected else sent,
        day=day,
        subject=subject,
        preheader=preheader,
        article="",
        themes=tuple(themes),
        blocks=tuple(blocks) if blocks is not None else (Text(1, rich("Een rustige zin.")),),
        content_hash=slug,
        change=corrections[-1] if corrections else "",
    )
    return PublishedIssue(edition, sent, corrected)


def weekly(count: int, **same: object) -> list[PublishedIssue]:
    """Return so many issues, one for each week, newest first."""
    days = (SUNDAY - timedelta(weeks=number) for number in range(count))
    return [
        published(f"{day}-brief", **{"subject": f"Brief van {day}"} | same)  # type: ignore[arg-type]
        for day in days
    ]
