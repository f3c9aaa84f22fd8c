"""The only place that speaks HTTP: one request, one reply, or the outcome of having none.

A successor to httpx would be put in here and nowhere else. Nothing is ever sent twice: only a
connection that was never made is tried again. No redirect is followed, no cookie is kept, and
httpx's own log, which writes whole addresses, is switched off.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from newsletter import config
from newsletter.model import RequestRefused, RetryLater, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

Failure: TypeAlias = RetryLater | RequestRefused | Unknown
"""Why there is no reply, or why a reply holds no outcomes."""

DEADLINE: Final = 120.0
"""In seconds, for one request from its first byte to its last."""

LARGEST_BODY: Final = 1 << 20
"""In bytes, of what is kept of a reply that is not expected to be longer."""

_CONNECT: Final = 10.0
_SILENCE: Final = 60.0
_PAUSED: Final = 30.0
# A connection that the other side has just given up looks like an answer that was lost.
_KEEP_ALIVE: Final = 5.0
_TRIES_MORE: Final = 2  # of making a connection, with half a second between
_AT_ONCE: Final = 1 << 18  # small enough to copy, large enough to be few
_UNUSABLE: Final = "the server cannot be asked: its address or that of a proxy is not usable"
_HEADERS: Final = {"User-Agent": "newsletter", "Accept-Encoding": "identity"}

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).propagate = False
    logging.getLogger(_name).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back, whatever its status.

    Attributes:
        status: The HTTP status code.
        headers: By name in small letters.
        body: Empty also where it was longer than what is kept, or broke off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections to one server, for several threads at once.

    Args:
        deadline: In seconds, for each request from its first byte to its last.
    """

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._clock = _Deadline()
        self._clients: dict[str, httpx.Client] = {}
        self._lock = threading.Lock()

    def post(
        self, url: str, *, headers: Mapping[str, str], parts: tuple[bytes, ...]
    ) -> HttpResponse | Failure:
        """Send a body that is given in pieces; return the reply, or why there is none."""
        length = str(sum(map(len, parts)))
        return self._send(
            "POST", url, {**headers, "Content-Length": length}, content=_in_chunks(parts)
        )

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, largest: int = LARGEST_BODY
    ) -> HttpResponse | Failure:
        """Fetch a page; return the reply whatever its status, or why there is none.

        Args:
            url: Where it is.
            headers: Beside those of every request.
            largest: In bytes; of a longer body nothing is kept.
        """
        return self._send("GET", url, headers or {}, largest=largest)

    def delete(self, url: str, *, headers: Mapping[str, str]) -> HttpResponse | Failure:
        """Ask for a thing to be removed; return the reply, or why there is none."""
        return self._send("DELETE", url, headers)

    def post_form(self, url: str, fields: Mapping[str, str]) -> HttpResponse | Failure:
        """Send a form as a browser does; return the reply, or why there is none."""
        return self._send("POST", url, {}, data=fields)

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

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
        self._clock.start(self._deadline)
        try:
            client = self._client(url)
            request = client.build_request(method, url, headers=headers, content=content, data=data)
        except (httpx.InvalidURL, ImportError, ValueError):
            return RequestRefused(_UNUSABLE)
        except OSError:
            return RequestRefused(_no_certificates())
        try:
            response = client.send(request, stream=True)
        except (httpx.HTTPError, UnicodeError) as error:
            return _failure(error, request.url.host)
        try:
            return HttpResponse(
                response.status_code, _by_name(response.headers), _body(response, largest)
            )
        finally:
            response.close()

    def _client(self, url: str) -> httpx.Client:
        proxy = _proxy(url)
        with self._lock:
            if proxy not in self._clients:
                self._clients[proxy] = self._open(proxy)
            return self._clients[proxy]

    def _open(self, proxy: str) -> httpx.Client:
        transport = httpx.HTTPTransport(
            verify=httpx.create_ssl_context(),
            limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE),
            proxy=proxy or None,
            retries=_TRIES_MORE,
        )
        # httpx limits every single step and never the whole, and passes no backend on.
        transport._pool._network_backend = _Backend(self._clock)  # noqa: SLF001 - see above
        client = httpx.Client(
            transport=transport,
            headers=_HEADERS,
            timeout=httpx.Timeout(self._deadline, connect=_CONNECT, read=_SILENCE, write=_PAUSED),
            trust_env=False,  # its .netrc; proxies are our own choice
        )
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return client


class _Deadline(threading.local):
    """When the request of this thread must be over."""

    end = 0.0

    def start(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self, most: float | None, late: type[Exception]) -> float:
        """Return how long the next step may take; raise `late` when the time is up."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise late
        return left if most is None else min(left, most)


class _Backend(httpcore.SyncBackend):
    """Makes connections on which no step outlasts the clock."""

    def __init__(self, clock: _Deadline) -> None:
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        stream = super().connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._clock)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: _Deadline) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._clock.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._stream.get_extra_info(info)


def _failure(error: Exception, host: str) -> Failure:
    """Tell what it means that no reply came: could a byte of the request have left?"""
    if isinstance(error, httpx.UnsupportedProtocol | UnicodeError):  # no name for a resolver
        return RequestRefused(_UNUSABLE)
    if isinstance(error, httpx.ConnectError) and _distrusted(error):
        return RequestRefused(
            f"the certificate that {host} shows is not valid; is its address right?"
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return RetryLater(f"{host} cannot be reached: it does not answer")
    if isinstance(error, httpx.ConnectError):
        return RetryLater(f"{host} cannot be reached: there is no connection to it")
    if isinstance(error, httpx.ProxyError):
        return RetryLater(f"{host} cannot be reached: the proxy on the way to it refuses")
    # Reading and writing go on at once: whatever broke, all of it may have arrived.
    what = "took too long" if isinstance(error, httpx.TimeoutException) else "broke off"
    return Unknown(f"the answer of {host} {what}")


def _no_certificates() -> str:
    """Say which certificates cannot be read; httpx takes them from these variables."""
    named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    where = f"{named[0]} names {os.environ[named[0]]}" if named else "the file of certifi is gone"
    return f"the certificates to know servers by cannot be read: {where}"


def _distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for a URL; none ever stands before loopback."""
    target = httpx.URL(url)
    if config.is_loopback(url) or proxy_bypass(target.host):
        return ""
    proxies = getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _in_chunks(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    chunk: list[bytes] = []
    size = 0
    for part in parts:
        chunk.append(part)
        size += len(part)
        if size >= _AT_ONCE:
            yield b"".join(chunk)
            chunk.clear()
            size = 0
    yield b"".join(chunk)


def _body(response: httpx.Response, largest: int) -> bytes:
    read = bytearray()
    try:
        for piece in response.iter_raw():
            read += piece
            if len(read) > largest:
                return b""
    except httpx.HTTPError:
        return b""
    return bytes(read)


def _by_name(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
