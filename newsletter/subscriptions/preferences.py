"""Preferences: what a subscriber can see and change, by a fresh link that is mailed to them.

The link in a letter can only request that fresh one: a letter may be forwarded, and a person who
has it may unsubscribe its subscriber, but no more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from newsletter import tokens
from newsletter.addresses import address_hash, parse_address, visitor_name
from newsletter.model import NoticeKind, SubscriberStatus
from newsletter.store import (
    address_changes,
    notices,
    rate_counters,
    subscribers,
    suppressions,
)
from newsletter.store.database import now
from newsletter.store.freezing import lock_freezing
from newsletter.subscriptions.admin import collect_history
from newsletter.subscriptions.aliases import mailbox
from newsletter.subscriptions.export import as_document
from newsletter.subscriptions.missed import tell_missed
from newsletter.subscriptions.notices import queue_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.addresses import Address
    from newsletter.model import Subscriber
    from newsletter.store import Connection, Store
    from newsletter.store.address_changes import AddressChange
    from newsletter.store.notices import ProviderAccount

LINKS_PER_DAY: Final = 3
"""How many links to their preferences a subscriber gets within a day, no matter who asks."""
CHANGES_PER_DAY: Final = 3
"""How many notices to other addresses a subscriber may cause within a day, and one may get."""
MAX_PAUSE_WEEKS: Final = 26

_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)
_MAY_CHANGE: Final = frozenset({SubscriberStatus.ACTIVE, SubscriberStatus.BOUNCED})
"""A subscriber whose letters bounce may change their address for just that reason."""
_REACHED: Final = frozenset(
    {SubscriberStatus.PENDING, SubscriberStatus.ACTIVE, SubscriberStatus.UNSUBSCRIBED}
)
_LINK: Final = (NoticeKind.PREFERENCES,)
_NEW_ADDRESS: Final = (NoticeKind.NEW_ADDRESS,)
_UNKNOWN: Final = (0, "")


class AddressChangeState(StrEnum):
    """What a link that confirms another address can still do."""

    OPEN = "open"
    DONE = "done"
    TAKEN = "taken"
    """Another subscriber has that address."""
    NOTHING = "nothing"
    """It is too old, or another change was requested since, or its subscriber has left."""


def subscriber_of_link(keys: Sequence[str], token: str, moment: datetime) -> str | None:
    """Return the public id of the subscriber whose link this is, or None if it is not valid."""
    found = tokens.read_preferences_token(keys, token)
    return found[0] if found and moment.timestamp() < found[1] else None


def change_of_link(keys: Sequence[str], token: str, moment: datetime) -> str | None:
    """Return the public id of the address change that a link confirms, or None."""
    found = tokens.read_address_token(keys, token)
    return found[0] if found and moment.timestamp() < found[1] else None


def subscriber_of_expired_link(store: Store, keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the subscriber whose link this was, however old; None if no key fits.

    It is a link to preferences or one that confirms another address. If that address change is no
    longer kept, the reserved id is returned.
    """
    if found := tokens.read_preferences_token(keys, token):
        return found[0]
    change = tokens.read_address_token(keys, token)
    if change is None:
        return None
    with store.read() as connection:
        return address_changes.subscriber_of(connection, change[0]) or tokens.RESERVED_ID


def load(store: Store, public_id: str) -> Subscriber | None:
    """Return a subscriber's preferences, or None if they are unknown; nothing changes."""
    with store.read() as connection:
        return subscribers.find_by_public_id(connection, public_id)


def request_link(store: Store, public_id: str, account: ProviderAccount) -> None:
    """Queue the link to a subscriber's preferences, to the address on file; committed on return.

    The answer must not reveal whether it was queued: the subscriber may be unknown, at the limit of
    a day, or have an address that takes no mail. So that the time does not reveal it either, the
    work is the same for all, and one row is always written: that the link was requested.
    """
    with store.write() as connection:
        moment = now(connection)
        rate_counters.count(connection, rate_counters.PREFERENCES_LINKS, moment)
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        reached = found is not None and found.status in _REACHED
        to = (found.id, found.email_key) if found else _UNKNOWN
        few = notices.count_caused_by(connection, to[0], _LINK, moment - _DAY) < LINKS_PER_DAY
        queue_to(connection, account, NoticeKind.PREFERENCES, to, wanted=reached and few)


def rename(store: Store, public_id: str, name: str) -> Subscriber | None:
    """Set or remove a first name; return the subscriber as they are then, or None if unknown.

    Raises:
        ValueError: The name is not valid.
    """
    first_name = visitor_name(name)
    with store.write() as connection:
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if found is None or found.first_name == first_name:
            return found
        subscribers.set_name(connection, found, first_name)
    return replace(found, first_name=first_name)


def pause(store: Store, public_id: str, weeks: int, timezone: str) -> Subscriber | None:
    """Pause letters to a subscriber for some weeks; return them as they are then.

    The pause ends at the start of a local day, so that a repeated request changes nothing.

    Raises:
        ValueError: The number of weeks is too large or too small.
    """
    if not 1 <= weeks <= MAX_PAUSE_WEEKS:
        raise ValueError("no number of weeks")
    with store.write() as connection:
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if found is None or found.status is not SubscriberStatus.ACTIVE:
            return found
        local = now(connection).astimezone(ZoneInfo(timezone)) + timedelta(weeks=weeks)
        until = local.replace(hour=0, minute=0, second=0, microsecond=0)
        subscribers.set_pause(connection, found, until)
    return replace(found, paused_until=until)


def resume(store: Store, public_id: str, account: ProviderAccount) -> Subscriber | None:
    """End a pause, and queue what they missed; return the subscriber as they are then, if known."""
    with store.write() as connection:
        lock_freezing(connection)
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if found is None or not found.paused_until:
            return found
        subscribers.set_pause(connection, found, None)
        if found.status is SubscriberStatus.ACTIVE:
            tell_missed(connection, account, replace(found, paused_until=None))
    return replace(found, paused_until=None)


def choose(
    store: Store, public_id: str, account: ProviderAccount, **chosen: bool
) -> Subscriber | None:
    """Choose `Preferences` by their names; return the subscriber as they are then.

    Who gets every letter again learns what they missed.
    """
    with store.write() as connection:
        lock_freezing(connection)
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if found is None or (after := replace(found.preferences, **chosen)) == found.preferences:
            return found
        if found.status is SubscriberStatus.ACTIVE:
            leaves_monthly = found.preferences.monthly and not after.monthly
            tell_missed(connection, account, found, leaves_monthly=leaves_monthly)
        subscribers.set_preferences(connection, found, after)
    return replace(found, preferences=after)


def request_address_change(
    store: Store, public_id: str, email: str, account: ProviderAccount
) -> Subscriber | None:
    """Queue a notice to another address, with a link that confirms it; until then nothing changes.

    The answer is the same whoever has that address: the subscriber, or None if they are unknown.

    Raises:
        ValueError: The address is not valid.
    """
    address = parse_address(email)
    with store.write() as connection:
        found = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if found and found.status is SubscriberStatus.ACTIVE and found.email != address.given:
            _queue_address_change(connection, found, address, account)
    return found


def _queue_address_change(
    connection: Connection,
    found: Subscriber,
    address: Address,
    account: ProviderAccount,
) -> None:
    moment = now(connection)
    since = moment - _DAY
    secret = suppressions.hash_key(connection)
    hashes = (address_hash(secret, address.key), address_hash(secret, mailbox(address.key)))
    (to_address,) = notices.count_queued_to(connection, hashes, _NEW_ADDRESS, moments=[since])
    caused = notices.count_caused_by(connection, found.id, _NEW_ADDRESS, since)
    rejected = notices.bounced_or_complained(connection, hashes, bounced_since=since - _MONTH)
    if max(to_address, caused) < CHANGES_PER_DAY and not rejected:
        change = address_changes.record(connection, found, address.given, address.key, moment)
        to = (found.id, address.key)
        queue_to(connection, account, NoticeKind.NEW_ADDRESS, to, change=change)


def address_change_state(store: Store, change: str) -> AddressChangeState:
    """Return what a link that confirms another address can still do, without changing anything."""
    with store.read() as connection:
        return _change_state(connection, address_changes.find(connection, change))


def confirm_address_change(
    store: Store, change: str, account: ProviderAccount
) -> AddressChangeState:
    """Give a subscriber their new address and notify the old one; committed on return.

    Returns:
        `AddressChangeState.DONE` also when it had been confirmed before; then nothing has changed.
    """
    with store.write() as connection:
        found = address_changes.find(connection, change, for_update=True)
        state = _change_state(connection, found)
        if found is None or state is not AddressChangeState.OPEN:
            return state
        secret = suppressions.hash_key(connection)
        old, new = (address_hash(secret, key) for key in (found.old_key, found.new_email_key))
        address_changes.apply(connection, found, (old, new), now(connection))
        to = (found.subscriber_id, found.old_key)
        queue_to(connection, account, NoticeKind.OLD_ADDRESS, to, change=found.id)
    return AddressChangeState.DONE


def _change_state(connection: Connection, found: AddressChange | None) -> AddressChangeState:
    if found is None:
        return AddressChangeState.NOTHING
    if found.confirmed_at:
        return AddressChangeState.DONE
    if found.status not in _MAY_CHANGE:
        return AddressChangeState.NOTHING
    if address_changes.is_taken(connection, found):
        return AddressChangeState.TAKEN
    return AddressChangeState.OPEN


def own_data(store: Store, public_id: str) -> dict[str, Any] | None:
    """Return all that is kept of a subscriber (GDPR, articles 15 and 20), or None if unknown."""
    with store.read() as connection:
        found = subscribers.find_by_public_id(connection, public_id)
        return as_document(collect_history(connection, found)) if found else None
