"""Taking the list out: a CSV that opens safely in a spreadsheet and imports back unchanged."""

from __future__ import annotations

import csv
from datetime import UTC
from typing import TYPE_CHECKING, TextIO

from newsletter.subscriptions.cells import guard
from newsletter.subscriptions.formats import OWN_COLUMNS
from newsletter.subscriptions.people import everybody

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.model import Subscriber
    from newsletter.store import Store


def export_csv(store: Store, file: TextIO) -> None:
    """Write everybody to a text file (UTF-8, its line ends untranslated), row by row."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(OWN_COLUMNS)
    for subscriber in everybody(store):
        writer.writerow(guard(cell or "") for cell in as_row(subscriber).values())


def as_row(subscriber: Subscriber) -> dict[str, str | None]:
    """Return what list and export tell of somebody, by column."""
    values = (
        subscriber.email,
        subscriber.first_name,
        subscriber.status.value,
        utc(subscriber.created_at),
        utc(subscriber.confirmed_at),
        subscriber.source,
    )
    return dict(zip(OWN_COLUMNS, values, strict=True))


def utc(moment: datetime | None) -> str | None:
    """Return a moment as exports and JSON have it: ISO 8601 in UTC, to the second, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
