"""One process's share in a mailing: claim, commit, let it leave, record what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import personal, tokens
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import Batch, DeliveryState, Letter, MailingState, RetryLater
from newsletter.store import batches, mailings, recovery
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from threading import Event

    from newsletter.config import Settings
    from newsletter.model import Mailing, Outcome
    from newsletter.providers.base import Capabilities, Provider
    from newsletter.store import Store
    from newsletter.store.batches import Claim

_SAFE_PART = 0.8
"""Of a key's life at the provider; in the rest of it, clocks may disagree."""
_WAIT_SECONDS = 0.2


def replay_window(capabilities: Capabilities) -> timedelta:
    """Return for how long after its claim a batch may be sent again under its key."""
    return capabilities.replay * _SAFE_PART


class Sender:
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
                    window=replay_window(can),
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
        if claim.payload_hash not in {None, payload.digest}:
            self._abandon(claim, "the same letter now has other bytes")
            return None
        with self._store.write() as connection:
            mine = batches.seal(connection, claim, payload.digest)
        if not mine:
            return None
        outcomes = self._provider.submit(batch, payload).outcomes
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
