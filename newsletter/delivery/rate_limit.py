"""How fast requests may leave, learned from what the provider says as they do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from newsletter.model import RequestRefused, RetryLater

if TYPE_CHECKING:
    from newsletter.providers.base import Quota, SubmitResult

LONGEST_WAIT = 300.0
"""Seconds that a run waits for a provider; asked for longer, it ends and a later run goes on."""

_FIRST_PAUSE = 0.5
_PATIENCE = 5


class ProviderRateLimit:
    """Says when the next request may leave. All moments are monotonic seconds.

    The first request travels alone, and so does the first after one that was not taken, so that a
    key which is refused, or a limit which is low, is known before many are under way.

    Args:
        most: The most requests under way at once.
        patient: Whether to wait when a request was not taken for now; otherwise the run ends.
        quota: What the account may send, as far as that is known.
    """

    def __init__(self, most: int, *, patient: bool, quota: Quota) -> None:
        self._most = most
        self._patient = patient
        self._heard = False
        self._not_before = 0.0
        self._failures = 0
        self._failed_at = 0.0
        # What is left of the provider's own window, how much it holds, and when it begins anew.
        self._left: int | None = None
        self._window = 0
        self._renewed = 0.0
        self._per_second = quota.per_second
        self._letters_left = quota.left
        self._free_at = 0.0
        self.exhausted = False

    def wait(self, in_flight: int, now: float) -> float | None:
        """Return in how many seconds a request may leave; None until one of those is back."""
        if in_flight >= (self._most if self._heard else 1):
            return None
        if self._left is not None and now >= self._renewed:
            self._left = self._window
            self._renewed = now + 1
        held = self._not_before if self._left is None or self._left > 0 else self._renewed
        return max(0.0, held - now, self._not_before - now, self._free_at - now)

    def room(self, size: int) -> int:
        """Return how many letters of `size` the account still takes now."""
        return size if self._letters_left is None else max(0, min(size, self._letters_left))

    def leaves(self, letters: int, now: float) -> None:
        """Count a request that is about to leave."""
        if self._left is not None:
            self._left -= 1
        if self._letters_left is not None:
            self._letters_left -= letters
        if self._per_second:
            # A second's worth may leave together; what is above that waits.
            begin = max(self._free_at, now - 1)
            self._free_at = begin + letters / self._per_second

    def heard(self, answer: SubmitResult, *, left_at: float, in_flight: int, now: float) -> None:
        """Take in what an answer says of the pace.

        Args:
            answer: The answer.
            left_at: When its request was about to leave.
            in_flight: How many requests it cannot have counted yet.
            now: When it came.
        """
        if answer.remaining is not None and answer.reset is not None:
            self._window = max(self._window, answer.remaining + 1)
            self._left = answer.remaining - in_flight
            self._renewed = now + answer.reset
        said = answer.outcomes.values()
        kinds = set(map(type, said))
        if self._letters_left is not None and kinds & {RetryLater, RequestRefused}:
            self._letters_left += sum(isinstance(one, RetryLater | RequestRefused) for one in said)
        if RetryLater not in kinds:
            # One that left before the last failure says nothing of the time after it.
            if left_at >= self._failed_at:
                self._heard = RequestRefused not in kinds
                self._failures = 0
            return
        later = [outcome for outcome in said if isinstance(outcome, RetryLater)]
        self._heard = False
        if left_at >= self._failed_at:  # of many that left together, one counts
            self._failures += 1
            self._failed_at = now
        asked = max((o.after for o in later if o.after is not None), default=None)
        # Spread out, so that several senders do not come back at the same moment.
        pause = _FIRST_PAUSE * 2**self._failures * random.uniform(0.5, 1)  # noqa: S311 - no secret
        pause = pause if asked is None else max(asked, 0.0)
        if not self._patient or pause > LONGEST_WAIT or self._failures > _PATIENCE:
            self.exhausted = True
        self._not_before = max(self._not_before, now + pause)
