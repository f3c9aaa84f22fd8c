"""Retention: what is kept for how long, and removed after that.

`docs/events.md` has the table for readers of it; GDPR 5(1)(c) and (e) are the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.addresses import address_hash
from newsletter.store import (
    checkpoints,
    rate_counters,
    retention,
    suppressions,
)
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.store import Store

UNCONFIRMED: Final = timedelta(days=7)
IP_ADDRESSES: Final = timedelta(days=90)
EVENTS: Final = timedelta(days=396)
"""Thirteen months: one more than a year, so that a year can be compared with the last."""

WAITING_WEBHOOKS: Final = timedelta(days=7)
APPLIED_WEBHOOKS: Final = timedelta(days=30)
NOTICES: Final = timedelta(days=31)
"""A day longer than they limit what is sent to an address."""
_YEAR: Final = timedelta(days=365.25)
_NAME: Final = "tidied"
_DAILY: Final = timedelta(hours=23)  # so that it does not wander through the day


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was removed.

    Attributes:
        unconfirmed: People who asked for the letter and never confirmed it.
        ip_addresses: Of consents that stay.
        events: Whose letters stay counted.
        deliveries: Which no longer say whose they were.
        webhooks: That were never applied, for they were of nobody here.
        left: People who left so long ago that only a hash of their address is kept.
    """

    unconfirmed: int
    ip_addresses: int
    events: int
    deliveries: int
    webhooks: int
    left: int


def tidy(store: Store, settings: Settings) -> Tidied:
    """Remove all that has been kept for long enough, some of it at a time.

    Raises:
        NewsletterError: The database cannot be used; run again, it goes on.
    """
    with store.write() as connection:
        moment = now(connection)
        checkpoints.put(connection, _NAME, moment)
    done = Tidied(
        unconfirmed=_all(store, retention.delete_unconfirmed, moment - UNCONFIRMED),
        ip_addresses=_all(store, retention.clear_client_info, moment - IP_ADDRESSES),
        events=_all(store, retention.delete_events, moment - EVENTS),
        deliveries=_all(store, retention.anonymize_deliveries, moment - EVENTS),
        webhooks=_all(store, retention.delete_unapplied_webhooks, moment - WAITING_WEBHOOKS),
        left=_all(store, _reduce, moment - settings.keep_proof_years * _YEAR),
    )
    _all(store, retention.clear_late_provider_ids, moment)
    _all(store, rate_counters.delete_old, moment)
    _all(store, retention.delete_signups, moment - UNCONFIRMED)
    _all(store, retention.delete_address_changes, moment - UNCONFIRMED)
    _all(store, retention.delete_notices, moment - NOTICES)
    _all(store, retention.delete_complaints, moment - EVENTS)
    _all(store, retention.delete_applied_webhooks, moment - APPLIED_WEBHOOKS)
    store.truncate_log()
    return done


def tidy_daily(store: Store, settings: Settings) -> Tidied | None:
    """Tidy, unless it was done today, by whatever process; return what was removed."""
    with store.write() as connection:
        if not checkpoints.take_turn(connection, _NAME, _DAILY):
            return None
    return tidy(store, settings)


def _all(store: Store, remove: Callable[[Connection, datetime], int], before: datetime) -> int:
    """Remove, in transactions of their own, until nothing is left to remove."""
    total = 0
    while True:
        with store.write() as connection:
            count = remove(connection, before)
        total += count
        if not count:
            return total


def _reduce(connection: Connection, before: datetime) -> int:
    """Keep no more of some who left long ago than that they may not be mailed."""
    secret = suppressions.hash_key(connection)
    gone = retention.find_long_gone(connection, before)
    suppressions.reduce_to_hashes(
        connection, [(id_, address_hash(secret, key), why, at) for id_, key, why, at in gone]
    )
    return len(gone)
