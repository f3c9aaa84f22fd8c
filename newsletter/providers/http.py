"""HTTP with providers: one request, and its response or why not.

Pages of other people are fetched elsewhere, by `article/public_web.py`. No request is sent twice:
only a connection that was never made is tried again. No redirect is followed, and no cookie kept.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from newsletter.model import RequestRefused, RetryLater, Unknown
from newsletter.providers.base import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from newsletter.providers.connections import Connections

Failure: TypeAlias = RetryLater | RequestRefused | Unknown
"""Why there is no response, or why a response has no outcomes."""

LARGEST_BODY: Final = 1 << 20
"""Bytes of a response's body that are kept, unless the caller expects more."""

_CHUNK: Final = 1 << 18  # small enough to copy, large enough to be few


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response, whatever its status.

    Attributes:
        status: The HTTP status code.
        headers: By name in lower case.
        body: Empty also where it was longer than the limit, or was cut off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections to one server, for several threads at once; they are made by its first request.

    Args:
        deadline: Seconds for each request, from its first byte to its last.
    """

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._seconds = deadline
        self._lock = threading.Lock()
        self._connections: Connections | None = None

    def post(
        self, url: str, *, headers: Mapping[str, str], parts: tuple[bytes, ...]
    ) -> HttpResponse | Failure:
        """Send a body that is given in pieces."""
        length = str(sum(map(len, parts)))
        return self._send(
            "POST", url, {**headers, "Content-Length": length}, content=_chunks(parts)
        )

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, largest: int = LARGEST_BODY
    ) -> HttpResponse | Failure:
        """Fetch a page; of a body longer than `largest` bytes nothing is kept."""
        return self._send("GET", url, headers or {}, largest=largest)

    def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse | Failure:
        """Ask the server to delete what is at an address."""
        return self._send("DELETE", url, headers)

    def send_json(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse | Failure:
        """Send a JSON document with any method."""
        typed = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._send(method, url, typed, content=(body,))

    def post_form(self, url: str, fields: Mapping[str, str]) -> HttpResponse | Failure:
        """Send a form as a browser does."""
        return self._send("POST", url, {}, data=fields)

    def close(self) -> None:
        """Close every connection."""
        if self._connections:
            self._connections.close()

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        content: Iterable[bytes] | None = None,
        data: Mapping[str, str] | None = None,
        largest: int = LARGEST_BODY,
    ) -> HttpResponse | Failure:
        # Slow to import, and most commands only ask whether the provider's key is set.
        from newsletter.providers.connections import Connections  # noqa: PLC0415

        with self._lock:
            self._connections = self._connections or Connections(self._seconds)
        return self._connections.send(
            method, url, headers, content=content, data=data, largest=largest
        )


def _chunks(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for part in parts:
        chunk.append(part)
        size += len(part)
        if size >= _CHUNK:
            yield b"".join(chunk)
            chunk.clear()
            size = 0
    yield b"".join(chunk)
