"""Asks servers on the public internet, and no other machine, whatever an address leads to.

The name of each server is looked up once a connection, every answer is checked, and the connection
goes to a checked address: a name that changes its address in between gains nothing. TLS still
verifies the name. Redirects pass the same way. No proxy is used, because it would look the name up
itself, and no cookie is kept.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from newsletter import __version__
from newsletter.deadline import Deadline, DeadlineBackend, DeadlineTransport
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_REDIRECTS: Final = 5

_CONNECT: Final = 10.0
_PERMANENT: Final = {301, 308}
_TRIED: Final = 4  # addresses of one name
_ENCODINGS: Final = {"", "identity", "gzip", "x-gzip", "deflate"}
# Unicast addresses of the internet, and those in which an IPv4 address hides (6to4, Teredo).
_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_TUNNELS: Final = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
_HEADERS: Final = {
    "User-Agent": f"newsletter-pipeline/{__version__}",
    "Accept-Encoding": "gzip",
}


class Reason(StrEnum):
    """Why a server gave no reply."""

    ADDRESS = "address"  # it is not an https address that a page can have
    PRIVATE = "private"  # it leads to this machine or into its network
    NO_HOST = "no-host"  # the DNS says that there is no such name
    UNREACHABLE = "unreachable"
    TOO_SLOW = "too-slow"
    CERTIFICATE = "certificate"
    REDIRECTS = "redirects"


@dataclass(frozen=True, slots=True)
class NoReply:
    """Why there is no reply: a reason, and a sentence for a person without its full stop."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, whatever the status.

    Attributes:
        url: The address that answered, after all redirects.
        moved_to: Where the address has moved to for good; empty if it has not.
        status: The HTTP status code.
        headers: By name in lower case.
        body: At most as many bytes as were asked for.
        is_whole: There was no more of it.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    moved_to: str = ""
    is_whole: bool = True


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _IPV6 or any(ip in network for network in _TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def look_up(host: str) -> Sequence[str]:
    """Return the addresses of a host.

    Raises:
        OSError: It has none, or nobody says which.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Internet:
    """What counts as the internet. Tests put one in its place that holds their own servers."""

    look_up: Callable[[str], Sequence[str]] = look_up
    is_public: Callable[[str], bool] = is_public
    port: int = 443


INTERNET = Internet()


class _FailedError(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        self.no_reply = NoReply(reason, message)


def request(
    url: str, *, method: str = "GET", seconds: float, max_bytes: int, accept: str = "*/*"
) -> Reply | NoReply:
    """Ask for what is at an address, and follow its redirects.

    Args:
        url: An https address.
        method: GET or HEAD.
        seconds: How long all of it may take.
        max_bytes: Of a longer body, only so many bytes are read.
        accept: The content types that are of use.

    Raises:
        NewsletterError: The certificates of this machine cannot be read.
    """
    deadline = Deadline()
    deadline.start(seconds)
    current, moved_to, has_moved = url, "", True
    try:
        with _make_client(deadline, accept) as client:
            for _ in range(MAX_REDIRECTS + 1):
                reply = _ask(client, method, _require_public_form(current), max_bytes)
                target = reply.headers.get("location")
                if target is None or reply.status not in {301, 302, 303, 307, 308}:
                    return replace(reply, moved_to=moved_to)
                current = str(httpx.URL(current).join(target))
                has_moved = has_moved and reply.status in _PERMANENT
                moved_to = current if has_moved else moved_to
    except _FailedError as failed:
        return failed.no_reply
    except (httpx.InvalidURL, ValueError):
        return NoReply(Reason.ADDRESS, f"{shown(current)} is not an address of the web")
    message = f"{shown(url)} redirects more than {MAX_REDIRECTS} times"
    return NoReply(Reason.REDIRECTS, message)


def shown(url: str) -> str:
    """Return an address as a message may show it: without a password, a query or odd characters."""
    rest = url.partition("#")[0].partition("?")[0]
    scheme, separator, where = rest.rpartition("://")
    host, slash, path = where.partition("/")
    short = f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
    return "".join(c if c.isprintable() else "�" for c in short)[:200]


def _require_public_form(url: str) -> str:
    """Return an address if its form is that of a public page: https, its port, no password."""
    parsed = httpx.URL(url)
    problem = ""
    if parsed.scheme != "https":
        problem = "is not an https address"
    elif not parsed.host:
        problem = "names no server"
    elif parsed.userinfo:
        problem = "holds a user name or a password"
    elif (parsed.port or 443) != INTERNET.port:
        problem = "names a port, and only the usual one of https is used"
    if problem:
        raise _FailedError(Reason.ADDRESS, f"{shown(url)} {problem}")
    return url


def _make_client(deadline: Deadline, accept: str) -> httpx.Client:
    try:
        tls = httpx.create_ssl_context()
    except OSError:
        raise NewsletterError(
            "the certificates that verify servers cannot be read",
            hint="Look at the variables SSL_CERT_FILE and SSL_CERT_DIR",
        ) from None
    pool = httpcore.ConnectionPool(
        ssl_context=tls,
        max_keepalive_connections=0,
        network_backend=_PublicBackend(deadline),
    )
    client = httpx.Client(
        transport=DeadlineTransport(pool),
        headers={**_HEADERS, "Accept": accept},
        timeout=httpx.Timeout(_CONNECT),
        trust_env=False,  # no proxy, and no password of .netrc
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def _ask(client: httpx.Client, method: str, url: str, max_bytes: int) -> Reply:
    """Return the reply of one server, without following it."""
    host = shown(httpx.URL(url).host)
    body = bytearray()
    try:
        with client.stream(method, url) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            # One encoding within another lets a few bytes become gigabytes.
            if headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
                message = f"{host} answers in an encoding that was not asked for"
                raise _FailedError(Reason.UNREACHABLE, message)
            # With a size, `iter_bytes` would wait for so many bytes.
            for piece in response.iter_bytes():
                body += piece
                if len(body) > max_bytes:
                    break
    except (httpcore.TimeoutException, httpx.TimeoutException):
        raise _FailedError(Reason.TOO_SLOW, f"{host} takes too long") from None
    except (
        httpx.HTTPError,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise _failure(error, host) from None
    return Reply(
        url, response.status_code, headers, bytes(body[:max_bytes]), is_whole=len(body) <= max_bytes
    )


def _failure(error: Exception, host: str) -> _FailedError:
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ssl.SSLCertVerificationError):
            message = f"the certificate that {host} shows is not valid"
            return _FailedError(Reason.CERTIFICATE, message)
        link = link.__cause__ or link.__context__
    if isinstance(error, httpcore.ConnectError):
        return _FailedError(Reason.UNREACHABLE, f"{host} cannot be reached")
    return _FailedError(Reason.UNREACHABLE, f"the answer of {host} broke off")


class _PublicBackend(DeadlineBackend):
    """Connects to public addresses only."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Look a host up, once, and connect to one of its addresses."""
        failed = httpcore.ConnectError()
        for address in self._find_addresses(host)[:_TRIED]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Refuse: such a socket is on this machine."""
        del timeout, socket_options
        raise _FailedError(Reason.PRIVATE, f"{shown(path)} is on this machine")

    def _find_addresses(self, host: str) -> Sequence[str]:
        addresses = _look_up_within(host, self._deadline.left(_CONNECT, httpcore.ConnectTimeout))
        # One is enough to refuse: a name with a public and a private address is an attack.
        if not all(map(INTERNET.is_public, addresses)):
            message = f"{shown(host)} is not on the public internet, but on this network or machine"
            raise _FailedError(Reason.PRIVATE, message)
        return addresses


def _look_up_within(host: str, seconds: float) -> Sequence[str]:
    """Return the addresses of a host; the system's own look-up has no deadline."""
    found: list[Sequence[str] | Exception] = []

    def ask() -> None:
        try:
            found.append(INTERNET.look_up(host))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise httpcore.ConnectTimeout
    answer = found[0]
    if isinstance(answer, Exception) or not answer:
        missing = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
        if isinstance(answer, OSError) and answer.errno not in missing:
            message = f"the DNS does not say where {shown(host)} is"
            raise _FailedError(Reason.UNREACHABLE, message)
        raise _FailedError(Reason.NO_HOST, f"there is no server named {shown(host)}")
    return answer
