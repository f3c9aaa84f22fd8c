"""What an answer changes: in the ledger, in what the run has learned, and whether it continues."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.delivery.messages import Stop, StopKind
from newsletter.model import Accepted, Outcome, RequestRefused, RetryLater, Unknown
from newsletter.store import mailing_reports, settlement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.delivery.context import Context
    from newsletter.delivery.requests import ProviderRequest
    from newsletter.delivery.run_state import RunState
    from newsletter.providers.base import SubmitResult
    from newsletter.store import Connection
    from newsletter.store.claims import Claim

_LEFT_OUT: Final = Unknown("")
_NOT_TAKEN: Final = (RetryLater, RequestRefused)
_NO_ANSWERS: Final = 4
"""Requests in a row of which nothing is known, after which a run sends no more of them."""


class AnsweredRequest(NamedTuple):
    """A request whose answer is back."""

    request: ProviderRequest[Claim]
    left_at: float
    result: SubmitResult


@dataclass(frozen=True, slots=True)
class _Answer:
    """The outcomes of one request, in the order of its deliveries; the first of each kind."""

    refs: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    kinds: Mapping[type[Outcome], Outcome]
    surplus: int

    @classmethod
    def of(cls, refs: tuple[str, ...], result: SubmitResult) -> _Answer:
        outcomes = tuple(result.outcomes.get(ref, _LEFT_OUT) for ref in refs)
        kinds = {type(outcome): outcome for outcome in reversed(outcomes)}
        return cls(refs, outcomes, kinds, result.surplus)

    @property
    def refused(self) -> RequestRefused | None:
        found = self.kinds.get(RequestRefused)
        return found if isinstance(found, RequestRefused) else None

    @property
    def retry_later(self) -> RetryLater | None:
        found = self.kinds.get(RetryLater)
        return found if isinstance(found, RetryLater) else None


class Settler:
    """Settles the answers of one run.

    Args:
        context: What the run works with.
        state: What the run has learned.
        done: How many letters were done before this run.
        accepted_twice: How many letters the provider had accepted twice before this run.
    """

    def __init__(
        self, context: Context, state: RunState, *, done: int, accepted_twice: int
    ) -> None:
        self._can = context.capabilities
        self._state = state
        self._accepted_twice = accepted_twice
        self._without_answer = 0
        self.done = done

    def settle(self, connection: Connection, completed: AnsweredRequest, in_flight: int) -> None:
        """Record what the provider answered, learn from it, and decide whether to continue."""
        claim = completed.request.claim
        refs = tuple(subscriber.ref for subscriber in claim.subscribers)
        result = self._state.bisection.reject_last_chance(completed.result, refs)
        answer = _Answer.of(refs, result)
        owned = self._record(connection, claim, result)
        self._state.rate_limit.observe(
            result, left_at=completed.left_at, in_flight=in_flight, now=time.monotonic()
        )
        tripped = self._observe(claim, answer)
        if (claim.attempt > 1 or not owned) and self._more_accepted_twice(connection):
            tripped = "the provider accepted the same letter twice"
        self._decide(connection, answer, tripped)

    @staticmethod
    def _record(connection: Connection, claim: Claim, result: SubmitResult) -> bool:
        """Write the outcomes into the ledger; return whether the claim was still ours."""
        if settlement.settle(connection, claim, result.outcomes):
            return True
        settlement.record_late_answers(connection, claim, result.outcomes)
        return False

    def _observe(self, claim: Claim, answer: _Answer) -> str:
        """Learn from an answer; return why the circuit breaker stops the run, or nothing."""
        if claim.attempt == 1:
            self.done += sum(not isinstance(one, _NOT_TAKEN) for one in answer.outcomes)
        if Accepted in answer.kinds:
            self._state.bisection.accepted()
        if Unknown in answer.kinds:
            self._state.reconciler.may_have_unknown = True
        self._without_answer = self._without_answer + 1 if answer.kinds.keys() == {Unknown} else 0
        return self._state.breaker.observe(
            answer.outcomes, surplus=answer.surplus, replayable=bool(self._can.replay)
        )

    def _more_accepted_twice(self, connection: Connection) -> bool:
        twice = mailing_reports.count_accepted_twice(connection, self._state.mailing.id)
        return twice > self._accepted_twice

    def _decide(self, connection: Connection, answer: _Answer, tripped: str) -> None:
        """Stop the run, bisect a refused request, or continue."""
        state = self._state
        if tripped:
            state.refuse(connection, tripped)
        elif refused := answer.refused:
            if refused.divisible and not state.bisection.hopeless:
                spoilt = [isinstance(one, RequestRefused) for one in answer.outcomes]
                part = tuple(itertools.compress(answer.refs, spoilt))
                state.bisection.refused(part, refused.reason)
            else:
                state.refuse(connection, refused.reason)
        elif (later := answer.retry_later) and state.rate_limit.exhausted:
            state.stop = state.stop or Stop(StopKind.RETRY_LATER, later.reason)
        elif self._without_answer >= _NO_ANSWERS:
            self._stop_without_answers(connection)

    def _stop_without_answers(self, connection: Connection) -> None:
        """Send no more to a provider whose answers are lost, one after another."""
        if self._can.replay:
            self._state.stop = Stop(StopKind.NO_ANSWERS)
        else:
            self._state.refuse(connection, f"{self._can.name} gives no usable answers")
