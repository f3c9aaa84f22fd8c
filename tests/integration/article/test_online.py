"""`check --online`: links and pictures, asked politely, and never in a private network."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from newsletter.checks import online
from newsletter.config import Settings
from newsletter.model import Draft, Severity
from tests.support.drafts import read
from tests.support.page_server import Handler, PageServer, page, redirect, serving_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PageServer]:
    with serving_pages(monkeypatch, tmp_path) as pages:
        yield pages


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path)


def letter(server: PageServer, *paths: str, header: str = "", host: str = "site.example") -> Draft:
    """Return an issue with a link to each path, one on each second line from the sixth on."""
    links = (f"Zie [dit]({server.url(path, host)}) eens." for path in paths)
    return read(f"---\nsubject: Rust\n{header or 'preheader: Stil'}\n---\n\n" + "\n\n".join(links))


def rules(draft: Draft, settings: Settings) -> list[tuple[int, str]]:
    return [(one.line, one.rule) for one in online.check([draft], settings)]


def test_good_links_have_no_findings_and_are_asked_for_their_head_alone(
    server: PageServer, settings: Settings
) -> None:
    server.answers = {"/a": page(), "/b": redirect("/a")}
    assert rules(letter(server, "/a", "/b", "/a#deel"), settings) == []
    assert {method for method, _, _ in server.heard} == {"HEAD"}
    assert len(server.heard) == 3


@pytest.mark.parametrize("status", [404, 410])
def test_a_link_to_nothing_is_a_warning_on_its_line(
    server: PageServer, settings: Settings, status: int
) -> None:
    server.answers = {"/a": page(), "/x": page(status=status)}
    (found,) = online.check([letter(server, "/a", "/x")], settings)
    assert (found.rule, found.line, found.severity) == ("link-dead", 8, Severity.WARNING)
    assert str(status) in found.message


def test_a_link_to_a_server_that_does_not_exist_is_dead(
    server: PageServer, settings: Settings
) -> None:
    assert rules(letter(server, "/", host="none.example"), settings) == [(6, "link-dead")]


def test_a_server_with_another_name_in_its_certificate_gives_a_hint(
    server: PageServer, settings: Settings
) -> None:
    draft = letter(server, "/", host="wrong.example")
    assert rules(draft, settings) == [(6, "link-unreachable")]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_server_that_keeps_programs_out_or_has_trouble_gives_a_hint(
    server: PageServer, settings: Settings, status: int
) -> None:
    server.answers = {"/x": page(status=status)}
    (found,) = online.check([letter(server, "/x")], settings)
    assert (found.rule, found.severity) == ("link-unreachable", Severity.HINT)


def test_a_server_that_refuses_head_is_asked_for_the_first_bytes(
    server: PageServer, settings: Settings
) -> None:
    sent: list[int] = []

    def endless(handler: Handler) -> None:
        if handler.command == "HEAD":
            page(status=405)(handler)
            return
        handler.send_response(200)
        handler.end_headers()
        while True:
            sent.append(handler.wfile.write(b"x" * 1000))

    server.answers = {"/": endless}
    assert rules(letter(server, "/"), settings) == []
    assert [method for method, _, _ in server.heard] == ["HEAD", "GET"]


def test_a_page_that_has_moved_for_good_gives_its_new_address(
    server: PageServer, settings: Settings
) -> None:
    server.answers = {
        "/old": redirect("/older", 301),
        "/older": redirect("/new", 308),
        "/mixed": redirect("/now", 301),
        "/now": redirect("/new", 302),
        "/new": page(),
    }
    found = online.check([letter(server, "/old", "/mixed")], settings)
    assert [one.rule for one in found] == ["link-redirected"] * 2
    assert {one.severity for one in found} == {Severity.HINT}
    assert found[0].fix.endswith(server.url("/new"))
    assert found[1].fix.endswith(server.url("/now"))


@pytest.mark.parametrize(
    "answer",
    [
        page(status=404),
        page(status=401),
        redirect("/wp-login.php?redirect_to=x"),
        redirect("/login"),
    ],
)
def test_an_article_that_is_not_public_yet_is_a_warning(
    server: PageServer, settings: Settings, answer: object
) -> None:
    server.answers = {"/article": answer, "/wp-login.php?redirect_to=x": page(), "/login": page()}  # type: ignore[dict-item]
    by_key = letter(server, header=f"article: {server.url('/article')}")
    by_button = read(f"---\nsubject: Rust\n---\nDag.\n\n[Lees verder]({server.url('/article')})\n")
    for draft, line in ((by_key, 3), (by_button, 6)):
        (found,) = online.check([draft], settings)
        assert (found.rule, found.line) == ("article-not-public", line)
        assert found.severity is Severity.WARNING


def test_a_link_to_a_login_page_itself_is_good(server: PageServer, settings: Settings) -> None:
    server.answers = {"/login": page()}
    assert rules(letter(server, "/login"), settings) == []


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (page(PNG, "image/png"), []),
        (page(b"<p>", "text/html"), ["image-not-image"]),
        (page(b"x" * 1_000_001, "image/jpeg"), ["image-too-large"]),
        (page(status=404), ["link-dead"]),
    ],
)
def test_a_picture_must_be_one_and_not_too_large(
    server: PageServer, settings: Settings, answer: object, found: list[str]
) -> None:
    server.answers = {"/p.png": answer}  # type: ignore[dict-item]
    draft = read(f"---\nsubject: Rust\n---\nDag.\n\n![Een bank]({server.url('/p.png')})\n")
    assert rules(draft, settings) == [(6, rule) for rule in found]


def test_a_picture_of_unknown_size_is_read_until_it_is_too_large(
    server: PageServer, settings: Settings
) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "image/png")
        handler.end_headers()
        while handler.command == "GET":
            handler.wfile.write(b"x" * 100_000)

    server.answers = {"/p.png": endless}
    draft = read(f"---\nsubject: Rust\n---\nDag.\n\n![Een bank]({server.url('/p.png')})\n")
    assert rules(draft, settings) == [(6, "image-too-large")]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1"])
def test_an_address_in_a_private_network_is_never_asked(
    server: PageServer, settings: Settings, host: str
) -> None:
    server.answers = {"/": page(), "/go": redirect(server.url("/", host))}
    for draft in (letter(server, "/", host=host), letter(server, "/go")):
        assert "link-unreachable" in {rule for _, rule in rules(draft, settings)}
    assert {host for _, host, _ in server.heard} == {"site.example"}


def test_mail_and_http_addresses_are_not_asked(server: PageServer, settings: Settings) -> None:
    body = "Schrijf [mij](mailto:anna@example.org) of kijk [hier](http://site.example/)."
    assert rules(read(f"---\nsubject: Rust\n---\n{body}\n"), settings) == []
    assert not server.looked_up


def test_a_good_answer_is_kept_for_days_and_a_bad_one_is_not(
    server: PageServer, settings: Settings
) -> None:
    server.answers = {"/a": page(), "/x": page(status=404)}
    draft = letter(server, "/a", "/x")
    assert rules(draft, settings) == [(8, "link-dead")]
    server.heard.clear()
    server.answers["/x"] = page()
    assert rules(draft, settings) == []
    assert {path for _, _, path in server.heard} == {"/x"}
    kept = settings.state / "links.json"
    old = [
        [url, kind, "2020-01-01T00:00:00+00:00"] for url, kind, _ in json.loads(kept.read_text())
    ]
    kept.write_text(json.dumps(old), encoding="utf-8")
    server.heard.clear()
    assert rules(draft, settings) == []
    assert {path for _, _, path in server.heard} == {"/a", "/x"}


@pytest.mark.parametrize("content", [b"", b"{", b"[[1]]", b"[[1, 2, 3]]", b"5", b"\xff" * 9])
def test_a_damaged_file_of_answers_counts_as_none(
    server: PageServer, settings: Settings, content: bytes
) -> None:
    server.answers = {"/a": page()}
    settings.state.mkdir()
    (settings.state / "links.json").write_bytes(content)
    assert rules(letter(server, "/a"), settings) == []
    assert len(server.heard) == 1


def test_a_folder_that_cannot_be_written_is_no_error(
    server: PageServer, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    server.answers = {"/a": page()}
    assert rules(letter(server, "/a"), replace(settings, root=tmp_path / "file")) == []


def test_a_short_pause_is_waited_for_and_a_long_one_ends_the_asking(
    server: PageServer, settings: Settings
) -> None:
    answers = [page(status=429, Retry_After="1"), page()]

    def take_turns(handler: Handler) -> None:
        answers.pop(0)(handler)

    server.answers = {"/a": take_turns}
    assert rules(letter(server, "/a"), settings) == []
    assert len(server.heard) == 2
    server.heard.clear()
    server.answers = {"/b": page(status=503, Retry_After="3600"), "/c": page(), "/d": page()}
    draft = letter(server, "/b", "/c", "/d")
    assert [rule for _, rule in rules(draft, settings)] == ["link-unreachable"] * 3
    assert [path for _, _, path in server.heard] == ["/b"]


def test_one_server_is_asked_for_one_address_at_a_time_and_several_servers_at_once(
    server: PageServer, settings: Settings
) -> None:
    now: dict[str, int] = {}
    most: dict[str, int] = {}
    lock, both = threading.Lock(), threading.Barrier(2, timeout=20)

    def count(handler: Handler) -> None:
        host = handler.headers["Host"].partition(":")[0]
        with lock:
            now[host] = now.get(host, 0) + 1
            most[host] = max(most.get(host, 0), now[host])
        if handler.path == "/0":
            both.wait()  # the other server is being asked too
        time.sleep(0.02)
        page()(handler)
        with lock:
            now[host] -= 1

    paths = [f"/{number}" for number in range(4)]
    server.answers = dict.fromkeys(paths, count)
    drafts = [letter(server, *paths), letter(server, *paths, host="other.example")]
    assert online.check(drafts, settings) == ()
    assert most == {"site.example": 1, "other.example": 1}


def test_the_same_address_in_two_issues_is_asked_once_and_reported_in_both(
    server: PageServer, settings: Settings
) -> None:
    one = letter(server, "/x")
    two = replace(one, path="issues/2026-12-06-twee.md")
    found = online.check([one, two], settings)
    assert [finding.path for finding in found] == [one.path, two.path]
    assert len(server.heard) == 2  # HEAD, then GET
