"""Stop a run whose answers show that something is wrong, whatever the cause."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from newsletter.model import Accepted, RecipientRejected, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import Outcome

_AT_LEAST: Final = 10
_REJECTED: Final = 0.05
_LOST: Final = 0.02


class CircuitBreaker:
    """Counts the outcomes of one run; each run, and so each resumption, counts anew.

    Args:
        accepted: How many letters were accepted before this run.
    """

    def __init__(self, accepted: int) -> None:
        self.accepted = accepted
        self._settled = self._rejected = self._lost_requests = self._lost = 0

    def observe(self, outcomes: Sequence[Outcome], *, surplus: int, replayable: bool) -> str:
        """Count an answer; return why nothing more may leave, or nothing.

        Args:
            outcomes: Of each letter of a request.
            surplus: How many letters it says it took beyond those.
            replayable: A lost request can be repeated, which settles it.
        """
        kinds = Counter(map(type, outcomes))
        self.accepted += kinds[Accepted]
        self._rejected += kinds[RecipientRejected]
        lost = kinds[Unknown]
        # What was not taken is tried again, perhaps in smaller requests: that is no outcome yet.
        self._settled += kinds[Accepted] + kinds[RecipientRejected] + lost
        if lost and not replayable:
            self._lost += lost
            self._lost_requests += 1
        if surplus:
            return "the provider says that it took more letters than the request has subscribers"
        if self._rejected >= _AT_LEAST and self._rejected > _REJECTED * self._settled:
            return (
                f"the provider rejects too much: {self._rejected:,} of {self._settled:,} letters "
                "in this run"
            )
        if self._lost_requests >= _AT_LEAST and self._lost > _LOST * self._settled:
            return f"it is unknown what became of {self._lost:,} of {self._settled:,} letters"
        return ""
