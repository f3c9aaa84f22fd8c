"""Fetches a page or a feed that a person asked for."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from newsletter.article.public_web import NoReply, Reason, Reply, request, shown
from newsletter.errors import NewsletterError, TryAgain

SECONDS: Final = 20.0
"""How long all of it may take, with every redirect."""
MAX_BYTES: Final = 5_000_000

_ACCEPT: Final = (
    "text/html,application/xhtml+xml,application/atom+xml,application/rss+xml,"
    "application/feed+json,application/xml;q=0.9,application/json;q=0.8,text/plain;q=0.7"
)
_READABLE: Final = {"xhtml", "xml", "json"}
_SAVED: Final = "Save the page in a browser, and give that file: newsletter new FILE.html"
_HINTS: Final = {
    Reason.ADDRESS: "Give the https address of the page, as the address bar of a browser shows it",
    Reason.PRIVATE: "Give its public address, or save the page and give that file",
    Reason.NO_HOST: "Look for a typing error in the address",
    Reason.CERTIFICATE: _SAVED,
    Reason.REDIRECTS: _SAVED,
    Reason.UNREACHABLE: "Look whether a browser shows the page, then run the command again",
    Reason.TOO_SLOW: "Run the command again later",
}
_CAN_PASS: Final = {Reason.UNREACHABLE, Reason.TOO_SLOW}
_GONE: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_CLOSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN}
_BUSY: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page or a feed.

    Attributes:
        url: The address that answered, after all redirects.
        content_type: As the server says it; empty if it does not.
        body: Its bytes, without compression.
    """

    url: str
    content_type: str
    body: bytes


def fetch(url: str, *, seconds: float = SECONDS, max_bytes: int = MAX_BYTES) -> Fetched:
    """Return what is at a public https address.

    Raises:
        NewsletterError: There is no page that could be read, or the address may not be asked.
        TryAgain: The same command may succeed later.
    """
    reply = request(url, seconds=seconds, max_bytes=max_bytes, accept=_ACCEPT)
    if isinstance(reply, NoReply):
        kind = TryAgain if reply.reason in _CAN_PASS else NewsletterError
        raise kind(reply.message, hint=_HINTS[reply.reason])
    _require_success(reply)
    if not reply.is_whole:
        raise NewsletterError(
            f"{shown(reply.url)} is larger than {max_bytes:,} bytes, which no article is",
            hint="Give the address of one article, or save its text and give that file",
        )
    _require_text(reply)
    return Fetched(reply.url, reply.headers.get("content-type", ""), reply.body)


def _require_success(reply: Reply) -> None:
    status, where = reply.status, shown(reply.url)
    if status == HTTPStatus.OK:
        return
    if status in _GONE:
        raise NewsletterError(
            f"there is no page at {where}: its server answers {status}",
            hint="Look for a typing error in the address, and whether the article is published",
        )
    if status in _CLOSED:
        raise NewsletterError(
            f"{where} is not shown to programs: its server answers {status}", hint=_SAVED
        )
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = reply.headers.get("retry-after", "")
        after = f" in {int(wait)} seconds" if wait.isascii() and wait.isdigit() else " later"
        raise TryAgain(
            f"the server of {where} answers {status}", hint=f"Run the command again{after}"
        )
    raise NewsletterError(
        f"{where} gives no page: its server answers {status}",
        hint="Open it in a browser, and give the address that the article has there",
    )


def _require_text(reply: Reply) -> None:
    """Refuse what no reader of articles can read, such as a picture."""
    said = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    family, _, kind = said.partition("/")
    what = said
    if not said and b"\0" in reply.body[:1024] and reply.body[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        what = "a file of another program"
    elif not said or family == "text" or kind.rpartition("+")[2] in _READABLE:
        return
    raise NewsletterError(
        f"{shown(reply.url)} is no page or feed: it is {shown(what)}",
        hint="Give the address of the article itself",
    )
