"""Published issues for tests of the archive."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from newsletter.model import Correction, Edition, PublishedIssue, Text
from newsletter.store import editions
from tests.support.issues import rich

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.model import Block
    from newsletter.store import Store

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


def record(store: Store, issues: Iterable[PublishedIssue]) -> None:
    """Put issues into a ledger as if another program had sent them; of each only the last text."""
    with store.write() as connection:
        for issue in issues:
            edition = dataclasses.replace(issue.edition, number=0, imported_from="substack")
            editions.record(connection, edition)


def correct(store: Store, issue: PublishedIssue, **changes: object) -> None:
    """Publish a correction of an issue that was recorded."""
    later = issue.edition.at + timedelta(days=1)
    values = {"number": 1, "at": later, "change": "+ Een naam klopte niet", **changes}
    with store.write() as connection:
        editions.record(connection, dataclasses.replace(issue.edition, **values))  # type: ignore[arg-type]
