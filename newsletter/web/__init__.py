"""The readers' web app: sign up, confirm, leave, read an issue. Thin: the work is done below it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from newsletter import render
from newsletter.delivery import NoticeSender
from newsletter.delivery.notices import provider_account
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider
from newsletter.store.keys import signing_keys
from newsletter.web.chores import chores
from newsletter.web.confirm import Confirming
from newsletter.web.crowd import raise_file_limit
from newsletter.web.database import Database
from newsletter.web.notices import notices
from newsletter.web.pages import render_pages
from newsletter.web.preferences import Preferences
from newsletter.web.processes import run_many
from newsletter.web.routes import Readers, make_app
from newsletter.web.server import listen, run
from newsletter.web.signup import Joining, Terms
from newsletter.web.sparing import RateLimitedLog
from newsletter.web.troubles import TroubleLog
from newsletter.web.webhooks import Webhooks

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from newsletter.config import Settings
    from newsletter.web.clients import Network

__all__ = ["listen", "serve"]


def serve(
    settings: Settings,
    at: socket.socket,
    log: Callable[[str], None],
    *,
    workers: int = 1,
    proxies: Sequence[Network] = (),
) -> None:
    """Serve until a signal asks to stop, and finish what was asked before it.

    Args:
        settings: The newsletter's.
        at: What `listen` returned.
        log: Takes a line when it is ready, and one for each request.
        workers: How many processes answer.
        proxies: Web servers before this one whose word about a client is believed.

    Raises:
        NewsletterError: A template is wrong, or the secret key cannot be read.
    """
    raise_file_limit()
    app = _App(settings, log, proxies)

    def ready() -> None:
        log(f"{settings.name}: serving on {_shown(at)}")
        if app.unable:
            log(f"notices wait for a send: {app.unable}")

    if workers == 1:
        app.serve(at, ready)
    else:
        run_many(workers, at, lambda: app.serve(at, lambda: None), ready)


class _App:
    """What every process has: all that can be wrong with it is found before the first one."""

    def __init__(
        self, settings: Settings, log: Callable[[str], None], proxies: Sequence[Network]
    ) -> None:
        self._settings = settings
        self._log = log
        self._proxies = proxies
        self._pages = render_pages(settings)
        self._keys = signing_keys(settings)
        self._terms = Terms(
            render.wording(settings),
            f"{settings.public_url.rstrip('/')}/",
            provider_account(settings),
        )
        self._sender: NoticeSender | None = None
        self._close_provider: Callable[[], None] = lambda: None
        self.unable = ""
        """Why notices cannot be sent from here, if they cannot."""
        try:
            provider = open_provider(settings)
        except NewsletterError as error:
            self.unable = str(error)
        else:
            self._sender = NoticeSender(settings, provider)
            self._close_provider = provider.close

    def serve(self, at: socket.socket, ready: Callable[[], None]) -> None:
        database = Database(self._settings)
        rehearsals = self._settings.provider == "outbox"
        pages, keys, proxies = self._pages, self._keys, self._proxies
        troubles, sparing = TroubleLog(self._log), RateLimitedLog(self._log)
        try:
            with (
                chores(self._settings, keys, database, troubles) as begin_chores,
                notices(self._sender, database, self._log, troubles) as wake,
                closing(Webhooks(self._settings, database)) as webhooks,
            ):
                preferences = Preferences(pages, keys, database, self._settings, wake)
                app = make_app(
                    pages,
                    Readers(pages, keys, database, preferences, rehearsals=rehearsals),
                    Joining(
                        pages,
                        keys,
                        database,
                        terms=self._terms,
                        proxies=proxies,
                        wake=wake,
                        rehearsals=rehearsals,
                    ),
                    Confirming(pages, keys, database, proxies, rehearsals=rehearsals),
                    webhooks,
                    log=self._log,
                    sparing=sparing,
                )

                def begin() -> None:
                    ready()
                    begin_chores()
                    wake()  # for what was left by those who were here before

                run(app, at, begin, sparing)
        finally:
            database.close()
            self._close_provider()


def _shown(at: socket.socket) -> str:
    host, port, *_ = at.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
