"""Tries the web app as a subscriber would, by a reserved token that belongs to nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Self

from newsletter import pictures, tokens
from newsletter.config import is_loopback
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import RequestRefused, RetryLater, Unknown

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from newsletter.config import Settings
    from newsletter.providers.http import Failure, HttpResponse

_SECONDS: Final = 30.0
_QUERIES: Final = ("voorkeuren", "voorkeuren=", "voorkeuren&utm_source=newsletter")
"""The query with which a subscriber asks for their preferences, as it may reach the web app."""
_OUR_HEADER: Final = "x-robots-tag"
"""A header of every answer of the web app, which servers before it seldom have."""
_OK: Final = 200
_NOT_FOUND: Final = 404
_REDIRECTS: Final = range(300, 400)
_SERVER_ERROR: Final = 500


def reserved_token(key: str) -> str:
    """Return the reserved unsubscribe token: it verifies like any other and belongs to nobody."""
    return tokens.unsubscribe_token(key, tokens.RESERVED_ID, tokens.RESERVED_ID)


class WebSelfTest:
    """Asks the web app at `public_url`, and keeps what it answered; close it after use.

    Each check raises `TryAgain` when the app does not answer, or has no database just now, and
    `NewsletterError` when something else answers there, or it does not fit these settings.

    Attributes:
        answers: What it answered so far.
    """

    def __init__(self, settings: Settings) -> None:
        from newsletter.providers.http import HttpClient  # noqa: PLC0415 - slow; only real sending needs it

        self._settings = settings
        self._base = settings.public_url.rstrip("/")
        self._page = f"{self._base}/u/{reserved_token(settings.secret_keys[0])}"
        self._wire = HttpClient(deadline=_SECONDS)
        self.answers: list[HttpResponse] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._wire.close()

    def check_health(self, ledger: str) -> dict[str, Any]:
        """Check that this newsletter's app answers, on this ledger; return what it says."""
        answer = self._answered(self._wire.get(f"{self._base}/healthz"))
        try:
            said = json.loads(answer.body)
            there = said.get("ledger")
        except (ValueError, AttributeError):
            said, there = {}, None
        if there is None:
            raise self._unfit(
                f"is not this newsletter's web app: GET /healthz got {answer.status}",
                "Set public_url to where newsletter serve is, and let the server or the firewall "
                "before it pass on every request",
            )
        if there != ledger:
            raise self._unfit(
                "serves another database than the one that sends",
                "Give both the same NEWSLETTER_DATABASE_URL",
            )
        return dict(said)

    def check_unsubscribe(self) -> bytes:
        """Check the unsubscribe page, and one-click (RFC 8058); return what one-click shows."""
        self._shown("GET", self._wire.get(self._page))
        one_click = {"List-Unsubscribe": "One-Click"}
        return self._shown("POST", self._wire.post_form(self._page, one_click))

    def check_preferences(self, unsubscribed: bytes) -> None:
        """Check that who asks for their preferences is not unsubscribed.

        It asks with the query in each spelling that proxies give it.

        Args:
            unsubscribed: What one-click shows.
        """
        for query in _QUERIES:
            self._shown("GET", self._wire.get(f"{self._page}?{query}"))
            asked = self._shown("POST", self._wire.post_form(f"{self._page}?{query}", {}))
            if asked and asked == unsubscribed:
                raise self._unfit(
                    f"unsubscribes who asks for their preferences by ?{query}",
                    "Let the web server before it pass on the query of every address unchanged",
                )

    def check_picture(self, name: str, stored: bytes) -> None:
        """Check that a picture of the letter arrives as it is stored, and as a picture."""
        answer = self._answered(self._wire.get(f"{pictures.stored_at(self._settings)}{name}"))
        if answer.status != _OK:
            raise self._unfit(
                f"does not have the letter's pictures: GET /media/… got {answer.status}",
                "Give the web app this version and the same database, and let the server or the "
                "firewall before it pass on /media/ unchanged",
            )
        if answer.headers.get("content-type") != pictures.media_type(name) or (
            answer.body != stored
        ):
            raise self._unfit(
                "changes the letter's pictures",
                "Let the server before the web app pass on /media/ unchanged: no other login, "
                "page or format",
            )

    def _shown(self, method: str, reply: HttpResponse | Failure) -> bytes:
        """Return the page that an unsubscribe link shows."""
        answer = self._answered(reply)
        if answer.status == _OK:
            return answer.body
        if answer.status == _NOT_FOUND and _OUR_HEADER in answer.headers:
            raise self._unfit(
                "does not know the unsubscribe links that this key signs",
                "Give the web app the same NEWSLETTER_SECRET_KEY",
            )
        worked = ", and GET works" if method == "POST" else ""
        raise self._unfit(
            f"does not pass on unsubscribe links: {method} /u/… got {answer.status}{worked}",
            f"Let the server or the firewall before the web app pass on {method} of every address "
            "unchanged, without a login or a test for robots",
        )

    def _answered(self, reply: HttpResponse | Failure) -> HttpResponse:
        if isinstance(reply, RetryLater | RequestRefused | Unknown):
            raise TryAgain(
                f"the web app does not answer: {reply.reason}",
                where=self._base,
                hint=self._how_to_start(),
            )
        self.answers.append(reply)
        if reply.status >= _SERVER_ERROR:
            raise TryAgain(
                f"the web app answers {reply.status}",
                where=self._base,
                hint="See its log, and run this again when it works",
            )
        if reply.status in _REDIRECTS:
            raise self._unfit(
                "leads elsewhere, and the button to unsubscribe of a mail program does not follow",
                "Set public_url to the address at which the web app itself answers",
            )
        return reply

    def _how_to_start(self) -> str:
        if is_loopback(self._base):
            return "Start it: newsletter serve"
        return (
            "Is it running at its host? docs/pages.md says how to see that. Without it, the links "
            "of every letter are dead"
        )

    def _unfit(self, problem: str, hint: str) -> NewsletterError:
        return NewsletterError(f"what answers at public_url {problem}", where=self._base, hint=hint)
