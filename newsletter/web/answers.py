"""Answering the question of a letter: a link opens a page with one button, and only that counts.

The links are the same in every letter, so they say nothing of who clicked; and programs open links
too, which may change nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from newsletter.subscriptions.answers import Missing, count_answer, find_ask
from newsletter.web import links
from newsletter.web.context import RETRY_IN_AN_HOUR
from newsletter.web.forms import MAX_FORM, is_foreign
from newsletter.web.middleware import annotate, client_info

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.web.context import Context

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
_NUMBER: Final = re.compile(r"[1-9]")


class AnswerHandler:
    """Answers the link of an answer."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle(self, request: Request) -> Response:
        """Show the answer and a button, or count it; it is committed before the page comes."""
        slug = links.repair(_SLUG, request.path_params["slug"])
        number = links.repair(_NUMBER, request.path_params["number"])
        if not (_SLUG.fullmatch(slug) and _NUMBER.fullmatch(number)):
            return self._context.pages.missing.answer(404)
        if request.method == "POST":
            await self._context.bodies.read(request, MAX_FORM)
        return await run_in_threadpool(self._answer, request, slug, int(number))

    def _answer(self, request: Request, slug: str, number: int) -> Response:
        context, pages = self._context, self._context.pages
        store = context.database.store()
        asked = find_ask(store, slug, number, rehearsals=context.shows_rehearsals)
        if asked is Missing.WITHDRAWN:
            return pages.withdrawn_answer.answer(410)
        if asked is Missing.NOTHING:
            return pages.missing.answer(404)
        answer = asked.answers[number - 1]
        # No other page can have a visitor's browser answer: it shows the button once more.
        if request.method != "POST" or is_foreign(request, context.form_url):
            return pages.ask.fill(question=asked.question.text, answer=answer).answer()
        client = client_info(request, context.proxies)
        if not count_answer(store, slug, number, client.ip):
            annotate(request.scope, "too many answers within an hour")
            return pages.too_many_answers.answer(429, RETRY_IN_AN_HOUR)
        return pages.answered.fill(answer=answer, issue=slug).answer()
