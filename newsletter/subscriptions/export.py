"""Exports of the list: a CSV that opens safely in a spreadsheet and can be imported unchanged."""

from __future__ import annotations

import csv
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from newsletter.schedule import format_utc
from newsletter.subscriptions.admin import iterate_subscribers
from newsletter.subscriptions.csv_cells import guard

if TYPE_CHECKING:
    from newsletter.model import Consent, Subscriber
    from newsletter.store import Store
    from newsletter.store.subscriber_history import (
        AddressChangeRecord,
        DeliveryRecord,
        EventRecord,
        IssueNoticeRecord,
        NoticeRecord,
        SignupRecord,
    )
    from newsletter.subscriptions.admin import SubscriberHistory

OWN_COLUMNS = ("email", "first_name", "status", "created_at", "confirmed_at", "source")
"""The columns of an export."""


def export_csv(store: Store, file: TextIO) -> None:
    """Write all subscribers to a text file (UTF-8, line ends not translated), row by row."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(OWN_COLUMNS)
    for subscriber in iterate_subscribers(store):
        writer.writerow(guard(cell or "") for cell in as_row(subscriber).values())


def as_row(subscriber: Subscriber) -> dict[str, str | None]:
    """Return what the list and the export show of a subscriber, by column."""
    values = (
        subscriber.email,
        subscriber.first_name,
        subscriber.status.value,
        format_utc(subscriber.created_at),
        format_utc(subscriber.confirmed_at),
        subscriber.source,
    )
    return dict(zip(OWN_COLUMNS, values, strict=True))


def as_document(history: SubscriberHistory) -> dict[str, Any]:
    """Return a subscriber's history as JSON has it."""
    subscriber = history.subscriber
    return {
        "email": subscriber.email,
        "status": subscriber.status.value,
        "first_name": subscriber.first_name,
        "created_at": format_utc(subscriber.created_at),
        "confirmed_at": format_utc(subscriber.confirmed_at),
        "left_at": format_utc(subscriber.left_at),
        "paused_until": format_utc(subscriber.paused_until),
        "paused_at": format_utc(subscriber.paused_at),
        "monthly_since": format_utc(subscriber.monthly_since),
        "welcomed_at": format_utc(subscriber.welcomed_at),
        "source": subscriber.source,
        **asdict(subscriber.preferences),
        "block_reason": subscriber.block_reason,
        "consents": [_entry(consent) for consent in history.consents],
        "deliveries": [_delivery(received) for received in history.deliveries],
        "events": [_entry(event) for event in history.events],
        "signups": [_entry(asked) for asked in history.signups],
        "notices": [_entry(notice) for notice in history.notices],
        "changes": [_entry(change) for change in history.changes],
        "issue_notices": [_entry(notice) for notice in history.issue_notices],
    }


def _entry(
    found: Consent
    | EventRecord
    | SignupRecord
    | NoticeRecord
    | AddressChangeRecord
    | IssueNoticeRecord,
) -> dict[str, Any]:
    return {
        name: format_utc(value) if isinstance(value, datetime) else value
        for name, value in asdict(found).items()
    }


def _delivery(received: DeliveryRecord) -> dict[str, Any]:
    acceptances = [{**asdict(one), "at": format_utc(one.at)} for one in received.acceptances]
    own = {"accepted_at": format_utc(received.accepted_at), "acceptances": acceptances}
    return {**asdict(received), **own}
