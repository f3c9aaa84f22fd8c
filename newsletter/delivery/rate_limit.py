"""How fast requests may leave: the provider's pace, learned from its answers, and our own limits.

Each process learns the provider's pace for itself. The author's own limits hold for all processes:
letters are counted in the ledger as they are claimed, so that two machines share one limit, and a
new run counts the letters of the one before.
"""

from __future__ import annotations

import random
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from newsletter.model import RequestRefused, RetryLater
from newsletter.store import claims
from newsletter.store.database import now

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Quota, SubmitResult
    from newsletter.store import Connection

LONGEST_WAIT: Final = 300.0
"""Seconds that a run waits for a provider; asked for longer, it ends and a later run continues."""

_FIRST_PAUSE: Final = 0.5
_MOST_FAILURES: Final = 5
_HOUR: Final = timedelta(hours=1)
_POLL_SECONDS: Final = 0.1


class Idle(Enum):
    """There is nothing to do, for no known time."""

    NOTHING = "nothing"
    """Nothing is left to wait for, either."""
    UNTIL_ANSWER = "until answer"
    """A request may leave when one that is in flight is answered."""


class Seconds(NamedTuple):
    """There may be something to do in so many seconds."""

    seconds: float


Wait: TypeAlias = Idle | Seconds


def backoff(first: float, doublings: int, longest: float) -> float:
    """Return a pause that doubles with every failure, up to the longest."""
    return min(first * 2.0 ** min(doublings, 30), longest)  # 30: no number grows without end


class ProviderRateLimit:
    """Says when the next request may leave. All moments are monotonic seconds.

    The first request travels alone, and so does the first after one that was not taken: a refused
    key or a low limit is then known before many requests are in flight.

    Args:
        most: The most requests in flight at once.
        patient: Whether to wait when a request was not taken for now; otherwise the run ends.
        quota: What the account may send, as far as that is known.
    """

    def __init__(self, most: int, *, patient: bool, quota: Quota) -> None:
        self._most = most
        self._patient = patient
        self._answered = False
        self._not_before = 0.0
        self._failures = 0
        self._failed_at = 0.0
        # What is left of the provider's own window, how much it holds, and when it is renewed.
        self._left: int | None = None
        self._window = 0
        self._renewed = 0.0
        self._per_second = quota.per_second
        self._letters_left = quota.left
        self._free_at = 0.0
        self.exhausted = False

    def wait(self, in_flight: int, now: float) -> Wait:
        """Return how long the next request must wait; no seconds if it may leave now."""
        if in_flight >= (self._most if self._answered else 1):
            return Idle.UNTIL_ANSWER
        if self._left is not None and now >= self._renewed:
            self._left = self._window
            self._renewed = now + 1
        held = self._not_before if self._left is None or self._left > 0 else self._renewed
        return Seconds(max(0.0, held - now, self._not_before - now, self._free_at - now))

    def allowance(self, size: int) -> int:
        """Return how many letters of `size` the account still takes now."""
        return size if self._letters_left is None else max(0, min(size, self._letters_left))

    def reserve(self, letters: int, now: float) -> None:
        """Count a request that is about to leave."""
        if self._left is not None:
            self._left -= 1
        if self._letters_left is not None:
            self._letters_left -= letters
        if self._per_second:
            # A second's worth may leave together; what is above that waits.
            begin = max(self._free_at, now - 1)
            self._free_at = begin + letters / self._per_second

    def observe(self, result: SubmitResult, *, left_at: float, in_flight: int, now: float) -> None:
        """Learn from an answer.

        Args:
            result: The answer.
            left_at: When its request was about to leave.
            in_flight: How many requests the answer cannot have counted yet.
            now: When it came.
        """
        if result.remaining is not None and result.reset is not None:
            self._window = max(self._window, result.remaining + 1)
            self._left = result.remaining - in_flight
            self._renewed = now + result.reset
        outcomes = result.outcomes.values()
        kinds = set(map(type, outcomes))
        if self._letters_left is not None and kinds & {RetryLater, RequestRefused}:
            not_taken = (isinstance(one, RetryLater | RequestRefused) for one in outcomes)
            self._letters_left += sum(not_taken)
        if RetryLater not in kinds:
            # A request that left before the last failure says nothing of the time after it.
            if left_at >= self._failed_at:
                self._answered = RequestRefused not in kinds
                self._failures = 0
            return
        if left_at >= self._failed_at:  # of several that left together, one counts
            self._failures += 1
            self._failed_at = now
        self._back_off(
            [
                one.after
                for one in outcomes
                if isinstance(one, RetryLater) and one.after is not None
            ],
            now,
        )

    def _back_off(self, asked: list[float], now: float) -> None:
        """Wait as long as the provider asks, or longer after each failure."""
        self._answered = False
        # Random, so that several senders do not come back at the same moment.
        spread = random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause = backoff(_FIRST_PAUSE, self._failures, LONGEST_WAIT) * spread
        if asked:
            pause = max(*asked, 0.0)
        if not self._patient or pause > LONGEST_WAIT or self._failures > _MOST_FAILURES:
            self.exhausted = True
        self._not_before = max(self._not_before, now + pause)


class OwnRateLimit:
    """`max_per_second` and `max_per_hour`; a rehearsal has none."""

    def __init__(self, settings: Settings, *, rehearsal: bool) -> None:
        per_second = 0 if rehearsal else settings.max_per_second
        self._per_hour = 0 if rehearsal else settings.max_per_hour
        # Less than one a second is one letter in a longer time.
        self._window = timedelta(seconds=max(1.0, 1 / per_second if per_second else 1.0))
        self._in_window = max(1, int(per_second)) if per_second else 0

    def allowance(self, connection: Connection, size: int) -> int | Seconds:
        """Return how many letters of `size` may be claimed now, or how long none may."""
        moment = now(connection)
        if self._per_hour:
            hour = int(self._per_hour) - claims.count_claimed_since(connection, moment - _HOUR)
            if hour <= 0:
                return Seconds(_HOUR.total_seconds())
            size = min(size, hour)
        if self._in_window:
            second = self._in_window - claims.count_claimed_since(connection, moment - self._window)
            if second <= 0:
                return Seconds(_POLL_SECONDS)
            size = min(size, second)
        return size
