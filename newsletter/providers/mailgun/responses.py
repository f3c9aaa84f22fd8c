"""What Mailgun's responses mean; their statuses and texts are in the specification of its API.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from newsletter.model import Accepted, RequestRefused, RetryLater, Unknown
from newsletter.providers import responses
from newsletter.providers.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.model import Outcome, Recipient
    from newsletter.providers.http import Failure

OK: Final = 200
"""The only status of success."""

_NOT_FOUND: Final = 404
_QUEUED: Final = "Queued"
# Its response to every unknown path, with status 200: nothing was sent.
_WELCOME: Final = "Mailgun Magnificent API"
_WHERE: Final = (
    "are MAILGUN_DOMAIN and provider_url right? A domain in the United States is at "
    "https://api.mailgun.net"
)
_UNREADABLE: Final = Unknown("the answer of Mailgun does not say what became of the letters")
# Errors that concern all recipients: smaller requests would be refused as well.
_FOR_ALL: Final = re.compile(r"from parameter|send options|not allowed to send", re.IGNORECASE)
_AGAIN: Final = re.compile(r"try again after (\d{1,9}|\w{3}, [\w :]{1,40})")
_ID: Final = re.compile(r"<?([!-;=?-~]{1,998})>?")


def outcome(
    response: HttpResponse | Failure, recipients: Sequence[Recipient], hide: Iterable[str]
) -> Outcome:
    """Return the outcome of every letter of a request: Mailgun accepts all of them or none.

    Args:
        response: The response, or why there is none.
        recipients: Whose values must not be shown.
        hide: What else must not be shown.
    """
    if not isinstance(response, HttpResponse):
        return response
    said = responses.content(response)
    if response.status == OK and text(said, "message").startswith(_QUEUED):
        name = message_id(text(said, "id"))
        return Accepted(name) if name else _UNREADABLE
    return failure(response, responses.secrets(recipients, *hide))


def failure(response: HttpResponse, hide: Iterable[str]) -> Failure:
    """Return what a response without the expected content means."""
    message = text(responses.content(response), "message")
    words = responses.quote(message, hide)
    if response.status == OK and _WELCOME.encode() in response.body:
        return RequestRefused(
            f"Mailgun knows no such address ({response.status}: {_WELCOME}); {_WHERE}"
        )
    if response.status == _NOT_FOUND:
        said = f"({response.status}: {words})" if words else f"({response.status})"
        return RequestRefused(f"Mailgun knows no such address or domain {said}; {_WHERE}")
    found = responses.failure_of(response, words)
    if isinstance(found, RequestRefused) and _FOR_ALL.search(message):
        return dataclasses.replace(found, divisible=False)
    if isinstance(found, RetryLater) and (again := _AGAIN.search(message)):
        asked = [found.after, responses.wait({"retry-after": again[1]})]
        known = [seconds for seconds in asked if seconds is not None]
        return dataclasses.replace(found, after=max(known, default=None))
    return found or _UNREADABLE


def text(said: object, *path: str) -> str:
    """Return the text at the end of a path of names, or an empty one if there is none."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said if isinstance(said, str) else ""


def message_id(said: str) -> str:
    """Return a Message-ID without its angle brackets, as in events; empty if it is none."""
    found = _ID.fullmatch(said)
    return found[1] if found else ""
