"""The subscribers' web app, as a process: leaving, and what must never happen on the way."""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest

from newsletter import tokens
from newsletter.delivery.preflight import find_lost_key
from newsletter.store.keys import record_fingerprint
from newsletter.store.sql import new_id
from newsletter.web import Limits
from tests.support.newsletter import FakeProvider, Newsletter, raw
from tests.support.postgres import free_port
from tests.support.processes import COMMAND
from tests.support.subscribers import dump, sql
from tests.support.web_server import (
    ENVIRONMENT,
    KEY,
    ONE_CLICK,
    PROOF,
    STILL,
    App,
    SubscriberList,
    read_all,
    serving,
    subscriber_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.model import Batch

    Command: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]

EVERYWHERE = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@pytest.fixture
def subscribers(root: Path) -> SubscriberList:
    return subscriber_list(root)


@pytest.fixture
def app(root: Path, subscribers: SubscriberList) -> Iterator[App]:
    assert subscribers
    with serving(root) as app:
        yield app


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Return an app for tests that change nothing in its database."""
    root = tmp_path_factory.mktemp("shared")
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    subscriber_list(root).store.close()
    with serving(root) as app:
        yield app


def database(root: Path) -> Path:
    return root / ".newsletter" / "newsletter.db"


def text(answer: httpx.Response) -> str:
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL)


# Leaving


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_link_shows_its_two_buttons_and_changes_nothing(
    method: str, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    before = dump(subscribers.store)
    answer = app.client.request(method, f"/u/{token}")
    assert answer.status_code == 200
    assert dump(subscribers.store) == before
    if method == "HEAD":
        assert answer.content == b""
        assert int(answer.headers["content-length"]) > 1000
        return
    assert answer.text.count("<form") == answer.text.count("<button") == 2
    assert "Proefbrief" in answer.text
    assert "anna" not in answer.text
    assert "@" not in text(answer)


def test_pressing_the_button_unsubscribes_at_once(app: App, subscribers: SubscriberList) -> None:
    token, other = subscribers.add("anna"), subscribers.add("bas")
    answer = app.client.post(f"/u/{token}")
    assert answer.status_code == 200
    assert "Je bent afgemeld" in answer.text
    assert subscribers.status("anna") == "unsubscribed"
    assert subscribers.status("bas") == "active"
    assert other
    assert sql(subscribers.store, "SELECT left_at IS NOT NULL FROM subscribers ORDER BY id") == [
        (1,),
        (0,),
    ]


@pytest.mark.parametrize(
    "request_",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"List-Unsubscribe=One-Click"},
        {"json": ONE_CLICK},
        {"content": b"\xff\x00", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x" * 4096, "headers": {"Content-Type": "no/such; type"}},
        {"data": ONE_CLICK, "headers": {"Origin": "https://mail.example.com"}},
        {"data": ONE_CLICK, "headers": {"Origin": "null", "Sec-Fetch-Site": "cross-site"}},
        {"data": ONE_CLICK, "headers": {"Cookie": "a=b", "Referer": "https://example.com/"}},
    ],
)
def test_one_click_is_the_same_post_whatever_its_body_and_origin(
    request_: dict[str, object], app: App, subscribers: SubscriberList
) -> None:
    by_button = app.client.post(f"/u/{subscribers.add('bas')}")
    answer = app.unsubscribe(subscribers.add("anna"), **({"data": None} | request_))
    assert answer.status_code == 200
    assert subscribers.status("anna") == "unsubscribed"
    assert answer.content == by_button.content
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


def test_a_body_in_chunks_is_a_body(app: App, subscribers: SubscriberList) -> None:
    token = subscribers.add("anna")
    answer = app.client.post(f"/u/{token}", content=iter([b"List-Unsubscribe=", b"One-Click"]))
    assert answer.status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


def test_the_answer_comes_after_the_commit(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    with raw(database(root), manual=True) as writer, app.connection() as connection:
        writer.execute("PRAGMA busy_timeout = 60000")  # the app has chores of its own
        writer.execute("BEGIN IMMEDIATE")
        connection.sendall(f"POST /u/{token} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        # Whoever asks later is answered sooner: this one waits for the other writer.
        for _ in range(5):
            assert app.client.get("/healthz").status_code == 200
        assert select.select([connection], [], [], 0)[0] == []
        writer.execute("ROLLBACK")
        assert connection.recv(12) == b"HTTP/1.1 200"
    app.process.kill()
    assert subscribers.status("anna") == "unsubscribed"


def test_unsubscribing_twice_gets_the_same_answer_and_keeps_the_first_moment(
    app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    first = app.unsubscribe(token)
    after = dump(subscribers.store)
    second = app.unsubscribe(token)
    assert (second.status_code, second.content) == (200, first.content)
    assert dump(subscribers.store) == after


def test_a_repeated_unsubscribe_waits_for_no_writer(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna", "unsubscribed")
    with raw(database(root), manual=True) as writer:
        writer.execute("PRAGMA busy_timeout = 60000")  # the app has chores of its own
        writer.execute("BEGIN IMMEDIATE")
        assert app.unsubscribe(token).status_code == 200
        assert app.unsubscribe(PROOF).status_code == 200
        writer.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "unsubscribed"),
        ("bounced", "bounced"),
        ("complained", "complained"),
    ],
)
def test_unsubscribing_never_weakens_a_suppression(
    before: str, after: str, app: App, subscribers: SubscriberList
) -> None:
    answer = app.unsubscribe(subscribers.add("anna", before))
    assert answer.status_code == 200
    assert "Je bent afgemeld" in answer.text
    assert subscribers.status("anna") == after


def test_an_erased_subscriber_gets_the_same_answer(app: App, subscribers: SubscriberList) -> None:
    token = subscribers.add("anna")
    sql(subscribers.store, "DELETE FROM subscribers")
    unknown = tokens.unsubscribe_token(KEY, new_id(), new_id())
    present = app.unsubscribe(subscribers.add("bas"))
    for gone in (token, unknown):
        assert app.client.get(f"/u/{gone}").status_code == 200
        assert app.unsubscribe(gone).content == present.content


def test_a_proofs_link_works_and_changes_nothing(app: App, subscribers: SubscriberList) -> None:
    subscribers.add("anna")
    before = dump(subscribers.store)
    shown, pressed = app.client.get(f"/u/{PROOF}"), app.unsubscribe(PROOF)
    assert (shown.status_code, pressed.status_code) == (200, 200)
    assert "Dit is de link van een proefbrief" in shown.text
    assert "Dit is de link van een proefbrief" in pressed.text
    assert "Je bent afgemeld" not in pressed.text.partition("<h1>")[2].partition("</h1>")[0]
    assert dump(subscribers.store) == before


def test_a_link_signed_by_a_key_that_was_replaced_still_works(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    with serving(root, env={"NEWSLETTER_SECRET_KEY": f"a newer key,{KEY}"}) as app:
        assert app.unsubscribe(token).status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


def test_without_a_key_of_ones_own_the_generated_one_verifies(
    root: Path, subscribers: SubscriberList, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers.add("anna")
    public_id = str(sql(subscribers.store, "SELECT public_id FROM subscribers")[0][0])
    monkeypatch.delitem(ENVIRONMENT, "NEWSLETTER_SECRET_KEY")
    with serving(root) as app:
        key = (root / ".newsletter" / "secret-key").read_text(encoding="ascii").strip()
        assert (
            app.unsubscribe(tokens.unsubscribe_token(key, public_id, new_id())).status_code == 200
        )
    assert subscribers.status("anna") == "unsubscribed"


def test_fifty_posts_of_one_link_at_once_are_one_change(
    app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    sql(subscribers.store, "CREATE TABLE counts (n INTEGER)")
    sql(
        subscribers.store,
        "CREATE TRIGGER counted AFTER UPDATE ON subscribers BEGIN INSERT INTO counts VALUES (1); "
        "END",
    )
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(app.unsubscribe, [token] * 50))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sql(subscribers.store, "SELECT count(*) FROM counts") == [(1,)]
    assert subscribers.status("anna") == "unsubscribed"


def test_many_unsubscribes_at_once_all_succeed(app: App, subscribers: SubscriberList) -> None:
    links = {f"lezer{n}": subscribers.add(f"lezer{n}") for n in range(60)}
    stays = subscribers.add("blijft")
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(app.unsubscribe, links.values()))
    assert {answer.status_code for answer in answers} == {200}
    assert {subscribers.status(name) for name in links} == {"unsubscribed"}
    assert stays
    assert subscribers.status("blijft") == "active"


# Bodies and clients


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4097\r\n\r\n" + b"x" * 4097,
        b"Content-Length: 31457280\r\n\r\n" + b"x" * 5000,
        b"Transfer-Encoding: chunked\r\n\r\n800\r\n%b\r\n801\r\n%b" % (b"x" * 2048, b"x" * 2049),
    ],
    ids=["4097 bytes", "30 MB to come", "chunks"],
)
def test_a_body_that_is_far_too_long_is_refused_before_its_end(
    body: bytes, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    answer = app.talk(f"POST /u/{token} HTTP/1.1\r\nHost: a\r\n".encode() + body)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert subscribers.status("anna") == "active"


def test_a_body_that_does_not_come_is_waited_for_only_so_long(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    head = f"POST /u/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\n".encode()
    with serving(root, limits=Limits(read_body_seconds=0.3)) as app:
        assert app.talk(head, b"List-").startswith(b"HTTP/1.1 408 ")
    assert subscribers.status("anna") == "active"


def test_an_incomplete_request_unsubscribes_nobody(app: App, subscribers: SubscriberList) -> None:
    token = subscribers.add("anna")
    with app.connection() as connection:
        connection.sendall(
            f"POST /u/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx".encode()
        )
    app.wait_for("POST")
    assert app.stop() == 0
    assert "POST /u/{token} 400" in app.said()
    assert subscribers.status("anna") == "active"


def test_a_request_that_does_not_come_is_waited_for_only_so_long(
    root: Path, subscribers: SubscriberList
) -> None:
    assert subscribers
    quick = Limits(head_seconds=0.3)
    whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(root, limits=quick) as app:
        assert app.talk(b"") == b""
        assert app.talk(b"GET /u/") == b""
        # Also the second request over one connection.
        with app.connection() as connection:
            connection.sendall(whole)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            connection.sendall(b"GET /u/")
            assert read_all(connection) == b""


@pytest.mark.parametrize(
    "said",
    [
        b"niets\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000,
    ],
    ids=["words", "TLS", "no host", "headers too long"],
)
def test_what_is_no_request_gets_a_plain_refusal(said: bytes, shared: App) -> None:
    head, _, body = shared.talk(said).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert len(body) < 100
    for name, value in EVERYWHERE.items():
        assert f"{name}: {value}".encode() in head


# Every answer


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [f"/u/{PROOF}", "/u/niets", "/issues/2026-11-29-rust", "/healthz", "/", "/u", "/healthz/"],
)
def test_every_answer_has_headers_that_protect_privacy(method: str, path: str, shared: App) -> None:
    answer = shared.client.request(method, path)
    for name, value in EVERYWHERE.items():
        assert answer.headers.get_list(name) == [value]
    assert answer.headers.get_list("cache-control") == ["no-store"]
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy[0]
    assert "base-uri 'none'" in policy[0]
    assert "unsafe" not in policy[0]
    assert {"server", "set-cookie", "location"}.isdisjoint(answer.headers)
    assert "<script" not in answer.text
    assert not re.search(r"(src|@import|url\()", answer.text)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"/u/{PROOF}", {"GET", "HEAD", "POST"}),
        ("/issues/2026-11-29-rust", {"GET", "HEAD"}),
        ("/healthz", {"GET", "HEAD"}),
    ],
)
def test_another_method_gets_the_allowed_ones(path: str, methods: set[str], shared: App) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        if method not in methods:
            answer = shared.client.request(method, path)
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == methods


def test_healthz_names_the_ledger(root: Path, app: App, subscribers: SubscriberList) -> None:
    assert root
    answer = app.client.get("/healthz")
    ledger = sql(subscribers.store, "SELECT id FROM ledger")[0][0]
    said = {"status": "ok", "ledger": ledger, "visitors": "hidden", "notices": "held"}
    assert (answer.status_code, answer.json()) == (200, said)
    head = app.client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


# A database that cannot be used


def unwell(app: App) -> str:
    """Return why the app is unwell; it must be."""
    answer = app.client.get("/healthz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert answer.json().keys() == {"status"}
    return str(answer.json()["status"])


def refuses(app: App, token: str) -> None:
    for link in (token, PROOF):
        answer = app.unsubscribe(link)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"
        assert "nog niet afgemeld" in answer.text
        assert answer.text.count("<form") == 1
    assert app.client.get(f"/u/{token}").status_code == 200


def test_while_the_database_is_away_no_unsubscribe_is_confirmed(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    assert app.client.get("/healthz").status_code == 200
    away = root / "away.db"
    database(root).rename(away)
    database(root).mkdir()
    assert unwell(app) == "the database cannot be used just now"
    refuses(app, token)
    assert app.client.get("/issues/2026-11-29-rust").status_code == 503
    database(root).rmdir()
    refuses(app, token)
    assert not database(root).exists()
    away.rename(database(root))
    assert app.unsubscribe(token).status_code == 200
    assert app.client.get("/healthz").status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


def test_after_a_restored_backup_unsubscribing_still_works(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    subscribers.store.close()
    copy = root / "copy.db"
    with raw(database(root)) as connection, raw(copy) as backup:
        connection.backup(backup)
    # A connection that works by itself meanwhile could delete the log of the new file:
    # https://www.sqlite.org/howtocorrupt.html#_unlink_or_rename_a_database_file_while_in_use
    with serving(root, limits=STILL) as app:
        assert app.client.get("/healthz").status_code == 200
        copy.rename(database(root))
        assert app.unsubscribe(token).status_code == 200
    with raw(database(root)) as connection:
        assert connection.execute("SELECT status FROM subscribers").fetchall() == [
            ("unsubscribed",)
        ]


def test_the_app_starts_before_its_database_and_finds_it_later(root: Path) -> None:
    database(root).parent.mkdir(mode=0o700)
    database(root).mkdir(mode=0o700)
    with serving(root) as app:
        assert unwell(app)
        refuses(app, tokens.unsubscribe_token(KEY, new_id(), new_id()))
        database(root).rmdir()
        subscribers = subscriber_list(root)
        token = subscribers.add("anna")
        # It knocks at most once a second.
        while app.client.get("/healthz").status_code == 503:
            pass
        assert app.unsubscribe(token).status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


def test_a_moved_database_unsubscribes_nobody(app: App, subscribers: SubscriberList) -> None:
    active, gone = subscribers.add("anna"), subscribers.add("bas", "unsubscribed")
    sql(subscribers.store, "UPDATE ledger SET closed_at = '2026-11-29 06:00:00.000000'")
    assert unwell(app) == "this database is closed: another one has taken its place"
    refuses(app, active)
    refuses(app, gone)
    assert subscribers.status("anna") == "active"


def test_another_database_than_the_settings_name_unsubscribes_nobody(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    ledger = sql(subscribers.store, "SELECT id FROM ledger")[0][0]
    toml = root / "newsletter.toml"
    toml.write_text(f'ledger = "{ledger}"\n', encoding="utf-8")
    with serving(root, env={"NEWSLETTER_DATABASE_URL": "sqlite:///empty.db"}) as app:
        assert unwell(app) == "the database cannot be used just now"
        refuses(app, token)
    with serving(root) as app:
        assert app.unsubscribe(token).status_code == 200


def test_a_database_of_another_version_is_unwell(app: App, subscribers: SubscriberList) -> None:
    assert app.client.get("/healthz").status_code == 200
    sql(subscribers.store, "UPDATE alembic_version SET version_num = '9999'")
    assert unwell(app) == "the database and this program are of different versions"


def test_a_lock_that_is_held_too_long_confirms_nothing(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    quick = {"newsletter.store.sqlite.BUSY_SECONDS": 0.2}
    with serving(root, constants=quick) as app:
        with raw(database(root), manual=True) as writer:
            writer.execute("PRAGMA busy_timeout = 60000")  # the app has chores of its own
            writer.execute("BEGIN IMMEDIATE")
            answer = app.unsubscribe(token)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
            assert app.client.get("/healthz").status_code == 200
            writer.execute("ROLLBACK")
        assert app.unsubscribe(token).status_code == 200


# What is written down


def test_the_log_holds_no_token_no_address_and_no_query(
    root: Path, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    secret = secrets.token_hex(8)
    with serving(root) as app:
        app.client.get(f"/u/{token}?email={secret}@example.org")
        app.unsubscribe(token, headers={"User-Agent": secret, "X-Forwarded-For": "192.0.2.77"})
        app.client.get(f"/u/{secret}")
        app.client.get(f"/{secret}")
        app.client.request(secret.upper(), "/healthz")
        app.client.get(f"/issues/{secret}")
        app.talk(f"{secret} /u/{token}\r\n\r\n".encode())
        sql(subscribers.store, "ALTER TABLE subscribers RENAME TO vanished")
        assert app.unsubscribe(token).status_code == 500
        assert app.client.get("/healthz").status_code == 200
        assert app.stop() == 0
        said = app.said()
    assert "POST /u/{token} 200 " in said
    assert "GET /u/{token} 404 " in said
    assert "GET - 404 " in said
    assert "OTHER /healthz 405 " in said
    assert re.search(r"POST /u/\{token\} 500 .*: unexpected OperationalError at \w+\.py:\d+", said)
    for private in (token, token[:20], secret, secret.upper(), "anna", "192.0.2", "127.0.0.1 "):
        assert private not in said.replace(app.url, "")
    assert KEY not in said
    assert "Traceback" not in said


def test_each_request_is_one_line(app: App) -> None:
    app.client.get("/healthz")
    app.client.head(f"/u/{PROOF}")
    assert app.stop() == 0
    lines = app.said().splitlines()
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"{moment} GET /healthz 200 \d+\.\d ms", lines[1])
    assert re.fullmatch(rf"{moment} HEAD /u/\{{token\}} 200 \d+\.\d ms", lines[2])
    assert len(lines) == 3


def test_something_unexpected_is_a_kind_page(app: App, subscribers: SubscriberList) -> None:
    sql(subscribers.store, "ALTER TABLE mailings RENAME TO vanished")
    answer = app.client.get("/issues/2026-11-29-rust")
    assert answer.status_code == 500
    assert "Het lukt nu even niet" in answer.text
    assert "vanished" not in answer.text


# Starting and stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_after_what_it_is_doing(
    number: signal.Signals, root: Path, app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    with raw(database(root), manual=True) as writer, app.connection() as connection:
        writer.execute("PRAGMA busy_timeout = 60000")  # the app has chores of its own
        writer.execute("BEGIN IMMEDIATE")
        connection.sendall(f"POST /u/{token} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert app.client.get("/healthz").status_code == 200
        app.process.send_signal(number)
        # It takes no new connections while it finishes this one.
        while can_connect(app):
            pass
        writer.execute("ROLLBACK")
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert app.process.wait(60) == 0
    assert subscribers.status("anna") == "unsubscribed"
    assert "Traceback" not in app.said()


def can_connect(app: App) -> bool:
    try:
        app.connection().close()
    except ConnectionError:
        return False
    return True


def test_a_port_that_is_taken_is_one_line(run: Command, shared: App) -> None:
    done = run("serve", "--port", str(shared.port))
    assert done.returncode == 1
    assert re.fullmatch(
        rf"error: cannot listen on 127\.0\.0\.1:{shared.port}: Address already in use\nhint: .+\n",
        done.stderr,
    )


def test_quietly_it_says_nothing(root: Path, subscribers: SubscriberList) -> None:
    assert subscribers
    port = free_port()
    process = subprocess.Popen(
        [COMMAND, "-q", "serve", "--port", str(port)], cwd=root, stderr=subprocess.PIPE
    )
    while True:
        with contextlib.suppress(httpx.ConnectError):
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            break
    process.terminate()
    assert process.communicate() == (None, b"")
    assert process.returncode == 0


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a b", "..", "x" * 300])
def test_an_address_that_is_not_ours_is_one_line(host: str, run: Command) -> None:
    done = run("serve", "--host", host, "--port", "0")
    assert done.returncode == 1
    assert re.fullmatch(r"error: .+:0:? .+\nhint: .+\n", done.stderr)
    assert "Traceback" not in done.stderr


def test_it_listens_on_ipv6_as_well(root: Path, subscribers: SubscriberList) -> None:
    assert subscribers
    with serving(root, "--host", "::1") as app:
        assert app.url.startswith("http://[::1]:")
        assert app.client.get("/healthz").status_code == 200


def test_it_says_what_it_serves_and_where(shared: App) -> None:
    assert re.fullmatch(r"Proefbrief: serving on http://127\.0\.0\.1:\d+\n", shared.ready)


def test_an_authors_own_page_wins_and_the_rest_comes_with_the_program(
    root: Path, subscribers: SubscriberList
) -> None:
    assert subscribers
    folder = root / "templates" / "pages"
    folder.mkdir(parents=True)
    own = "<style>p { color: red }</style><p>Dag {{ newsletter.name }} & meer</p>"
    (folder / "missing.html.j2").write_text(own, encoding="utf-8")
    with serving(root) as app:
        answer = app.client.get("/nergens")
        assert answer.status_code == 404
        assert "<p>Dag Proefbrief & meer</p>" in answer.text
        assert "style-src 'sha256-" in answer.headers["content-security-policy"]
        assert "Wil je je afmelden?" in app.client.get(f"/u/{PROOF}").text


def test_a_page_whose_template_is_wrong_is_found_before_anybody_needs_it(
    root: Path, run: Command
) -> None:
    folder = root / "templates" / "pages"
    folder.mkdir(parents=True)
    (folder / "unsubscribed.html.j2").write_text("a\n{{ newsletter.nmae }}", encoding="utf-8")
    done = run("serve", "--port", "0")
    assert done.returncode == 1
    assert "(templates/pages/unsubscribed.html.j2:2)" in done.stderr


# While a send runs


def test_unsubscribing_during_a_send_counts_for_every_letter_not_yet_claimed(root: Path) -> None:
    newsletter = Newsletter(root, subscribers=30)
    people = newsletter.sql("SELECT id, public_id FROM subscribers ORDER BY id")
    key = newsletter.settings.secret_keys[0]
    links = [tokens.unsubscribe_token(key, str(public_id), new_id()) for _, public_id in people]
    first_batch, later = 3, 25
    with serving(root, env={"NEWSLETTER_SECRET_KEY": key}) as app:

        def leave_while_it_is_under_way(_batch: Batch) -> None:
            if provider.calls == 1:
                assert app.unsubscribe(links[first_batch]).status_code == 200
                assert app.unsubscribe(links[later]).status_code == 200
                snapshots = newsletter.sql("SELECT snapshot FROM batches ORDER BY id")
                assert snapshots[0] == (None,)

        provider = FakeProvider(root / "taken", answer=leave_while_it_is_under_way)
        report = newsletter.send(provider).report
    mailed = provider.copies()
    assert f"lezer{later}@example.org" not in mailed
    assert len(mailed) == 29
    assert set(mailed.values()) == {1}
    assert report.counts["skipped"] == 1
    states = newsletter.sql("SELECT state, reason FROM deliveries ORDER BY subscriber_id")
    assert states[later] == ("skipped", "unsubscribed")
    assert states[first_batch] == ("accepted", None)


def test_an_app_without_the_key_of_letters_that_left_says_so(root: Path) -> None:
    """It would say to everyone who wants to unsubscribe that their link does not work."""
    store = subscriber_list(root).store
    keys = ("the one of those letters", KEY)
    with store.write() as connection:
        for key in keys:
            record_fingerprint(connection, tokens.fingerprint(key))
    with serving(root) as app:
        app.wait_for("NEWSLETTER_SECRET_KEY lacks a key that has signed letters")
    assert find_lost_key(store, keys) is None
