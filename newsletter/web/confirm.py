"""Confirming a sign-up: a link opens a page with one button, and only that button confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from newsletter.errors import NewsletterError
from newsletter.store.mailings import latest_published_slug
from newsletter.subscriptions import signup
from newsletter.subscriptions.signup import LinkState
from newsletter.subscriptions.welcome import Welcome
from newsletter.web import links
from newsletter.web.context import RETRY_SOON
from newsletter.web.forms import MAX_FORM
from newsletter.web.middleware import annotate, client_info, mark_known

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.web.context import Context


class ConfirmHandler:
    """Answers the link of a confirmation."""

    def __init__(self, context: Context) -> None:
        self._context = context
        settings = context.settings
        # An issue that goes to the outbox reaches nobody, and would keep its mailing from them.
        latest = settings.welcome_with_latest and not context.shows_rehearsals
        self._welcome = Welcome(context.account, latest) if settings.welcome else None

    async def handle(self, request: Request) -> Response:
        """Show a button, or make the subscriber active; it is committed before the answer."""
        context = self._context
        public_id = signup.signup_of_link(context.keys, links.token(request))
        if public_id is None:
            return context.pages.missing.answer(404)
        mark_known(request.scope)
        if request.method != "POST":
            return await run_in_threadpool(self._show, public_id)
        await context.bodies.read(request, MAX_FORM)
        try:
            return await run_in_threadpool(self._confirm, request, public_id)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return context.pages.not_confirmed.answer(503, RETRY_SOON)

    def _show(self, public_id: str) -> Response:
        return self._answer(signup.link_state(self._context.database.store(), public_id))

    def _confirm(self, request: Request, public_id: str) -> Response:
        client = client_info(request, self._context.proxies)
        context = self._context
        state = signup.confirm(context.database.store(), public_id, client, self._welcome)
        context.wake_notices()
        return self._answer(state)

    def _answer(self, state: LinkState) -> Response:
        pages = self._context.pages
        match state:
            case LinkState.OPEN:
                return pages.confirm.answer()
            case LinkState.CONFIRMED:
                return self._confirmed()
            case LinkState.EXPIRED | LinkState.NOTHING:
                # The two look the same, so that the answer does not reveal who was erased.
                return pages.link_expired.answer(410)

    def _confirmed(self) -> Response:
        context = self._context
        with context.database.store().read() as connection:
            slug = latest_published_slug(connection, rehearsals=context.shows_rehearsals)
        if slug is None:
            return context.pages.confirmed.answer()
        return context.pages.confirmed_issue.fill(issue=slug).answer()
