"""The state machine of mailings and deliveries: what may follow what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    Outcome,
    Refused,
    Rejected,
    RetryLater,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

D = DeliveryState
M = MailingState

DELIVERIES: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
    # Accepted: the answer to an earlier attempt came after all.
    D.PENDING: frozenset({D.ATTEMPTING, D.SKIPPED, D.ACCEPTED}),
    # Back to pending only when the provider certainly did not take it.
    D.ATTEMPTING: frozenset({D.ACCEPTED, D.REJECTED, D.PENDING, D.UNKNOWN}),
    # Attempting: the same bytes under the same key. Pending: a person decided so, or two searches
    # at the provider show that it was not taken.
    D.UNKNOWN: frozenset({D.ACCEPTED, D.REJECTED, D.ATTEMPTING, D.PENDING}),
    D.ACCEPTED: frozenset(),
    D.REJECTED: frozenset(),
    D.SKIPPED: frozenset(),
}
MAILINGS: Final[Mapping[MailingState, frozenset[MailingState]]] = {
    M.FROZEN: frozenset({M.SENDING, M.PAUSED, M.CANCELLED}),
    M.SENDING: frozenset({M.PAUSED, M.CANCELLED, M.COMPLETED, M.COMPLETED_WITH_UNKNOWN}),
    # Completed: the pause came when the last letters were on their way.
    M.PAUSED: frozenset({M.SENDING, M.CANCELLED, M.COMPLETED, M.COMPLETED_WITH_UNKNOWN}),
    # A person resolves: what is sent again reopens the mailing, the rest completes it.
    M.COMPLETED_WITH_UNKNOWN: frozenset({M.SENDING, M.COMPLETED}),
    M.COMPLETED: frozenset(),
    M.CANCELLED: frozenset(),
    M.EXPIRED: frozenset(),
}


_AFTER: Final[Mapping[type[Outcome], DeliveryState]] = {
    Accepted: D.ACCEPTED,
    Rejected: D.REJECTED,
    RetryLater: D.PENDING,
    Refused: D.PENDING,
}


def deliveries_before(target: DeliveryState) -> frozenset[DeliveryState]:
    """Return the states from which a delivery may come to `target`."""
    return frozenset(state for state, following in DELIVERIES.items() if target in following)


def mailings_before(target: MailingState) -> frozenset[MailingState]:
    """Return the states from which a mailing may come to `target`."""
    return frozenset(state for state, following in MAILINGS.items() if target in following)


def state_after(outcome: Outcome) -> DeliveryState:
    """Return what a delivery becomes by what the provider said of it."""
    return _AFTER.get(type(outcome), D.UNKNOWN)


def conclusion(counts: Mapping[DeliveryState, int]) -> MailingState | None:
    """Return how a mailing with these counts ends, or None while there is work to do."""
    if counts[D.PENDING] or counts[D.ATTEMPTING]:
        return None
    return M.COMPLETED_WITH_UNKNOWN if counts[D.UNKNOWN] else M.COMPLETED
