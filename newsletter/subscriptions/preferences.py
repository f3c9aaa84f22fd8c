"""What a reader sees and changes of himself, by a fresh link that was mailed to him.

The link in a letter can only ask for that fresh one: a letter may be forwarded, and whoever has it
may let its reader leave, and no more.
"""

from __future__ import annotations

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
from newsletter.subscriptions.admin import story_of
from newsletter.subscriptions.aliases import mailbox
from newsletter.subscriptions.export import as_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from newsletter.addresses import Address
    from newsletter.store import Store
    from newsletter.store.address_changes import AddressChange
    from newsletter.store.notices import ProviderAccount
    from newsletter.store.subscribers import SubscriberPreferences

LINKS_PER_DAY: Final = 3
"""How many links to his preferences a reader is mailed within a day, whoever asks."""
CHANGES_PER_DAY: Final = 3
"""How many letters to other addresses he may cause within a day, and how many one may get."""
MAX_PAUSE_WEEKS: Final = 26
"""For how long a reader may pause at once."""

_LETTER_WITHIN: Final = timedelta(hours=48)
_DAY: Final = timedelta(days=1)
_A_MONTH: Final = timedelta(days=30)
_MAY_MOVE: Final = frozenset({SubscriberStatus.ACTIVE, SubscriberStatus.BOUNCED})
"""Whose letters came back meanwhile may have another address for just that reason."""
_REACHED: Final = frozenset(
    {SubscriberStatus.PENDING, SubscriberStatus.ACTIVE, SubscriberStatus.UNSUBSCRIBED}
)


class AddressChangeState(StrEnum):
    """What a link that confirms another address is good for."""

    OPEN = "open"
    DONE = "done"
    TAKEN = "taken"
    """Somebody on the list has that address."""
    NOTHING = "nothing"
    """It is too late, or another wish came since, or its reader has left."""


def subscriber_of_link(keys: Sequence[str], token: str, moment: datetime) -> str | None:
    """Return the public id of the reader whose preferences a link opens, or None.

    Args:
        keys: All keys of the list, newest first.
        token: Whatever stood in the URL.
        moment: Now: a link has its time.
    """
    found = tokens.read_preferences_token(keys, token)
    return found[0] if found and moment.timestamp() < found[1] else None


def change_of_link(keys: Sequence[str], token: str, moment: datetime) -> str | None:
    """Return the public id of the change of address that a link confirms, or None."""
    found = tokens.read_address_token(keys, token)
    return found[0] if found and moment.timestamp() < found[1] else None


def subscriber_of_expired_link(store: Store, keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the reader whose link this was, at any time; None if it was none.

    It led to his preferences, or was to confirm another address of his; when that wish is no
    longer kept, it is nobody's.
    """
    if found := tokens.read_preferences_token(keys, token):
        return found[0]
    change = tokens.read_address_token(keys, token)
    if change is None:
        return None
    with store.read() as connection:
        return address_changes.subscriber_of(connection, change[0]) or tokens.RESERVED_ID


def load(store: Store, public_id: str) -> SubscriberPreferences | None:
    """Return a reader as he is, or None if he is not on the list; nothing changes."""
    with store.read() as connection:
        return subscribers.find_by_public_id(connection, public_id)


def request_link(store: Store, public_id: str, via: ProviderAccount) -> None:
    """Queue the link to somebody's preferences, to the address on file; committed on return.

    Nobody learns whether that happened: he may be a stranger, or have had enough for a day, or
    have an address that takes no mail. So that time does not tell either, the same is done for
    all, and something is written: that somebody asked.
    """
    with store.write() as connection:
        moment = now(connection)
        rate_counters.count(connection, rate_counters.PREFERENCES_LINKS, moment)
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        reached = reader is not None and reader.status in _REACHED
        to = (reader.id, reader.email_key) if reader else _NOBODY
        few = notices.count_caused_by(connection, to[0], _LINK, moment - _DAY) < LINKS_PER_DAY
        _queue(connection, via, NoticeKind.PREFERENCES, to, None, wanted=reached and few)


_LINK: Final = (NoticeKind.PREFERENCES,)
_NEW: Final = (NoticeKind.NEW_ADDRESS,)
_NOBODY: Final = (0, "")


def rename(store: Store, public_id: str, name: str) -> bool:
    """Give a reader another first name, or none; False if he is not on the list.

    Raises:
        ValueError: It is no name.
    """
    clean = visitor_name(name)
    with store.write() as connection:
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if reader and reader.first_name != clean:
            subscribers.set_name(connection, reader, clean)
    return reader is not None


def pause(store: Store, public_id: str, weeks: int, timezone: str) -> bool:
    """Let no letter be claimed for a reader for some weeks; False if he is not on the list.

    It ends at the beginning of a local day, so that asking twice is the same as once.

    Raises:
        ValueError: There are too many weeks, or none.
    """
    if not 1 <= weeks <= MAX_PAUSE_WEEKS:
        raise ValueError("no number of weeks")
    with store.write() as connection:
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if reader and reader.status is SubscriberStatus.ACTIVE:
            local = now(connection).astimezone(ZoneInfo(timezone)) + timedelta(weeks=weeks)
            until = local.replace(hour=0, minute=0, second=0, microsecond=0)
            subscribers.set_pause(connection, reader, until)
    return reader is not None


def resume(store: Store, public_id: str) -> bool:
    """Let letters come again; False if he is not on the list."""
    with store.write() as connection:
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if reader and reader.paused_until:
            subscribers.set_pause(connection, reader, None)
    return reader is not None


def set_plain_text(store: Store, public_id: str, *, plain_text: bool) -> bool:
    """Let letters come with HTML or without; False if he is not on the list."""
    with store.write() as connection:
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if reader and reader.plain_text is not plain_text:
            subscribers.set_plain_text(connection, reader, plain_text=plain_text)
    return reader is not None


def request_address_change(store: Store, public_id: str, email: str, via: ProviderAccount) -> bool:
    """Queue a letter to another address, which confirms it from there; nothing changes before.

    The answer is the same whoever has that address.

    Returns:
        False if the reader is not on the list.

    Raises:
        ValueError: It is no address.
    """
    address = parse_address(email)
    with store.write() as connection:
        reader = subscribers.find_by_public_id(connection, public_id, for_update=True)
        if reader and reader.status is SubscriberStatus.ACTIVE and reader.email != address.given:
            _queue_address_change(connection, reader, address, via)
    return reader is not None


def _queue_address_change(
    connection: Connection, reader: SubscriberPreferences, address: Address, via: ProviderAccount
) -> None:
    since = now(connection) - _DAY
    secret = suppressions.hash_key(connection)
    whose = (address_hash(secret, address.key), address_hash(secret, mailbox(address.key)))
    (to_it,) = notices.count_queued_to(connection, whose, _NEW, moments=[since])
    his = notices.count_caused_by(connection, reader.id, _NEW, since)
    spurned = notices.bounced_or_complained(connection, whose, bounced_since=since - _A_MONTH)
    if max(to_it, his) < CHANGES_PER_DAY and not spurned:
        moment = now(connection)
        change = address_changes.record(connection, reader, address.given, address.key, moment)
        _queue(connection, via, NoticeKind.NEW_ADDRESS, (reader.id, address.key), change)


def address_change_state(store: Store, change: str) -> AddressChangeState:
    """Tell what a link that confirms another address is good for; nothing changes."""
    with store.read() as connection:
        return _change_state(connection, address_changes.find(connection, change))


def confirm_address_change(store: Store, change: str, via: ProviderAccount) -> AddressChangeState:
    """Give a reader his new address and tell the old one; committed on return.

    Returns:
        `AddressChangeState.DONE` also when it had been done before; nothing has changed then.
    """
    with store.write() as connection:
        found = address_changes.find(connection, change, for_update=True)
        stands = _change_state(connection, found)
        if found is None or stands is not AddressChangeState.OPEN:
            return stands
        secret = suppressions.hash_key(connection)
        old, new = (address_hash(secret, key) for key in (found.old_key, found.new_email_key))
        address_changes.apply(connection, found, (old, new), now(connection))
        to = (found.subscriber_id, found.old_key)
        _queue(connection, via, NoticeKind.OLD_ADDRESS, to, found.id)
    return AddressChangeState.DONE


def _change_state(connection: Connection, found: AddressChange | None) -> AddressChangeState:
    if found is None:
        return AddressChangeState.NOTHING
    if found.confirmed_at:
        return AddressChangeState.DONE
    if found.status not in _MAY_MOVE:
        return AddressChangeState.NOTHING
    return (
        AddressChangeState.TAKEN
        if address_changes.is_taken(connection, found)
        else AddressChangeState.OPEN
    )


def own_data(store: Store, public_id: str) -> dict[str, Any] | None:
    """Return all that is held of a reader (GDPR, articles 15 and 20), or None for a stranger."""
    with store.read() as connection:
        reader = subscribers.find_by_public_id(connection, public_id)
        story = story_of(connection, reader.email_key) if reader else None
    return as_document(story) if story else None


def _queue(
    connection: Connection,
    via: ProviderAccount,
    kind: NoticeKind,
    to: tuple[int, str],
    change: int | None,
    *,
    wanted: bool = True,
) -> None:
    """Queue a notice to a reader, by the number of his row, at an address, as it is compared."""
    subscriber_id, key = to
    secret = suppressions.hash_key(connection)
    notices.queue(
        connection,
        via,
        kind,
        subscriber_id=subscriber_id,
        address_hash=address_hash(secret, key),
        mailbox_hash=address_hash(secret, mailbox(key)),
        moment=now(connection),
        keep=_LETTER_WITHIN,
        change_id=change,
        wanted=wanted,
    )
