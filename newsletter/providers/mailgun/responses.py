"""What Mailgun answers: its statuses and words are in the specification of its API.

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
"""The only status with which anything is done."""

_NOT_FOUND: Final = 404
_QUEUED: Final = "Queued"
# What it says to every path that it does not know, with 200 as if all were well. Such a request
# reached nothing that sends.
_WELCOME: Final = "Mailgun Magnificent API"
_WHERE: Final = (
    "are MAILGUN_DOMAIN and provider_url right? A domain in the United States is at "
    "https://api.mailgun.net"
)
_UNREADABLE: Final = Unknown("the answer of Mailgun does not say what became of the letters")
# What is wrong for all readers alike: smaller requests would be refused for it as well.
_FOR_ALL: Final = re.compile(r"from parameter|send options|not allowed to send", re.IGNORECASE)
_AGAIN: Final = re.compile(r"try again after (\d{1,9}|\w{3}, [\w :]{1,40})")
_ID: Final = re.compile(r"<?([!-;=?-~]{1,998})>?")


def outcome(
    reply: HttpResponse | Failure, readers: Sequence[Recipient], hide: Iterable[str]
) -> Outcome:
    """Return what became of every letter of a request: Mailgun takes all of them or none.

    Args:
        reply: What came back, or why nothing did.
        readers: Whose values must not be shown.
        hide: What else must not be shown.
    """
    if not isinstance(reply, HttpResponse):
        return reply
    said = responses.content(reply)
    if reply.status == OK and text(said, "message").startswith(_QUEUED):
        name = message_id(text(said, "id"))
        return Accepted(name) if name else _UNREADABLE
    return failure(reply, responses.secrets(readers, *hide))


def failure(reply: HttpResponse, hide: Iterable[str]) -> Failure:
    """Return what a reply means that does not say what it was asked for."""
    message = text(responses.content(reply), "message")
    words = responses.quote(message, hide)
    if reply.status == OK and _WELCOME.encode() in reply.body:
        return RequestRefused(
            f"Mailgun knows no such address ({reply.status}: {_WELCOME}); {_WHERE}"
        )
    if reply.status == _NOT_FOUND:
        said = f"({reply.status}: {words})" if words else f"({reply.status})"
        return RequestRefused(f"Mailgun knows no such address or domain {said}; {_WHERE}")
    found = responses.verdict(reply, words)
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
    """Return a Message-ID without its angle brackets, as events have it; empty if it is none."""
    found = _ID.fullmatch(said)
    return found[1] if found else ""
