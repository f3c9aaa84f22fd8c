"""What one run of a mailing has learned so far, and whether it continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.delivery.bisection import Bisection
from newsletter.delivery.messages import Stop, StopKind
from newsletter.model import MailingState
from newsletter.store import mailings

if TYPE_CHECKING:
    from threading import Event

    from newsletter.delivery.circuit_breaker import CircuitBreaker
    from newsletter.delivery.rate_limit import ProviderRateLimit
    from newsletter.delivery.reconcile import Reconciler
    from newsletter.model import Mailing
    from newsletter.store import Connection


class RunState:
    """What claiming and settling share in one run of a mailing."""

    def __init__(
        self,
        requested: Event,
        mailing: Mailing,
        rate_limit: ProviderRateLimit,
        breaker: CircuitBreaker,
        reconciler: Reconciler,
    ) -> None:
        self._requested = requested
        self.mailing = mailing
        self.rate_limit = rate_limit
        self.breaker = breaker
        self.reconciler = reconciler
        self.bisection = Bisection()
        self.stop: Stop | None = None
        """Why nothing more may leave; what is claimed and has not left is released."""
        self.limit: Stop | None = None
        """A limit that is reached: what was claimed before may still leave."""

    @property
    def is_ending(self) -> bool:
        """Whether nothing more may leave."""
        return self._requested.is_set() or self.stop is not None

    def refuse(self, connection: Connection, reason: str) -> None:
        """Pause the mailing: what was refused stays refused until a person acts."""
        mailings.change_state(connection, self.mailing.id, MailingState.PAUSED, reason)
        self.stop = Stop(StopKind.REFUSED, reason)
