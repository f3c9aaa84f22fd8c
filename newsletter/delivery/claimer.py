"""What a run sends next: a repetition, part of a refused request, or pending letters."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Final

from newsletter.delivery.messages import Stop, StopKind
from newsletter.delivery.rate_limit import LONGEST_WAIT, Idle, OwnRateLimit, Seconds
from newsletter.store import claims as claims_store

if TYPE_CHECKING:
    from newsletter.delivery.context import Context
    from newsletter.delivery.rate_limit import Wait
    from newsletter.delivery.run_state import RunState
    from newsletter.store import Connection
    from newsletter.store.claims import Claim

LETTERS_AT_ONCE: Final = 1000
"""Claimed in one transaction; a subscriber who unsubscribes meanwhile waits for its end."""


class Claimer:
    """Claims what leaves next, within all limits.

    Args:
        context: What the run works with.
        state: What the run has learned.
        key_id: Fingerprint of the key that signs new letters.
    """

    def __init__(self, context: Context, state: RunState, key_id: str) -> None:
        self._can = context.capabilities
        self._state = state
        self._own_limit = OwnRateLimit(context.settings, rehearsal=state.mailing.rehearsal)
        self._key_id = key_id
        self._account = context.account_id
        self.owner: str | None = None
        """Names the lock that this process holds."""

    def claim(self, connection: Connection, in_flight: int) -> tuple[list[Claim], Wait]:
        """Claim what may leave next; if that is nothing, return how long to wait."""
        claimed: list[Claim] = []
        room = LETTERS_AT_ONCE
        while room > 0 and not (self._state.is_ending or self._state.limit):
            wait = self._state.rate_limit.wait(in_flight + len(claimed), time.monotonic())
            if isinstance(wait, Idle):
                return claimed, wait
            if wait.seconds > LONGEST_WAIT:
                self._state.limit = Stop(StopKind.QUOTA)
            if wait.seconds > 0:
                return claimed, wait
            found = self._next(connection)
            if isinstance(found, Idle | Seconds):
                return claimed, found
            self._state.rate_limit.reserve(len(found.subscribers), time.monotonic())
            claimed.append(found)
            room -= len(found.subscribers)
        return claimed, Idle.NOTHING

    def _next(self, connection: Connection) -> Claim | Wait:
        """Take over a request of unknown outcome, or claim a new one; or say when to look again."""
        reconciler = self._state.reconciler
        if reconciler.may_have_unknown:
            if replay := reconciler.next_replay(connection, self.owner):
                return replay
            reconciler.may_have_unknown = False
        size = self._allowance(connection)
        if not isinstance(size, int):
            return size
        return (
            self._claim(connection, size)
            or reconciler.next_replay(connection, self.owner)
            or reconciler.wait(time.monotonic())
        )

    def _allowance(self, connection: Connection) -> int | Wait:
        """Return how many letters may be claimed now, or when to look again."""
        allowed = self._own_limit.allowance(connection, self._can.max_messages)
        if isinstance(allowed, Seconds):
            if allowed.seconds > LONGEST_WAIT:
                self._state.limit = Stop(StopKind.HOURLY_LIMIT)
            return allowed
        size = self._state.rate_limit.allowance(allowed)
        if not size:
            self._state.limit = Stop(StopKind.QUOTA)
            return Idle.NOTHING
        return size

    def _claim(self, connection: Connection, size: int) -> Claim | None:
        """Claim the rest of a request that was refused as a whole, or what comes next."""
        take = functools.partial(
            claims_store.claim,
            connection,
            self._state.mailing.id,
            size=size,
            lease=self._can.lease,
            key_id=self._key_id,
            replayable=bool(self._can.replay),
            account=self._account,
            owner=self.owner,
        )
        bisection = self._state.bisection
        while part := bisection.next():
            if claim := take(only=part):
                return claim
        claim = take(but=bisection.suspects)
        if claim is None and bisection.suspects:
            if bisection.try_suspects(self._state.breaker.accepted):
                return self._claim(connection, size)
            self._state.refuse(connection, bisection.reason)
        return claim
