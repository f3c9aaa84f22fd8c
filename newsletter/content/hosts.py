"""Hosts that nobody but the author can reach."""

from __future__ import annotations

import socket
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

# RFC 6761 (localhost, test, invalid), RFC 6762 (local and what appendix G names), RFC 8375
# (home.arpa), ICANN's resolution 2024.07.29.06 (internal); "localdomain" is in many hosts files.
_PRIVATE: Final = frozenset(
    [
        "localhost",
        "local",
        "localdomain",
        "test",
        "invalid",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "onion",
    ]
)
_PRIVATE_ENDS: Final = (
    ".home.arpa",
    ".ts.net",
    ".nip.io",
    ".localtest.me",
    ".lvh.me",
    ".fritz.box",
)


def is_private(host: str) -> bool:
    """Tell whether a host is on the author's own machine or network, or in no public DNS."""
    name = unicodedata.normalize("NFKC", host).casefold().rstrip(".")
    if not name:
        return False
    address = _address(name)
    if address:
        return not address.is_global
    last = name.rpartition(".")[2]
    return "." not in name or last in _PRIVATE or f".{name}".endswith(_PRIVATE_ENDS)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address in any spelling that a browser takes: 127.1, 0x7f000001."""
    try:
        found = ip_address(name.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(name))
        except (OSError, UnicodeError):
            return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
