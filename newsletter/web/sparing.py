"""The log as strangers may write into it: some lines at once, then one a second for all of them.

Whoever holds a link that we signed, and a provider whose signature is good, has a line for each
request. Anybody else can ask as often as they like, and a log that takes a line each time fills the
disk: what goes beyond is counted, and told by a line that says how often what was done.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE: Final = 10
"""How many lines may come at once, after a quiet while."""
SECONDS: Final = 1.0
"""How long it takes until there is room for another line."""
_MOST_KINDS: Final = 8


class RateLimitedLog:
    """Takes lines from several threads.

    Args:
        log: Takes each line that is written.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._room = float(AT_ONCE)
        self._looked_at = time.monotonic()
        self._counted: Counter[str] = Counter()

    def write(self, line: str, kind: str) -> None:
        """Write a line if there is room, or count it under its kind."""
        with self._lock:
            if not self._counted and self._has_room():
                self._room -= 1
                self._log(line)
            else:
                self._counted[kind] += 1

    def count(self, kind: str) -> None:
        """Count something that gets no line of its own."""
        with self._lock:
            self._counted[kind] += 1

    def tell(self, *, at_last: bool = False) -> None:
        """Write what was counted, if anything was and there is room; `at_last` in any case."""
        with self._lock:
            if self._counted and (self._has_room() or at_last):
                self._room -= 1
                self._log(self._summary())
                self._counted.clear()

    def _has_room(self) -> bool:
        moment = time.monotonic()
        self._room = min(AT_ONCE, self._room + (moment - self._looked_at) / SECONDS)
        self._looked_at = moment
        return self._room >= 1

    def _summary(self) -> str:
        told = [f"{kind} ({times:,})" for kind, times in self._counted.most_common(_MOST_KINDS)]
        rest = self._counted.total() - sum(n for _, n in self._counted.most_common(_MOST_KINDS))
        others = [f"others ({rest:,})"] if rest else []
        return f"{stamp()} not one by one: {', '.join(told + others)}"


def stamp() -> str:
    """Return the moment with which a line of the log begins."""
    return datetime.now(UTC).isoformat("T", "seconds").replace("+00:00", "Z")
