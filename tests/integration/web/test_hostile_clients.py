"""What strangers can make the app hold and write: connections, bodies, heads, lines of the log."""

from __future__ import annotations

import contextlib
import logging
import re
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from newsletter.web import Limits
from newsletter.web.middleware import LINES_AT_ONCE, RequestLog
from tests.integration.web.test_signup import PROXY, anywhere
from tests.support.changes import have_few_files
from tests.support.web_server import PROOF, STILL, App, serving, subscriber_list

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

LIMITS = Limits()
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
WITH_HOOKS = {"RESEND_WEBHOOK_SECRET": "whsec_" + "c2VjcmV0IG9mIHRoZXNlIHRlc3Rz"}
# A crowd that comes in a second is as large as one that takes longer.
PATIENT = Limits(silent_seconds=60, head_seconds=60)


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def settled(root: Path) -> Path:
    subscriber_list(root).store.close()
    return root


def crowd(app: App, count: int, said: bytes = b"") -> list[socket.socket]:
    """Open so many connections, each of which says something and then nothing."""
    found = []
    for _ in range(count):
        one = app.connection()
        with contextlib.suppress(OSError):
            one.sendall(said)
        found.append(one)
    return found


def closed(connections: list[socket.socket]) -> int:
    """Return how many of these the app has closed."""
    count = 0
    for one in connections:
        one.settimeout(0)
        try:
            count += one.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def become_closed(connections: list[socket.socket], least: int) -> int:
    """Return how many of these the app has closed, once it is at least so many."""
    until = time.monotonic() + 60
    while (count := closed(connections)) < least:
        assert time.monotonic() < until, count
        time.sleep(0.05)
    return count


def becomes_well(app: App) -> None:
    """Wait until the app answers as usual."""
    until = time.monotonic() + 60
    while not app.talk(HEALTH).startswith(b"HTTP/1.1 200 "):
        assert time.monotonic() < until
        time.sleep(0.05)


def hang_up(connections: list[socket.socket]) -> None:
    for one in connections:
        one.close()


def resident(app: App) -> int:
    """Return how many bytes of memory the app's process has."""
    status = Path(f"/proc/{app.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


# Connections


def test_connections_that_say_nothing_fill_no_log_and_keep_nobody_out(settled: Path) -> None:
    with serving(settled) as app:
        idle = crowd(app, 1300)
        time.sleep(1.2)
        slowest = 0.0
        for _ in range(5):
            began = time.perf_counter()
            assert httpx.get(f"{app.url}/healthz").status_code == 200
            slowest = max(slowest, time.perf_counter() - began)
        idle += crowd(app, LIMITS.served_connections)
        become_closed(idle, 1300 + LIMITS.served_connections - LIMITS.open_connections)
        hang_up(idle)
        becomes_well(app)
        assert app.stop() == 0
        said = app.said()
    assert slowest < 5  # on a machine with other work
    assert re.search(r"summary: .*connections closed: too many \(\d+\)", said)
    assert len(said.splitlines()) < 30
    assert "Traceback" not in said


def test_without_file_descriptors_the_log_stays_small(settled: Path) -> None:
    with serving(settled, before=[have_few_files], limits=PATIENT) as app:
        idle = crowd(app, 200)
        time.sleep(3)
        hang_up(idle)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{app.url}/healthz").status_code == 200:
                    break
        else:
            pytest.fail("it does not recover")
        assert app.stop() == 0
        said = app.said()
    assert len(said) < 4000
    assert "Traceback" not in said


def test_a_client_that_comes_when_it_is_full_gets_503_with_all_our_headers(settled: Path) -> None:
    with serving(settled, limits=PATIENT) as app:
        idle = crowd(app, LIMITS.served_connections)
        reported = [app.talk(HEALTH) for _ in range(3)]
        hang_up(idle)
        for answer in reported:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            for name in (b"retry-after: 10", b"referrer-policy: no-referrer", b"x-robots-tag"):
                assert name in head.lower()
            assert b"Het lukt nu even niet" in body
        becomes_well(app)
        assert app.stop() == 0
        assert re.search(r"GET - 503 \d+\.\d ms: too many connections", app.said())


def test_above_the_last_bound_a_connection_is_closed_at_once(settled: Path) -> None:
    with serving(settled, limits=PATIENT) as app:
        idle = crowd(app, LIMITS.open_connections + 50)
        assert become_closed(idle, 50) == 50
        hang_up(idle)


# Heads and bodies


@pytest.mark.parametrize("size", [17, 40, 200])
def test_a_head_that_is_too_long_is_refused_also_in_one_piece(size: int, settled: Path) -> None:
    long = b"X: " + b"x" * (size << 10) + b"\r\n"
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    with serving(settled) as app:
        assert app.talk(head + long + b"\r\n").startswith(b"HTTP/1.1 400 ")
        # Also when it comes with the request before it.
        both = app.talk(head + b"\r\n" + head + long + b"\r\n")
        assert both.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 400 " in both
        fits = b"X: " + b"x" * (15 << 10) + b"\r\nConnection: close\r\n"
        assert app.talk(head + fits + b"\r\n").startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_at_once_are_answered_in_their_order(settled: Path) -> None:
    head = b"Host: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    body = b"List-Unsubscribe=One-Click"
    post = b"POST /u/%b HTTP/1.1\r\n%bContent-Length: 26\r\n\r\n%b" % (PROOF.encode(), head, body)
    get = b"GET /nergens HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(settled) as app:
        said = app.talk((post + get) * 50 + HEALTH)
    reported = re.findall(rb"HTTP/1\.1 (\d+) ", said)
    assert reported == [b"200", b"404"] * 50 + [b"200"]


def test_half_sent_webhooks_hold_no_more_than_some_memory(settled: Path) -> None:
    half = (
        b"POST /webhooks/resend HTTP/1.1\r\nHost: a\r\nContent-Length: 260000\r\n\r\n"
        + b"x" * 250_000
    )
    with serving(settled, env=WITH_HOOKS, limits=STILL) as app:
        assert app.client.post("/webhooks/resend", content=b"{}").status_code == 401
        before, most = resident(app), 0
        senders = []
        for _ in range(300):
            one = app.connection()
            one.settimeout(0)
            sent = 0
            with contextlib.suppress(OSError):
                while sent < len(half):
                    sent += one.send(half[sent:])
            senders.append((one, sent))
        until = time.monotonic() + 4
        while time.monotonic() < until:
            for n, (one, sent) in enumerate(senders):
                with contextlib.suppress(OSError):
                    senders[n] = (one, sent + one.send(half[sent:]))
            most = max(most, resident(app))
        # Forms are short, and wait for none of them.
        assert httpx.get(f"{app.url}/healthz").status_code == 200
        assert app.unsubscribe(PROOF).status_code == 200
        hang_up([one for one, _ in senders])
        assert app.stop() == 0
        said = app.said()
    assert most - before < 60 << 20
    assert "POST /webhooks/{provider} 503" in said
    assert len(said.splitlines()) < LINES_AT_ONCE + 30


def test_held_memory_is_released(settled: Path) -> None:
    with serving(settled, env=WITH_HOOKS, limits=STILL) as app:
        for _ in range(100):  # more than is held at once, in all
            assert app.client.post("/webhooks/resend", content=b"x" * 250_000).status_code == 401


# Headers: the sign-up form reads the most of them


ODD_HEADERS = [
    ("Origin", b"http://["),
    ("Origin", b"http://[::1"),
    ("Origin", b"http://a]b"),
    ("Origin", b"http://\xe9"),
    ("Origin", b"null, null"),
    ("Origin", b""),
    ("Origin", b"://"),
    ("Origin", b"x" * 9000),
    ("Referer", b"http://["),
    ("Referer", b"\xff\xfe"),
    ("Host", b"["),
    ("Host", b"a:b:c"),
    ("Host", b"\xff"),
    ("Sec-Fetch-Site", b"\xff"),
    ("Sec-Fetch-Site", b""),
    ("User-Agent", b"\xff\xfe\x80"),
    ("X-Forwarded-For", b"[" * 5000),
    ("X-Forwarded-For", b"1.2.3.4:" * 900),
    ("X-Forwarded-For", b"::ffff:1.2.3.4%eth0, ,"),
    ("X-Forwarded-For", b"\xff"),
    ("X-Forwarded-For", b"0x7f.1"),
    ("If-None-Match", b"\xff"),
    ("Accept", b"\xff;q=\xff"),
    ("Accept-Language", b"\xff"),
    ("Cookie", b"\xff=\xff; a"),
    ("Range", b"bytes=9-1"),
    ("Expect", b"nonsense"),
    ("Upgrade", b"websocket"),
    ("Content-Type", b"multipart/form-data"),
    ("Content-Type", b"multipart/form-data; boundary="),
    ("Content-Type", b'multipart/form-data; boundary="'),
    ("Content-Type", b"multipart/form-data; boundary=" + b"x" * 300),
    ("Content-Type", b"multipart/form-data; boundary=\xff"),
    ("Content-Type", b"multipart/form-data; boundary=x; boundary=y"),
    ("Content-Type", b"multipart/form-data; boundary*=punycode''x"),
    ("Content-Type", b"multipart/form-data; boundary*=undefined''%ff"),
    ("Content-Type", b"multipart/form-data; boundary*0=x; boundary*1=y"),
    ("Content-Type", b"application/x-www-form-urlencoded; charset=undefined"),
    ("Content-Type", b"application/x-www-form-urlencoded; charset*=undefined''x"),
    ("Content-Type", b"\xff"),
    ("Content-Type", b";"),
    *(
        ("Content-Type", b"multipart/form-data; boundary=x; charset=" + charset)
        for charset in (
            *(b"punycode", b"undefined", b"idna", b"utf-7", b"utf-16", b"utf-32", b"rot13", b"hex"),
            *(b"unicode_escape", b"raw_unicode_escape", b"base64", b"zip", b"mbcs", b"\xff", b""),
            *(b"x" * 500, b"utf-8\x01", b"cp037", b"utf_8_sig", b"../x", b"'"),
        )
    ),
]
ODD_BODIES = [
    b"",
    b"\xff",
    b"email=%ff&first_name=%ed%a0%80",
    b"email=anna%40example.org&stamp=x",
    b"&" * 100,
    b"=&=&;",
    b"--x\r\n\r\n",
    b"--x\r\nContent-Disposition: form-data; name=email\r\n\r\nxn--\xff+2AA-\r\n--x--\r\n",
    b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\\ud800\r\n--x--\r\n',
    b"--x\r\nContent-Disposition: form-data; name*=punycode''x\r\n\r\na\r\n--x--\r\n",
    b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\na\r\n--x--\r\n",
    b"--x\r\nContent-Type: text/plain; charset=undefined\r\n\r\na\r\n--x--\r\n",
    b"--y\r\n\r\n",
]


def test_no_header_and_no_body_is_an_error_of_ours(settled: Path) -> None:
    form = ("Content-Type", b"application/x-www-form-urlencoded")
    with serving(settled, *PROXY, limits=STILL) as app:
        wrong = []
        for name, value in ODD_HEADERS:
            for body in ODD_BODIES if name == "Content-Type" else ODD_BODIES[3:4]:
                headers = [*(() if name == "Content-Type" else [form]), (name, value)]
                headers += [] if name == "X-Forwarded-For" else [*anywhere().items()]
                for path in ("/subscribe", "/p/x"):
                    answer = _post(app, path, headers, body)
                    if not re.match(rb"HTTP/1\.1 (200|4\d\d) ", answer):
                        wrong.append((name, value, body, path, answer[:40]))
        assert wrong == []
        assert app.stop() == 0
        said = app.said()
    # Nothing that another library says of a request either.
    ours = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ |Proefbrief: serving on ")
    assert [line for line in said.splitlines() if not ours.match(line)] == []


def _post(app: App, path: str, headers: list[tuple[str, bytes | str]], body: bytes) -> bytes:
    host = b"" if any(name == "Host" for name, _ in headers) else b"Host: a\r\n"
    lines = b"".join(
        b"%b: %b\r\n" % (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers
    )
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    return app.talk(b"POST %b HTTP/1.1\r\n" % path.encode() + host + lines + length + body)


# The log


def test_refused_requests_log_a_line_a_second_and_are_counted_beyond(settled: Path) -> None:
    with serving(settled) as app:
        began = time.monotonic()
        for n in range(400):
            app.client.get(f"/nergens/{n}")
        for _ in range(50):
            app.unsubscribe(PROOF)
        took = time.monotonic() - began
        time.sleep(1.2)
        assert app.stop() == 0
        lines = app.said().splitlines()
    single = [line for line in lines if re.search(r" GET - 404 \d+\.\d ms", line)]
    reported = [line for line in lines if "summary: GET - 404 (" in line]
    assert LINES_AT_ONCE <= len(single) + len(reported) <= LINES_AT_ONCE + took + 3
    counted = [re.findall(r"GET - 404 \(([\d,]+)\)", line) for line in reported]
    assert len(single) + sum(int(one[0].replace(",", "")) for one in counted) == 400
    # Whoever has a link has a line for each request.
    assert len([line for line in lines if "POST /u/{token} 200 " in line]) == 50


def test_refused_requests_are_reported_by_kind_and_always_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "newsletter")
    request_log = RequestLog()
    for _ in range(LINES_AT_ONCE + 5):
        request_log.write("a line", "GET / 200")
    for n in range(20):
        request_log.count(f"kind {n}")
    request_log.flush()
    assert caplog.messages == ["a line"] * LINES_AT_ONCE
    request_log.flush(force=True)
    assert re.search(
        r"Z summary: GET / 200 \(5\), kind 0 \(1\), .*, others \(13\)$", caplog.messages[-1]
    )
    request_log.flush(force=True)
    assert len(caplog.messages) == LINES_AT_ONCE + 1
