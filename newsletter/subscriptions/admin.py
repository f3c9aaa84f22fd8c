"""What the author does with one person: add, unsubscribe, look up; and the counts of the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter.addresses import Address, address_hash, clean_name, parse_address
from newsletter.errors import NewsletterError
from newsletter.model import ListChange, SubscriberStatus
from newsletter.states import LEFT
from newsletter.store import (
    address_changes,
    consents,
    signups,
    subscriber_history,
    subscribers,
    suppressions,
)
from newsletter.store.database import now
from newsletter.store.subscribers import NewSubscriber
from newsletter.subscriptions.aliases import find_look_alikes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from newsletter.model import Consent, Subscriber
    from newsletter.store import Connection, Store
    from newsletter.store.subscriber_history import (
        AddressChangeRecord,
        DeliveryRecord,
        EventRecord,
        IssueNoticeRecord,
        NoticeRecord,
        SignupRecord,
    )
    from newsletter.store.suppressions import Suppression
    from newsletter.subscriptions.aliases import LookAlike

SOURCE = "cli"


@dataclass(frozen=True, slots=True)
class SubscriberHistory:
    """All that is kept of one person."""

    subscriber: Subscriber
    consents: tuple[Consent, ...]
    deliveries: tuple[DeliveryRecord, ...]
    events: tuple[EventRecord, ...]
    signups: tuple[SignupRecord, ...]
    notices: tuple[NoticeRecord, ...]
    changes: tuple[AddressChangeRecord, ...]
    issue_notices: tuple[IssueNoticeRecord, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """How many subscribers there are.

    Attributes:
        counts: By status; together they are all subscribers.
        paused: Those of the active ones who get no letters for now.
        monthly: Those of the active ones who get digests only.
        suppressed: Addresses of which only a hash is kept; these are not on the list.
        sources: Of each `?van=` of the sign-up form, or None without one: how many confirmed, and
            how many have not done so yet.
    """

    counts: Mapping[SubscriberStatus, int]
    paused: int
    monthly: int
    suppressed: int
    sources: Mapping[str | None, tuple[int, int]]


def add(store: Store, email: str, *, consent: str, first_name: str = "") -> ListChange:
    """Make a person active who asked for it.

    Raises:
        NewsletterError: The address or name is not valid, or this person left.
    """
    address = parse_bare_address(email)
    try:
        name = clean_name(first_name)
    except ValueError as error:
        raise NewsletterError(f"that is {error}", hint="Give a first name only") from None
    with store.write() as connection:
        moment = now(connection)
        known = subscribers.find(connection, [address.key], for_update=True).get(address.key)
        _refuse_who_left(connection, address, known)
        subscribers.touch(connection, [known.id] if known else [])
        if known is None:
            active = SubscriberStatus.ACTIVE.value
            new = NewSubscriber(*address, name, active, SOURCE, moment, moment, None)
            subscribers.add(connection, [new])
        elif known.status is SubscriberStatus.PENDING:
            subscribers.mark_active(connection, {known.id: moment})
        renamed = False
        if known and name and name != known.first_name:
            subscribers.rename(connection, {known.id: name})
            renamed = True
        if known is None or known.status is SubscriberStatus.PENDING:
            consents.record(connection, consent, SOURCE, [(address.key, moment, None)])
            return ListChange.UPDATED if known else ListChange.ADDED
    return ListChange.UPDATED if renamed else ListChange.UNCHANGED


def _refuse_who_left(connection: Connection, address: Address, known: Subscriber | None) -> None:
    if known and known.status in LEFT:
        reason: str = known.status
    elif known and known.status is SubscriberStatus.ACTIVE:
        return
    else:
        suppression = find_suppression(connection, address)
        reason = suppression.reason if suppression else ""
    if reason:
        raise NewsletterError(
            f"nothing was changed: this address is {reason}",
            hint="Only that person can come back, by signing up again",
        )


def unsubscribe(store: Store, email: str) -> bool:
    """Unsubscribe a person; return whether that changed anything.

    Raises:
        NewsletterError: The address is not valid, unknown, or no longer that of a subscriber.
    """
    address = parse_bare_address(email)
    with store.write() as connection:
        known = subscribers.find(connection, [address.key], for_update=True).get(address.key)
        if known is None:
            check_erased(connection, address)
            return False
        if known.status in LEFT:
            subscribers.touch(connection, [known.id])
            return False
        subscribers.mark_left(
            connection, {known.id: (SubscriberStatus.UNSUBSCRIBED, now(connection))}
        )
    return True


def is_on_the_list(store: Store, email: str) -> bool:
    """Return whether an address is that of a subscriber who has not left.

    Raises:
        NewsletterError: The address is not valid.
    """
    address = parse_bare_address(email)
    with store.read() as connection:
        known = subscribers.find(connection, [address.key]).get(address.key)
    return known is not None and known.status not in LEFT


def load_history(store: Store, email: str) -> SubscriberHistory | Suppression:
    """Return all that is kept of a person, or why and since when only a hash is kept.

    Raises:
        NewsletterError: The address is not valid or unknown.
    """
    address = parse_bare_address(email)
    with store.read() as connection:
        found = subscribers.find(connection, [address.key]).get(address.key)
        if found:
            return collect_history(connection, found)
        suppression = find_suppression(connection, address)
        alike = find_look_alikes(connection, address.key, None)
    if suppression is None:
        raise unknown_subscriber(alike=len(alike))
    return suppression


def collect_history(connection: Connection, subscriber: Subscriber) -> SubscriberHistory:
    """Return all that is kept of a subscriber."""
    id_ = subscriber.id
    return SubscriberHistory(
        subscriber,
        tuple(consents.consents_of(connection, id_)),
        tuple(subscriber_history.deliveries_of(connection, id_)),
        tuple(subscriber_history.events_of(connection, id_)),
        tuple(subscriber_history.signups_of(connection, id_)),
        tuple(subscriber_history.notices_of(connection, id_)),
        tuple(subscriber_history.address_changes_of(connection, id_)),
        tuple(subscriber_history.issue_notices_of(connection, id_)),
    )


def find_same_mailbox(store: Store, email: str) -> tuple[LookAlike, ...]:
    """Return other subscribers who may have the mailbox of an address; only the author sees them.

    Raises:
        NewsletterError: The address is not valid.
    """
    key = parse_bare_address(email).key
    with store.read() as connection:
        found = subscribers.find(connection, [key]).get(key)
        return tuple(find_look_alikes(connection, key, found.id if found else None))


def iterate_subscribers(
    store: Store, status: SubscriberStatus | None = None
) -> Iterator[Subscriber]:
    """Yield all subscribers, or those of one status, in the order in which they were added."""
    with store.read() as connection:
        yield from subscribers.iterate(connection, status)


def count_subscribers(store: Store) -> Stats:
    """Count subscribers by status, paused ones and suppressed addresses."""
    with store.read() as connection:
        return Stats(
            subscribers.count_by_status(connection),
            subscribers.count_paused(connection, now(connection)),
            subscribers.count_monthly(connection),
            suppressions.count(connection),
            signups.count_by_source(connection),
        )


def parse_bare_address(email: str) -> Address:
    """Parse an address that has no name or brackets.

    Raises:
        NewsletterError: It is not valid.
    """
    try:
        return parse_address(email)
    except ValueError as error:
        raise NewsletterError(
            f"that is {error}", hint="Give the address alone, without a name or brackets"
        ) from None


def find_suppression(connection: Connection, address: Address) -> Suppression | None:
    """Return why and since when only a hash is kept of an address, or None."""
    digest = address_hash(suppressions.hash_key(connection), address.key)
    return suppressions.find(connection, [digest]).get(digest)


def check_erased(connection: Connection, address: Address) -> None:
    """Check that an address that is not on the list is one of which a hash is kept.

    Raises:
        NewsletterError: It is unknown, or its subscriber changed it and may still get the letter.
    """
    found = find_suppression(connection, address)
    if found is None:
        raise unknown_subscriber()
    if found.reason == address_changes.MOVED:
        raise NewsletterError(
            "nothing was changed: the subscriber with that address has changed it to another",
            hint="Find the subscriber under the new address: newsletter subscribers list",
        )


def unknown_subscriber(*, alike: int = 0) -> NewsletterError:
    """Return the error for an unknown address; `alike` is how many similar ones are on the list."""
    problem = "nobody on the list has that address"
    if alike:
        problem += f", but {alike} {'has' if alike == 1 else 'have'} another spelling of it"
    return NewsletterError(problem, hint="See who is: newsletter subscribers list")
