"""A web server with a certificate, and an internet in which nothing else is."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import trustme

from newsletter.article import public_web
from newsletter.article.public_web import Internet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pytest

PUBLIC = "127.0.0.2"
"""The one address that counts as public; every other address of loopback stays private."""

Handler: TypeAlias = http.server.BaseHTTPRequestHandler
Answer: TypeAlias = "Callable[[Handler], None]"


def page(
    body: bytes = b"<p>Adem uit.</p>",
    content_type: str | None = "text/html; charset=utf-8",
    *,
    status: int = 200,
    **headers: str,
) -> Answer:
    """Return what answers with a page."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        if content_type is not None:
            handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return answer


def redirect(target: str, status: int = 302) -> Answer:
    """Return what leads to another address."""
    return page(b"", status=status, Location=target)


@dataclass
class PageServer:
    """Answers by path; what has no answer is 404.

    Attributes:
        heard: Each request: method, host as asked for, path.
        hosts: The addresses of each name, in the order in which they are given out; the last one
            for ever after.
        looked_up: The names, in the order in which they were looked up.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, path: str = "/", host: str = "site.example") -> str:
        return f"https://{host}:{self.port}{path}"

    def look_up(self, host: str) -> Sequence[str]:
        self.looked_up.append(host)
        if host not in self.hosts and host.endswith(".example"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host not in self.hosts:
            return public_web.look_up(host)
        addresses = self.hosts[host]
        return [addresses.pop(0) if len(addresses) > 1 else addresses[0]]


class _Server(http.server.ThreadingHTTPServer):
    knows: PageServer
    tls: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as there
        with self.tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients of these tests go away at any time."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        knows = self.server.knows
        host = self.headers.get("Host", "").partition(":")[0]
        knows.heard.append((self.command, host, self.path))
        knows.headers.append(dict(self.headers.items()))
        answer = knows.answers.get(host + self.path) or knows.answers.get(self.path)
        (answer or page(b"gone", status=404))(self)

    do_HEAD = do_GET  # noqa: N815 - its name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving_pages(
    monkeypatch: pytest.MonkeyPatch, folder: Path, address: str = PUBLIC
) -> Iterator[PageServer]:
    """Serve pages over TLS for `site.example` and its like, and let them be all of the internet."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("site.example", "other.example", "1.1.1.1").configure_cert(tls)
    server = _Server((address, 0), _Handler)
    server.tls = tls
    server.knows = knows = PageServer(port=server.server_port)
    knows.hosts = {"site.example": [PUBLIC], "other.example": [PUBLIC], "wrong.example": [PUBLIC]}
    monkeypatch.setattr(
        public_web,
        "INTERNET",
        Internet(
            look_up=knows.look_up,
            is_public=lambda found: found == PUBLIC or public_web.is_public(found),
            port=server.server_port,
        ),
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield knows
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
