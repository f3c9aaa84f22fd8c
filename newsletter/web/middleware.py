"""Around every request: headers that keep a page to itself, a line in the log, and no traceback.

The log is for counting and for finding out what is slow. It holds the route's template and never
what a reader sent: a path holds his token, and a log lives longer than anybody remembers.
"""

from __future__ import annotations

import re
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import newsletter
from newsletter.web import bodies
from newsletter.web.sparing import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from newsletter.web.sparing import RateLimitedLog

HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)
"""What an answer carries that says nothing else itself."""

OVERLOADED: Final = "overloaded"
"""In a request's state: its connection is one too many."""

_KNOWN: Final = "known"
_CLOSE: Final = ((b"connection", b"close"),)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ABSOLUTE: Final = re.compile(rb"https?://[^/]*", re.IGNORECASE)
_PACKAGE: Final = Path(newsletter.__file__).parent


def with_headers_and_log(
    app: ASGIApp,
    paths: Mapping[object, str],
    crowded: ASGIApp,
    log: Callable[[str], None],
    sparing: RateLimitedLog,
) -> ASGIApp:
    """Wrap an app.

    Args:
        app: A Starlette application; it has answered before it raises.
        paths: The template of each endpoint's route.
        crowded: Answers instead while there are too many connections.
        log: Takes one line for each request of those whom `vouch` was called for.
        sparing: Takes those of all others.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, status = time.perf_counter(), 0
        _make_relative(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in HEADERS if header[0] not in said),
                    *(_CLOSE if _has_two_lengths(scope) and b"connection" not in said else ()),
                ]
            await send(message)

        try:
            if scope["state"].get(OVERLOADED):
                annotate(scope, "too many connections")
                await crowded(scope, receive, send_with_headers)
            else:
                await app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes part of one line
            annotate(scope, f"unexpected {type(error).__name__} at {_place(error)}")
        finally:
            bodies.let_go(scope)
            kind = _kind(scope, paths.get(scope.get("endpoint"), "-"), status)
            line = _line(scope, kind, time.perf_counter() - began)
            if scope["state"].get(_KNOWN):
                log(line)
            else:
                sparing.write(line, kind)

    return answer


def _make_relative(scope: Scope) -> None:
    """Read a target that is a whole URL by its path: RFC 9112, section 3.2.2, asks that of servers.

    Which host it names decides nothing here.
    """
    if match := _ABSOLUTE.match(scope["raw_path"]):
        scope["raw_path"] = scope["raw_path"][match.end() :] or b"/"
        scope["path"] = unquote(scope["raw_path"].decode("ascii"))


def _has_two_lengths(scope: Scope) -> bool:
    """Tell whether a web server before this one may have read another length of this body.

    What follows it may then be a part of it, and no request: RFC 9112, section 6.3, has the
    connection closed after the answer.
    """
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def annotate(scope: Scope, text: str) -> None:
    """Add to a request's line in the log; never anything of the request."""
    scope["state"]["remark"] = f": {' '.join(text.split())}"


def mark_known(scope: Scope) -> None:
    """Note that whoever asks has shown what we or a provider signed, so that their line is kept."""
    scope["state"][_KNOWN] = True


def _kind(scope: Scope, route: str, status: int) -> str:
    # A method is a word that a client chose.
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    return f"{method} {route} {status}"


def _line(scope: Scope, kind: str, seconds: float) -> str:
    remarks = scope["state"].get("remark", "")
    return f"{stamp()} {kind} {seconds * 1000:.1f} ms{remarks}"


def _place(error: Exception) -> str:
    """Return the last line of ours that an error passed, without anything that it says."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
