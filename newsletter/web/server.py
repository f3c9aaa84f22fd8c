"""uvicorn, set up so that it says nothing of a reader and waits for nobody too long."""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.errors import NewsletterError
from newsletter.web.crowd import ConnectionLimit
from newsletter.web.middleware import HEADERS, OVERLOADED

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from newsletter.web.sparing import RateLimitedLog

HEAD_SECONDS: Final = 10.0
"""How long a client may take to say what it wants."""
BODY_SECONDS: Final = 15.0
"""How long it may take over the body, also where nobody reads that; see `bodies`."""
READ_SECONDS: Final = 30.0
"""How long it may leave unread what it was answered."""

_MAX_HEAD: Final = 16 * 1024
# h11 measures a head only while it is not whole, so it gets heads in small pieces.
_PIECE_OF_HEAD: Final = 1024
_PIECE_OF_BODY: Final = 16 * 1024
_READ_AT_ONCE: Final = 64 * 1024
_BACKLOG: Final = 512
_STOP_SECONDS: Final = 40  # a little more than a database may make a request wait


class TimeoutProtocol(H11Protocol):
    """Closes a connection whose client is slow, and whom there is no room for.

    uvicorn itself would wait for ever, and counts connections when a request is whole.

    Args:
        crowd: All connections of this event loop.
        uvicorns: What uvicorn gives its protocols.
    """

    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def __init__(self, crowd: ConnectionLimit, **uvicorns: Any) -> None:  # noqa: ANN401 - whatever it gives
        super().__init__(**uvicorns)
        self._crowd = crowd
        self._rest = bytearray()
        self._came_late = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait, if there is room."""
        super().connection_made(transport)
        # How much asyncio reads at once: a quarter of a megabyte for each connection otherwise.
        transport.max_size = _READ_AT_ONCE  # type: ignore[attr-defined]
        if not self._crowd.come(self):
            transport.abort()
            return
        self._came_late = self._crowd.is_full()
        self._watch()

    def hang_up(self) -> None:
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
        """Give h11 what came, a piece at a time, and no more than the request under way."""
        while self._rest and not self.transport.is_closing():
            state = self.conn.their_state
            if state not in {h11.IDLE, h11.SEND_BODY}:
                self.flow.pause_reading()  # until the answer is complete
                break
            size = _PIECE_OF_HEAD if state is h11.IDLE else _PIECE_OF_BODY
            piece = bytes(self._rest[:size])
            del self._rest[:size]
            self.app_state = {OVERLOADED: self._came_late and self._crowd.is_full()}
            super().data_received(piece)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._crowd.go(self)
        self._rest.clear()
        self._stop_watching()
        self._stop_minding()

    def pause_writing(self) -> None:
        """Begin to wait for a client who does not read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a client who reads."""
        super().resume_writing()
        self._stop_minding()

    def timeout_keep_alive_handler(self) -> None:
        """Hang up after an answer, also on a client who does not read it to its end."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(READ_SECONDS, self.transport.abort)

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

    def _watch(self) -> None:
        """Begin to wait where a part of a request begins; what dribbles in changes nothing."""
        awaited = self.conn.their_state
        if awaited is h11.IDLE and not self.transport.is_closing():
            self._crowd.wait_for(self)
        else:
            self._crowd.hear(self)
        if awaited is self._awaited:
            return
        self._stop_watching()
        seconds = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}.get(awaited)
        if seconds and not self.transport.is_closing():
            self._awaited = awaited
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_watching(self) -> None:
        self._awaited = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_minding(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address of this machine; port 0 is any that is free.

    Raises:
        NewsletterError: There is no such address here, or the port is taken.
    """
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise NewsletterError(
            f"{where} is no address of this machine", hint="Give --host as 127.0.0.1 or 0.0.0.0"
        ) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise NewsletterError(
            f"cannot listen on {where}: {error.strerror}", hint="Choose another --port"
        ) from None
    return bound


class _Server(uvicorn.Server):
    """Writes no traceback of what goes wrong in the event loop, however often that is.

    asyncio tells of each connection that it cannot accept, 2,048 times a second and more:
    https://github.com/python/cpython/issues/151615.
    """

    def __init__(self, config: uvicorn.Config, sparing: RateLimitedLog) -> None:
        super().__init__(config)
        self._sparing = sparing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._count)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        self._sparing.tell()
        return await super().on_tick(counter)

    def _count(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The message is asyncio's own; what an error says may hold anything.
        error = context.get("exception")
        name = f" ({type(error).__name__})" if error else ""
        self._sparing.count(f"event loop: {context.get('message', 'trouble')}{name}")


def run(
    app: ASGIApp, at: socket.socket, ready: Callable[[], None], sparing: RateLimitedLog
) -> None:
    """Serve an app on a bound socket until SIGINT or SIGTERM, and finish what is in flight.

    Args:
        app: What answers.
        at: Where.
        ready: Called when either signal stops it in good order.
        sparing: Counts whom there was no room for, and what went wrong with a connection.
    """
    # What other libraries log says things of a request, and reaches stderr where nobody takes it.
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
    crowd = ConnectionLimit(lambda: sparing.count("connections closed for want of room"))
    server = _Server(_config(app, crowd), sparing)

    def stop(_signal: int, _frame: object) -> None:
        # uvicorn has handlers of its own; when it is done, it raises the signal once more.
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        server.run(sockets=[at])
    finally:
        sparing.tell(at_last=True)
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(app: ASGIApp, crowd: ConnectionLimit) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=functools.partial(TimeoutProtocol, crowd),  # type: ignore[arg-type]  # it is called, no more
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Its log holds paths and addresses of clients; ours is in `guard`.
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_MAX_HEAD,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
