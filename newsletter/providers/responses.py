"""What a response of any provider means: was the request accepted, refused, or is that unknown?

One table for all, from what the status codes promise (RFC 9110, section 15) and from what gateways
do in practice: an error of a gateway says nothing of the server behind it, which may have accepted
the request before its response was lost.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from newsletter.model import RequestRefused, RetryLater, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from newsletter.model import Recipient
    from newsletter.providers.http import Failure, HttpResponse

_ACCOUNT: Final = "refuses this key or account {said}"
_ADDRESS: Final = "knows no such address {said}; is provider_url right?"
_REQUEST: Final = "refuses the request {said}"
_BETWEEN: Final = (
    "did not answer itself {said}: a proxy, a firewall or a content network sent a web page;"
    " may this machine reach the provider, and is provider_url right?"
)
_REFUSALS: Final = {
    **dict.fromkeys((401, 402, 403), _ACCOUNT),
    **dict.fromkeys((301, 302, 307, 308, 404, 405, 410), _ADDRESS),
    **dict.fromkeys((400, 406, 411, 413, 414, 415, 422, 431, 451), _REQUEST),
}
# 420 and 421 are how SparkPost and MailerSend say that they accept nothing now.
# 425: the request was not processed, because it might be a replay (RFC 8470, section 5.2).
_LATER: Final = frozenset({420, 421, 425, 429})
_UNAVAILABLE: Final = 503
_LONGEST_QUOTE: Final = 200
_NAME: Final = re.compile(r"[!-~]{1,100}")
_LONGEST_READ: Final = 2_000
_LONG_NAME: Final = 5
_SHORT: Final = 8  # up to here, what is hidden may by chance be a part of other words
# The @ of an address as people and encodings write it: URLs (also doubly encoded), HTML, JSON,
# programs, quoted-printable, UTF-7, and by hand.
_SIGN: Final = re.compile(
    r" ?(?:[@\uff20\ufe6b]|%(?:25){0,3}40|&(?:amp;){0,3}(?:#0{0,5}64|#x0{0,5}40|commat);?"
    r"|\\{1,4}(?:u\{?0{0,4}40\}?|x40|100)|[\[({<] ?(?:at|@) ?[\])}>]|\+aea-"
    r"|=40(?=[a-z0-9-]{1,63}\.)) ?",
    re.IGNORECASE,
)
_QUOTED_MAILBOX: Final = re.compile(r'"[^"]{1,64}"@')
_TAG: Final = re.compile(r"<[^>]*>?")
_LONG_WORD: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{24,}")
_PART: Final = re.compile(r"[^\W_]{1,64}")
_WORD: Final = re.compile(r"[^\W_]{1,64}(?:[.'’+_-][^\W_]{1,64}){0,5}")
_FIRST_NAME: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'’+_-]){1,63}")
_SECONDS: Final = re.compile(r"\d{1,9}(\.\d+)?")


def failure_of(response: HttpResponse, words: str = "") -> Failure | None:
    """Return what a response means for its whole request, or None if it was accepted (2xx).

    Args:
        response: The response.
        words: The provider's explanation, as `quote` returned it.
    """
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of statuses that mean success
        return None
    said = f"({status}: {words})" if words else f"({status})"
    if status in _REFUSALS:
        meaning = _REFUSALS[status]
        if meaning is _ACCOUNT and is_page(response):
            meaning = _BETWEEN
        return RequestRefused(
            f"the provider {meaning.format(said=said)}", divisible=meaning is _REQUEST
        )
    if status in _LATER or (status == _UNAVAILABLE and "retry-after" in response.headers):
        return RetryLater(f"the provider accepts nothing now {said}", wait(response.headers))
    return Unknown(f"the provider had an error of its own {said}")


def is_page(response: HttpResponse) -> bool:
    """Return whether a response is a web page: no API of a provider answers with one."""
    kind = response.headers.get("content-type", "").lower()
    start = response.body[:200].lstrip().lower()
    return kind.startswith("text/html") or start.startswith((b"<!doctype html", b"<html"))


def wait(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a response asks us to wait, if it says so.

    `Retry-After` holds seconds or a date (RFC 9110, section 10.2.3); `ratelimit-reset` seconds.
    """
    asked = headers.get("retry-after", "").strip()
    for value in (asked, headers.get("ratelimit-reset", "")):
        if (number := seconds(value)) is not None:
            return number
    try:
        date = parsedate_to_datetime(asked)
        # The oldest of its three forms has no zone and means GMT (RFC 9110, section 5.6.7).
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def seconds(value: str) -> float | None:
    """Return a header's value as a number of zero or more, or None if it is something else."""
    return float(value) if _SECONDS.fullmatch(value.strip()) else None


def decoded(response: HttpResponse) -> object:
    """Return the JSON in a response, or None."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def content(response: HttpResponse) -> dict[str, Any]:
    """Return the JSON object in a response; empty if it holds anything else."""
    said = decoded(response)
    return said if isinstance(said, dict) else {}


def objects(found: object) -> list[dict[str, Any]]:
    """Return a list of JSON objects; anything else in it becomes an empty one."""
    items = [] if found is None else found if isinstance(found, list) else [found]
    return [item if isinstance(item, dict) else {} for item in items]


def name(found: object) -> str:
    """Return a provider's id of a message, or nothing if it cannot be one."""
    return found if isinstance(found, str) and _NAME.fullmatch(found) else ""


def secrets(recipients: Iterable[Recipient], *keys: str) -> set[str]:
    """Return what a provider may echo of a request and `quote` must hide."""
    hide = set(keys)
    for recipient in recipients:
        hide |= {recipient.ref, recipient.email, recipient.greeting, recipient.unsubscribe_url}
        hide |= {recipient.email.partition("@")[0], *_WORD.findall(recipient.greeting)}
    return hide


def quote(text: object, hide: Iterable[str] = ()) -> str:
    """Return a provider's explanation as one short line, without anything that must not be shown.

    A long text takes no longer than a short one: a stranger's server may have written it.

    Args:
        text: The explanation; anything but a text is not quoted.
        hide: What it may echo: keys, recipients' addresses and values.
    """
    if not isinstance(text, str):
        return ""
    text, names = _without_secrets(_beginning(text), hide)
    text = "".join(character if character.isprintable() else " " for character in text)
    text = _TAG.sub("", _SIGN.sub("@", " ".join(text.split())))
    text = _QUOTED_MAILBOX.sub("…@", text)
    text = " ".join("…" if "@" in word else word for word in text.split())
    # Keys, tokens and ids: no word of a language is so long.
    text = _LONG_WORD.sub("…", text)
    if names:
        text = _WORD.sub(lambda word: _unless_in(word[0], names), text)
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def _without_secrets(text: str, hide: Iterable[str]) -> tuple[str, set[str]]:
    """Return a text without secrets, and the names that are hidden only as whole words."""
    names = set[str]()
    # A single letter identifies nobody, and is everywhere.
    hidden = (secret for secret in hide if len(secret) > 1)
    for secret in sorted(hidden, key=len, reverse=True):
        if _FIRST_NAME.fullmatch(secret) or (len(secret) <= _SHORT and secret.isalnum()):
            names |= {secret, secret.upper()}
            # In lower case, a shorter name is a word of some language.
            names |= {secret.lower()} if len(secret) >= _LONG_NAME else set()
        else:
            text = text.replace(secret, "…")
    return text, names


def _beginning(text: str) -> str:
    """Return the part of a text that is read, without a word that would be cut in two."""
    if len(text) <= _LONGEST_READ:
        return text
    words = text[:_LONGEST_READ].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else ""


def _unless_in(word: str, names: set[str]) -> str:
    """Return a word, or a dot if it is one of these names, or composed of some of them."""
    if word in names:
        return "…"
    return _PART.sub(lambda part: "…" if part[0] in names else part[0], word)
