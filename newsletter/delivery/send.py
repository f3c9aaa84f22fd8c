"""The sender: claims a request's worth, commits it, lets it leave, records what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import personal, tokens
from newsletter.delivery.plan import REPLACEABLE, freeze, plan, preview
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Batch, DeliveryState, Letter, MailingState, Receipt, RetryLater
from newsletter.schedule import out_of_time
from newsletter.store import batches, mailings, recovery
from newsletter.store.engine import now
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from newsletter.config import Settings
    from newsletter.model import Draft, Mailing, Outcome
    from newsletter.providers.base import Provider
    from newsletter.store import Store
    from newsletter.store.batches import Claim

_SAFE_PART = 0.8
"""Of a key's life at the provider; in the rest of it, clocks may disagree."""
_WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked of one `send`.

    Attributes:
        slug: The issue.
        draft: Its file as read now, or None if it is gone.
        late: It may start, or go on, after its time.
        limit: Claim at most so many, then pause.
    """

    slug: str
    draft: Draft | None
    late: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How a `send` ended.

    Attributes:
        receipt: The account.
        edited: The file was edited since the letter was frozen.
        repeated: All had been done before; nothing was left to do.
        trouble: What kept it from being completed, if anything did.
    """

    receipt: Receipt
    edited: bool
    repeated: bool
    trouble: NewsletterError | None


def would_send(store: Store, settings: Settings, provider: Provider, order: Order) -> Receipt | int:
    """Return the account of what has started, or how many readers a new mailing would have.

    Raises:
        NewsletterError: Nothing would be sent, for the reason it gives.
    """
    planned = plan(store, settings, provider, order.slug, order.draft, late=order.late)
    return preview(store, provider, planned)


def send(
    store: Store,
    settings: Settings,
    provider: Provider,
    order: Order,
    *,
    stop: Event,
    progress: Callable[[int, int], None],
) -> Report:
    """Send an issue to everyone who is still owed it; safe to repeat, anywhere, at any time.

    Args:
        store: The ledger.
        settings: The newsletter's.
        provider: Who takes the letters.
        order: What a person asked.
        stop: Set from outside to claim nothing more and finish what is in flight.
        progress: Called with the deliveries done and the audience.

    Raises:
        NewsletterError: Nothing was sent, for the reason it gives.
    """
    planned = plan(store, settings, provider, order.slug, order.draft, late=order.late)
    mailing = freeze(store, provider, planned)
    repeated = mailing.state is MailingState.COMPLETED
    trouble = _open(store, settings, mailing, late=order.late)
    if trouble is None and not repeated:
        trouble = _Sender(store, settings, provider, mailing, stop=stop, progress=progress).run(
            order.limit
        )
    with store.write() as connection:
        mailings.conclude(connection, mailing.id)
        receipt = mailings.receipt(connection, mailings.get(connection, mailing.id))
    return Report(receipt, planned.edited, repeated, trouble or _unfinished(receipt))


def _open(
    store: Store, settings: Settings, mailing: Mailing, *, late: bool
) -> NewsletterError | None:
    """Bring a mailing to *sending*; return why not, if a person must decide first."""
    if mailing.state in {MailingState.COMPLETED, MailingState.COMPLETED_WITH_UNKNOWN}:
        return None
    if mailing.state in REPLACEABLE:
        raise NewsletterError(
            f"{mailing.slug} was {mailing.state} after part of it had left",
            hint=f"See: newsletter status {mailing.slug}",
        )
    with store.write() as connection:
        overdue = out_of_time(mailing.started_at, now(connection), settings.finish_within_hours)
        if overdue and not late:
            mailings.move(connection, mailing.id, MailingState.PAUSED, "out of time")
            return DecisionNeeded(
                f"{mailing.slug} was not finished within {settings.finish_within_hours:g} hours",
                hint=f"Go on: newsletter send {mailing.slug} --late. Or end it: newsletter cancel "
                f"{mailing.slug}",
            )
        mailings.move(connection, mailing.id, MailingState.SENDING)
    return None


def _unfinished(receipt: Receipt) -> NewsletterError | None:
    if receipt.mailing.state is MailingState.COMPLETED_WITH_UNKNOWN:
        slug = receipt.mailing.slug
        return DecisionNeeded(
            f"of some letters of {slug} nobody knows whether they left",
            hint=f"Decide with: newsletter resolve {slug} --resend, or --assume-sent",
        )
    return None


class _Sender:
    """One process's share in one mailing."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        provider: Provider,
        mailing: Mailing,
        *,
        stop: Event,
        progress: Callable[[int, int], None],
    ) -> None:
        self._store = store
        self._provider = provider
        self._mailing = mailing
        self._stop = stop
        self._progress = progress
        self._keys = {tokens.fingerprint(key): key for key in signing_keys(settings)}
        with store.read() as connection:
            self._letter = Letter.decode(mailings.letter_of(connection, mailing.id))
            before = mailings.receipt(connection, mailing)
        self._done = mailing.audience - before.counts[DeliveryState.PENDING]

    def run(self, limit: int | None) -> NewsletterError | None:
        """Send until nothing is left to do here; return why it stopped before that, if it did."""
        room = self._mailing.audience if limit is None else limit
        while not self._stop.is_set():
            claim = self._next(room)
            if claim is None:
                if self._wait_for_others():
                    continue
                return self._ending(limited=limit is not None)
            if claim.attempt == 1:
                room -= len(claim.readers)
            if trouble := self._submit(claim):
                return trouble
        return TryAgain(
            f"stopped; {self._left()} letters of {self._mailing.slug} are still to go",
            hint="Run the same command again",
        )

    def _next(self, room: int) -> Claim | None:
        can = self._provider.capabilities
        with self._store.write() as connection:
            recovery.expire_leases(connection, self._mailing.id)
            if can.replay and (
                again := recovery.replay(
                    connection,
                    self._mailing.id,
                    lease=can.lease,
                    window=can.replay * _SAFE_PART,
                )
            ):
                return again
            return batches.claim(
                connection,
                self._mailing.id,
                size=min(room, can.max_messages),
                lease=can.lease,
                key_id=next(iter(self._keys)),
            )

    def _submit(self, claim: Claim) -> NewsletterError | None:
        """Let one batch leave and record what came of it; return what should end this run."""
        key = self._keys.get(claim.key_id)
        if key is None:
            self._abandon(claim, "the key that signed it is no longer configured")
            return None
        batch = self._batch(claim, key)
        payload = self._provider.build(batch)
        digest = _digest(payload)
        if claim.payload_hash not in {None, digest}:
            self._abandon(claim, "the same letter now has other bytes")
            return None
        with self._store.write() as connection:
            mine = batches.seal(connection, claim, digest)
        if not mine:
            return None
        outcomes = self._provider.submit(batch, payload)
        with self._store.write() as connection:
            batches.settle(connection, claim, outcomes)
        if claim.attempt == 1:
            self._done += len(claim.readers)
        self._progress(self._done, self._mailing.audience)
        return self._passing(outcomes)

    def _batch(self, claim: Claim, key: str) -> Batch:
        mailing = self._mailing.public_id
        return Batch(
            key=claim.key,
            slug=self._mailing.slug,
            letter=self._letter,
            date=claim.claimed_at,
            recipients=tuple(
                personal.recipient(
                    self._letter,
                    reader.ref,
                    reader.email,
                    reader.first_name,
                    tokens.leave_token(key, reader.public_id, mailing),
                )
                for reader in claim.readers
            ),
        )

    def _abandon(self, claim: Claim, reason: str) -> None:
        with self._store.write() as connection:
            recovery.abandon(connection, claim, reason)

    def _wait_for_others(self) -> bool:
        """Wait a moment if another process, alive or lost, has deliveries under way."""
        with self._store.read() as connection:
            sending = mailings.get(connection, self._mailing.id).state is MailingState.SENDING
            left = recovery.lease_left(connection, self._mailing.id)
        if not sending or left is None:
            return False
        self._stop.wait(_WAIT_SECONDS)
        return True

    def _ending(self, *, limited: bool) -> NewsletterError | None:
        """Say why there is nothing more to claim: all done, the limit, or a person's decision."""
        slug = self._mailing.slug
        with self._store.write() as connection:
            mailing = mailings.get(connection, self._mailing.id)
            counts = mailings.receipt(connection, mailing).counts
            if limited and mailing.state is MailingState.SENDING and counts[DeliveryState.PENDING]:
                mailings.move(connection, mailing.id, MailingState.PAUSED, "the limit was reached")
                return None
        if mailing.state in {MailingState.PAUSED, MailingState.CANCELLED}:
            return DecisionNeeded(
                f"{slug} is {mailing.state}; {counts[DeliveryState.PENDING]} letters did not go",
                hint=f"See: newsletter status {slug}",
            )
        return None

    def _passing(self, outcomes: Mapping[str, Outcome]) -> TryAgain | None:
        later = [outcome for outcome in outcomes.values() if isinstance(outcome, RetryLater)]
        if not later:
            return None
        return TryAgain(
            f"{later[0].reason}; {self._left()} letters of {self._mailing.slug} are still to go",
            hint="Mend that and run the same command again",
        )

    def _left(self) -> int:
        with self._store.read() as connection:
            return mailings.receipt(connection, self._mailing).counts[DeliveryState.PENDING]


def _digest(payload: tuple[bytes, ...]) -> str:
    digest = hashlib.sha256()
    for part in payload:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
