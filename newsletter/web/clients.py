"""Who asks: the address of a client, behind the web servers that were named and no others."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final, TypeAlias

from newsletter.store.signups import ClientInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request

Network: TypeAlias = IPv4Network | IPv6Network
_Address: TypeAlias = IPv4Address | IPv6Address

_LONGEST_NAME: Final = 200


def origin(request: Request, proxies: Sequence[Network]) -> ClientInfo:
    """Return whence a request came.

    Args:
        request: The request.
        proxies: Web servers before this one whose word is believed.
    """
    name = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))
    found = _client(request, proxies)
    return ClientInfo(str(found) if found else None, name[:_LONGEST_NAME].strip() or None)


def _client(request: Request, proxies: Sequence[Network]) -> _Address | None:
    """Return the address of the first client that no named web server speaks for.

    `X-Forwarded-For` is written from left to right by those who pass a request on, and whatever
    its first part says was said by the client itself. So it is read from the right, for as long
    as those who wrote it are named.

    Returns:
        None where nobody can be told from anybody else: behind a web server that was not named.
    """
    found = _address(request.client.host if request.client else "")
    said = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    while said and found and _is_one_of(found, proxies):
        found = _address(said.pop().strip()) or None
    return None if found is None or _is_near(found) else found


def _address(text: str) -> _Address | None:
    """Read an address, as some write it: with a port, in brackets, IPv4 within IPv6."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_one_of(address: _Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _is_near(address: _Address) -> bool:
    """Tell whether an address is that of a machine beside this one, and of no visitor."""
    return address.is_loopback or address.is_link_local or _is_one_of(address, _PRIVATE)


_PRIVATE: Final[Sequence[Network]] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)
