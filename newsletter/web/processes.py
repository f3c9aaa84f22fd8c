"""Several processes that answer on one socket: a parent that only minds its children."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_A_LIFE: Final = 1.0
"""Seconds; a child that lived shorter than that is not followed at once by the next."""


def run_many(
    count: int, at: socket.socket, work: Callable[[], None], ready: Callable[[], None]
) -> None:
    """Let so many children do the same work until a signal asks to stop, then wait for them.

    A child that dies is followed by another one; none outlives its parent.

    Args:
        count: How many.
        at: The socket on which they answer.
        work: What each does, until SIGTERM or SIGINT stops it in good order.
        ready: Called when the children are there.
    """
    family = _Family(at, work)
    before = {number: signal.signal(number, family.stop) for number in _SIGNALS}
    try:
        for _ in range(count):
            family.bear()
        ready()
        family.mind()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Family:
    """A parent and its children, of the parent's view."""

    def __init__(self, at: socket.socket, work: Callable[[], None]) -> None:
        self._at = at
        self._work = work
        self._born: dict[int, float] = {}
        self._stopping = False
        # The end that is read says nothing, and ends when the parent is gone, however that ends.
        self._heard, self._held = os.pipe()

    def bear(self) -> None:
        # Until a child has forgotten its parent's handlers, no signal may reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if self._stopping:
                return
            pid = os.fork()
            if pid == 0:
                self._live()
            self._born[pid] = time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def stop(self, _signal: int, _frame: object) -> None:
        if not self._stopping:
            self._stopping = True
            self._at.close()
        for pid in self._born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def mind(self) -> None:
        while self._born:
            pid, _ = os.waitpid(-1, 0)
            lived = time.monotonic() - self._born.pop(pid)
            if not self._stopping:
                time.sleep(max(0.0, _A_LIFE - lived))
            self.bear()

    def _live(self) -> None:
        """Be a child, to the end: it never returns."""
        code = 1
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(self._held)
            threading.Thread(target=self._follow, daemon=True).start()
            self._work()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _follow(self) -> None:
        os.read(self._heard, 1)
        os.kill(os.getpid(), signal.SIGTERM)
