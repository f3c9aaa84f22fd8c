"""Signing up: the form, also on other sites, and what becomes of what it posts.

A form of ours carries a stamp. What comes without a good one (from an author's own site, from a
page that was left open for a day, from a program) gets the form once more, filled in, with one
button: so no other page can make a visitor's browser sign anybody up.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from newsletter import tokens
from newsletter.addresses import parse_address, visitor_name
from newsletter.errors import NewsletterError
from newsletter.store.mailings import latest_published_slug
from newsletter.subscriptions.signup import (
    LETTERS_PER_HOUR,
    FormState,
    SignupRequest,
    SignupResult,
    form_state,
    request_signup,
)
from newsletter.web import forms
from newsletter.web.batching import RequestBatcher
from newsletter.web.clients import origin
from newsletter.web.middleware import annotate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from newsletter.store.notices import ProviderAccount
    from newsletter.web.clients import Network
    from newsletter.web.database import Database
    from newsletter.web.pages import Form, Page, Pages

MAX_BODY: Final = 4096
TOO_FAST: Final = 1.5
"""In seconds: nobody reads a form and fills it in within that."""
TOO_OLD: Final = 24 * 3600.0
"""In seconds."""

_TRAP: Final = "onderwerp"
"""A field that no person sees, and that programs like to fill in."""
_A_PAGE: Final = re.compile(r"https?://[!-~]{1,190}")
_LATER: Final = {"Retry-After": "60"}
_IN_AN_HOUR: Final = {"Retry-After": "3600"}


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms somebody signs up.

    Attributes:
        wording: What he agrees to.
        address: Of our own form.
        via: Who takes the letter that follows.
    """

    wording: str
    address: str
    via: ProviderAccount


@dataclass(slots=True)
class _Visitor:
    """Somebody who stands in line, and what he is told."""

    wish: SignupRequest
    reply: SignupResult = SignupResult.TAKEN


class Joining:
    """What the form answers.

    Args:
        pages: What visitors see.
        keys: What signs and verifies stamps, newest first.
        database: The list.
        terms: On what terms.
        proxies: Web servers before this one whose word about a client is believed.
        wake: Called when a letter may wait.
        rehearsals: Whether the issue to read may be a rehearsal's: where nobody is mailed.
    """

    def __init__(
        self,
        pages: Pages,
        keys: Sequence[str],
        database: Database,
        *,
        terms: Terms,
        proxies: Sequence[Network],
        wake: Callable[[], None],
        rehearsals: bool,
    ) -> None:
        self._pages = pages
        self._keys = keys
        self._database = database
        self._terms = terms
        self._proxies = proxies
        self._rehearsals = rehearsals
        self._line = RequestBatcher(self._join, wake)

    async def form(self, request: Request) -> Response:
        """Show the form, unless it has closed itself."""
        try:
            state, issue = await run_in_threadpool(self._look)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.trouble.answer(503, _LATER)
        if state.closed:
            return self._closed(request)
        stamp = self._stamp(self._terms.address)
        if issue is None:
            return self._pages.join.filled(stamp=stamp).answer()
        return self._pages.join_issue.filled(stamp=stamp, issue=issue).answer()

    def _look(self) -> tuple[FormState, str | None]:
        store = self._database.store()
        with store.read() as connection:
            issue = latest_published_slug(connection, rehearsals=self._rehearsals)
        return form_state(store), issue

    async def subscribe(self, request: Request) -> Response:
        """Take what a visitor asks; or show the form to who reloads the answer to it."""
        return await (self._take if request.method == "POST" else self.form)(request)

    async def _take(self, request: Request) -> Response:
        """Take what a visitor asks; the answer says nothing of the address."""
        asked = await forms.fields(request, MAX_BODY)
        if asked.get(_TRAP):
            annotate(request.scope, "a field was filled in that no person sees")
            return self._pages.asked.answer()
        stamp, page = self._look_at(request, asked.get("stamp", ""))
        wish, problem = self._wish(request, asked, page)
        if wish is None:
            return _filled(self._pages.join_problem[problem], asked, stamp).answer(422)
        if not page:
            return _filled(self._pages.join_again, asked, stamp).answer()
        visitor = _Visitor(wish)
        try:
            await self._line.wait(visitor)
        except NewsletterError as error:
            annotate(request.scope, str(error))
            return self._pages.trouble.answer(503, _LATER)
        if wish.origin.ip is None:
            annotate(request.scope, "its network is not known: see --proxy")
        return self._told(request, visitor.reply)

    def _told(self, request: Request, reply: SignupResult) -> Response:
        match reply:
            case SignupResult.TAKEN:
                return self._pages.asked.answer()
            case SignupResult.CROWDED:
                return self._pages.crowded.answer(429, _IN_AN_HOUR)
            case SignupResult.CLOSED:
                return self._closed(request)

    def _join(self, first: list[_Visitor], others: Callable[[], list[_Visitor]]) -> None:
        store = self._database.store()
        for visitor in first + others():
            visitor.reply = request_signup(store, visitor.wish, self._terms.via)

    def _closed(self, request: Request) -> Response:
        letters = f"{LETTERS_PER_HOUR:,} letters within an hour"
        annotate(request.scope, f"the sign-up form has closed itself after {letters}")
        return self._pages.closed.answer(503, _IN_AN_HOUR)

    def _wish(
        self, request: Request, asked: Mapping[str, str], page: str
    ) -> tuple[SignupRequest | None, str]:
        """Return what was asked, or None and what is wrong with it: see `PROBLEMS`."""
        email, problem = asked.get("email", "").strip(), ""
        name = address = None
        try:
            name = visitor_name(asked.get("first_name", ""))
        except ValueError:
            problem = "first_name"
        try:
            address = parse_address(email)
        except ValueError:
            # Which text is an address anybody may know; who is on the list nobody learns.
            problem = "email" if email else "no_email"
        if address is None or problem:
            return None, problem
        return SignupRequest(
            address, name, self._terms.wording, page, origin(request, self._proxies)
        ), ""

    def _look_at(self, request: Request, stamp: str) -> tuple[str, str]:
        """Return a stamp for showing the form once more, and its page if that is not needed.

        Who was too fast keeps his stamp: he has only to wait a moment.
        """
        found = tokens.read_form_stamp(self._keys, stamp)
        if found is None:
            return self._stamp(_page_of(request) if self._is_foreign(request) else ""), ""
        shown_at, page = found
        age = time.time() - shown_at / 1000
        if not 0 <= age < TOO_OLD or self._is_foreign(request):
            return self._stamp(page), ""
        return stamp, "" if age < TOO_FAST else page

    def _is_foreign(self, request: Request) -> bool:
        """Tell whether a page of another site made this request.

        Browsers say so themselves (Fetch Metadata); old ones name the page's origin. A page of
        ours has none, for it sends no referrer (Fetch, section 3.1: "null").
        """
        if site := request.headers.get("sec-fetch-site"):
            return site not in {"same-origin", "none"}
        said = request.headers.get("origin", "null")
        ours = {request.headers.get("host"), urlsplit(self._terms.address).netloc}
        # Whatever else stands there, an origin is a scheme and a host (Fetch, section 3.2).
        return said != "null" and said.partition("://")[2] not in ours

    def _stamp(self, page: str) -> str:
        return tokens.form_stamp(
            self._keys[0], int(time.time() * 1000), page or self._terms.address
        )


def _filled(form: Form, asked: Mapping[str, str], stamp: str) -> Page:
    return form.filled(
        email=forms.shown(asked.get("email", ""), 254),
        first_name=forms.shown(asked.get("first_name", ""), 64),
        stamp=stamp,
    )


def _page_of(request: Request) -> str:
    """Return the site on which a form was filled in, as far as a browser tells."""
    for name in ("origin", "referer"):
        if _A_PAGE.fullmatch(said := request.headers.get(name, "")):
            return said
    return "another site"
