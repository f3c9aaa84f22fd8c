"""How many letters may be claimed now, by the author's own limits: for all processes together.

Letters are counted in the ledger as they are claimed, so that two machines that send share one
limit, and a run that begins again does not begin anew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.store import claims
from newsletter.store.database import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.config import Settings

_HOUR: Final = timedelta(hours=1)
_LOOK_AGAIN: Final = 0.1


class OwnRateLimit:
    """`max_per_second` and `max_per_hour`; a rehearsal has none."""

    def __init__(self, settings: Settings, *, rehearsal: bool) -> None:
        per_second = 0 if rehearsal else settings.max_per_second
        self._per_hour = 0 if rehearsal else settings.max_per_hour
        # Less than one a second is one letter in a longer time.
        self._window = timedelta(seconds=max(1.0, 1 / per_second if per_second else 1.0))
        self._in_window = max(1, int(per_second)) if per_second else 0

    def room(self, connection: Connection, size: int) -> tuple[int, float]:
        """Return how many letters of `size` may be claimed now.

        Returns:
            The number; and if it is 0, in how many seconds there may be room again.
        """
        moment = now(connection)
        if self._per_hour:
            hour = int(self._per_hour) - claims.count_claimed_since(connection, moment - _HOUR)
            if hour <= 0:
                return 0, _HOUR.total_seconds()
            size = min(size, hour)
        if self._in_window:
            second = self._in_window - claims.count_claimed_since(connection, moment - self._window)
            if second <= 0:
                return 0, _LOOK_AGAIN
            size = min(size, second)
        return size, 0.0
