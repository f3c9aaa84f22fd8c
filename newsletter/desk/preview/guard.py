"""Who may ask the preview: the page that it printed the address of, in a browser of this machine.

A name of another site may lead to this machine (DNS rebinding), so the Host counts. A page of
another site may send requests here, so the Origin and Sec-Fetch-Site count. Another user of this
machine may guess the port, so the address holds a token. What changes something needs another
token, which only the page itself has.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POST_TOKEN: Final = "x-preview-token"  # noqa: S105 - the name of a header
_MOST: Final = 10_000  # bytes of what a page posts
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_READS: Final = frozenset({"GET", "HEAD"})


def _token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must know.

    Attributes:
        port: Where the preview listens.
        read: The first part of every path.
        post: In a header of every POST.
    """

    port: int
    read: str = field(default_factory=_token, repr=False)
    post: str = field(default_factory=_token, repr=False)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}/{self.read}/"

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """Return why a request is refused; empty if it is not."""
        host = headers.get("host", "")
        if host not in {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}:
            return "this is not the address of the preview"
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return "a page of another site asked"
        site = headers.get("sec-fetch-site", "same-origin")
        opens = method == "GET" and headers.get("sec-fetch-dest") == "document"
        if site != "same-origin" and not (opens or (site == "none" and method in _READS)):
            return "a page of another site asked"
        given = path.removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(given.encode(), self.read.encode()):
            return "this address is of another preview; open the one that this preview printed"
        return "" if method in _READS else self._post_refusal(method, headers)

    def _post_refusal(self, method: str, headers: Mapping[str, str]) -> str:
        if method != "POST":
            return "nothing here takes this method"
        if "origin" not in headers:
            return "a POST must say which page it comes from"
        given = headers.get(POST_TOKEN, "")
        if not secrets.compare_digest(given.encode(), self.post.encode()):
            return "this page is of another preview; open the address that this preview printed"
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= _MOST):
            return "that is too much for this page"
        return ""


class Guard:
    """Refuses what `Access` refuses, and gives every response its headers.

    Args:
        app: Answers what is not refused.
        access: What a request must know.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"]] + [
                    (name.encode(), value.encode())
                    for name, value in _HEADERS.items()
                    if name.encode() not in given
                ]
            await send(message)

        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        why = self._access.refusal(scope["method"], scope["path"], headers)
        answer = PlainTextResponse(f"Refused: {why}.\n", 403) if why else self._app
        await answer(scope, receive, send_with_headers)
