"""The preview's own server: loopback only, until it is asked to stop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from newsletter.desk.preview.app import Changes, Pages
from newsletter.errors import NewsletterError
from newsletter.operating_system import on_stop_signal, share_no_port

if TYPE_CHECKING:
    from newsletter.desk.preview.guard import Access
    from newsletter.desk.preview.session import PreviewSession

_POLL: Final = 0.05  # seconds


def listen(port: int) -> socket.socket:
    """Return a socket of this machine that no other machine reaches; port 0 is any that is free.

    Raises:
        NewsletterError: The port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        share_no_port(listener)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        hint = "Choose another --port; --port 0 takes a free one"
        if error.errno == errno.EADDRINUSE:
            hint = f"Perhaps a preview is still running in another terminal. {hint}"
        raise NewsletterError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}", hint=hint
        ) from None
    return listener


def serve(session: PreviewSession, listener: socket.socket, access: Access) -> None:
    """Serve until a signal asks to stop, and then stop at once."""
    asyncio.run(_serve(session, listener, access))


async def _serve(session: PreviewSession, listener: socket.socket, access: Access) -> None:
    changes = Changes()
    config = uvicorn.Config(
        Pages(session, access, changes).app(),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        # uvicorn has handlers of its own; when it is done, it raises the signal once more.
        server.should_exit = True

    with on_stop_signal(stop):
        watching = asyncio.create_task(_watch(session, changes, server))
        await server.serve(sockets=[listener])
        await watching


async def _watch(session: PreviewSession, changes: Changes, server: uvicorn.Server) -> None:
    """Look for changes until the server stops, and then let go of the pages that wait."""
    while not server.should_exit:
        await asyncio.sleep(_POLL)
        if await asyncio.to_thread(session.look):
            await changes.announce()
    await changes.announce(is_over=True)
