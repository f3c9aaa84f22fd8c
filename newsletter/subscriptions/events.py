"""Events, from a webhook or a provider's list to what they change.

A webhook is stored before it is answered, and applied afterwards: whatever happens between the two,
what is stored waits, here or in another process, until it is applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from newsletter.model import MailingState
from newsletter.providers import webhooks as telling
from newsletter.store import checkpoints, mailings, recovery, suppressions, webhooks
from newsletter.store.database import Lock, lock
from newsletter.store.webhooks import Arrival
from newsletter.subscriptions import mentions
from newsletter.subscriptions.event_effects import apply, take_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Event
    from newsletter.providers.webhooks import ParsedWebhook
    from newsletter.store import Store
    from newsletter.store.webhooks import Waiting

_AT_A_TIME: Final = 500
"""Webhooks applied in one transaction, for which nobody else can write."""


def keep(store: Store, genuine: Iterable[tuple[str, str, bytes]]) -> set[tuple[str, str]]:
    """Store webhooks; it is committed when this returns.

    What tells nothing of a letter is not stored: it may be of people who are not ours to know.
    Where a signature vouches for no content, its name is, so that nobody uses it for other words.

    Args:
        store: The list.
        genuine: Of each the provider, its name there, and its body.

    Returns:
        Of which not all could be understood: provider and name of each. `status` counts them.

    Raises:
        NewsletterError: The database cannot be used: nothing was stored.
    """
    new = _new(store, genuine)
    moment = datetime.now(UTC)
    read = [(*one, telling.read_all(one[0], one[2], moment)) for one in new]
    kept = [
        one
        for one in read
        if one[3].events or not one[3].whole or not telling.vouches_for_content(one[0])
    ]
    if not kept:
        return set()
    named = [mentions.addresses(_storable(body)) for _, _, body, _ in kept]
    with store.write() as connection:
        secret = suppressions.hash_key(connection)
        hashes = [mentions.hashes(secret, keys) for keys in named]
        webhooks.keep(connection, [_arrival(*one) for one in zip(kept, hashes, strict=True)])
    return {(provider, name) for provider, name, _, reading in kept if not reading.whole}


def _new(store: Store, genuine: Iterable[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
    """Return what did not come before, each once: reading takes longer than asking for a name."""
    found = {(provider, name): body for provider, name, body in reversed(list(genuine))}
    if not found:
        return []
    with store.read() as connection:
        before = webhooks.known(connection, found.keys())
    return [(*key, body) for key, body in reversed(found.items()) if key not in before]


def _arrival(one: tuple[str, str, bytes, ParsedWebhook], hashes: str | None) -> Arrival:
    provider, name, body, reading = one
    if not reading.events and reading.whole:
        return Arrival(provider, name, None, None)
    return Arrival(provider, name, _storable(body), hashes, unreadable=not reading.whole)


def _storable(body: bytes) -> str:
    """Return a body as a text that every database takes; what is none cannot be understood."""
    return body.decode(errors="replace").replace("\0", "\ufffd")


def apply_waiting(store: Store) -> int:
    """Apply all webhooks that wait; return how many that were.

    What is of a delivery that nobody knows (yet) goes on waiting, for as long as `tidying` lets it.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, 0)[0]


def apply_since(store: Store, last: int) -> int:
    """Apply webhooks that came after one; return the number of the last one that was looked at.

    Many others may wait, such as those of another newsletter with the same account: whoever looked
    at all of them again for each that comes would let the provider wait.

    Args:
        store: The list and the ledger.
        last: What this returned before; 0 for all.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, last)[1]


def _apply_after(store: Store, last: int) -> tuple[int, int]:
    count = 0
    settled: set[int] = set()
    while True:
        with store.read() as connection:
            if not webhooks.waiting(connection, after=last, most=1):
                break
        with store.write() as connection:
            lock(connection, Lock.EVENTS)
            some = webhooks.waiting(connection, after=last, most=_AT_A_TIME)
            done, doubted = _apply(connection, some)
            webhooks.done(connection, done)
        count, last = count + len(done), some[-1].id if some else last
        settled |= doubted
    conclude(store, settled)
    return count, last


def _apply(connection: Connection, some: Sequence[Waiting]) -> tuple[set[int], set[int]]:
    """Apply webhooks; return the numbers of those that were, and of mailings that were in doubt.

    Of one that cannot be understood altogether, the rest is applied, and it goes on waiting.
    """
    done: set[int] = set()
    doubted: set[int] = set()
    unreadable: set[int] = set()
    for provider in sorted({one.provider for one in some}):
        told: list[tuple[int, Event]] = []
        for one in some:
            if one.provider != provider:
                continue
            reading = telling.read_all(provider, one.body.encode(), one.at)
            told += [(one.id, event) for event in reading.events]
            if not reading.whole:
                unreadable.add(one.id)
        applied = apply(connection, provider, [event for _, event in told])
        waits = {id_ for place, (id_, _) in enumerate(told) if place not in applied.places}
        done |= {id_ for id_, _ in told} - waits - unreadable
        doubted |= applied.mailings
    webhooks.set_unreadable(connection, unreadable)
    return done, doubted


def conclude(store: Store, doubted: Iterable[int]) -> None:
    """End what has nothing unknown any more, now that events tell of it.

    In transactions of their own, for whoever sends locks these rows before he locks deliveries.

    Args:
        store: The ledger.
        doubted: The numbers of mailings that may be ended by now.
    """
    for mailing_id in sorted(doubted):
        with store.write() as connection:
            state = mailings.lock(connection, mailing_id).state
            recovery.close_settled_batches(connection, mailing_id)
            if state is MailingState.COMPLETED_WITH_UNKNOWN:
                mailings.complete_if_done(connection, mailing_id)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What reading a provider's lists brought.

    Attributes:
        events: How many events of letters it told, among them what was known before.
        left: How many readers left, for they are on its list of those whom it mails no more.
        until: Up to when all of it is known now; None where it has nothing to list.
    """

    events: int
    left: int
    until: datetime | None


def pull(store: Store, settings: Settings) -> Pulled:
    """Read what the provider lists of letters and addresses, from where it was read last.

    Each page is applied in a transaction of its own, with how far that came.

    Raises:
        ListingDenied: There is no key with which it may be asked.
        TryAgain: It, or the database, cannot be reached.
        NewsletterError: It refuses for another reason.
    """
    provider = settings.provider
    if provider not in telling.NAMES:
        return Pulled(0, 0, None)
    bookmark = f"pulled from {provider}"
    with store.read() as connection:
        since = checkpoints.find(connection, bookmark)
    count, left, doubted = 0, 0, set[int]()
    for page in telling.pull(settings, since):
        with store.write() as connection:
            lock(connection, Lock.EVENTS)
            doubted |= apply(connection, provider, page.events).mailings
            left += take_over(connection, page.suppressed)
            if page.until:
                checkpoints.put(connection, bookmark, page.until)
                since = page.until
        count += len(page.events)
    conclude(store, doubted)
    return Pulled(count, left, since)
