"""The addresses that readers, mail programs and providers come to. GET and HEAD change nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from newsletter import tokens
from newsletter.errors import NewsletterError
from newsletter.model import Letter
from newsletter.store import health as health_store
from newsletter.store import mailings
from newsletter.store.database import HEAD
from newsletter.subscriptions import unsubscribe
from newsletter.web import addresses, bodies
from newsletter.web.batching import RequestBatcher
from newsletter.web.middleware import annotate, mark_known, with_headers_and_log
from newsletter.web.preferences import ASK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from newsletter.web.confirm import Confirming
    from newsletter.web.database import Database
    from newsletter.web.pages import Pages
    from newsletter.web.preferences import Preferences
    from newsletter.web.signup import Joining
    from newsletter.web.sparing import RateLimitedLog
    from newsletter.web.webhooks import Webhooks

MAX_BODY: Final = 4096
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
_LATER: Final = {"Retry-After": "60"}
# An author's pictures may stand anywhere, and a letter's look stands in its elements.
_ISSUE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src https:; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "public, max-age=300",
}


class Readers:
    """What each address answers.

    Args:
        pages: What readers see.
        keys: All keys that verify leave links, newest first.
        database: The list and the ledger.
        preferences: Mails a reader the link to his own.
        rehearsals: Whether a rehearsal's letter may be seen: where nobody is mailed.
    """

    def __init__(
        self,
        pages: Pages,
        keys: Sequence[str],
        database: Database,
        preferences: Preferences,
        *,
        rehearsals: bool,
    ) -> None:
        self._pages = pages
        self._keys = keys
        self._database = database
        self.preferences = preferences
        self._rehearsals = rehearsals
        self._goodbyes = RequestBatcher(self._let_leave)

    async def leave(self, request: Request) -> Response:
        """Show a button, which needs no database; or let its reader leave.

        The button and a mail program's one-click (RFC 8058, section 3.2) are the same POST. Its
        body is never looked at: the token is the authority, and says all there is to say. So
        there is one answer too, a page, which a mail program shows to nobody. The page's second
        form posts to the same link with a query, which no mail program adds.
        """
        reader = unsubscribe.subscriber_of_link(self._keys, addresses.token(request))
        if reader is None:
            return self._pages.missing.answer(404)
        mark_known(request.scope)
        proof = reader == tokens.RESERVED_ID
        if request.method != "POST":
            return (self._pages.leave_proof if proof else self._pages.leave).answer()
        if ASK in addresses.names(request.scope):
            return await self.preferences.mail_link(request, reader)
        await bodies.read(request, MAX_BODY)
        try:
            await self._goodbyes.wait(reader)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.not_left.answer(503, _LATER)
        return (self._pages.proof if proof else self._pages.left).answer()

    def _let_leave(self, first: list[str], others: Callable[[], list[str]]) -> None:
        unsubscribe.unsubscribe_many(self._database.store(), first, others)

    def issue(self, request: Request) -> Response:
        """Show an issue as its readers got it, without anything of theirs."""
        slug = addresses.found(_SLUG, request.path_params["slug"])
        if not _SLUG.fullmatch(slug):
            return self._pages.missing.answer(404)
        try:
            with self._database.store().read() as connection:
                found = mailings.published_letter(connection, slug, rehearsals=self._rehearsals)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.trouble.answer(503, _LATER)
        if found is None:
            return self._pages.missing.answer(404)
        letter_hash, frozen = found
        headers = {**_ISSUE_HEADERS, "ETag": f'"{letter_hash}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(Letter.decode(frozen).page, 200, headers, "text/html")

    def health(self, request: Request) -> Response:
        """Say whether the database can be used for what the other addresses do, and which it is."""
        try:
            with self._database.store().read() as connection:
                found = health_store.identity(connection)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            # Anybody may ask this: what is wrong stands in the log.
            return _unwell("the database cannot be used just now")
        if found.closed:
            return _unwell("this database is closed: another one has taken its place")
        if found.revision != HEAD:
            return _unwell("the database and this program are of different versions")
        return JSONResponse({"status": "ok", "ledger": found.ledger})


def make_app(
    pages: Pages,
    readers: Readers,
    joining: Joining,
    confirming: Confirming,
    webhooks: Webhooks,
    *,
    log: Callable[[str], None],
    sparing: RateLimitedLog,
) -> ASGIApp:
    """Return the web app; `log` takes one line for each request, `sparing` those of strangers."""
    routes = [
        Route("/", joining.form),
        Route("/subscribe", joining.subscribe, methods=["GET", "POST"]),
        Route("/c/{token}", confirming.confirm, methods=["GET", "POST"]),
        Route("/p/{token}", readers.preferences.answer, methods=["GET", "POST"]),
        Route("/u/{token}", readers.leave, methods=["GET", "POST"]),
        Route("/issues/{slug}", readers.issue),
        Route("/webhooks/{provider}", webhooks.receive, methods=["POST"]),
        Route("/healthz", readers.health),
    ]

    async def refuse(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return pages.trouble.answer(500)
        page = {404: pages.missing, 503: pages.trouble}.get(error.status_code, pages.refused)
        return page.answer(error.status_code, error.headers)

    crowded = pages.trouble.answer(503, {"Retry-After": "10", "Connection": "close"})

    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse, Exception: refuse})
    # No answer here leads elsewhere: RFC 8058, section 3.1, forbids it of a one-click POST.
    app.router.redirect_slashes = False
    paths: dict[object, str] = {route.endpoint: route.path for route in routes}
    return with_headers_and_log(app, paths, crowded, log, sparing)


def _unwell(why: str) -> Response:
    return JSONResponse({"status": why}, 503, _LATER)
