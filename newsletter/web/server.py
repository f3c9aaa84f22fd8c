"""uvicorn, set up so that it logs nothing of a subscriber and waits for no client too long."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from newsletter.delivery.notices import find_obstacles
from newsletter.errors import NewsletterError
from newsletter.operating_system import on_stop_signal, share_no_port
from newsletter.web.app import AppFactory
from newsletter.web.connections import MAX_HEAD, ProtocolFactory, raise_file_limit
from newsletter.web.context import DEFAULT_LIMITS
from newsletter.web.middleware import trusted_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

    from newsletter.config import Settings
    from newsletter.web.context import Limits
    from newsletter.web.middleware import Network

_BACKLOG: Final = 512
_STOP_SECONDS: Final = 40  # a little more than a database may make a request wait
_START_SECONDS: Final = 30  # for a worker on a busy machine, before its supervisor gives it up

log = logging.getLogger(__name__)


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
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise NewsletterError(
            f"{where} is no address of this machine", hint="Give --host as 127.0.0.1 or 0.0.0.0"
        ) from None
    try:
        share_no_port(listener)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise NewsletterError(
            f"cannot listen on {where}: {error.strerror}", hint="Choose another --port or --host"
        ) from None
    return listener


def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    configure_logging: Callable[[], None],
    workers: int = 1,
    proxies: Sequence[Network] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Serve until a signal asks to stop, and finish what was asked before it.

    Args:
        settings: The newsletter's.
        listener: What `listen` returned.
        configure_logging: Called in each process; a worker unpickles it.
        workers: How many processes answer.
        proxies: Web servers before this one, whose X-Forwarded-For is believed.
        limits: How long the app waits, and how much it takes.

    Raises:
        NewsletterError: A template is wrong, or the secret key cannot be read.
    """
    raise_file_limit()
    factory = AppFactory(settings, limits, tuple(proxies), configure_logging)
    # Whatever is wrong is found here, before there is a process that would fail at it.
    app = factory()

    def announce() -> None:
        log.info("%s: serving on %s", settings.name, _url(listener))
        for obstacle in find_obstacles(settings):
            log.warning("no confirmation or other notice leaves from here: %s", obstacle)

    config = _config(factory if workers > 1 else lambda: app, workers, proxies, limits)
    if workers == 1:
        announce()
        _run(config, listener)
    else:
        _Workers(config, listener, announce).run()


def _config(
    factory: Callable[[], ASGIApp], workers: int, proxies: Sequence[Network], limits: Limits
) -> uvicorn.Config:
    return uvicorn.Config(
        factory,
        factory=True,
        workers=workers,
        http=ProtocolFactory(limits),  # type: ignore[arg-type]  # uvicorn only calls it
        loop="asyncio",
        ws="none",
        lifespan="on",
        interface="asgi3",
        # Its log holds paths and addresses of clients; ours is in `middleware`.
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=trusted_hosts(proxies),
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_worker_healthcheck=_START_SECONDS,
    )


def _run(config: uvicorn.Config, listener: socket.socket) -> None:
    server = uvicorn.Server(config)

    def stop() -> None:
        # uvicorn has handlers of its own; when it is done, it raises the signal once more.
        server.should_exit = True

    try:
        with on_stop_signal(stop):
            server.run(sockets=[listener])
    except SystemExit as error:
        # uvicorn ends the process itself, with a code that means something else here.
        if error.code != STARTUP_FAILURE:
            raise
        raise NewsletterError(
            "the web app cannot start", hint="Run newsletter status in the same folder"
        ) from error


class _Workers(Multiprocess):
    """Several processes that answer on one socket; one that dies is replaced."""

    def __init__(
        self, config: uvicorn.Config, listener: socket.socket, announce: Callable[[], None]
    ) -> None:
        super().__init__(config, [listener])
        self._announce = announce

    def init_processes(self) -> None:
        """Start the workers, and say so."""
        super().init_processes()
        self._announce()

    def handle_hup(self) -> None:
        """Stop when the terminal is closed, as one process does; uvicorn would restart them."""
        self.handle_term()

    def run(self) -> None:
        """Serve until a signal asks to stop.

        Raises:
            NewsletterError: A worker cannot start.
        """
        super().run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in self.processes):
            raise NewsletterError(
                "a worker cannot start", hint="Run newsletter serve with --workers 1 to see why"
            )


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
