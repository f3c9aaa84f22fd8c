"""How many connections there may be, counted from the moment that each is accepted.

A connection costs a file descriptor and memory before it has said anything. Above one bound a
request gets a 503; above another a connection is closed at once. So that idle connections keep
nobody out, those that have said nothing for a while make room for whoever comes above the first
bound.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

SERVED: Final = 500
"""How many connections are served at once."""
OPEN: Final = 600
"""How many may be open: those above `SERVED` are told to come back later."""
PATIENCE: Final = 1.0
"""For how many seconds a connection may say nothing while others need its place."""

_OTHERS: Final = 100
"""File descriptors for the database, the sender and the log."""
_FEW: Final = 16
_ENOUGH: Final = 65536


class Connection(Protocol):
    """What a connection must be able to do."""

    def hang_up(self) -> None:
        """Close it at once."""


class ConnectionLimit:
    """The connections of one event loop.

    Args:
        refused: Called for each that was closed for want of room.
    """

    def __init__(self, refused: Callable[[], None]) -> None:
        self._refused = refused
        self._open: set[Connection] = set()
        # Who has said nothing, since when; who waits longest comes first.
        self._silent: dict[Connection, float] = {}
        self._most = min(OPEN, max(_FEW, _descriptors() - _OTHERS))
        self._served = self._most * SERVED // OPEN

    def come(self, one: Connection) -> bool:
        """Take a connection; tell whether it may stay."""
        if len(self._open) >= self._served:
            self._make_room()
        if len(self._open) >= self._most:
            self._refused()
            return False
        self._open.add(one)
        return True

    def go(self, one: Connection) -> None:
        """Forget a connection that is lost."""
        self._open.discard(one)
        self._silent.pop(one, None)

    def wait_for(self, one: Connection) -> None:
        """Note that one has to say something from now on."""
        self._silent.setdefault(one, time.monotonic())

    def hear(self, one: Connection) -> None:
        """Note that one has said what it wants."""
        self._silent.pop(one, None)

    def is_full(self) -> bool:
        """Tell whether there are more than are served."""
        return len(self._open) > self._served

    def _make_room(self) -> None:
        moment = time.monotonic()
        while len(self._open) >= self._served and self._silent:
            one, since = next(iter(self._silent.items()))
            if moment - since <= PATIENCE:
                return  # the others came later
            self.go(one)
            one.hang_up()
            self._refused()


def raise_file_limit() -> None:
    """Let this process open as many files as its host allows: the usual first limit is 1,024."""
    if (limits := _limits()) is None:
        return
    soft, hard = limits
    for limit in (hard, _ENOUGH):  # some systems call the hard limit endless and refuse it
        with contextlib.suppress(OSError, ValueError):
            if limit < 0 or limit > soft:
                _set_limit(limit, hard)
                return


def _descriptors() -> int:
    soft, _ = _limits() or (_ENOUGH, _ENOUGH)
    return soft if soft >= 0 else _ENOUGH


def _limits() -> tuple[int, int] | None:
    """Return the soft and the hard limit, each negative where it is endless; None on Windows."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def _set_limit(soft: int, hard: int) -> None:
    import resource  # noqa: PLC0415 - as above

    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
