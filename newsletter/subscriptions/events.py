"""Events, from a webhook or a provider's list to what they change.

A webhook is stored before it is answered, and applied afterwards: whatever happens between the two,
what is stored waits, here or in another process, until it is applied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from newsletter.model import MailingState
from newsletter.providers.base_events import ParsedWebhook, decode
from newsletter.providers.registry import events_of
from newsletter.store import checkpoints, mailings, recovery, suppressions, webhooks
from newsletter.store.database import Lock, lock
from newsletter.store.webhooks import Arrival
from newsletter.subscriptions import mentions
from newsletter.subscriptions.event_effects import apply, take_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Event
    from newsletter.providers.base_events import VerifiedWebhook
    from newsletter.store import Store
    from newsletter.store.webhooks import Waiting

_AT_A_TIME: Final = 500
"""Webhooks applied in one transaction, for which nobody else can write."""


@dataclass(frozen=True, slots=True)
class StoredWebhooks:
    """What became of webhooks that were to be stored.

    Attributes:
        unreadable: Which of the new ones could not be parsed as a whole: provider and name.
        parsed: What the stored ones report, by provider and stored body, so that who applies them
            at once does not parse them again.
    """

    unreadable: set[tuple[str, str]] = field(default_factory=set)
    parsed: dict[tuple[str, str], ParsedWebhook] = field(default_factory=dict)


def keep(store: Store, genuine: Iterable[VerifiedWebhook]) -> StoredWebhooks:
    """Store webhooks; it is committed when this returns.

    A webhook that reports nothing of a letter is not stored: it may be of other people. Where a
    signature does not cover the content, its name is stored, so that it is valid only once.

    Raises:
        NewsletterError: The database cannot be used: nothing was stored.
    """
    moment = datetime.now(UTC)
    read = [(one, one.parse(moment)) for one in _new(store, genuine)]
    kept = [
        (one, parsed)
        for one, parsed in read
        if parsed.events or not parsed.whole or not one.source.signs_content
    ]
    if not kept:
        return StoredWebhooks()
    bodies = [_storable(one.body) for one, _ in kept]
    named = [mentions.addresses(body) for body in bodies]
    with store.write() as connection:
        secret = suppressions.hash_key(connection)
        hashes = [mentions.hashes(secret, keys) for keys in named]
        webhooks.keep(
            connection,
            [
                _arrival(one.key, body, parsed, hashed)
                for (one, parsed), body, hashed in zip(kept, bodies, hashes, strict=True)
            ],
        )
    return StoredWebhooks(
        {one.key for one, parsed in kept if not parsed.whole},
        {
            (one.source.name, body): parsed
            for (one, parsed), body in zip(kept, bodies, strict=True)
            # An event without a time takes that of the stored webhook.
            if all(event.at != moment for event in parsed.events)
        },
    )


def _new(store: Store, genuine: Iterable[VerifiedWebhook]) -> list[VerifiedWebhook]:
    """Return those that are not stored yet, each once: parsing takes longer than a look-up."""
    found = {one.key: one for one in reversed(list(genuine))}
    if not found:
        return []
    with store.read() as connection:
        before = webhooks.known(connection, found.keys())
    return [one for key, one in reversed(found.items()) if key not in before]


def _arrival(key: tuple[str, str], body: str, parsed: ParsedWebhook, hashes: str | None) -> Arrival:
    if not parsed.events and parsed.whole:
        return Arrival(*key, None, None)
    return Arrival(*key, body, hashes, unreadable=not parsed.whole)


def _storable(body: bytes) -> str:
    """Return a body as a text that every database takes."""
    return body.decode(errors="replace").replace("\0", "\ufffd")


def apply_waiting(store: Store) -> int:
    """Apply all webhooks that wait; return how many that were.

    What is of a delivery that nobody knows (yet) goes on waiting, for as long as `tidying` lets it.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, 0, {})[0]


def apply_since(
    store: Store, last: int, parsed: Mapping[tuple[str, str], ParsedWebhook] = MappingProxyType({})
) -> int:
    """Apply webhooks that came after one; return the number of the last one that was looked at.

    Many others may wait, such as those of another newsletter with the same account: whoever looked
    at all of them again for each that comes would let the provider wait.

    Args:
        store: The list and the ledger.
        last: What this returned before; 0 for all.
        parsed: What `keep` returned of webhooks: these are not parsed again.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, last, parsed)[1]


def _apply_after(
    store: Store, last: int, parsed: Mapping[tuple[str, str], ParsedWebhook]
) -> tuple[int, int]:
    count = 0
    settled: set[int] = set()
    while True:
        with store.read() as connection:
            if not webhooks.waiting(connection, after=last, most=1):
                break
        with store.write() as connection:
            lock(connection, Lock.EVENTS)
            some = webhooks.waiting(connection, after=last, most=_AT_A_TIME)
            done, doubted = _apply(connection, some, parsed)
            webhooks.done(connection, done)
        count, last = count + len(done), some[-1].id if some else last
        settled |= doubted
    conclude(store, settled)
    return count, last


def _apply(
    connection: Connection,
    some: Sequence[Waiting],
    parsed: Mapping[tuple[str, str], ParsedWebhook],
) -> tuple[set[int], set[int]]:
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
            reading = parsed.get((provider, one.body)) or _parse(one)
            told += [(one.id, event) for event in reading.events]
            if not reading.whole:
                unreadable.add(one.id)
        applied = apply(connection, provider, [event for _, event in told])
        waits = {id_ for place, (id_, _) in enumerate(told) if place not in applied.places}
        done |= {id_ for id_, _ in told} - waits - unreadable
        doubted |= applied.mailings
    webhooks.set_unreadable(connection, unreadable)
    return done, doubted


def _parse(webhook: Waiting) -> ParsedWebhook:
    source = events_of(webhook.provider)
    if not source:  # of a provider that is no longer known
        return ParsedWebhook((), whole=False)
    return source.parse(decode(webhook.body.encode()), webhook.at)


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
    source = events_of(provider)
    if not source:
        return Pulled(0, 0, None)
    bookmark = f"pulled from {provider}"
    with store.read() as connection:
        since = checkpoints.find(connection, bookmark)
    count, left, doubted = 0, 0, set[int]()
    for page in source.pull(settings, since):
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
