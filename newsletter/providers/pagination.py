"""Reads what a provider lists, page by page: events, and the addresses that it no longer mails."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import DecisionNeeded, NewsletterError, TryAgain
from newsletter.model import RequestRefused
from newsletter.providers import responses
from newsletter.providers.base_events import ListingDenied
from newsletter.providers.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from newsletter.providers.http import Failure

_DEADLINE: Final = 30.0
"""Seconds for one request."""

_PAGES: Final = 1000
"""The most that are read at once."""

_TRIES: Final = 4
_LONGEST_PAUSE: Final = 5.0
_TOO_MANY: Final = 429
_MAY_NOT: Final = frozenset({401, 403})
_PAYMENT_REQUIRED: Final = 402
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Listing:
    """The lists of one provider.

    Attributes:
        provider: What it is called in messages.
        get: Fetches an address or a path.
        delete: Deletes what is there.
        hide: What must not be shown of a response.
    """

    provider: str
    get: Callable[[str], HttpResponse | Failure]
    delete: Callable[[str], HttpResponse | Failure]
    hide: Collection[str]

    def pages(
        self,
        where: str,
        key: str,
        following: Callable[[list[dict[str, Any]], dict[str, Any]], str],
    ) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """Yield the entries of each page of a list, and where the next page is; empty at the end.

        Args:
            where: The address or path of the first page.
            key: The name of the list in a response.
            following: Returns where the next page is, from the entries and the response.

        Raises:
            DecisionNeeded: The provider refuses this key (`ListingDenied`) or the account.
            TryAgain: It cannot be reached, or asks for more patience than a command has.
            NewsletterError: It refuses for another reason, or its response has no list.
        """
        for _ in range(_PAGES):
            said = responses.content(self._ask(self.get, where))
            if not isinstance(said.get(key), list):
                raise NewsletterError(
                    f"{self.provider} could not be asked: its answer is no list",
                    hint="Is provider_url right?",
                )
            entries = responses.objects(said[key])
            where = following(entries, said)
            yield entries, where
            if not where:
                return

    def remove(self, where: str, email: str) -> dict[str, Any]:
        """Delete an address from a list, if it is there; return the response.

        Raises:
            DecisionNeeded: The provider refuses this key (`ListingDenied`) or the account.
            TryAgain: It cannot be reached, or asks for more patience than a command has.
            NewsletterError: It refuses for another reason.
        """
        return responses.content(self._ask(self.delete, where, email, missing=_NOT_FOUND))

    def _ask(
        self,
        request: Callable[[str], HttpResponse | Failure],
        where: str,
        *hide: str,
        missing: int = 0,
    ) -> HttpResponse:
        response = ask_patiently(lambda: request(where))
        if not isinstance(response, HttpResponse):
            raise self._failed(response)
        said = responses.content(response)
        words = responses.quote(said.get("message") or said.get("error"), (*hide, *self.hide))
        if response.status in _MAY_NOT:
            shown = f"{response.status}: {words}" if words else str(response.status)
            raise ListingDenied(
                f"{self.provider} does not show its lists to this key ({shown})",
                hint="Give it the right to read them, or use webhooks: docs/events.md",
            )
        failure = responses.failure_of(response, words)
        if response.status == _PAYMENT_REQUIRED and failure:
            raise DecisionNeeded(
                f"{self.provider} could not be asked: {failure.reason}",
                hint=f"See what {self.provider} says of your account",
            )
        if failure and response.status != missing:
            raise self._failed(failure)
        return response

    def _failed(self, failure: Failure) -> NewsletterError:
        problem = f"{self.provider} could not be asked: {failure.reason}"
        if isinstance(failure, RequestRefused):
            return NewsletterError(problem)
        return TryAgain(problem, hint="Run it again")


@contextmanager
def open_listing(provider: str, headers: Mapping[str, str]) -> Iterator[Listing]:
    """Open the lists of a provider whose requests need these headers, and close them afterwards."""
    with closing(HttpClient(deadline=_DEADLINE)) as http:
        get, delete = partial(http.get, headers=headers), partial(http.delete, headers=headers)
        yield Listing(provider, get, delete, tuple(headers.values()))


def ask_patiently(request: Callable[[], HttpResponse | Failure]) -> HttpResponse | Failure:
    """Send a request that may be repeated, and again a little later if it came too soon."""
    response = request()
    for _ in range(_TRIES - 1):
        if not isinstance(response, HttpResponse) or response.status != _TOO_MANY:
            break
        time.sleep(min(responses.wait(response.headers) or 1.0, _LONGEST_PAUSE))
        response = request()
    return response
