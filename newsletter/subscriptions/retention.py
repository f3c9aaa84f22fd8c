"""Retention: how long data are kept, and their removal after that.

`docs/events.md` has the table; GDPR 5(1)(c) and (e) are the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.addresses import address_hash
from newsletter.store import (
    checkpoints,
    media,
    rate_counters,
    retention,
    suppressions,
)
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.store import Connection, Store

UNCONFIRMED: Final = timedelta(days=7)
IP_ADDRESSES: Final = timedelta(days=90)
EVENTS: Final = timedelta(days=396)
"""Thirteen months, so that a month can be compared with the same one of the year before."""

WAITING_WEBHOOKS: Final = timedelta(days=7)
APPLIED_WEBHOOKS: Final = timedelta(days=30)
NOTICES: Final = timedelta(days=31)
"""A day longer than the span in which notices to one address are counted."""
PICTURES: Final = timedelta(days=90)
"""Of proofs and rehearsals that no letter to people shows."""
_YEAR: Final = timedelta(days=365.25)
_NAME: Final = "tidied"
_DAILY: Final = timedelta(hours=23)  # less than a day, so that the hour does not shift


@dataclass(frozen=True, slots=True)
class TidyResult:
    """How much was removed.

    Attributes:
        unconfirmed: Subscribers who signed up and did not confirm.
        ip_addresses: IP addresses of consents; the consents stay.
        events: Events; their letters stay in the counts.
        deliveries: Deliveries that no longer say whose they were.
        webhooks: Webhooks that were never applied, because they concern nobody on this list.
        left: Subscribers who left so long ago that only a hash of their address is kept.
    """

    unconfirmed: int
    ip_addresses: int
    events: int
    deliveries: int
    webhooks: int
    left: int


def tidy(store: Store, settings: Settings) -> TidyResult:
    """Remove everything that has been kept for long enough, in small transactions.

    Raises:
        NewsletterError: The database cannot be used; another run continues.
    """
    with store.write() as connection:
        moment = now(connection)
        checkpoints.put(connection, _NAME, moment)
    done = TidyResult(
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
    _all(store, media.delete_unused, moment - PICTURES)
    store.truncate_log()
    return done


def tidy_daily(store: Store, settings: Settings) -> TidyResult | None:
    """Tidy, unless any process did so within the last day; return what was removed."""
    with store.write() as connection:
        if not checkpoints.take_turn(connection, _NAME, _DAILY):
            return None
    return tidy(store, settings)


def _all(store: Store, remove: Callable[[Connection, datetime], int], before: datetime) -> int:
    """Call `remove`, each time in its own transaction, until nothing is left; return the total."""
    total = 0
    while True:
        with store.write() as connection:
            count = remove(connection, before)
        total += count
        if not count:
            return total


def _reduce(connection: Connection, before: datetime) -> int:
    """Keep only hashes of some subscribers who left long ago, so that they are never mailed."""
    secret = suppressions.hash_key(connection)
    gone = retention.find_long_gone(connection, before)
    suppressions.reduce_to_hashes(
        connection, [(id_, address_hash(secret, key), why, at) for id_, key, why, at in gone]
    )
    return len(gone)
