"""One process's share in a mailing: claim, commit, let it leave, record what came of it.

This thread alone reads and writes the ledger; a few others carry requests to the provider and
bring back its answers. What is settled and what is claimed next share one transaction.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter import personal, tokens
from newsletter.delivery.limits import Limits
from newsletter.delivery.pace import LONGEST_WAIT, Pace
from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import (
    Batch,
    DeliveryState,
    Letter,
    MailingState,
    Refused,
    RetryLater,
    Unknown,
)
from newsletter.providers.base import Answer
from newsletter.store import batches, mailings, recovery
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from threading import Event

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Mailing
    from newsletter.providers.base import Capabilities, Payload, Provider
    from newsletter.store import Store
    from newsletter.store.batches import Claim

BYTES_IN_FLIGHT: Final = 32 << 20
"""A budget for the requests under way at once, so that memory does not grow with the list."""

_SAFE_PART: Final = 0.8
"""Of a key's life at the provider; in the rest of it, clocks may disagree."""
_WAIT_SECONDS: Final = 0.2
_REPLAY_AFTER: Final = (0.0, 1.0, 5.0)
"""Seconds before each repetition of a request whose answer was lost, within one run."""
_NO_ANSWERS: Final = 4
"""Requests in a row of which nothing is known, after which a run sends no more of them."""


def replay_window(capabilities: Capabilities) -> timedelta:
    """Return for how long after its claim a batch may be sent again under its key."""
    return capabilities.replay * _SAFE_PART


@dataclass(frozen=True, slots=True)
class Departure:
    """A request that is about to leave, or on its way.

    ``began`` is when it was claimed, on the clocks of `_clocks`.
    """

    claim: Claim
    batch: Batch
    payload: Payload
    began: tuple[float, float]


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
        self._can = provider.capabilities
        self._mailing = mailing
        self._stop = stop
        self._progress = progress
        self._keys = {tokens.fingerprint(key): key for key in signing_keys(settings)}
        self._limits = Limits(settings, rehearsal=mailing.rehearsal)
        self._replays: dict[int, tuple[int, float]] = {}
        self._in_doubt = 0
        # Whether there may be requests of unknown outcome; looked for at first, and at the end.
        self._doubts = True
        self._trouble: NewsletterError | None = None
        self._crash: Exception | None = None
        with store.read() as connection:
            self._letter = Letter.decode(mailings.letter_of(connection, mailing.id))
            before = mailings.receipt(connection, mailing)
        self._done = mailing.audience - before.counts[DeliveryState.PENDING]
        letter = (len(self._letter.html) + len(self._letter.text)) * self._can.max_messages
        self._most = max(1, min(self._can.in_flight, BYTES_IN_FLIGHT // max(1, letter)))
        self._pace = Pace(self._most, patient=not self._can.rehearsal)

    def run(self) -> NewsletterError | None:
        """Send until nothing is left to do here; return why it stopped before that, if it did."""
        flying: dict[Future[Answer], Departure] = {}
        with ThreadPoolExecutor(self._most) as pool:
            while True:
                landed = [(flying.pop(f), f.result()) for f in [*flying] if f.done()]
                ready, idle = self._turn(landed, len(flying))
                for departure in ready:
                    flying[pool.submit(self._carry, departure)] = departure
                if flying:
                    wait(flying, return_when=FIRST_COMPLETED, timeout=idle)
                elif not ready and idle is None:
                    break
                elif idle:
                    self._stop.wait(idle)
        if self._crash:
            raise self._crash
        if self._trouble:
            return self._trouble
        if self._stop.is_set():
            return TryAgain(f"stopped; {self._left()}", hint="Run the same command again")
        return self._ending()

    def _turn(
        self, landed: Iterable[tuple[Departure, Answer]], in_flight: int
    ) -> tuple[list[Departure], float | None]:
        """Record what came back and claim what may leave now, in one transaction.

        Returns:
            What leaves, and in how many seconds there may be more to do if nothing comes back
            before that: None if there is nothing to wait for.
        """
        landed = list(landed)
        ready: list[Departure] = []
        idle: float | None = None
        with self._store.write() as connection:
            for departure, answer in landed:
                self._settle(connection, departure, answer, in_flight)
            while not self._ended():
                pause = self._pace.wait(in_flight + len(ready), time.monotonic())
                if pause is None or pause > 0:
                    idle = pause
                    break
                claim, idle = self._next(connection)
                if claim is None:
                    break
                if departure_ := self._depart(connection, claim):
                    self._pace.leaves()
                    ready.append(departure_)
        for departure, _ in landed:
            if departure.claim.attempt == 1:
                self._done += len(departure.claim.readers)
        if landed:
            self._progress(self._done, self._mailing.audience)
        if idle is None and not ready and not in_flight and not self._ended():
            idle = self._others()
        return ready, None if self._ended() else idle

    def _ended(self) -> bool:
        return bool(self._stop.is_set() or self._trouble or self._crash)

    def _next(self, connection: Connection) -> tuple[Claim | None, float | None]:
        """Take over a request of unknown outcome, or claim a new one; or say when to look again."""
        if self._doubts:
            if again := self._again(connection):
                return again, None
            self._doubts = False
        size, pause = self._limits.room(connection, self._can.max_messages)
        if size <= 0:
            if pause > LONGEST_WAIT:
                self._trouble = TryAgain(
                    f"the hour's limit is reached; {self._left(connection)}",
                    hint="Run the same command again later, or raise max_per_hour",
                )
            return None, pause
        claim = batches.claim(
            connection,
            self._mailing.id,
            size=size,
            lease=self._can.lease,
            key_id=next(iter(self._keys)),
        )
        if claim is None and (again := self._again(connection)):
            return again, None
        now = time.monotonic()
        waiting = [moment - now for _, moment in self._replays.values() if moment > now]
        return claim, min(waiting) if waiting and claim is None else None

    def _again(self, connection: Connection) -> Claim | None:
        """Take over a request whose answer was lost, here or with another process."""
        recovery.expire_leases(connection, self._mailing.id)
        if not self._can.replay:
            return None
        now = time.monotonic()
        # A provider that gave no answer so often has none just now.
        spent = [batch for batch, (count, _) in self._replays.items() if count < 0]
        early = [batch for batch, (_, moment) in self._replays.items() if moment > now]
        again = recovery.replay(
            connection,
            self._mailing.id,
            lease=self._can.lease,
            window=replay_window(self._can),
            but={*spent, *early},
        )
        if again:
            count = self._replays.get(again.batch_id, (0, 0.0))[0] + 1
            last = count >= len(_REPLAY_AFTER)
            waits = (-1, 0.0) if last else (count, now + _REPLAY_AFTER[count])
            self._replays[again.batch_id] = waits
        return again

    def _depart(self, connection: Connection, claim: Claim) -> Departure | None:
        """Make the bytes of a claim and commit their hash with it; None if they cannot leave."""
        key = self._keys.get(claim.key_id)
        if key is None:
            recovery.abandon(connection, claim, "the key that signed it is no longer configured")
            return None
        batch = self._batch(claim, key)
        payload = self._provider.build(batch)
        if claim.payload_hash not in {None, payload.digest}:
            recovery.abandon(connection, claim, "the same letter now has other bytes")
            return None
        batches.seal(connection, claim, payload.digest)
        return Departure(claim, batch, payload, _clocks())

    def _carry(self, departure: Departure) -> Answer:
        """Let one request leave, in a thread of its own; whatever happens, there is an answer."""
        if _seconds_since(departure.began) > self._can.lease.total_seconds() / 2:
            # This machine was asleep: by now the request may be another sender's.
            late = RetryLater("this machine was not running", 0)
            return Answer({reader.ref: late for reader in departure.claim.readers})
        try:
            return self._provider.submit(departure.batch, departure.payload)
        except Exception as error:  # noqa: BLE001 - it may have left: the ledger must say so
            self._crash = error
            return Answer({})

    def _settle(
        self, connection: Connection, departure: Departure, answer: Answer, in_flight: int
    ) -> None:
        claim = departure.claim
        batches.settle(connection, claim, answer.outcomes)
        self._pace.heard(answer, in_flight, time.monotonic())
        said = [answer.outcomes.get(reader.ref, Unknown("")) for reader in claim.readers]
        refused = next((o for o in said if isinstance(o, Refused)), None)
        later = next((o for o in said if isinstance(o, RetryLater)), None)
        lost = all(isinstance(outcome, Unknown) for outcome in said)
        self._doubts = self._doubts or any(isinstance(outcome, Unknown) for outcome in said)
        self._in_doubt = self._in_doubt + 1 if lost else 0
        if refused:
            self._refuse(connection, refused.reason)
        elif later and self._pace.exhausted:
            self._trouble = self._trouble or TryAgain(
                f"{later.reason}; {self._left(connection)}", hint="Run the same command again later"
            )
        elif self._in_doubt >= _NO_ANSWERS:
            self._give_up(connection)

    def _refuse(self, connection: Connection, reason: str) -> None:
        """Pause the mailing: what was refused stays refused until a person mends it."""
        mailings.move(connection, self._mailing.id, MailingState.PAUSED, reason)
        self._trouble = DecisionNeeded(
            f"{reason}; {self._left(connection)}",
            hint=f"Mend that, then: newsletter send {self._mailing.slug}",
        )

    def _give_up(self, connection: Connection) -> None:
        """Send no more to a provider whose answers are lost, one after another."""
        if self._can.replay:
            self._trouble = TryAgain(
                f"{self._can.name} gives no usable answers; {self._left(connection)}",
                hint="Run the same command again later: it asks about these first",
            )
        else:
            self._refuse(connection, f"{self._can.name} gives no usable answers")

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

    def _others(self) -> float | None:
        """Return when to look again if another process, alive or lost, has something under way."""
        with self._store.read() as connection:
            sending = mailings.get(connection, self._mailing.id).state is MailingState.SENDING
            at_work = recovery.others_at_work(connection, self._mailing.id)
        return _WAIT_SECONDS if sending and at_work else None

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

    def _left(self, connection: Connection | None = None) -> str:
        if connection is None:
            with self._store.read() as connection_:
                return self._left(connection_)
        counts = mailings.receipt(connection, self._mailing).counts
        left = counts[DeliveryState.PENDING]
        return f"{left:,} letter{'s' * (left != 1)} of {self._mailing.slug} still to go"


def _clocks() -> tuple[float, float]:
    """Return both clocks: one of them stops while a machine sleeps, the other may be set."""
    return time.monotonic(), time.time()


def _seconds_since(began: tuple[float, float]) -> float:
    return max(now - then for now, then in zip(_clocks(), began, strict=True))
