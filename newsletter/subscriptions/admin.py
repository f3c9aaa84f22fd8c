"""What the author does with one person: add, unsubscribe, look up; and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.addresses import Address, address_hash, clean_name, parse_address
from newsletter.errors import NewsletterError
from newsletter.model import SubscriberStatus
from newsletter.states import LEFT
from newsletter.store import (
    address_changes,
    consents,
    subscriber_history,
    subscribers,
    suppressions,
)
from newsletter.store.database import now
from newsletter.subscriptions.aliases import look_alikes
from newsletter.subscriptions.merge import Entry, Result, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sqlalchemy as sa

    from newsletter.model import Consent, Subscriber
    from newsletter.store import Store
    from newsletter.store.subscriber_history import (
        AddressChangeRecord,
        DeliveryRecord,
        EventRecord,
        NoticeRecord,
        SignupRecord,
    )
    from newsletter.store.suppressions import Suppression
    from newsletter.subscriptions.aliases import LookAlike

SOURCE = "cli"


@dataclass(frozen=True, slots=True)
class Story:
    """All that is kept of one person."""

    subscriber: Subscriber
    consents: tuple[Consent, ...]
    deliveries: tuple[DeliveryRecord, ...]
    events: tuple[EventRecord, ...]
    signups: tuple[SignupRecord, ...]
    notices: tuple[NoticeRecord, ...]
    changes: tuple[AddressChangeRecord, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """How many people there are.

    Attributes:
        counts: By status; together they are everybody on the list.
        paused: Of the active ones, who get no letters for now.
        suppressed: Addresses of which only a hash is kept; they are not on the list.
    """

    counts: Mapping[SubscriberStatus, int]
    paused: int
    suppressed: int


def add(store: Store, email: str, *, consent: str, first_name: str = "") -> Result:
    """Make somebody active, who asked for it himself.

    Raises:
        NewsletterError: The address or name is not valid, or this person left.
    """
    address = bare_address(email)
    try:
        name = clean_name(first_name)
    except ValueError as error:
        raise NewsletterError(f"that is {error}", hint="Give a first name only") from None
    with store.write() as connection:
        moment = now(connection)
        known = subscribers.find(connection, [address.key], for_update=True).get(address.key)
        doubtful = known is None or known.status is SubscriberStatus.PENDING
        away = suppression_of(connection, address) if doubtful else None
        entry = Entry(known, kept_away=away.reason if away else "")
        row = Row(
            address, name, SubscriberStatus.ACTIVE, moment, None, None, moment, moment, SOURCE
        )
        result, reason = entry.take(row)
        if result is Result.SKIPPED:
            raise NewsletterError(
                f"nothing was changed: this address is {reason.removesuffix(' here')}",
                hint="Only that person can come back, by signing up again",
            )
        subscribers.touch(connection, [known.id] if known else [])
        newcomer = entry.newcomer()
        subscribers.add(connection, [newcomer] if newcomer else [])
        if known and entry.agreed:
            subscribers.mark_active(connection, {known.id: moment})
        if known and name and name != known.first_name:
            subscribers.rename(connection, {known.id: name})
        if entry.agreed:
            consents.record(connection, consent, SOURCE, [(address.key, *entry.agreed)])
    return result


def unsubscribe(store: Store, email: str) -> bool:
    """Let somebody leave; return whether he was still there.

    Raises:
        NewsletterError: The address is not valid, that of a stranger, or nobody's any more.
    """
    address = bare_address(email)
    with store.write() as connection:
        known = subscribers.find(connection, [address.key], for_update=True).get(address.key)
        if known is None:
            require_gone(connection, address)
            return False
        if known.status in LEFT:
            subscribers.touch(connection, [known.id])
            return False
        subscribers.mark_left(
            connection, {known.id: (SubscriberStatus.UNSUBSCRIBED, now(connection))}
        )
    return True


def is_on_the_list(store: Store, email: str) -> bool:
    """Return whether an address stands for a subscriber who has not left.

    Raises:
        NewsletterError: The address is not valid.
    """
    address = bare_address(email)
    with store.read() as connection:
        known = subscribers.find(connection, [address.key]).get(address.key)
    return known is not None and known.status not in LEFT


def story(store: Store, email: str) -> Story | Suppression:
    """Return all that is kept of somebody, or why and since when nothing is.

    Raises:
        NewsletterError: The address is not valid, or that of a stranger.
    """
    address = bare_address(email)
    with store.read() as connection:
        if found := story_of(connection, address.key):
            return found
        suppression = suppression_of(connection, address)
        alike = look_alikes(connection, address.key, None)
    if suppression is None:
        raise stranger(alike=len(alike))
    return suppression


def story_of(connection: sa.Connection, key: str) -> Story | None:
    """Return all that is kept of whoever has an address, as it is compared; None for a stranger."""
    found = subscribers.find_one(connection, key)
    if found is None:
        return None
    id_, subscriber = found
    return Story(
        subscriber,
        tuple(consents.consents_of(connection, id_)),
        tuple(subscriber_history.deliveries_of(connection, id_)),
        tuple(subscriber_history.events_of(connection, id_)),
        tuple(subscriber_history.signups_of(connection, id_)),
        tuple(subscriber_history.notices_of(connection, id_)),
        tuple(subscriber_history.address_changes_of(connection, id_)),
    )


def same_mailbox(store: Store, email: str) -> tuple[LookAlike, ...]:
    """Return who else on the list may have somebody's mailbox: for the author, not for a reader.

    Raises:
        NewsletterError: The address is not valid.
    """
    key = bare_address(email).key
    with store.read() as connection:
        found = subscribers.find_one(connection, key)
        return tuple(look_alikes(connection, key, found[0] if found else None))


def everybody(store: Store, status: SubscriberStatus | None = None) -> Iterator[Subscriber]:
    """Yield the list, or those of one status, as it is now, in the order in which they came."""
    with store.read() as connection:
        yield from subscribers.iterate(connection, status)


def stats(store: Store) -> Stats:
    """Count."""
    with store.read() as connection:
        return Stats(
            subscribers.count_by_status(connection),
            subscribers.count_paused(connection, now(connection)),
            suppressions.count(connection),
        )


def bare_address(email: str) -> Address:
    """Return an address that was given alone.

    Raises:
        NewsletterError: It is not valid.
    """
    try:
        return parse_address(email)
    except ValueError as error:
        raise NewsletterError(
            f"that is {error}", hint="Give the address alone, without a name or brackets"
        ) from None


def suppression_of(connection: sa.Connection, address: Address) -> Suppression | None:
    """Return why and since when only a hash is kept of an address, or None."""
    digest = address_hash(suppressions.hash_key(connection), address.key)
    return suppressions.find(connection, [digest]).get(digest)


def require_gone(connection: sa.Connection, address: Address) -> None:
    """Make sure that nobody had this address but one of whom no more than its hash is kept.

    Raises:
        NewsletterError: Nobody had it, or its reader may have the letter under another one.
    """
    found = suppression_of(connection, address)
    if found is None:
        raise stranger()
    if found.reason == address_changes.MOVED:
        raise NewsletterError(
            "nothing was changed: whoever had that address left it for another",
            hint="If he is still a reader, he is so under that one: newsletter subscribers list",
        )


def stranger(*, alike: int = 0) -> NewsletterError:
    """Return the error that says that an address is nobody's; `alike` reads like it."""
    problem = "nobody on the list has that address"
    if alike:
        problem += f", but {alike} {'has' if alike == 1 else 'have'} another spelling of it"
    return NewsletterError(problem, hint="See who is: newsletter subscribers list")
