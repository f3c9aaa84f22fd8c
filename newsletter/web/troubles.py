"""What keeps the app's threads from their work, told once, however many of them meet it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from newsletter.errors import TryAgain


class TroubleLog:
    """Remembers who has which trouble, for as long as he has it; `log` takes a line of it."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._now: dict[str, str] = {}

    def note(self, whose: str, trouble: str) -> None:
        """Take what somebody's trouble is now, empty if he has none; tell it if it is news."""
        with self._lock:
            news = trouble and trouble not in self._now.values()
            self._now[whose] = trouble
        if news:
            self._log(trouble)


def passing(error: TryAgain) -> str:
    """Return what is wrong, for who reads the log of a program that tries again by itself."""
    return f"{error.sentence}. The app goes on by itself when that is over"
