"""Unsubscribing: a page with one button, and the one-click POST of mail programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter import tokens
from newsletter.errors import NewsletterError
from newsletter.subscriptions import unsubscribe
from newsletter.web import links
from newsletter.web.batching import RequestBatcher
from newsletter.web.context import RETRY_SOON
from newsletter.web.forms import MAX_FORM
from newsletter.web.middleware import annotate, mark_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.web.context import Context
    from newsletter.web.preferences import PreferencesHandler

REQUEST_PREFERENCES: Final = "voorkeuren"
"""The query of an unsubscribe link that asks for the link to preferences.

It is part of links in letters that were sent, so it never changes.
"""


class UnsubscribeHandler:
    """Answers unsubscribe links; `preferences` mails the link to a subscriber's preferences."""

    def __init__(self, context: Context, preferences: PreferencesHandler) -> None:
        self._context = context
        self._preferences = preferences
        self._batcher = RequestBatcher(self._unsubscribe)

    async def handle(self, request: Request) -> Response:
        """Show a button, which needs no database; or unsubscribe whose link this is.

        The button and a mail program's one-click (RFC 8058, section 3.2) are the same POST. Its
        body is never parsed: the token is the authority, and says all there is to say. So there is
        one answer too, a page, which a mail program does not show. The page's second form posts
        to the same link with a query, which no mail program adds.
        """
        pages = self._context.pages
        subscriber = unsubscribe.subscriber_of_link(self._context.keys, links.token(request))
        if subscriber is None:
            return pages.missing.answer(404)
        mark_known(request.scope)
        is_proof = subscriber == tokens.RESERVED_ID
        if request.method != "POST":
            return (pages.unsubscribe_proof if is_proof else pages.unsubscribe).answer()
        if REQUEST_PREFERENCES in links.query_names(request.scope):
            return await self._preferences.mail_link(request, subscriber)
        await self._context.bodies.read(request, MAX_FORM)
        try:
            await self._batcher.submit(subscriber)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return pages.not_unsubscribed.answer(503, RETRY_SOON)
        return (pages.proof if is_proof else pages.unsubscribed).answer()

    def _unsubscribe(self, first: list[str], others: Callable[[], list[str]]) -> None:
        unsubscribe.unsubscribe_many(self._context.database.store(), first, others)
