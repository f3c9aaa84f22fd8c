"""Around every request: private headers, a line in the log, no traceback, and whose request it is.

The log is for counting and for finding out what is slow. It holds the route's template and nothing
that a client sent: a path holds a subscriber's token, and a log is kept for long.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import traceback
from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote

import newsletter
from newsletter.store.signups import ClientInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Network: TypeAlias = IPv4Network | IPv6Network

HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)
"""The headers of every response that does not set them itself."""

OVERLOADED: Final = "overloaded"
"""In a request's state: its connection is one too many."""

LINES_AT_ONCE: Final = 10
"""How many lines about unknown clients may come at once, after a quiet while."""
LINE_SECONDS: Final = 1.0
"""How long it takes until there is room for another line."""

_KNOWN: Final = "known"
_MAX_KINDS: Final = 8
_MAX_USER_AGENT: Final = 200
_CLOSE: Final = ((b"connection", b"close"),)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ABSOLUTE: Final = re.compile(rb"https?://[^/]*", re.IGNORECASE)
_PACKAGE: Final = Path(newsletter.__file__).parent
_PRIVATE: Final[Sequence[Network]] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)

log = logging.getLogger(__name__)


def with_headers_and_log(
    app: ASGIApp,
    paths: Mapping[object, str],
    overloaded: ASGIApp,
    release: Callable[[Scope], None],
) -> ASGIApp:
    """Wrap a Starlette application, which has answered before it raises.

    Args:
        app: The application.
        paths: The template of each endpoint's route.
        overloaded: Answers instead while there are too many connections.
        release: Called when a request is answered.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        _make_relative(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _complete_headers(message["headers"], scope)
            await send(message)

        try:
            if scope["state"].get(OVERLOADED):
                annotate(scope, "too many connections")
                await overloaded(scope, receive, send_with_headers)
            else:
                await app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes part of one line
            annotate(scope, f"unexpected {type(error).__name__} at {_place(error)}")
        finally:
            release(scope)
            kind = _kind(scope, paths.get(scope.get("endpoint"), "-"), status)
            line = _line(scope, kind, time.perf_counter() - began)
            request_log.write(line, kind, known=scope["state"].get(_KNOWN, False))

    return answer


def _complete_headers(
    own: Iterable[tuple[bytes, bytes]], scope: Scope
) -> list[tuple[bytes, bytes]]:
    """Return a response's own headers and, after them, those of every response."""
    headers = list(own)
    said = {name for name, _ in headers}
    headers += (header for header in HEADERS if header[0] not in said)
    if _has_two_lengths(scope) and b"connection" not in said:
        headers += _CLOSE
    return headers


def annotate(scope: Scope, text: str) -> None:
    """Add to a request's line in the log; never anything of the request."""
    scope["state"]["remark"] = f": {' '.join(text.split())}"


def mark_known(scope: Scope) -> None:
    """Note that a request holds what we or a provider signed, so that its line is kept."""
    scope["state"][_KNOWN] = True


def _make_relative(scope: Scope) -> None:
    """Read a target that is a whole URL by its path: RFC 9112, section 3.2.2, requires it.

    Which host it names decides nothing here.
    """
    if match := _ABSOLUTE.match(scope["raw_path"]):
        scope["raw_path"] = scope["raw_path"][match.end() :] or b"/"
        scope["path"] = unquote(scope["raw_path"].decode("ascii"))


def _has_two_lengths(scope: Scope) -> bool:
    """Return whether a proxy before this server may have read another length of this body.

    What follows it may then be a part of it, and no request: RFC 9112, section 6.3, has the
    connection closed after the answer.
    """
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}


def _kind(scope: Scope, route: str, status: int) -> str:
    # A client may send any word as a method.
    method = scope["method"] if scope["method"] in _METHODS else "OTHER"
    return f"{method} {route} {status}"


def _line(scope: Scope, kind: str, seconds: float) -> str:
    remarks = scope["state"].get("remark", "")
    return f"{_timestamp()} {kind} {seconds * 1000:.1f} ms{remarks}"


def _place(error: Exception) -> str:
    """Return the last line of ours that an error passed, and nothing of its text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


class RequestLog:
    """Logs a line for each request; of unknown clients some at once, then one a second for all.

    Who holds a link that we signed, and a provider whose signature is valid, has a line for each
    request. Anyone else can ask as often as they like, and a log with a line for each of these
    requests fills the disk: the rest is counted, and logged as a line that says how often each
    kind came.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room = float(LINES_AT_ONCE)
        self._looked_at = time.monotonic()
        self._counted: Counter[str] = Counter()

    def write(self, line: str, kind: str, *, known: bool = False) -> None:
        """Log a line, or count it under its kind if there is no room for it."""
        if known:
            log.info("%s", line)
            return
        with self._lock:
            if not self._counted and self._has_room():
                self._room -= 1
                log.info("%s", line)
            else:
                self._counted[kind] += 1

    def count(self, kind: str) -> None:
        """Count something that gets no line of its own."""
        with self._lock:
            self._counted[kind] += 1

    def flush(self, *, force: bool = False) -> None:
        """Log what was counted, if there is room for it or with `force`."""
        with self._lock:
            if self._counted and (self._has_room() or force):
                self._room -= 1
                log.info("%s", self._summary())
                self._counted.clear()

    def _has_room(self) -> bool:
        moment = time.monotonic()
        passed = moment - self._looked_at
        self._room = min(LINES_AT_ONCE, self._room + passed / LINE_SECONDS)
        self._looked_at = moment
        return self._room >= 1

    def _summary(self) -> str:
        most = self._counted.most_common(_MAX_KINDS)
        kinds = [f"{kind} ({times:,})" for kind, times in most]
        if rest := self._counted.total() - sum(times for _, times in most):
            kinds.append(f"others ({rest:,})")
        return f"{_timestamp()} summary: {', '.join(kinds)}"


request_log = RequestLog()
"""The log of this process's requests."""


def _timestamp() -> str:
    return datetime.now(UTC).isoformat("T", "seconds").replace("+00:00", "Z")


def client_info(request: Request, proxies: Iterable[Network]) -> ClientInfo:
    """Return the address and the user agent of a client.

    uvicorn has put the address in place that the proxies report: see `trusted_hosts`. It is unknown
    where it is that of a proxy or of a machine beside this one: then it says nothing of a client.
    """
    user_agent = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))
    found = _parse_address(request.client.host if request.client else "")
    if found and any(found in network for network in (*proxies, *_PRIVATE)):
        found = None
    if found and (found.is_loopback or found.is_link_local):
        found = None
    return ClientInfo(str(found) if found else None, user_agent[:_MAX_USER_AGENT].strip() or None)


def trusted_hosts(proxies: Iterable[Network]) -> list[str]:
    """Return proxies as uvicorn takes them.

    IPv4 also as a socket for both versions names it: RFC 4291, section 2.5.5.2.
    """
    hosts = []
    for network in proxies:
        hosts.append(str(network))
        if network.version == 4:  # noqa: PLR2004 - IPv4
            hosts.append(f"::ffff:{network.network_address}/{96 + network.prefixlen}")
    return hosts


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
