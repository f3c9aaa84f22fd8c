"""The sender: claims a request's worth, commits it, lets it leave, records what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newsletter import personal, tokens
from newsletter.delivery.plan import Fresh, audience, edited, freeze, plan, refuse_rival
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
    from newsletter.model import Draft, Issue, Mailing, Outcome
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


@dataclass(frozen=True, slots=True)
class Prospect:
    """An issue that has not started, and how many readers it would have now."""

    issue: Issue
    audience: int


def would_send(
    store: Store, settings: Settings, provider: Provider, order: Order
) -> Report | Prospect:
    """Say what `send` would find, and change nothing.

    Raises:
        NewsletterError: Nothing would be sent, for the reason it gives.
    """
    planned = plan(store, settings, provider, order.slug, order.draft, late=order.late)
    with store.read() as connection:
        if isinstance(planned, Fresh):
            if not provider.capabilities.rehearsal:
                refuse_rival(connection, planned.issue)
            return Prospect(planned.issue, audience(connection))
        receipt = mailings.receipt(connection, planned)
    repeated = planned.state is MailingState.COMPLETED
    return Report(receipt, edited(planned, order.draft), repeated, _verdict(receipt, None))


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
    mailing = freeze(store, settings, provider, planned) if isinstance(planned, Fresh) else planned
    _refuse_other_provider(mailing, settings, provider)
    trouble, may_send = _open(store, settings, provider, mailing, order)
    if may_send:
        sender = _Sender(store, settings, provider, mailing, stop=stop, progress=progress)
        trouble = sender.run()
    with store.write() as connection:
        mailings.conclude(connection, mailing.id)
        if order.limit is not None:
            mailings.pause_at_limit(connection, mailing.id)
        receipt = mailings.receipt(connection, mailings.get(connection, mailing.id))
    repeated = mailing.state is MailingState.COMPLETED
    return Report(receipt, edited(mailing, order.draft), repeated, _verdict(receipt, trouble))


def _refuse_other_provider(mailing: Mailing, settings: Settings, provider: Provider) -> None:
    """Keep a mailing with the account it began with: another one knows none of its letters."""
    here = (provider.capabilities.name, settings.provider_url)
    there = (mailing.provider, mailing.provider_url)
    if here != there:
        raise NewsletterError(
            f"{mailing.slug} was begun through {' at '.join(filter(None, there))}",
            hint="Put provider and provider_url back as they were",
        )


def _open(
    store: Store, settings: Settings, provider: Provider, mailing: Mailing, order: Order
) -> tuple[NewsletterError | None, bool]:
    """Bring a mailing to *sending*; return why not, if a person must decide, and whether it is."""
    with store.write() as connection:
        window = provider.capabilities.replay * _SAFE_PART
        if mailing.state is MailingState.COMPLETED or (
            mailing.state is MailingState.COMPLETED_WITH_UNKNOWN
            and not recovery.can_replay(connection, mailing.id, window)
        ):
            return None, False
        overdue = out_of_time(mailing.started_at, now(connection), settings.finish_within_hours)
        if overdue and not order.late:
            mailings.move(connection, mailing.id, MailingState.PAUSED, "out of time")
            slug = mailing.slug
            return DecisionNeeded(
                f"{slug} was not finished within {settings.finish_within_hours:g} hours",
                hint=f"Go on: newsletter send {slug} --late. Or end it: newsletter cancel {slug}",
            ), False
        return None, mailings.start(connection, mailing.id, order.limit)


def _verdict(receipt: Receipt, trouble: NewsletterError | None) -> NewsletterError | None:
    """Return what a person is told at the end: what must be decided before what will pass."""
    slug, unknown = receipt.mailing.slug, receipt.counts[DeliveryState.UNKNOWN]
    if receipt.mailing.state is MailingState.COMPLETED:
        return None
    if isinstance(trouble, DecisionNeeded) or not unknown:
        return trouble
    return DecisionNeeded(
        f"nobody knows whether {unknown:,} letters of {slug} left",
        hint=f"Decide with: newsletter resolve {slug} --resend, or --assume-sent",
    )


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
        self._replayed: set[int] = set()
        with store.read() as connection:
            self._letter = Letter.decode(mailings.letter_of(connection, mailing.id))
            before = mailings.receipt(connection, mailing)
        self._done = mailing.audience - before.counts[DeliveryState.PENDING]

    def run(self) -> NewsletterError | None:
        """Send until nothing is left to do here; return why it stopped before that, if it did."""
        while not self._stop.is_set():
            claim = self._next()
            if claim is None:
                if self._wait_for_others():
                    continue
                return self._ending()
            if trouble := self._submit(claim):
                return trouble
        return TryAgain(f"stopped; {self._left()}", hint="Run the same command again")

    def _next(self) -> Claim | None:
        can = self._provider.capabilities
        with self._store.write() as connection:
            recovery.expire_leases(connection, self._mailing.id)
            # Once in a run: a provider that gave no answer twice has none just now.
            if can.replay and (
                again := recovery.replay(
                    connection,
                    self._mailing.id,
                    lease=can.lease,
                    window=can.replay * _SAFE_PART,
                    but=self._replayed,
                )
            ):
                self._replayed.add(again.batch_id)
                return again
            return batches.claim(
                connection,
                self._mailing.id,
                size=can.max_messages,
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

    def _ending(self) -> NewsletterError | None:
        """Say why there is nothing more to claim, if a person decided so."""
        with self._store.read() as connection:
            mailing = mailings.get(connection, self._mailing.id)
        if mailing.state not in {MailingState.PAUSED, MailingState.CANCELLED}:
            return None
        return DecisionNeeded(
            f"{mailing.slug} is {mailing.state}; {self._left()}",
            hint=f"See: newsletter status {mailing.slug}",
        )

    def _passing(self, outcomes: Mapping[str, Outcome]) -> TryAgain | None:
        later = [outcome for outcome in outcomes.values() if isinstance(outcome, RetryLater)]
        if not later:
            return None
        return TryAgain(
            f"{later[0].reason}; {self._left()}",
            hint="Mend that and run the same command again",
        )

    def _left(self) -> str:
        with self._store.read() as connection:
            counts = mailings.receipt(connection, self._mailing).counts
        left = counts[DeliveryState.PENDING]
        return f"{left:,} letter{'s' * (left != 1)} of {self._mailing.slug} still to go"


def _digest(payload: tuple[bytes, ...]) -> str:
    digest = hashlib.sha256()
    for part in payload:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
