"""Asking a provider for what it lists: events, and the addresses that it mails no more."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import RequestRefused
from newsletter.providers import responses
from newsletter.providers.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from newsletter.model import Event, ProviderSuppression
    from newsletter.providers.http import Failure

DEADLINE: Final = 30.0
"""In seconds, for one request."""

PAGES: Final = 1000
"""The most that are read at once."""

LATE: Final = timedelta(hours=1)
"""How late something may be listed with an earlier moment, and how much two clocks may differ."""

_TRIES: Final = 4
_LONGEST_PAUSE: Final = 5.0
_TOO_MANY: Final = 429
_MAY_NOT: Final = frozenset({401, 403})
_NOT_THERE: Final = 404


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a provider lists.

    Attributes:
        events: What happened to letters.
        suppressed: Addresses that it mails no more.
        until: With this page, all is told that happened until then; None if only a later one
            completes that.
    """

    events: tuple[Event, ...] = ()
    suppressed: tuple[ProviderSuppression, ...] = ()
    until: datetime | None = None


class ListingDenied(NewsletterError):  # noqa: N818 - says what is the matter
    """There is no key with which a provider may be asked: its webhooks tell all the same."""


def read(
    get: Callable[[str], HttpResponse | Failure],
    where: str,
    holds: str,
    who: str,
    hide: Iterable[str],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return a page of a list, and all else that is answered.

    Args:
        get: Asks at an address or a path.
        where: That address or path.
        holds: The name of the list in what is answered.
        who: What the provider is called.
        hide: What must not be shown of what it says.

    Raises:
        ListingDenied: It refuses this key.
        TryAgain: It cannot be reached, or asks for more patience than a command has.
        NewsletterError: It refuses for another reason, or answers with no list.
    """
    said = responses.content(_ask(get, where, who, hide))
    if not isinstance(said.get(holds), list):
        raise NewsletterError(
            f"{who} could not be asked: its answer is no list", hint="Is provider_url right?"
        )
    return responses.objects(said[holds]), said


def remove(
    delete: Callable[[str], HttpResponse | Failure], where: str, who: str, hide: Iterable[str]
) -> dict[str, Any]:
    """Remove something from a list, if it is there; return what is answered.

    Raises:
        ListingDenied: It refuses this key.
        TryAgain: It cannot be reached, or asks for more patience than a command has.
        NewsletterError: It refuses for another reason.
    """
    return responses.content(_ask(delete, where, who, hide, missing=_NOT_THERE))


def _ask(
    request: Callable[[str], HttpResponse | Failure],
    where: str,
    who: str,
    hide: Iterable[str],
    *,
    missing: int = 0,
) -> HttpResponse:
    """Ask once, and again a little later if that came too soon: what is asked may be repeated."""
    reply = request(where)
    for _ in range(_TRIES - 1):
        if not isinstance(reply, HttpResponse) or reply.status != _TOO_MANY:
            break
        time.sleep(min(responses.wait(reply.headers) or 1.0, _LONGEST_PAUSE))
        reply = request(where)
    if not isinstance(reply, HttpResponse):
        raise _failed(reply, who)
    said = responses.content(reply)
    words = responses.quote(said.get("message") or said.get("error"), hide)
    if reply.status in _MAY_NOT:
        told = f"{reply.status}: {words}" if words else str(reply.status)
        raise ListingDenied(
            f"{who} does not show its lists to this key ({told})",
            hint="Give it the right to read them, or let webhooks tell: docs/events.md",
        )
    if reply.status != missing and (failure := responses.verdict(reply, words)):
        raise _failed(failure, who)
    return reply


def _failed(failure: Failure, who: str) -> NewsletterError:
    problem = f"{who} could not be asked: {failure.reason}"
    if isinstance(failure, RequestRefused):
        return NewsletterError(problem)
    return TryAgain(problem, hint="Run it again")
