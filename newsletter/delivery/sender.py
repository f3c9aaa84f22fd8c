"""The loop in which one process sends its part of a mailing: claim, commit, submit, settle.

This thread alone reads and writes the ledger; a few others submit requests to the provider and
return its answers. What is settled, what is about to leave and what is claimed next share one
transaction. Letters are made between two transactions, so that no other process waits for that.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import TYPE_CHECKING, Final

from newsletter import gc_tuning, tokens
from newsletter.delivery import messages, requests
from newsletter.delivery.circuit_breaker import CircuitBreaker
from newsletter.delivery.claimer import Claimer
from newsletter.delivery.messages import Stop, StopKind
from newsletter.delivery.rate_limit import Idle, ProviderRateLimit, Seconds
from newsletter.delivery.reconcile import Reconciler
from newsletter.delivery.requests import MailingBatches, ProviderRequest, RequestBuilder
from newsletter.delivery.run_state import RunState
from newsletter.delivery.settler import AnsweredRequest, Settler
from newsletter.model import DeliveryState, Letter, MailingState
from newsletter.store import claims as claims_store
from newsletter.store import mailing_reports, mailings, recovery, sender_locks
from newsletter.store.keys import signing_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from newsletter.delivery.context import Context
    from newsletter.delivery.rate_limit import Wait
    from newsletter.errors import NewsletterError
    from newsletter.model import Mailing
    from newsletter.providers.base import Capabilities, SubmitResult
    from newsletter.store import Connection
    from newsletter.store.claims import Claim

_log = logging.getLogger(__name__)

BYTES_IN_FLIGHT: Final = 48 << 20
"""A budget for the requests in flight at once, so that memory does not grow with the list."""

_POLL: Final = Seconds(0.2)
"""How often to look whether another process has finished."""


class Sender:
    """One process's share in one mailing.

    Args:
        context: What it works with; the provider is the one for this audience.
        mailing: The mailing.
        progress: Called with the deliveries done and the audience.
    """

    def __init__(
        self,
        context: Context,
        mailing: Mailing,
        *,
        progress: Callable[[int, int], None],
    ) -> None:
        self._context = context
        self._store = context.store
        self._mailing = mailing
        self._progress = progress
        self._noted_others = False
        with self._store.read() as connection:
            letter = Letter.decode(mailings.letter_of(connection, mailing.id))
            before = mailing_reports.count_by_state(connection, mailing.id)
            twice = mailing_reports.count_accepted_twice(connection, mailing.id)
        can = context.capabilities
        keys = {tokens.fingerprint(key): key for key in signing_keys(context.settings)}
        self._threads = _most_in_flight(can, letter)
        self._quota = context.provider.quota()
        self._state = RunState(
            context.stop,
            mailing,
            ProviderRateLimit(self._threads, patient=not can.rehearsal, quota=self._quota),
            CircuitBreaker(before[DeliveryState.ACCEPTED]),
            Reconciler(context, mailing),
        )
        self._claimer = Claimer(context, self._state, next(iter(keys)))
        self._settler = Settler(
            context,
            self._state,
            done=mailing.audience - before[DeliveryState.PENDING],
            accepted_twice=twice,
        )
        batches = MailingBatches(mailing, letter)
        self._builder = RequestBuilder(context.provider, keys, batches.make)
        self._built: list[ProviderRequest[Claim]] = []
        self._unbuildable: list[tuple[Claim, str]] = []

    def run(self) -> NewsletterError | None:
        """Send until nothing is left to do here; return why it stopped before that, if it did."""
        if self._quota.blocked:
            with self._store.write() as connection:
                self._state.refuse(connection, self._quota.blocked)
        else:
            self._send_all()
        if self._builder.unexpected_error:
            raise self._builder.unexpected_error
        stop = self._state.stop or self._state.limit
        if not stop and self._context.stop.is_set():
            stop = Stop(StopKind.REQUESTED)
        return self._stop_error(stop) if stop else self._paused_or_cancelled()

    def _send_all(self) -> None:
        with (
            sender_locks.hold(self._context.settings.state) as self._claimer.owner,
            gc_tuning.gc_relaxed(),
            ThreadPoolExecutor(self._threads) as pool,
        ):
            # First what earlier runs left unknown, at the end what this one did.
            reconciler = self._state.reconciler
            reconciler.search()
            self._send(pool)
            if not (self._should_stop() or self._state.limit) and reconciler.search():
                self._send(pool)

    def _send(self, pool: ThreadPoolExecutor) -> None:
        in_flight: dict[Future[SubmitResult], tuple[ProviderRequest[Claim], float]] = {}
        while True:
            back = [future for future in in_flight if future.done()]
            completed = [AnsweredRequest(*in_flight.pop(one), one.result()) for one in back]
            ready, pause = self._step(completed, len(in_flight))
            for request in ready:
                future = pool.submit(self._builder.submit, request)
                in_flight[future] = request, time.monotonic()
            if self._built or self._unbuildable:
                continue
            seconds = pause.seconds if isinstance(pause, Seconds) else None
            if in_flight:
                wait(in_flight, return_when=FIRST_COMPLETED, timeout=seconds)
            elif seconds is None:
                break
            else:
                self._context.stop.wait(seconds)

    def _step(
        self, completed: Sequence[AnsweredRequest], in_flight: int
    ) -> tuple[list[ProviderRequest[Claim]], Wait]:
        """Record what came back, commit what leaves now, and claim what leaves next.

        Returns:
            What leaves, and how long there is nothing more to do unless an answer comes back.
        """
        with self._store.write() as connection:
            for one in completed:
                self._settler.settle(connection, one, in_flight)
            if completed:
                mailings.complete_if_all_known(connection, self._mailing.id)
            ready = self._commit_requests(connection)
            claims, pause = self._claim(connection, in_flight + len(ready))
        if completed:
            # What another process had in flight counts from the start, and again if it leaves here.
            audience = self._mailing.audience
            self._progress(min(self._settler.done, audience), audience)
        for claim in claims:
            self._build(claim)
        if self._should_stop() or self._state.limit:
            return ready, Idle.NOTHING
        if pause is Idle.NOTHING and not (ready or claims or in_flight):
            pause = self._wait_for_other_workers()
        return ready, pause

    def _claim(self, connection: Connection, in_flight: int) -> tuple[list[Claim], Wait]:
        if self._should_stop():
            return [], Idle.NOTHING
        return self._claimer.claim(connection, in_flight)

    def _build(self, claim: Claim) -> None:
        built = self._builder.build(claim, requests.clocks())
        if isinstance(built, ProviderRequest):
            self._built.append(built)
        else:
            self._unbuildable.append((claim, built))

    def _should_stop(self) -> bool:
        return self._state.is_ending or self._builder.unexpected_error is not None

    def _commit_requests(self, connection: Connection) -> list[ProviderRequest[Claim]]:
        """Commit which bytes leave now; what may not leave any more is released."""
        for claim, reason in self._unbuildable:
            recovery.give_up_replay(connection, claim, reason)
        self._unbuildable.clear()
        built, self._built = self._built, []
        if self._should_stop():
            for request in built:
                recovery.release(connection, request.claim)
            return []
        return [
            r for r in built if claims_store.record_payload(connection, r.claim, r.payload.digest)
        ]

    def _wait_for_other_workers(self) -> Wait:
        """Return when to look again if another process, alive or lost, has something in flight."""
        with self._store.read() as connection:
            sending = mailings.get(connection, self._mailing.id).state is MailingState.SENDING
            at_work = recovery.has_other_workers(connection, self._mailing.id)
            left = recovery.lease_left(connection, self._mailing.id)
        if not (sending and at_work):
            return Idle.NOTHING
        if left and left.total_seconds() > 0 and not self._noted_others:
            # After a crash this is minutes, in which nothing else happens.
            self._noted_others = True
            until = datetime.now(self._context.settings.zone) + left
            _log.info(messages.waiting_for_others(self._mailing.slug, until))
        return _POLL

    def _paused_or_cancelled(self) -> NewsletterError | None:
        """Return why there is nothing more to claim, if a person paused or cancelled it."""
        with self._store.read() as connection:
            mailing = mailings.get(connection, self._mailing.id)
        if mailing.state not in {MailingState.PAUSED, MailingState.CANCELLED}:
            return None
        return messages.paused_or_cancelled_error(mailing, self._remaining())

    def _stop_error(self, stop: Stop) -> NewsletterError:
        return messages.stop_error(
            stop,
            slug=self._mailing.slug,
            provider=self._context.capabilities.name,
            remaining=self._remaining(),
        )

    def _remaining(self) -> str:
        with self._store.read() as connection:
            counts = mailing_reports.count_by_state(connection, self._mailing.id)
        return messages.letters_remaining(counts[DeliveryState.PENDING], self._mailing.slug)


def _most_in_flight(can: Capabilities, letter: Letter) -> int:
    """Return how many requests may be in flight at once, for their size in memory."""
    size = len(letter.html) + len(letter.text)
    request = size if can.substitution else size * can.max_messages
    return max(1, min(can.in_flight, BYTES_IN_FLIGHT // max(1, request)))
