"""Signing up: the form, also on other sites, and the answer to what it posts.

A form of ours carries a stamp. A form without a valid one (from an author's own site, from a page
that was left open for a day, from a program) is shown once more, filled in, with one button: so no
other page can make a visitor's browser sign anyone up.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from newsletter import tokens
from newsletter.addresses import parse_address, visitor_name
from newsletter.store.mailings import latest_published_slug
from newsletter.subscriptions.signup import (
    FormState,
    SignupRequest,
    SignupResult,
    form_state,
    request_signup,
)
from newsletter.web.batching import RequestBatcher
from newsletter.web.context import RETRY_IN_AN_HOUR
from newsletter.web.forms import is_foreign, printable
from newsletter.web.middleware import annotate, client_info

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.web.context import Context
    from newsletter.web.pages import Page, PageTemplate

MIN_FORM_SECONDS: Final = 1.5
"""No person reads a form and fills it in within that time."""
MAX_FORM_SECONDS: Final = 24 * 3600.0

TRAP_FIELD: Final = "onderwerp"
"""A field that no person sees, and that programs fill in.

Field names are part of forms on other sites, so they never change.
"""
SOURCE: Final = "van"
"""The parameter, and the field, that says where the link to the form was."""
_LABEL: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
_SITE: Final = re.compile(r"https?://[!-~]{1,190}")


@dataclass(slots=True)
class _Pending:
    """A request that waits for its transaction, and its result."""

    request: SignupRequest
    result: SignupResult = SignupResult.ACCEPTED


class SignupHandler:
    """Shows the sign-up form and takes what it posts."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batcher = RequestBatcher(self._request_signups, context.wake_notices)

    async def show(self, request: Request) -> Response:
        """Show the form, unless it has closed itself."""
        pages = self._context.pages
        state, issue = await run_in_threadpool(self._form_state)
        if state.closed:
            return self._closed(request)
        stamp, van = self._stamp(self._context.form_url), _source(request, {})
        if issue is None:
            return pages.signup.fill(stamp=stamp, van=van).answer()
        return pages.signup_issue.fill(stamp=stamp, van=van, issue=issue).answer()

    def _form_state(self) -> tuple[FormState, str | None]:
        context = self._context
        store = context.database.store()
        with store.read() as connection:
            issue = latest_published_slug(connection, rehearsals=context.shows_rehearsals)
        return form_state(store, context.limits.signup), issue

    async def subscribe(self, request: Request) -> Response:
        """Take a sign-up; or show the form to a browser that reloads the answer to it."""
        return await (self._post if request.method == "POST" else self.show)(request)

    async def _post(self, request: Request) -> Response:
        """Take a sign-up; the answer says nothing of the address."""
        pages = self._context.pages
        fields = await self._context.bodies.read_form(request)
        if fields.get(TRAP_FIELD):
            annotate(request.scope, "a hidden field was filled in")
            return pages.check_mailbox.answer()
        stamp, page = self._check_stamp(request, fields.get("stamp", ""))
        fields = {**fields, SOURCE: _source(request, fields)}
        wanted = self._parse(request, fields, page)
        if isinstance(wanted, str):
            return _refilled(pages.signup_problem[wanted], fields, stamp).answer(422)
        if not page:
            return _refilled(pages.signup_again, fields, stamp).answer()
        pending = _Pending(wanted)
        await self._batcher.submit(pending)
        if wanted.client.ip is None:
            annotate(request.scope, "its network is unknown: see --proxy")
        return self._answer(request, pending.result)

    def _answer(self, request: Request, result: SignupResult) -> Response:
        match result:
            case SignupResult.ACCEPTED:
                return self._context.pages.check_mailbox.answer()
            case SignupResult.SLOWED:
                annotate(request.scope, "the sign-up form is slowed: nearly nobody confirms")
                return self._context.pages.check_mailbox_slowed.answer()
            case SignupResult.RATE_LIMITED:
                return self._context.pages.too_many_signups.answer(429, RETRY_IN_AN_HOUR)
            case SignupResult.CLOSED:
                return self._closed(request)

    def _closed(self, request: Request) -> Response:
        letters = f"{self._context.limits.signup.letters_per_hour:,} notices within an hour"
        annotate(request.scope, f"the sign-up form is closed after {letters}")
        return self._context.pages.signup_closed.answer(503, RETRY_IN_AN_HOUR)

    def _request_signups(self, first: list[_Pending], others: Callable[[], list[_Pending]]) -> None:
        context = self._context
        store = context.database.store()
        for pending in first + others():
            pending.result = request_signup(
                store, pending.request, context.account, context.limits.signup
            )

    def _parse(self, request: Request, fields: Mapping[str, str], page: str) -> SignupRequest | str:
        """Return what the form asks for, or the name of its problem: see `PROBLEMS`."""
        email = fields.get("email", "").strip()
        try:
            first_name = visitor_name(fields.get("first_name", ""))
        except ValueError:
            first_name, problem = None, "first_name"
        else:
            problem = ""
        try:
            address = parse_address(email)
        except ValueError:
            # That a text is no address reveals nothing; who is on the list must stay unknown.
            return "email" if email else "no_email"
        if problem:
            return problem
        client = client_info(request, self._context.proxies)
        source = fields[SOURCE] or None
        return SignupRequest(address, first_name, self._context.wording, page, client, source)

    def _check_stamp(self, request: Request, stamp: str) -> tuple[str, str]:
        """Return a stamp for showing the form once more, and its page if that is not needed.

        A visitor who was too fast keeps the stamp: they only have to wait a moment.
        """
        found = tokens.read_form_stamp(self._context.keys, stamp)
        foreign = is_foreign(request, self._context.form_url)
        if found is None:
            return self._stamp(_origin_page(request) if foreign else ""), ""
        shown_at, page = found
        age = time.time() - shown_at / 1000
        if not 0 <= age < MAX_FORM_SECONDS or foreign:
            return self._stamp(page), ""
        return stamp, "" if age < MIN_FORM_SECONDS else page

    def _stamp(self, page: str) -> str:
        now = int(time.time() * 1000)
        return tokens.form_stamp(self._context.keys[0], now, page or self._context.form_url)


def _refilled(template: PageTemplate, fields: Mapping[str, str], stamp: str) -> Page:
    return template.fill(
        email=printable(fields.get("email", ""), 254),
        first_name=printable(fields.get("first_name", ""), 64),
        stamp=stamp,
        van=fields[SOURCE],
    )


def _source(request: Request, fields: Mapping[str, str]) -> str:
    """Return the label of the field, else of the parameter; empty if neither has a proper one."""
    said = (fields.get(SOURCE, ""), request.query_params.get(SOURCE, ""))
    return next((label for label in said if _LABEL.fullmatch(label)), "")


def _origin_page(request: Request) -> str:
    """Return the site on which a form was filled in, as far as a browser says."""
    for name in ("origin", "referer"):
        if _SITE.fullmatch(said := request.headers.get(name, "")):
            return said
    return "another site"
