"""What comes of a request on a real socket, whatever the other side does."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from newsletter.model import RequestRefused, RetryLater, Unknown
from newsletter.providers.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.providers.http import Failure

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Says the same to everyone, or does with a connection what the test asks for."""

    def __init__(self, act: bytes | Callable[[socket.socket], None]) -> None:
        self.act = act
        self.heard: list[bytes] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            try:
                if callable(self.act):
                    self.act(connection)
                    return
                while heard := hear(connection):
                    self.heard.append(heard)
                    connection.sendall(self.act)
            except OSError:
                return


def hear(connection: socket.socket) -> bytes:
    """Return one request, whole, or what there is of it."""
    heard = bytearray()
    while b"\r\n\r\n" not in heard:
        if not (more := connection.recv(65536)):
            return bytes(heard)
        heard += more
    head = bytes(heard[: heard.index(b"\r\n\r\n") + 4])
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(heard) < len(head) + length and (more := connection.recv(1 << 20)):
        heard += more
    return bytes(heard)


@contextmanager
def serving(act: bytes | Callable[[socket.socket], None]) -> Iterator[Server]:
    server = Server(act)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


@pytest.fixture
def wire() -> Iterator[HttpClient]:
    wire = HttpClient(deadline=1)
    yield wire
    wire.close()


def post(wire: HttpClient, url: str, *parts: bytes) -> HttpResponse | Failure:
    return wire.post(url, headers={"X-One": "1"}, parts=parts or (b"a", b"b"))


def test_a_body_in_pieces_arrives_whole_and_with_its_length(wire: HttpClient) -> None:
    pieces = (b"[", *(b"x" * 100_000 for _ in range(9)), b"]")
    with serving(OK) as server:
        assert post(wire, server.url, *pieces) == HttpResponse(200, {"content-length": "2"}, b"ok")
    (heard,) = server.heard
    head, _, body = heard.partition(b"\r\n\r\n")
    assert body == b"".join(pieces)
    assert b"Content-Length: 900002" in head
    assert b"chunked" not in head
    assert b"X-One: 1" in head


def test_no_header_has_the_programs_name_or_version(wire: HttpClient) -> None:
    with serving(OK) as server:
        wire.get(server.url)
    names = {line.split(b":")[0].lower() for line in server.heard[0].split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept", b"accept-encoding", b"connection", b"user-agent"}
    assert b"User-Agent: newsletter\r\n" in server.heard[0]
    assert b"httpx" not in server.heard[0]


def test_a_page_is_fetched_and_a_form_is_posted_whatever_the_status(wire: HttpClient) -> None:
    with serving(b"HTTP/1.1 503 No\r\nX-Why: none\r\ncontent-length: 3\r\n\r\nnot") as server:
        said = wire.get(f"{server.url}/healthz")
        assert said == HttpResponse(503, {"x-why": "none", "content-length": "3"}, b"not")
        assert wire.post_form(f"{server.url}/u/T", {"List-Unsubscribe": "One-Click"}) == said
    assert server.heard[0].startswith(b"GET /healthz HTTP/1.1\r\n")
    assert server.heard[1].startswith(b"POST /u/T HTTP/1.1\r\n")
    assert b"application/x-www-form-urlencoded" in server.heard[1]
    assert server.heard[1].endswith(b"\r\n\r\nList-Unsubscribe=One-Click")


def test_a_page_that_is_expected_to_be_long_is_kept_and_asked_for_with_its_own_headers(
    wire: HttpClient,
) -> None:
    body = b"x" * 2_000_000
    with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + body) as server:
        kept = wire.get(server.url, headers={"X-One": "1"}, largest=2_000_000)
        assert isinstance(kept, HttpResponse)
        assert kept.body == body
        dropped = wire.get(server.url, largest=1_999_999)
        assert isinstance(dropped, HttpResponse)
        assert dropped.body == b""
    assert [b"X-One: 1" in heard for heard in server.heard] == [True, False]


def test_no_redirect_is_followed_and_no_cookie_kept(wire: HttpClient) -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: /else\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    with serving(moved) as server:
        for _ in range(2):
            reply = wire.get(server.url)
            assert isinstance(reply, HttpResponse)
            assert reply.status == 302
    assert len(server.heard) == 2
    assert b"cookie" not in server.heard[1].lower()


def silent(connection: socket.socket) -> None:
    hear(connection)
    connection.recv(1)


def closes(connection: socket.socket) -> None:
    hear(connection)


def closes_unread(connection: socket.socket) -> None:
    connection.recv(10)


def half_a_head(connection: socket.socket) -> None:
    hear(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncont")


def no_http(connection: socket.socket) -> None:
    hear(connection)
    connection.sendall(b"220 mail.example.org ESMTP\r\n")


def dribbles(connection: socket.socket) -> None:
    """Send a good answer, a byte at a time, so that no single step takes long."""
    hear(connection)
    for byte in b"HTTP/1.1 200 OK\r\nx-slow: %s\r\ncontent-length: 0\r\n\r\n" % (b"." * 500):
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.01)


def never_reads(connection: socket.socket) -> None:
    threading.Event().wait(3)
    connection.close()


@pytest.mark.parametrize(
    "act", [silent, closes, closes_unread, half_a_head, no_http, dribbles, never_reads]
)
def test_once_a_byte_was_sent_a_missing_answer_means_unknown(
    wire: HttpClient, act: Callable[[socket.socket], None]
) -> None:
    with serving(act) as server:
        said = post(wire, server.url, *[b"x" * 1_000_000] * 16)
        assert server.connections == 1
    assert isinstance(said, Unknown)


def test_a_connection_that_was_given_up_since_is_not_used_for_a_second_attempt(
    wire: HttpClient,
) -> None:
    def once(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(OK)
        hear(connection)  # and no answer to this one

    with serving(once) as server:
        assert isinstance(post(wire, server.url), HttpResponse)
        assert isinstance(post(wire, server.url), Unknown)
        assert server.connections == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"content-length: 31457280", b" " * 31_457_280),
        (b"content-length: 1048577", b" " * 1_048_577),
        (b"content-length: 50", b'{"data":['),
        (b"transfer-encoding: chunked", b"5\r\nhel"),
        (b"transfer-encoding: chunked", b"no chunk\r\n"),
    ],
)
def test_an_answer_too_long_or_broken_off_has_a_status_and_no_body(
    wire: HttpClient, kind: bytes, body: bytes
) -> None:
    def says(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(b"HTTP/1.1 401 No\r\n" + kind + b"\r\n\r\n" + body)

    with serving(says) as server:
        reply = post(wire, server.url)
    assert isinstance(reply, HttpResponse)
    assert (reply.status, reply.body) == (401, b"")


def test_an_answer_before_the_whole_body_was_read_counts(wire: HttpClient) -> None:
    def refuses(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(b"HTTP/1.1 413 Too large\r\ncontent-length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with serving(refuses) as server:
        reply = post(wire, server.url, *[b"x" * 1_000_000] * 16)
    assert isinstance(reply, HttpResponse)
    assert reply.status == 413


def test_a_closed_port_is_a_temporary_error(wire: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = post(wire, f"http://127.0.0.1:{port}/secret-path")
    assert said == RetryLater("127.0.0.1 cannot be reached: there is no connection to it")


def test_a_connection_that_was_never_made_is_tried_again(wire: HttpClient) -> None:
    with serving(OK) as server:
        address = ("127.0.0.1", server.port)
    # The server is gone, and comes back while the wire is still trying.
    back = Server(OK)
    back.listener.close()

    def come_back() -> None:
        back.listener = socket.create_server(address)
        back.serve()

    timer = threading.Timer(0.2, come_back)
    timer.start()
    try:
        assert isinstance(post(wire, f"http://127.0.0.1:{address[1]}"), HttpResponse)
        assert len(back.heard) == 1
    finally:
        timer.join(1)
        back.listener.shutdown(socket.SHUT_RDWR)
        back.listener.close()


def test_an_unknown_host_is_a_temporary_error(wire: HttpClient) -> None:
    said = post(wire, "https://api.resend.invalid/emails/batch")
    assert isinstance(said, RetryLater)
    assert "api.resend.invalid cannot be reached" in said.reason


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "http://[::1/", "https://a..example.org/", "x"],
)
def test_a_malformed_url_is_an_error_in_the_settings(wire: HttpClient, url: str) -> None:
    assert isinstance(post(wire, url), RequestRefused)
    assert isinstance(wire.get(url), RequestRefused)


@contextmanager
def behind_tls(monkeypatch: pytest.MonkeyPatch, path: Path, *, trusted: bool) -> Iterator[Server]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(path))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    heard: list[bytes] = []

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            heard.append(hear(secure))
            secure.sendall(OK)

    with serving(shake_hands) as server:
        server.heard = heard
        server.url = f"https://localhost:{server.port}"
        yield server


def test_an_untrusted_certificate_gets_nothing(
    wire: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with behind_tls(monkeypatch, tmp_path / "ca.pem", trusted=False) as server:
        said = post(wire, server.url)
        assert isinstance(said, RequestRefused)
        assert "certificate that localhost shows is not valid" in said.reason
        assert server.heard == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_named_with_their_variable(
    wire: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "gone.pem"
    if content:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    said = post(wire, "https://localhost:9")
    assert isinstance(said, RequestRefused)
    assert f"SSL_CERT_FILE names {path}" in said.reason


def test_a_certificate_for_another_name_gets_nothing(
    wire: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with behind_tls(monkeypatch, tmp_path / "ca.pem", trusted=True) as server:
        assert isinstance(post(wire, server.url.replace("localhost", "127.0.0.1")), RequestRefused)
        assert server.heard == []
        assert isinstance(post(wire, server.url), HttpResponse)
        assert len(server.heard) == 1


def test_a_server_without_tls_is_a_temporary_error_and_gets_nothing(wire: HttpClient) -> None:
    with serving(b"HTTP/1.1 400 Bad\r\n\r\n") as server:
        said = post(wire, server.url.replace("http:", "https:"), b"c4n4ry")
        assert isinstance(said, RetryLater)
        assert b"c4n4ry" not in b"".join(server.heard)


def test_a_proxy_is_used_as_the_environment_says_but_never_for_this_machine(
    wire: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    with serving(no) as proxy, serving(OK) as server:
        for name in ("https_proxy", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        assert isinstance(post(wire, server.url), HttpResponse)
        assert isinstance(post(wire, server.url.replace("127.0.0.1", "localhost")), HttpResponse)
        assert proxy.heard == []
        said = post(wire, "https://api.example.org/secret", b"c4n4ry")
        assert isinstance(said, RetryLater)
        assert "proxy" in said.reason
        (heard,) = proxy.heard
        assert heard.startswith(b"CONNECT api.example.org:443 ")
        assert b"c4n4ry" not in heard
        assert b"secret" not in heard
        monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
        monkeypatch.delenv("https_proxy")
        monkeypatch.delenv("HTTPS_PROXY", raising=False)
        assert isinstance(post(wire, "https://api.example.org"), RequestRefused)


def test_the_libraries_below_log_nothing(
    wire: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]
    for name in ("", "newsletter", "httpx", "httpcore", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.root.addHandler(handler)
    try:
        logging.getLogger("newsletter").info("heard")
        with serving(OK) as server:
            wire.get(f"{server.url}/u/c4n4ry")
    finally:
        logging.root.removeHandler(handler)
    assert written == ["heard"]
