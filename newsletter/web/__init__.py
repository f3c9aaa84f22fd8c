"""The readers' web app: leave by one click, read an issue. Thin: what it does is done below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.store.keys import signing_keys
from newsletter.web.chores import chores
from newsletter.web.database import Database
from newsletter.web.pages import render_pages
from newsletter.web.routes import make_app
from newsletter.web.server import listen, run
from newsletter.web.webhooks import Webhooks

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from newsletter.config import Settings

__all__ = ["listen", "serve"]


def serve(settings: Settings, at: socket.socket, log: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop, and finish what was asked before it.

    Args:
        settings: The newsletter's.
        at: What `listen` returned.
        log: Takes a line when it is ready, and one for each request.

    Raises:
        NewsletterError: A template is wrong, or the secret key cannot be read.
    """
    database = Database(settings)
    try:
        app = make_app(
            render_pages(settings),
            signing_keys(settings),
            database,
            Webhooks(settings, database),
            rehearsals=settings.provider == "outbox",
            log=log,
        )
        with chores(settings, database, log):
            run(app, at, lambda: log(f"{settings.name}: serving on {_shown(at)}"))
    finally:
        database.close()


def _shown(at: socket.socket) -> str:
    host, port, *_ = at.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
