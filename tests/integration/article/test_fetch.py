"""Fetching pages: from the public internet alone, whatever a server or its name does."""

from __future__ import annotations

import gzip
import socket
import time
from typing import TYPE_CHECKING

import pytest

from newsletter import __version__
from newsletter.article import public_web
from newsletter.article.fetch import Fetched, fetch
from newsletter.article.public_web import Internet, is_public
from newsletter.errors import NewsletterError, TryAgain
from newsletter.mail_dns.resolver import Resolver
from tests.support.dns_server import serve_dns
from tests.support.page_server import PUBLIC, Handler, PageServer, page, redirect, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PageServer]:
    with serving_pages(monkeypatch, tmp_path) as pages:
        yield pages


def refused(url: str, kind: type[NewsletterError] = NewsletterError, **limits: float) -> str:
    """Return why an address is not fetched."""
    with pytest.raises(NewsletterError) as caught:
        fetch(url, **limits)  # type: ignore[arg-type]
    assert type(caught.value) is kind
    assert caught.value.hint
    return caught.value.sentence


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:1::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_machine_or_its_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_a_page_is_fetched_with_its_content_type_and_last_address(server: PageServer) -> None:
    server.answers = {"/a": redirect("/b"), "/b": page("<p>Eén</p>".encode())}
    got = fetch(server.url("/a"))
    assert got == Fetched(server.url("/b"), "text/html; charset=utf-8", "<p>Eén</p>".encode())


def test_a_request_names_the_program_and_nothing_of_its_author(server: PageServer) -> None:
    server.answers = {"/": page(Set_Cookie="seen=1"), "/again": redirect("/")}
    fetch(server.url("/again"))
    first, second = server.headers
    assert first["User-Agent"] == f"newsletter-pipeline/{__version__}"
    assert set(first) == {"Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"}
    assert set(second) == set(first)


def test_a_proxy_of_the_environment_is_not_used(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    server.answers = {"/": page()}
    assert fetch(server.url("/")).body == b"<p>Adem uit.</p>"


@pytest.mark.parametrize(
    "url",
    [
        "http://site.example/",
        "file:///etc/hostname",
        "ftp://site.example/",
        "https:///x",
        "https://site.example:80/",
        "https://site.example:22/",
        "https://[::1/",
        "https://x y/",
        "site.example",
        "",
    ],
)
def test_an_address_that_no_page_has_is_refused(server: PageServer, url: str) -> None:
    assert refused(url)
    assert not server.looked_up


def test_a_password_in_an_address_is_refused_and_not_repeated(server: PageServer) -> None:
    url = server.url("/x?token=s3cret").replace("https://", "https://anna:h4ndy@")
    sentence = refused(url)
    assert "user name or a password" in sentence
    assert "h4ndy" not in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1", "127.1", "0", "[::ffff:127.0.0.1]"],
)
def test_loopback_is_refused_however_it_is_written(server: PageServer, host: str) -> None:
    assert "not on the public internet" in refused(server.url(host=host))
    assert not server.heard


def test_a_name_with_a_public_and_a_private_address_is_refused(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Internet(lambda _: [PUBLIC, "10.0.0.1"], public_web.INTERNET.is_public, server.port)
    monkeypatch.setattr(public_web, "INTERNET", both)
    assert "not on the public internet" in refused(server.url())
    assert not server.heard


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/hostname",
        "//127.0.0.1:{port}/",
        "https://[::1]:{port}/",
        "https://localhost:{port}/",
        "https://10.0.0.1:{port}/",
        "https://site.example:22/",
        "https://anna:h4ndy@site.example:{port}/",
        "https://[/",
    ],
)
def test_a_redirect_to_a_file_loopback_or_a_private_network_is_refused(
    server: PageServer, target: str
) -> None:
    server.answers = {"/go": redirect(target.format(port=server.port)), "/": page()}
    assert "h4ndy" not in refused(server.url("/go"))
    assert server.heard == [("GET", "site.example", "/go")]


def test_a_redirect_for_ever_is_refused(server: PageServer) -> None:
    server.answers = {"/loop": redirect("/loop")}
    assert "redirects more than 5 times" in refused(server.url("/loop"))
    assert len(server.heard) == 6


def test_a_name_that_is_public_first_and_loopback_afterwards_is_never_asked_there(
    server: PageServer,
) -> None:
    server.answers = {"/": redirect("/again"), "/again": page()}
    server.hosts["site.example"] = [PUBLIC, "127.0.0.1"]
    with socket.create_server(("127.0.0.1", server.port)) as inside:
        assert "not on the public internet" in refused(server.url())
        inside.settimeout(0)
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert server.looked_up == ["site.example"] * 2  # once for each connection
    assert [path for _, _, path in server.heard] == ["/"]


def test_the_connection_goes_to_the_address_that_was_checked(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DNS that changes its answer after the first question has no second question to lie to."""
    server.answers = {"/": page()}
    with serve_dns({"site.example": {"A": [PUBLIC]}}) as dns:

        def look_up(host: str) -> tuple[str, ...]:
            found = Resolver(["127.0.0.1"], port=dns.port).find(host, "A").values
            dns.zone["site.example"]["A"] = ["127.0.0.1"]  # type: ignore[index]
            return found

        internet = Internet(look_up, public_web.INTERNET.is_public, server.port)
        monkeypatch.setattr(public_web, "INTERNET", internet)
        assert fetch(server.url()).body == b"<p>Adem uit.</p>"
        assert "not on the public internet" in refused(server.url())
    assert len(server.heard) == 1


def test_the_certificate_must_be_that_of_the_name(server: PageServer) -> None:
    server.answers = {"/": page()}
    assert "certificate" in refused(server.url(host="wrong.example"))
    assert not server.heard


def test_a_server_that_nobody_vouches_for_is_refused(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate" in refused(server.url())
    assert not server.heard


def test_certificates_that_cannot_be_read_are_named_with_their_variable(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(NewsletterError, match="SSL_CERT_FILE"):
        fetch(server.url())


def test_a_bomb_of_compressed_zeros_is_refused(server: PageServer) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    server.answers = {"/": page(bomb, Content_Encoding="gzip")}
    assert "larger than" in refused(server.url())


def test_a_bomb_within_a_bomb_is_refused_unopened(server: PageServer) -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 50_000_000))
    server.answers = {"/": page(bomb, Content_Encoding="gzip, gzip")}
    assert "encoding" in refused(server.url(), TryAgain)


def test_a_page_without_end_is_refused(server: PageServer) -> None:
    def flood(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"<p>" * 10_000)

    server.answers = {"/": flood}
    assert "larger than" in refused(server.url(), max_bytes=100_000)


def test_a_page_that_drips_is_given_up(server: PageServer) -> None:
    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)

    server.answers = {"/": drip}
    assert "takes too long" in refused(server.url(), TryAgain, seconds=0.3)


def test_a_head_that_drips_is_given_up(server: PageServer) -> None:
    def drip(handler: Handler) -> None:
        while True:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n"[:1])
            time.sleep(0.02)

    server.answers = {"/": drip}
    assert "takes too long" in refused(server.url(), TryAgain, seconds=0.3)


def test_a_dns_that_does_not_answer_is_given_up(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_host: str) -> list[str]:
        time.sleep(5)
        return []

    monkeypatch.setattr(public_web, "INTERNET", Internet(look_up=wait, port=server.port))
    assert "takes too long" in refused(server.url(), TryAgain, seconds=0.2)


def test_a_server_that_breaks_off_or_speaks_no_http_is_a_temporary_error(
    server: PageServer,
) -> None:
    server.answers = {
        "/cut": page(b"half", Content_Length="999"),
        "/odd": lambda handler: (handler.wfile.write(b"hello there\r\n\r\n"), None)[1],
    }
    for path in ("/cut", "/odd"):
        assert "broke off" in refused(server.url(path), TryAgain)


def test_a_name_that_does_not_exist_is_an_error_and_a_silent_dns_a_temporary_one(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(code: int) -> Internet:
        def look_up(_host: str) -> list[str]:
            raise socket.gaierror(code, "said the system")

        return Internet(look_up=look_up, port=server.port)

    monkeypatch.setattr(public_web, "INTERNET", fails(socket.EAI_NONAME))
    assert "there is no server named site.example" in refused(server.url())
    monkeypatch.setattr(public_web, "INTERNET", fails(socket.EAI_AGAIN))
    assert "does not say where" in refused(server.url(), TryAgain)


def test_a_server_that_is_not_there_is_a_temporary_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(public_web, "INTERNET", Internet(lambda _: [PUBLIC], lambda _: True, 9))
    assert "cannot be reached" in refused("https://site.example:9/", TryAgain)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NewsletterError),
        (410, NewsletterError),
        (401, NewsletterError),
        (403, NewsletterError),
        (418, NewsletterError),
        (204, NewsletterError),
        (429, TryAgain),
        (500, TryAgain),
        (503, TryAgain),
    ],
)
def test_a_status_says_whether_another_try_can_help(
    server: PageServer, status: int, kind: type[NewsletterError]
) -> None:
    server.answers = {"/x": page(b"", status=status)}
    assert str(status) in refused(server.url("/x"), kind)


def test_a_busy_server_says_when_to_come_back(server: PageServer) -> None:
    server.answers = {"/": page(status=429, Retry_After="120")}
    with pytest.raises(TryAgain) as caught:
        fetch(server.url())
    assert caught.value.hint == "Run the command again in 120 seconds"


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "video/mp4"])
def test_what_is_no_page_is_refused_by_its_name(server: PageServer, kind: str) -> None:
    server.answers = {"/": page(b"\x89PNG", kind)}
    assert f"it is {kind}" in refused(server.url())


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "application/xhtml+xml",
        "text/plain; charset=utf-8",
        "application/rss+xml",
        "application/feed+json",
        "application/json",
        "text/xml",
        "TEXT/HTML",
    ],
)
def test_a_page_a_feed_and_a_text_are_taken(server: PageServer, kind: str) -> None:
    server.answers = {"/": page(b"<p>x", kind)}
    assert fetch(server.url()).content_type == kind


def test_a_page_without_a_content_type_is_taken_and_another_file_is_not(server: PageServer) -> None:
    server.answers = {
        "/": page(b"<p>x", None),
        "/wide": page("<p>x".encode("utf-16"), None),
        "/odd": page(b"MZ\0\0\1", None),
    }
    assert fetch(server.url()).content_type == ""
    assert fetch(server.url("/wide")).body.startswith(b"\xff\xfe")
    assert "file of another program" in refused(server.url("/odd"))


def test_a_compressed_page_is_opened(server: PageServer) -> None:
    server.answers = {"/": page(gzip.compress(b"<p>x"), Content_Encoding="gzip")}
    assert fetch(server.url()).body == b"<p>x"
