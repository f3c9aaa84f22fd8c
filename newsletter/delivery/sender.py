"""One process's share in a mailing: claim, commit, let it leave, record what came of it.

This thread alone reads and writes the ledger; a few others carry requests to the provider and
bring back its answers. What is settled, what is about to leave and what is claimed next share one
transaction, and letters are made between two of them, so that nobody waits for that.
"""

from __future__ import annotations

import functools
import itertools
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter import gc_tuning, tokens
from newsletter.delivery import messages
from newsletter.delivery.bisection import Bisection
from newsletter.delivery.circuit_breaker import CircuitBreaker
from newsletter.delivery.limits import OwnRateLimit
from newsletter.delivery.rate_limit import LONGEST_WAIT, ProviderRateLimit
from newsletter.delivery.reconcile import Reconciler
from newsletter.delivery.requests import ProviderRequest, RequestBuilder
from newsletter.model import (
    Accepted,
    DeliveryState,
    Letter,
    MailingState,
    RequestRefused,
    RetryLater,
    Unknown,
)
from newsletter.providers.base import account_id
from newsletter.store import claims as claims_store
from newsletter.store import (
    mailing_reports,
    mailings,
    recovery,
    sender_locks,
    settlement,
)
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.errors import NewsletterError
    from newsletter.model import Mailing
    from newsletter.providers.base import Provider, SubmitResult
    from newsletter.store import Store
    from newsletter.store.claims import Claim

BYTES_IN_FLIGHT: Final = 48 << 20
"""A budget for the requests under way at once, so that memory does not grow with the list."""

LETTERS_AT_ONCE: Final = 1000
"""Claimed in one transaction; a reader who leaves meanwhile waits for its end."""

_WAIT_SECONDS: Final = 0.2
_NOTHING: Final = Unknown("")
_NOT_TAKEN: Final = (RetryLater, RequestRefused)
_NO_ANSWERS: Final = 4
"""Requests in a row of which nothing is known, after which a run sends no more of them."""


def unheard(_line: str) -> None:
    """Let a remark be, where nobody waits for it."""


class _Landed(NamedTuple):
    """A request that is back."""

    departure: ProviderRequest
    left_at: float
    answer: SubmitResult


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
        note: Callable[[str], None] = unheard,
    ) -> None:
        self._store = store
        self._provider = provider
        self._can = provider.capabilities
        self._mailing = mailing
        self._stop = stop
        self._progress = progress
        self._note = note
        self._told_of_others = False
        self._keys = {tokens.fingerprint(key): key for key in signing_keys(settings)}
        self._zone = settings.zone
        self._state = settings.state
        self._owner: str | None = None
        self._limits = OwnRateLimit(settings, rehearsal=mailing.rehearsal)
        self._account = account_id(settings, self._can)
        self._doubts = Reconciler(store, provider, mailing, self._account)
        self._parts = Bisection()
        self._built: list[ProviderRequest] = []
        self._spoilt: list[tuple[Claim, str]] = []
        self._in_doubt = 0
        # Told at the end, with what is still to go then: other requests are on their way.
        self._trouble: Callable[[str], NewsletterError] | None = None
        # A limit that is reached: what was claimed before may still leave.
        self._full: Callable[[str], NewsletterError] | None = None
        with store.read() as connection:
            letter = Letter.decode(mailings.letter_of(connection, mailing.id))
            before = mailing_reports.count_by_state(connection, mailing.id)
            self._twice = mailing_reports.count_accepted_twice(connection, mailing.id)
        self._done = mailing.audience - before[DeliveryState.PENDING]
        self._breaker = CircuitBreaker(before[DeliveryState.ACCEPTED])
        self._carrier = RequestBuilder(provider, mailing, letter, self._keys)
        size = len(letter.html) + len(letter.text)
        request = size if self._can.substitution else size * self._can.max_messages
        self._most = max(1, min(self._can.in_flight, BYTES_IN_FLIGHT // max(1, request)))
        self._quota = provider.quota()
        self._pace = ProviderRateLimit(
            self._most, patient=not self._can.rehearsal, quota=self._quota
        )

    def run(self) -> NewsletterError | None:
        """Send until nothing is left to do here; return why it stopped before that, if it did."""
        if self._quota.blocked:
            with self._store.write() as connection:
                self._refuse(connection, self._quota.blocked)
            return messages.refused(self._quota.blocked, self._mailing.slug, self._left())
        with (
            sender_locks.hold(self._state) as self._owner,
            gc_tuning.looked_for_seldom(),
            ThreadPoolExecutor(self._most) as pool,
        ):
            # First what earlier runs left in doubt, at the end what this one did.
            self._doubts.search()
            self._send(pool)
            if not (self._ended() or self._full) and self._doubts.search():
                self._send(pool)
        if self._carrier.crash:
            raise self._carrier.crash
        if trouble := self._trouble or self._full:
            return trouble(self._left())
        if self._stop.is_set():
            return messages.asked_to(self._left())
        return self._ending()

    def _send(self, pool: ThreadPoolExecutor) -> None:
        flying: dict[Future[SubmitResult], tuple[ProviderRequest, float]] = {}
        while True:
            landed = [_Landed(*flying.pop(f), f.result()) for f in [*flying] if f.done()]
            ready, idle = self._turn(landed, len(flying))
            for departure in ready:
                carried = pool.submit(self._carrier.carry, departure)
                flying[carried] = departure, time.monotonic()
            if self._built or self._spoilt:
                continue
            if flying:
                wait(flying, return_when=FIRST_COMPLETED, timeout=idle)
            elif idle is None:
                break
            else:
                self._stop.wait(idle)

    def _turn(
        self, landed: Sequence[_Landed], in_flight: int
    ) -> tuple[list[ProviderRequest], float | None]:
        """Record what came back, commit what leaves now, and claim what leaves next.

        Returns:
            What leaves, and in how many seconds there may be more to do if nothing comes back
            before that: None if there is nothing to wait for.
        """
        with self._store.write() as connection:
            for one in landed:
                self._settle(connection, one, in_flight)
            if landed:
                mailings.complete_if_all_known(connection, self._mailing.id)
            ready = self._seal(connection)
            claims, idle = self._claims(connection, in_flight + len(ready))
        if landed:
            # What another process had under way counts from the start, and again if it leaves here.
            self._progress(min(self._done, self._mailing.audience), self._mailing.audience)
        for claim in claims:
            made = self._carrier.build(claim)
            if isinstance(made, ProviderRequest):
                self._built.append(made)
            else:
                self._spoilt.append((claim, made))
        if idle is None and not (ready or claims or in_flight or self._ended() or self._full):
            idle = self._others()
        return ready, None if self._ended() or self._full else idle

    def _claims(self, connection: Connection, under_way: int) -> tuple[list[Claim], float | None]:
        """Claim what may leave next, and say when there may be more."""
        claims: list[Claim] = []
        room = LETTERS_AT_ONCE
        while room > 0 and not (self._ended() or self._full):
            pause = self._pace.wait(under_way + len(claims), time.monotonic())
            if pause is not None and pause > LONGEST_WAIT:
                self._full = functools.partial(messages.quota_is_used_up, self._can.name)
            if pause is None or pause > 0:
                return claims, pause
            claim, idle = self._next(connection)
            if claim is None:
                return claims, idle
            self._pace.leaves(len(claim.readers), time.monotonic())
            claims.append(claim)
            room -= len(claim.readers)
        return claims, None

    def _ended(self) -> bool:
        return bool(self._stop.is_set() or self._trouble or self._carrier.crash)

    def _seal(self, connection: Connection) -> list[ProviderRequest]:
        """Commit which bytes leave now; what may not leave any more is taken back."""
        for claim, reason in self._spoilt:
            recovery.give_up_replay(connection, claim, reason)
        self._spoilt.clear()
        built, self._built = self._built, []
        if self._ended():
            for departure in built:
                recovery.release(connection, departure.claim)
            return []
        return [
            d for d in built if claims_store.record_payload(connection, d.claim, d.payload.digest)
        ]

    def _next(self, connection: Connection) -> tuple[Claim | None, float | None]:
        """Take over a request of unknown outcome, or claim a new one; or say when to look again."""
        if self._doubts.arisen:
            if again := self._doubts.again(connection, self._owner):
                return again, None
            self._doubts.arisen = False
        size, pause = self._room(connection)
        if size <= 0:
            return None, pause
        claim = self._claim(connection, size)
        if claim is None and (again := self._doubts.again(connection, self._owner)):
            return again, None
        return claim, self._doubts.next_at(time.monotonic()) if claim is None else None

    def _room(self, connection: Connection) -> tuple[int, float | None]:
        """Return how many letters may be claimed now, and if none, when to look again."""
        size, pause = self._limits.room(connection, self._can.max_messages)
        if size <= 0 and pause > LONGEST_WAIT:
            self._full = messages.hour_is_full
        elif size > 0 and not (size := self._pace.room(size)):
            self._full = functools.partial(messages.quota_is_used_up, self._can.name)
        return size, pause

    def _claim(self, connection: Connection, size: int) -> Claim | None:
        """Claim the rest of a request that was refused as a whole, or what comes next."""
        take = functools.partial(
            claims_store.claim,
            connection,
            self._mailing.id,
            size=size,
            lease=self._can.lease,
            key_id=next(iter(self._keys)),
            replayable=bool(self._can.replay),
            account=self._account,
            owner=self._owner,
        )
        while part := self._parts.next():
            if claim := take(only=part):
                return claim
        claim = take(but=self._parts.suspects)
        if claim is None and self._parts.suspects:
            if self._parts.try_suspects(self._breaker.accepted):
                return self._claim(connection, size)
            self._refuse(connection, self._parts.reason)
        return claim

    def _settle(self, connection: Connection, landed: _Landed, in_flight: int) -> None:
        claim = landed.departure.claim
        refs = tuple(reader.ref for reader in claim.readers)
        answer = self._parts.judge(landed.answer, refs)
        owned = settlement.settle(connection, claim, answer.outcomes)
        if not owned:
            settlement.record_late_answers(connection, claim, answer.outcomes)
        self._pace.heard(answer, left_at=landed.left_at, in_flight=in_flight, now=time.monotonic())
        said = [answer.outcomes.get(ref, _NOTHING) for ref in refs]
        kinds = {type(outcome): outcome for outcome in reversed(said)}
        refused = next((o for o in kinds.values() if isinstance(o, RequestRefused)), None)
        later = next((o for o in kinds.values() if isinstance(o, RetryLater)), None)
        if claim.attempt == 1:
            back = sum(isinstance(o, _NOT_TAKEN) for o in said) if refused or later else 0
            self._done += len(said) - back
        if Accepted in kinds:
            self._parts.accepted()
        self._doubts.arisen = self._doubts.arisen or Unknown in kinds
        self._in_doubt = self._in_doubt + 1 if kinds.keys() == {Unknown} else 0
        tripped = self._breaker.heard(
            said, surplus=answer.surplus, replayable=bool(self._can.replay)
        )
        if (claim.attempt > 1 or not owned) and self._more_accepted_twice(connection):
            tripped = "the provider accepted the same letter twice"
        if tripped:
            self._refuse(connection, tripped)
        elif refused and refused.divisible and not self._parts.hopeless:
            spoilt = [isinstance(o, RequestRefused) for o in said]
            self._parts.refused(tuple(itertools.compress(refs, spoilt)), refused.reason)
        elif refused:
            self._refuse(connection, refused.reason)
        elif later and self._pace.exhausted:
            self._trouble = self._trouble or functools.partial(messages.not_now, later.reason)
        elif self._in_doubt >= _NO_ANSWERS:
            self._give_up(connection)

    def _more_accepted_twice(self, connection: Connection) -> bool:
        return mailing_reports.count_accepted_twice(connection, self._mailing.id) > self._twice

    def _refuse(self, connection: Connection, reason: str) -> None:
        """Pause the mailing: what was refused stays refused until a person mends it."""
        mailings.change_state(connection, self._mailing.id, MailingState.PAUSED, reason)
        self._trouble = functools.partial(messages.refused, reason, self._mailing.slug)

    def _give_up(self, connection: Connection) -> None:
        """Send no more to a provider whose answers are lost, one after another."""
        if self._can.replay:
            self._trouble = functools.partial(messages.no_answers, self._can.name)
        else:
            self._refuse(connection, f"{self._can.name} gives no usable answers")

    def _others(self) -> float | None:
        """Return when to look again if another process, alive or lost, has something under way."""
        with self._store.read() as connection:
            sending = mailings.get(connection, self._mailing.id).state is MailingState.SENDING
            at_work = recovery.has_other_workers(connection, self._mailing.id)
            left = recovery.lease_left(connection, self._mailing.id)
        if not (sending and at_work):
            return None
        if left and left.total_seconds() > 0 and not self._told_of_others:
            # After a crash this is minutes, in which nothing else happens.
            self._told_of_others = True
            until = datetime.now(self._zone) + left
            self._note(messages.waiting_for_others(self._mailing.slug, until))
        return _WAIT_SECONDS

    def _ending(self) -> NewsletterError | None:
        """Say why there is nothing more to claim, if a person decided so."""
        with self._store.read() as connection:
            mailing = mailings.get(connection, self._mailing.id)
        if mailing.state not in {MailingState.PAUSED, MailingState.CANCELLED}:
            return None
        return messages.decided(mailing, self._left())

    def _left(self) -> str:
        with self._store.read() as connection:
            counts = mailing_reports.count_by_state(connection, self._mailing.id)
        return messages.left(counts[DeliveryState.PENDING], self._mailing.slug)
