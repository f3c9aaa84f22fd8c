"""Confirming a sign-up: a link opens a page with one button, and only that button does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from newsletter.errors import NewsletterError
from newsletter.store.mailings import latest_published_slug
from newsletter.subscriptions import confirm
from newsletter.subscriptions.confirm import LinkState
from newsletter.web import addresses, bodies
from newsletter.web.clients import origin
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.web.clients import Network
    from newsletter.web.database import Database
    from newsletter.web.pages import Pages

MAX_BODY: Final = 4096
_LATER: Final = {"Retry-After": "60"}


class Confirming:
    """What a link in a confirmation answers.

    Args:
        pages: What readers see.
        keys: All keys that verify links, newest first.
        database: The list.
        proxies: Web servers before this one whose word about a client is believed.
        rehearsals: Whether the issue to read may be a rehearsal's: where nobody is mailed.
    """

    def __init__(
        self,
        pages: Pages,
        keys: Sequence[str],
        database: Database,
        proxies: Sequence[Network],
        *,
        rehearsals: bool,
    ) -> None:
        self._pages = pages
        self._keys = keys
        self._database = database
        self._proxies = proxies
        self._rehearsals = rehearsals

    async def confirm(self, request: Request) -> Response:
        """Show a button, or put its reader on the list; it is committed before the answer."""
        signup = confirm.signup_of_link(self._keys, addresses.token(request))
        if signup is None:
            return self._pages.missing.answer(404)
        mark_known(request.scope)
        pressed = request.method == "POST"
        if pressed:
            await bodies.read(request, MAX_BODY)
        try:
            return await run_in_threadpool(self._answer, request, signup, pressed=pressed)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            page = self._pages.not_confirmed if pressed else self._pages.trouble
            return page.answer(503, _LATER)

    def _answer(self, request: Request, signup: str, *, pressed: bool) -> Response:
        store = self._database.store()
        if pressed:
            standing = confirm.confirm(store, signup, origin(request, self._proxies))
        else:
            standing = confirm.link_state(store, signup)
        match standing:
            case LinkState.OPEN:
                return self._pages.confirm.answer()
            case LinkState.HERE:
                return self._here()
            case LinkState.LATE | LinkState.NOTHING:
                # Nobody learns from the one or the other who was erased.
                return self._pages.late.answer(410)

    def _here(self) -> Response:
        with self._database.store().read() as connection:
            slug = latest_published_slug(connection, rehearsals=self._rehearsals)
        if slug is None:
            return self._pages.confirmed.answer()
        return self._pages.confirmed_issue.filled(issue=slug).answer()
