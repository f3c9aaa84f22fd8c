"""The state machine of mailings and deliveries, and the effect of events on subscribers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.model import (
    Accepted,
    DeliveryState,
    EventKind,
    MailingState,
    Outcome,
    RecipientRejected,
    RequestRefused,
    RetryLater,
    SubscriberStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

LEAST_RESTRICTIVE_FIRST = (
    SubscriberStatus.ACTIVE,
    SubscriberStatus.PENDING,
    SubscriberStatus.UNSUBSCRIBED,
    SubscriberStatus.BOUNCED,
    SubscriberStatus.COMPLAINED,
)
"""Of several statuses of one person, the last in this order counts."""

LEFT = frozenset(
    {SubscriberStatus.UNSUBSCRIBED, SubscriberStatus.BOUNCED, SubscriberStatus.COMPLAINED}
)
"""Who may not be mailed without a new opt-in."""

D = DeliveryState
M = MailingState

DELIVERY_STATES_AFTER: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = {
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
MAILING_STATES_AFTER: Final[Mapping[MailingState, frozenset[MailingState]]] = {
    M.FROZEN: frozenset({M.SENDING, M.PAUSED, M.CANCELLED}),
    M.SENDING: frozenset({M.PAUSED, M.CANCELLED, M.COMPLETED, M.COMPLETED_WITH_UNKNOWN}),
    # Completed: the pause came when the last letters were on their way.
    M.PAUSED: frozenset({M.SENDING, M.CANCELLED, M.COMPLETED, M.COMPLETED_WITH_UNKNOWN}),
    # A person resolves: what is sent again reopens the mailing, the rest completes it.
    M.COMPLETED_WITH_UNKNOWN: frozenset({M.SENDING, M.COMPLETED}),
    M.COMPLETED: frozenset(),
    M.CANCELLED: frozenset(),
    # A person has seen that it was missed, and dismisses it.
    M.EXPIRED: frozenset({M.CANCELLED}),
}


_STATES_AFTER_OUTCOMES: Final[Mapping[type, DeliveryState]] = {
    Accepted: D.ACCEPTED,
    RecipientRejected: D.REJECTED,
    RetryLater: D.PENDING,
    RequestRefused: D.PENDING,
}


def deliveries_before(target: DeliveryState) -> frozenset[DeliveryState]:
    """Return the states from which a delivery may become `target`."""
    return frozenset(
        state for state, following in DELIVERY_STATES_AFTER.items() if target in following
    )


def mailings_before(target: MailingState) -> frozenset[MailingState]:
    """Return the states from which a mailing may become `target`."""
    return frozenset(
        state for state, following in MAILING_STATES_AFTER.items() if target in following
    )


def state_after(outcome: Outcome | None) -> DeliveryState:
    """Return the state of a delivery after an outcome."""
    return _STATES_AFTER_OUTCOMES.get(type(outcome), D.UNKNOWN)


def final_state(counts: Mapping[DeliveryState, int]) -> MailingState | None:
    """Return how a mailing with these counts ends, or None while there is work to do."""
    if counts[D.PENDING] or counts[D.ATTEMPTING]:
        return None
    return M.COMPLETED_WITH_UNKNOWN if counts[D.UNKNOWN] else M.COMPLETED


EVENT_RANKS: Final = (
    EventKind.DELIVERED,
    EventKind.FAILED,
    EventKind.SUPPRESSED,
    EventKind.SOFT_BOUNCE,
    EventKind.HARD_BOUNCE,
    EventKind.COMPLAINT,
)
"""Events that say how a letter ended; a later one in this order counts more."""

_RANKS: Final = {kind: rank for rank, kind in enumerate(EVENT_RANKS)}
_STATUS_AFTER: Final[Mapping[EventKind, SubscriberStatus]] = {
    EventKind.UNSUBSCRIBE: SubscriberStatus.UNSUBSCRIBED,
    EventKind.HARD_BOUNCE: SubscriberStatus.BOUNCED,
    EventKind.COMPLAINT: SubscriberStatus.COMPLAINED,
}
SOFT_BOUNCES: Final = 5
SOFT_BOUNCE_SPAN: Final = timedelta(days=90)


def strongest_event(before: EventKind | None, kind: EventKind) -> EventKind | None:
    """Return the event of a letter that counts most when one more is known.

    Accepted and deferred do not say how it ends. Who unsubscribes by a letter has received it.
    """
    result = EventKind.DELIVERED if kind is EventKind.UNSUBSCRIBE else kind
    if result not in _RANKS:
        return before
    return result if before is None else max(before, result, key=_RANKS.__getitem__)


def status_after_event(kind: EventKind) -> SubscriberStatus | None:
    """Return the status of a subscriber after such an event, or None if it does not change."""
    return _STATUS_AFTER.get(kind)


def more_restrictive(one: SubscriberStatus, other: SubscriberStatus) -> SubscriberStatus:
    """Return the more restrictive of two: a complaint counts more than a click."""
    return max(one, other, key=LEAST_RESTRICTIVE_FIRST.index)


def too_many_soft_bounces(
    soft_bounces: Iterable[datetime], delivered: datetime | None
) -> datetime | None:
    """Return since when an address counts as one that takes no mail any more, or None.

    That is so when five letters of five mailings bounced softly within 90 days, for reasons that
    may lie with the address, and none was delivered since the first of these five.

    Args:
        soft_bounces: When letters to one subscriber bounced, one moment for each mailing.
        delivered: When a letter was last delivered to them, if ever.
    """
    late = sorted(at for at in soft_bounces if delivered is None or at > delivered)
    last = late[-SOFT_BOUNCES:]
    if len(last) < SOFT_BOUNCES or last[-1] - last[0] > SOFT_BOUNCE_SPAN:
        return None
    return last[-1]
