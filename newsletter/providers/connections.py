"""The connections of `http`, and the only module that imports httpx to speak with providers."""

from __future__ import annotations

import os
import ssl
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from newsletter import config
from newsletter.deadline import Deadline, DeadlineBackend, DeadlineTransport
from newsletter.model import RequestRefused, RetryLater, Unknown
from newsletter.providers.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from newsletter.providers.http import Failure

_CONNECT: Final = 10.0
_READ: Final = 60.0
_WRITE: Final = 30.0
# A connection that the other side has just closed looks like a lost answer.
_KEEP_ALIVE: Final = 5.0
_RETRIES: Final = 2  # of making a connection, half a second apart
_UNUSABLE: Final = "the server cannot be asked: its address or that of a proxy is not usable"
_HEADERS: Final = {"User-Agent": "newsletter", "Accept-Encoding": "identity"}
_ERRORS: Final = (
    httpx.HTTPError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class Connections:
    """Connections to one server, for several threads at once.

    Args:
        deadline: Seconds for each request, from its first byte to its last.
    """

    def __init__(self, deadline: float) -> None:
        self._seconds = deadline
        self._deadline = Deadline()
        self._clients: dict[str, httpx.Client] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        content: Iterable[bytes] | None,
        data: Mapping[str, str] | None,
        largest: int,
    ) -> HttpResponse | Failure:
        """Send a request; of a body longer than `largest` bytes nothing is kept."""
        self._deadline.start(self._seconds)
        try:
            client = self._client(url)
            request = client.build_request(method, url, headers=headers, content=content, data=data)
        except (httpx.InvalidURL, ValueError):
            return RequestRefused(_UNUSABLE)
        except OSError:
            return RequestRefused(_no_certificates())
        try:
            response = client.send(request, stream=True)
        except (*_ERRORS, UnicodeError) as error:
            return _failure(error, request.url.host)
        try:
            found = {name.lower(): value for name, value in response.headers.items()}
            return HttpResponse(response.status_code, found, _read_body(response, largest))
        finally:
            response.close()

    def _client(self, url: str) -> httpx.Client:
        proxy = _proxy(url)
        with self._lock:
            if proxy not in self._clients:
                self._clients[proxy] = self._make_client(proxy)
            return self._clients[proxy]

    def _make_client(self, proxy: str) -> httpx.Client:
        client = httpx.Client(
            transport=DeadlineTransport(_make_pool(self._deadline, proxy)),
            headers=_HEADERS,
            timeout=httpx.Timeout(self._seconds, connect=_CONNECT, read=_READ, write=_WRITE),
            trust_env=False,  # .netrc would be read; `_proxy` chooses the proxy
        )
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return client


def _make_pool(deadline: Deadline, proxy: str) -> httpcore.ConnectionPool:
    """Return connections that the deadline holds for.

    Raises:
        ValueError: The proxy's address is not usable.
    """
    return httpcore.ConnectionPool(
        ssl_context=trusted_tls(),
        proxy=_core_proxy(proxy) if proxy else None,
        max_connections=None,
        keepalive_expiry=_KEEP_ALIVE,
        retries=_RETRIES,
        network_backend=DeadlineBackend(deadline),
    )


def trusted_tls() -> ssl.SSLContext:
    """Return what verifies a server as every request here does."""
    return httpx.create_ssl_context()


def _failure(error: Exception, host: str) -> Failure:
    """Return what it means that there is no response: could a byte of the request have left?"""
    # A UnicodeError: the host is no name that can be looked up.
    if isinstance(error, httpcore.UnsupportedProtocol | httpx.UnsupportedProtocol | UnicodeError):
        return RequestRefused(_UNUSABLE)
    if isinstance(error, httpcore.ConnectError) and _is_untrusted(error):
        return RequestRefused(
            f"the certificate that {host} shows is not valid; is its address right?"
        )
    if isinstance(error, httpcore.ConnectTimeout | httpcore.PoolTimeout):
        return RetryLater(f"{host} cannot be reached: it does not answer")
    if isinstance(error, httpcore.ConnectError):
        return RetryLater(f"{host} cannot be reached: there is no connection to it")
    if isinstance(error, httpcore.ProxyError):
        return RetryLater(f"{host} cannot be reached: the proxy on the way to it refuses")
    # Reading and writing start at once: whatever failed, the whole request may have arrived.
    what = "took too long" if isinstance(error, httpcore.TimeoutException) else "broke off"
    return Unknown(f"the answer of {host} {what}")


def _no_certificates() -> str:
    """Return which certificates cannot be read; httpx takes them from these variables."""
    named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    where = f"{named[0]} names {os.environ[named[0]]}" if named else "the file of certifi is gone"
    return f"the certificates that verify servers cannot be read: {where}"


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _proxy(url: str) -> str:
    """Return the proxy that the environment names for a URL; loopback never has one."""
    target = httpx.URL(url)
    if config.is_loopback(url) or proxy_bypass(target.host):
        return ""
    proxies = getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _core_proxy(url: str) -> httpcore.Proxy:
    """Return a proxy as httpcore takes it.

    Raises:
        ValueError: Its address is not usable; SOCKS needs a library that is not installed.
    """
    proxy = httpx.Proxy(url)
    if proxy.url.scheme not in {"http", "https"}:
        raise ValueError(proxy.url.scheme)
    address = httpcore.URL(
        scheme=proxy.url.raw_scheme,
        host=proxy.url.raw_host,
        port=proxy.url.port,
        target=proxy.url.raw_path,
    )
    return httpcore.Proxy(address, auth=proxy.raw_auth, headers=proxy.headers.raw)


def _read_body(response: httpx.Response, largest: int) -> bytes:
    read = bytearray()
    try:
        for piece in response.iter_raw():
            read += piece
            if len(read) > largest:
                return b""
    except _ERRORS:
        return b""
    return bytes(read)
