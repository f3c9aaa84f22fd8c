"""Events: storing the webhooks that report them, reading a provider's lists, and applying both.

A webhook is stored before it is answered, and applied afterwards. Whatever happens in between, it
waits in the database until this or another process applies it.
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
from newsletter.store.webhooks import NewWebhook
from newsletter.subscriptions import mentions
from newsletter.subscriptions.event_effects import apply, apply_suppressions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Event
    from newsletter.providers.base_events import VerifiedWebhook
    from newsletter.store import Connection, Store
    from newsletter.store.webhooks import WaitingWebhook

_AT_A_TIME: Final = 500
"""Webhooks applied in one transaction, during which no other process can write."""


@dataclass(frozen=True, slots=True)
class StoredWebhooks:
    """What `keep` stored.

    Attributes:
        unreadable: Which of the new webhooks could not be parsed as a whole: provider and name.
        parsed: What the stored ones report, by provider and stored body, for `apply_since`.
    """

    unreadable: set[tuple[str, str]] = field(default_factory=set)
    parsed: dict[tuple[str, str], ParsedWebhook] = field(default_factory=dict)


def store_webhooks(store: Store, genuine: Iterable[VerifiedWebhook]) -> StoredWebhooks:
    """Store webhooks; it is committed when this returns.

    A webhook without events is not stored: it may be about other people. Where a signature does
    not cover the content, its name is stored, so that it is valid only once.

    Raises:
        NewsletterError: The database cannot be used: nothing was stored.
    """
    moment = datetime.now(UTC)
    parsed = [(one, one.parse(moment)) for one in _without_stored(store, genuine)]
    kept = [
        (one, report, _storable(one.body)) for one, report in parsed if _must_store(one, report)
    ]
    if not kept:
        return StoredWebhooks()
    _store(store, kept)
    return StoredWebhooks(
        {one.key for one, report, _ in kept if not report.whole},
        {
            (one.source.name, body): report
            for one, report, body in kept
            # An event without a time takes that of the stored webhook.
            if all(event.at != moment for event in report.events)
        },
    )


def _must_store(webhook: VerifiedWebhook, parsed: ParsedWebhook) -> bool:
    return bool(parsed.events) or not parsed.whole or not webhook.source.signs_content


def _store(store: Store, kept: Sequence[tuple[VerifiedWebhook, ParsedWebhook, str]]) -> None:
    # Before the transaction, because others wait for it.
    named = [mentions.addresses(body) for _, _, body in kept]
    with store.write() as connection:
        secret = suppressions.hash_key(connection)
        arrivals = [
            _arrival(one.key, body, parsed, mentions.hashes(secret, keys))
            for (one, parsed, body), keys in zip(kept, named, strict=True)
        ]
        webhooks.add(connection, arrivals)


def _without_stored(store: Store, genuine: Iterable[VerifiedWebhook]) -> list[VerifiedWebhook]:
    """Return those that are not stored yet, each once, because parsing costs more than a query."""
    found = {one.key: one for one in reversed(list(genuine))}
    if not found:
        return []
    with store.read() as connection:
        before = webhooks.find_known(connection, found.keys())
    return [one for key, one in reversed(found.items()) if key not in before]


def _arrival(
    key: tuple[str, str], body: str, parsed: ParsedWebhook, hashes: str | None
) -> NewWebhook:
    if not parsed.events and parsed.whole:
        return NewWebhook(*key, None, None)
    return NewWebhook(*key, body, hashes, unreadable=not parsed.whole)


def _storable(body: bytes) -> str:
    """Return a body as text that every database accepts."""
    return body.decode(errors="replace").replace("\0", "\ufffd")


def apply_waiting(store: Store) -> int:
    """Apply all webhooks that wait; return how many were applied.

    Those of deliveries that are not known (yet) go on waiting, until `retention` removes them.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, 0, {})[0]


def apply_since(
    store: Store, last: int, parsed: Mapping[tuple[str, str], ParsedWebhook] = MappingProxyType({})
) -> int:
    """Apply webhooks that came after one; return the number of the last one that was read.

    Many others may wait, such as those of another newsletter with the same account. To read them
    all again for each webhook that comes would make the provider wait for its answer.

    Args:
        store: The list and the ledger.
        last: What this returned before; 0 for all.
        parsed: `StoredWebhooks.parsed`: these webhooks are not parsed again.

    Raises:
        NewsletterError: The database cannot be used.
    """
    return _apply_after(store, last, parsed)[1]


def _apply_after(
    store: Store, last: int, parsed: Mapping[tuple[str, str], ParsedWebhook]
) -> tuple[int, int]:
    count = 0
    mailing_ids: set[int] = set()
    while True:
        with store.read() as connection:
            if not webhooks.find_waiting(connection, after=last, most=1):
                break
        with store.write() as connection:
            lock(connection, Lock.EVENTS)
            waiting = webhooks.find_waiting(connection, after=last, most=_AT_A_TIME)
            done, changed = _apply(connection, waiting, parsed)
            webhooks.drop_bodies(connection, done)
        count, last = count + len(done), waiting[-1].id if waiting else last
        mailing_ids |= changed
    complete_mailings(store, mailing_ids)
    return count, last


def _apply(
    connection: Connection,
    waiting: Sequence[WaitingWebhook],
    parsed: Mapping[tuple[str, str], ParsedWebhook],
) -> tuple[set[int], set[int]]:
    """Apply webhooks; return the numbers of those that are done, and of mailings that may be.

    Of a webhook that cannot be parsed as a whole, the rest is applied, and it goes on waiting.
    """
    done: set[int] = set()
    mailing_ids: set[int] = set()
    unreadable: set[int] = set()
    for provider in sorted({one.provider for one in waiting}):
        found: list[tuple[int, Event]] = []
        for one in waiting:
            if one.provider != provider:
                continue
            report = parsed.get((provider, one.body)) or _parse(one)
            found += [(one.id, event) for event in report.events]
            if not report.whole:
                unreadable.add(one.id)
        applied = apply(connection, provider, [event for _, event in found])
        waits = {id_ for place, (id_, _) in enumerate(found) if place not in applied.places}
        done |= {id_ for id_, _ in found} - waits - unreadable
        mailing_ids |= applied.mailings
    webhooks.set_unreadable(connection, unreadable)
    return done, mailing_ids


def _parse(webhook: WaitingWebhook) -> ParsedWebhook:
    source = events_of(webhook.provider)
    if not source:  # of a provider that is no longer known
        return ParsedWebhook((), whole=False)
    return source.parse(decode(webhook.body.encode()), webhook.at)


def complete_mailings(store: Store, mailing_ids: Iterable[int]) -> None:
    """Complete the mailings in which events have left nothing unknown.

    Each in a transaction of its own, because a sender locks these rows before it locks deliveries.

    Args:
        store: The ledger.
        mailing_ids: The numbers of mailings that may be complete.
    """
    for mailing_id in sorted(mailing_ids):
        with store.write() as connection:
            state = mailings.lock(connection, mailing_id).state
            recovery.close_settled_batches(connection, mailing_id)
            if state is MailingState.COMPLETED_WITH_UNKNOWN:
                mailings.complete_if_done(connection, mailing_id)


@dataclass(frozen=True, slots=True)
class PullResult:
    """What reading a provider's lists found.

    Attributes:
        events: How many events of letters, those that were known before included.
        left: How many subscribers left because they are on its list of addresses not to mail.
        until: Up to when all events are known; None if the provider lists none.
    """

    events: int
    left: int
    until: datetime | None


def pull_events(store: Store, settings: Settings) -> PullResult:
    """Read the provider's lists of events and suppressed addresses, from where the last run ended.

    Each page is applied in a transaction of its own, which also records how far it came.

    Raises:
        ListingKeyMissing: No key that may read the lists is set.
        DecisionNeeded: The provider refuses the key (`ListingDenied`) or the account.
        TryAgain: The provider or the database cannot be reached.
        NewsletterError: The provider refuses for another reason.
    """
    provider = settings.provider
    source = events_of(provider)
    if not source:
        return PullResult(0, 0, None)
    bookmark = f"pulled from {provider}"
    with store.read() as connection:
        since = checkpoints.find(connection, bookmark)
    count, left, mailing_ids = 0, 0, set[int]()
    for page in source.pull(settings, since):
        with store.write() as connection:
            lock(connection, Lock.EVENTS)
            mailing_ids |= apply(connection, provider, page.events).mailings
            left += apply_suppressions(connection, page.suppressed)
            if page.until:
                checkpoints.put(connection, bookmark, page.until)
                since = page.until
        count += len(page.events)
    complete_mailings(store, mailing_ids)
    return PullResult(count, left, since)
