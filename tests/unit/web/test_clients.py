"""Who asks: which address is believed to be a visitor's, and which never is."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from newsletter.web.middleware import Network, client_info, trusted_hosts

PROXIES = tuple(map(ip_network, ("127.0.0.1", "::1", "10.1.0.0/16", "203.0.113.1")))


def seen(peer: str, *forwarded: str, proxies: tuple[Network, ...] = PROXIES) -> str | None:
    """Return the address that is taken for a visitor's, behind uvicorn's middleware."""
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    scope = {"type": "http", "headers": headers, "client": (peer, 1234) if peer else None}
    found: list[str | None] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401 - ASGI
        found.append(client_info(Request(scope), proxies).ip)

    middleware: Any = ProxyHeadersMiddleware(app, trusted_hosts(proxies))  # type: ignore[arg-type]
    # It waits for nothing; a loop of its own it could not have beside a browser's.
    with pytest.raises(StopIteration):
        (middleware if proxies else app)(scope, None, None).send(None)
    return found[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # A visitor who comes directly says nothing that is believed.
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        ("2001:db8::7", ["192.0.2.1"], "2001:db8::7"),
        # One hop, two, several headers; whatever the client wrote in front is passed over.
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["192.0.2.1", "198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["192.0.2.1, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        ("::1", ["2001:db8::7 , 10.1.2.3,203.0.113.1"], "2001:db8::7"),
        # A hop that is not named ends the chain: it is the client, as far as anybody knows.
        ("127.0.0.1", ["192.0.2.1, 203.0.113.2"], "203.0.113.2"),
        # As some servers write it.
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        # No client can be distinguished from another.
        ("127.0.0.1", [], None),
        ("127.0.0.1", [""], None),
        ("127.0.0.1", ["unknown"], None),
        ("127.0.0.1", ["198.51.100.7, nonsense"], None),
        ("127.0.0.1", ["127.0.0.1, 10.1.0.1"], None),
        ("127.0.0.1", ["192.168.1.5"], None),
        ("127.0.0.1", ["fe80::1%eth0"], None),
        ("172.18.0.1", ["198.51.100.7"], None),
        ("fd00::1", [], None),
        ("", ["198.51.100.7"], None),
        ("127.0.0.1", ["1" * 10_000], None),
        # A named web server says nothing of its visitor.
        ("203.0.113.1", [], None),
        ("203.0.113.1", ["198.51.100.7, "], None),
    ],
)
def test_only_named_web_servers_speak_for_a_visitor(
    peer: str, forwarded: list[str], expected: str | None
) -> None:
    assert seen(peer, *forwarded) == expected


def test_without_a_named_web_server_no_header_is_trusted() -> None:
    assert seen("127.0.0.1", "198.51.100.7", proxies=()) is None
    assert seen("198.51.100.7", "192.0.2.1", proxies=()) == "198.51.100.7"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"Mozilla/5.0", "Mozilla/5.0"),
        (b"", None),
        (b"  \t ", None),
        (b"a\x00b\x1bc", "abc"),
        (b"x" * 10_000, "x" * 200),
    ],
)
def test_of_a_program_only_a_short_name_is_kept(said: bytes, kept: str | None) -> None:
    scope = {"type": "http", "headers": [(b"user-agent", said)], "client": ("192.0.2.1", 1)}
    assert client_info(Request(scope), ()).user_agent == kept
