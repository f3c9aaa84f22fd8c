"""How often somebody may cause work within an hour: counted in memory, for this process alone."""

from __future__ import annotations

import threading
import time
from typing import Final

_HOUR: Final = 3600.0
_MOST_KEPT: Final = 10_000


class HourlyLimit:
    """Counts by name.

    Args:
        most: How often each may within an hour, from their first time on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        # Since when, and how often; who came first stands first.
        self._seen: dict[str, tuple[float, int]] = {}

    def may(self, who: str) -> bool:
        """Count somebody; tell whether they are within the limit."""
        moment = time.monotonic()
        with self._lock:
            since, count = self._seen.get(who, (moment, 0))
            if moment - since >= _HOUR:
                del self._seen[who]
                since, count = moment, 0
            self._seen[who] = (since, count + 1)
            if len(self._seen) > _MOST_KEPT:
                del self._seen[next(iter(self._seen))]
        return count < self._most
