"""uvicorn, set up so that it says nothing of a reader and waits for nobody too long."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.errors import NewsletterError
from newsletter.web.guard import HEADERS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import ASGIApp

HEAD_SECONDS: Final = 10.0
"""How long a client may take to say what it wants."""
BODY_SECONDS: Final = 15.0
"""How long it may take over the body, also where nobody reads that; see `bodies`."""
READ_SECONDS: Final = 30.0
"""How long it may leave unread what it was answered."""

_MAX_HEAD: Final = 16 * 1024
_MAX_CONNECTIONS: Final = 500
_STOP_SECONDS: Final = 40  # a little more than a database may make a request wait


class Prompt(H11Protocol):
    """Closes a connection whose client is slow: uvicorn itself would wait for ever."""

    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Go on waiting only while a request is not whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
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
            "is no address of this machine", where=where, hint="Give --host as 127.0.0.1 or 0.0.0.0"
        ) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise NewsletterError(
            f"cannot listen there: {error.strerror}", where=where, hint="Choose another --port"
        ) from None
    return bound


def run(app: ASGIApp, at: socket.socket, ready: Callable[[], None]) -> None:
    """Serve an app on a bound socket until SIGINT or SIGTERM, and finish what is in flight.

    Args:
        app: What answers.
        at: Where.
        ready: Called when either signal stops it in good order.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=Prompt,
            ws="none",
            lifespan="off",
            interface="asgi3",
            # Its log holds paths and addresses of clients; ours is in `guard`.
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=_MAX_HEAD,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )

    def stop(_signal: int, _frame: object) -> None:
        # uvicorn has handlers of its own; when it is done, it raises the signal once more.
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ready()
        server.run(sockets=[at])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
