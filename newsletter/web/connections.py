"""Connections: how many there may be, and how long a slow client keeps one.

A connection costs a file descriptor and memory before its client has sent anything. Above one bound
a request gets a 503; above another a connection is closed at once. So that idle connections keep
no one out, those that were silent for a while make room for new ones above the first bound.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.operating_system import file_limits, set_file_limit
from newsletter.web.middleware import HEADERS, OVERLOADED, request_log

if TYPE_CHECKING:
    import asyncio

    from newsletter.web.context import Limits

MAX_HEAD: Final = 16 * 1024
"""How many bytes the head of a request may have."""

_REFUSED: Final = "connections closed: too many"

# h11 measures a head only while it is not whole, so it gets heads in small pieces.
_PIECE_OF_HEAD: Final = 1024
_PIECE_OF_BODY: Final = 16 * 1024
_READ_AT_ONCE: Final = 64 * 1024

_OTHER_FILES: Final = 100
"""File descriptors for the database, the sender and the log."""
_MIN_CONNECTIONS: Final = 16
_ENOUGH_FILES: Final = 65536


class ConnectionLimit:
    """The connections of one event loop; the log counts those that it closes when it is full."""

    def __init__(self, limits: Limits) -> None:
        self._patience = limits.silent_seconds
        self._open: set[TimeoutProtocol] = set()
        # Which connections are silent, since when; the one that waits longest comes first.
        self._silent: dict[TimeoutProtocol, float] = {}
        most = limits.open_connections
        self._most = min(most, max(_MIN_CONNECTIONS, _max_files() - _OTHER_FILES))
        self._served = self._most * limits.served_connections // most

    def add(self, connection: TimeoutProtocol) -> bool:
        """Count a connection; return whether it may stay."""
        if len(self._open) >= self._served:
            self._make_room()
        if len(self._open) >= self._most:
            request_log.count(_REFUSED)
            return False
        self._open.add(connection)
        return True

    def remove(self, connection: TimeoutProtocol) -> None:
        """Forget a connection that is lost."""
        self._open.discard(connection)
        self._silent.pop(connection, None)

    def mark_silent(self, connection: TimeoutProtocol) -> None:
        """Note that a client has to send something from now on."""
        self._silent.setdefault(connection, time.monotonic())

    def mark_active(self, connection: TimeoutProtocol) -> None:
        """Note that a client has sent its request."""
        self._silent.pop(connection, None)

    def is_full(self) -> bool:
        """Return whether there are more connections than are served."""
        return len(self._open) > self._served

    def _make_room(self) -> None:
        moment = time.monotonic()
        while len(self._open) >= self._served and self._silent:
            connection, since = next(iter(self._silent.items()))
            if moment - since <= self._patience:
                return  # the others came later
            self.remove(connection)
            connection.abort()
            request_log.count(_REFUSED)


class TimeoutProtocol(H11Protocol):
    """Closes a connection whose client is slow, or that is one too many.

    uvicorn itself waits for ever (https://github.com/Kludex/uvicorn/issues/157), and counts
    connections only when a request is whole.
    """

    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def __init__(
        self,
        connections: ConnectionLimit,
        limits: Limits,
        **options: Any,  # noqa: ANN401 - what uvicorn gives its protocols
    ) -> None:
        super().__init__(**options)
        self._connections = connections
        self._limits = limits
        self._rest = bytearray()
        self._came_late = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait, if there is room."""
        super().connection_made(transport)
        # How much asyncio reads at once: a quarter of a megabyte for each connection otherwise.
        transport.max_size = _READ_AT_ONCE  # type: ignore[attr-defined]
        if not self._connections.add(self):
            transport.abort()
            return
        self._came_late = self._connections.is_full()
        self._watch_request()

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Go on waiting only while a request is not whole."""
        self._rest += data
        self._read_on()

    def on_response_complete(self) -> None:
        """Read what came during the answer, and wait for what comes after it."""
        super().on_response_complete()
        self._read_on()

    def _read_on(self) -> None:
        """Give h11 what came, a piece at a time, and no more than the current request."""
        while self._rest and not self.transport.is_closing():
            state = self.conn.their_state
            if state not in {h11.IDLE, h11.SEND_BODY}:
                self.flow.pause_reading()  # until the answer is complete
                break
            size = _PIECE_OF_HEAD if state is h11.IDLE else _PIECE_OF_BODY
            piece = bytes(self._rest[:size])
            del self._rest[:size]
            self.app_state = {OVERLOADED: self._came_late and self._connections.is_full()}
            super().data_received(piece)
        self._watch_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._connections.remove(self)
        self._rest.clear()
        self._stop_watching_request()
        self._stop_watching_response()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self._limits.response_seconds, self.abort)

    def resume_writing(self) -> None:
        """Go on with a client that reads."""
        super().resume_writing()
        self._stop_watching_response()

    def timeout_keep_alive_handler(self) -> None:
        """Close after an answer, also when its client does not read it to the end."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self._limits.response_seconds, self.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with the headers of every other answer."""
        headers = [
            *HEADERS,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode()),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch_request(self) -> None:
        """Begin to wait where a part of a request begins; single bytes of it change nothing."""
        awaited = self.conn.their_state
        if awaited is h11.IDLE and not self.transport.is_closing():
            self._connections.mark_silent(self)
        else:
            self._connections.mark_active(self)
        if awaited is self._awaited:
            return
        self._stop_watching_request()
        limits = self._limits
        seconds = {h11.IDLE: limits.head_seconds, h11.SEND_BODY: limits.body_seconds}.get(awaited)
        if seconds and not self.transport.is_closing():
            self._awaited = awaited
            self._deadline = self.loop.call_later(seconds, self.abort)

    def _stop_watching_request(self) -> None:
        self._awaited = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_watching_response(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class ProtocolFactory:
    """Makes the protocols of one event loop; until then it can be sent to another process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connections: ConnectionLimit | None = None

    def __call__(self, **options: Any) -> TimeoutProtocol:  # noqa: ANN401 - as above
        """Return the protocol of a connection."""
        if self._connections is None:
            self._connections = ConnectionLimit(self._limits)
        return TimeoutProtocol(self._connections, self._limits, **options)


def raise_file_limit() -> None:
    """Let this process open as many files as its host allows: the usual first limit is 1,024."""
    if (limits := file_limits()) is None:
        return
    soft, hard = limits
    for limit in (hard, _ENOUGH_FILES):  # some systems call the hard limit endless and refuse it
        with contextlib.suppress(OSError, ValueError):
            if limit < 0 or limit > soft:
                set_file_limit(limit, hard)
                return


def _max_files() -> int:
    soft, _ = file_limits() or (_ENOUGH_FILES, _ENOUGH_FILES)
    return soft if soft >= 0 else _ENOUGH_FILES
