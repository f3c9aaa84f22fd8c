"""How often the networks of a client may ask for something within a clock hour."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

from newsletter.addresses import address_hash

# The prefix lengths of networks, and how many times the limit of the smallest one each may reach.
# A home has an IPv6 /64, /56 or /48 (RFC 6177); each limit is far below the limit for everyone, so
# that no single network can use it up.
_NETWORKS: Final = {4: ((32, 1), (24, 2)), 6: ((64, 1), (56, 2), (48, 3))}


def limits(secret: bytes, ip: str | None, most: int, *, what: str) -> dict[str, int]:
    """Return how often each network of an IP address may ask, the smallest first.

    The names are hashes and do not reveal the networks. There are none if the address is unknown.

    Args:
        secret: The key of the hashes.
        ip: The address.
        most: For the smallest network: an IPv4 address or an IPv6 /64.
        what: The first word of the names: each kind of request has limits of its own.
    """
    if ip is None:
        return {}
    return {
        f"{what} {address_hash(secret, str(ip_network((ip, prefix), strict=False)))}": times * most
        for prefix, times in _NETWORKS[ip_address(ip).version]
    }
