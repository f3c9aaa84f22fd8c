"""The routes of the web app. GET and HEAD change nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from newsletter import render
from newsletter.delivery import NoticeSender
from newsletter.delivery.notices import find_obstacles, provider_account
from newsletter.delivery.preflight import find_lost_key
from newsletter.errors import NewsletterError
from newsletter.operating_system import stop_signals
from newsletter.providers import capabilities_of, open_provider
from newsletter.store import health
from newsletter.store.database import HEAD
from newsletter.store.keys import signing_keys
from newsletter.web.answers import AnswerHandler
from newsletter.web.archive import ArchiveHandler
from newsletter.web.background import Background
from newsletter.web.confirm import ConfirmHandler
from newsletter.web.context import RETRY_SOON, Context, Limits
from newsletter.web.database import Database
from newsletter.web.forms import BodyReader
from newsletter.web.issues import IssueHandler
from newsletter.web.media import MediaHandler
from newsletter.web.middleware import annotate, client_info, request_log, with_headers_and_log
from newsletter.web.pages import render_pages
from newsletter.web.preferences import PreferencesHandler
from newsletter.web.signup import SignupHandler
from newsletter.web.unsubscribe import UnsubscribeHandler
from newsletter.web.webhooks import WebhookHandler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import FrameType

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from newsletter.config import Settings
    from newsletter.providers.base import Provider
    from newsletter.web.middleware import Network
    from newsletter.web.pages import Pages

_FLUSH_SECONDS: Final = 0.1
_RENDERING: Final = 10
"""How many requests for pages of the archive are served at once: those of subscribers have the
other threads (Starlette has 40) and connections to the database."""
_ARCHIVE: Final = (
    "/issues",
    "/issues/",
    "/issues/page/{number}",
    "/issues/theme/{theme}",
    "/issues/theme/{theme}/{number}",
    "/issues/questions",
    "/issues/questions/{number}",
    "/feed.xml",
    "/feed.json",
    "/sitemap.xml",
)


@dataclass(frozen=True)
class AppFactory:
    """Makes the app of one process; it can be sent to another process, which makes its own."""

    settings: Settings
    limits: Limits
    proxies: tuple[Network, ...]
    configure_logging: Callable[[], None]

    def __call__(self) -> ASGIApp:
        """Return the app, which starts its background threads when the server starts it.

        Raises:
            NewsletterError: A template is wrong, or the secret key cannot be read.
        """
        self.configure_logging()
        # What other libraries log holds parts of requests; without a handler it reaches stderr.
        logging.getLogger().addHandler(logging.NullHandler())
        logging.captureWarnings(capture=True)
        provider = _provider(self.settings)
        sender = NoticeSender(self.settings, provider) if provider else None
        database, keys = Database(self.settings), signing_keys(self.settings)
        background = Background(self.settings, keys, database, sender, self.limits)
        context = Context(
            settings=self.settings,
            pages=render_pages(self.settings),
            keys=keys,
            database=database,
            bodies=BodyReader(self.limits),
            account=provider_account(self.settings),
            wording=render.wording(self.settings),
            proxies=self.proxies,
            limits=self.limits,
            mails_notices=_mails_notices(self.settings),
            wake_notices=background.wake_notices,
        )
        return create_app(context, background, provider.close if provider else lambda: None)


def _provider(settings: Settings) -> Provider | None:
    """Return what takes notices; None where it is not set up, and a `send` has to send them."""
    try:
        return open_provider(settings)
    except NewsletterError:
        return None


def _mails_notices(settings: Settings) -> bool:
    return not capabilities_of(settings).rehearsal and not find_obstacles(settings)


def create_app(
    context: Context, background: Background, close_provider: Callable[[], None]
) -> ASGIApp:
    """Return the web app, which runs `background` for as long as it is served."""
    pages = context.pages
    signup, preferences = SignupHandler(context), PreferencesHandler(context)
    webhooks, archive = WebhookHandler(context), ArchiveHandler(context)
    rendering = asyncio.Semaphore(_RENDERING)

    def reading(show: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        # An endpoint of its own each time: by it the log names its route.
        async def endpoint(request: Request) -> Response:
            async with rendering:  # the first pages after a change take seconds
                return await run_in_threadpool(show, request)

        return endpoint

    routes = [
        Route("/", signup.show),
        Route("/subscribe", signup.subscribe, methods=["GET", "POST"]),
        Route("/a/{slug}/{number}", AnswerHandler(context).handle, methods=["GET", "POST"]),
        Route("/c/{token}", ConfirmHandler(context).handle, methods=["GET", "POST"]),
        Route("/p/{token}", preferences.handle, methods=["GET", "POST"]),
        Route(
            "/u/{token}", UnsubscribeHandler(context, preferences).handle, methods=["GET", "POST"]
        ),
        *(Route(path, reading(archive.show)) for path in _ARCHIVE),
        Route("/issues/search", reading(archive.search)),
        Route("/issues/{slug}", reading(IssueHandler(context, archive).show)),
        Route("/media/{name}", MediaHandler(context).show),
        Route("/webhooks/{provider}", webhooks.handle, methods=["POST"]),
        Route("/healthz", _health_check(context)),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(_count_exception)
        _stop_with_parent()
        flushing = asyncio.create_task(_flush_regularly())
        try:
            with background.running(), _called_at_stop_signals(background.stop):
                yield
        finally:
            flushing.cancel()
            request_log.flush(force=True)
            webhooks.close()
            context.database.close()
            close_provider()

    app = Starlette(routes=routes, exception_handlers=_exception_handlers(pages), lifespan=lifespan)
    # No answer here leads elsewhere: RFC 8058, section 3.1, forbids it of a one-click POST.
    app.router.redirect_slashes = False
    overloaded = pages.trouble.answer(503, {"Retry-After": "10", "Connection": "close"})
    paths: dict[object, str] = {route.endpoint: route.path for route in routes}
    return with_headers_and_log(app, paths, overloaded, context.bodies.release)


def _exception_handlers(pages: Pages) -> dict[Any, Any]:
    # All of these are async: Starlette would run others in threads, which a flood waits for.
    async def refuse(_request: Request, error: HTTPException) -> Response:
        page = {404: pages.missing, 503: pages.trouble}.get(error.status_code, pages.refused)
        return page.answer(error.status_code, error.headers)

    async def report(request: Request, error: NewsletterError) -> Response:
        annotate(request.scope, str(error))
        return pages.trouble.answer(503, RETRY_SOON)

    async def fail(_request: Request, _error: Exception) -> Response:
        return pages.trouble.answer(500)

    return {
        HTTPException: refuse,
        NewsletterError: report,
        Exception: fail,
    }


def _health_check(context: Context) -> Callable[[Request], Response]:
    def check_health(request: Request) -> Response:
        """Say whether the database can be used for what the other routes do, and which it is."""
        try:
            store = context.database.store()
            with store.read() as connection:
                found = health.identity(connection)
            able = context.mails_notices and found.revision == HEAD
            mailed = able and not find_lost_key(store, context.keys)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            # Anyone may ask this: what is wrong is in the log.
            return _unhealthy("the database cannot be used just now")
        if found.closed:
            return _unhealthy("this database is closed: another one has taken its place")
        if found.revision != HEAD:
            return _unhealthy("the database and this program are of different versions")
        # Whether limits for each visitor can work: behind a proxy that is not named by --proxy, or
        # does not say who asks, all visitors have one address.
        visitors = "seen" if client_info(request, context.proxies).ip else "hidden"
        # Anyone may ask this: why they are held is in the log.
        notices = "mailed" if mailed else "held"
        said = {"ledger": found.ledger, "visitors": visitors, "notices": notices}
        return JSONResponse({"status": "ok", **said})

    return check_health


def _unhealthy(why: str) -> Response:
    return JSONResponse({"status": why}, 503, RETRY_SOON)


def _count_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Count what goes wrong in the event loop, and write no traceback of it.

    asyncio reports each connection that it cannot accept, 2,048 times a second and more:
    https://github.com/python/cpython/issues/151615.
    """
    # The message is asyncio's own; the text of an error may hold anything.
    error = context.get("exception")
    name = f" ({type(error).__name__})" if error else ""
    request_log.count(f"event loop: {context.get('message', 'trouble')}{name}")


async def _flush_regularly() -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        request_log.flush()


@contextlib.contextmanager
def _called_at_stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call a function in the event loop when the process is asked to stop, beside the server.

    The server ends the lifespan only after the last request.
    """
    loop = asyncio.get_running_loop()

    def tell(before: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
        def handle(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(stop)
            before(number, frame)

        return handle

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in stop_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                before[number] = signal.signal(number, tell(handler))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_with_parent() -> None:
    """Stop this process in good order when its parent is gone; uvicorn's workers would go on."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def stop() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, name="parent", daemon=True).start()
