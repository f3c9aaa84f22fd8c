"""Several processes on one socket, slow clients, and letters that leave while it all goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from newsletter import tokens
from newsletter.store.keys import record_fingerprint
from newsletter.web import Limits
from tests.integration.web.test_signup import PROXY, anywhere, ask, on_both
from tests.integration.web.test_unsubscribe import can_connect
from tests.support.changes import fail_at_start
from tests.support.newsletter import is_one_error
from tests.support.signups import queued
from tests.support.subscribers import sql
from tests.support.web_server import (
    ENVIRONMENT,
    KEY,
    STILL,
    App,
    SubscriberList,
    read_all,
    serving,
    subscriber_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    Run = Callable[..., CompletedProcess[str]]

GOOD = tokens.unsubscribe_token(KEY, "a" * 32, "b" * 32)


@pytest.fixture
def subscribers(root: Path) -> SubscriberList:
    return subscriber_list(root)


@pytest.fixture
def app(root: Path, subscribers: SubscriberList) -> Iterator[App]:
    assert subscribers
    with serving(root, "--workers", "3", *PROXY) as app:
        yield app


def children(app: App) -> set[int]:
    """Return the processes that answer."""
    listed = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    # Python starts one more, which follows what its processes share.
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in listed}
    return {int(pid) for pid, command in commands.items() if b"spawn_main" in command}


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def alone(app: App, path: str) -> int:
    """Ask over a connection of its own, so that any of the processes may answer."""
    return httpx.get(app.url + path, timeout=60).status_code


# Several processes


def test_all_of_them_answer_on_one_address(app: App) -> None:
    assert len(children(app)) == 3
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _n: alone(app, "/healthz"), range(60))) == {200}


def test_they_say_that_they_serve_once(app: App) -> None:
    assert re.fullmatch(r"Proefbrief: serving on http://127\.0\.0\.1:\d+\n", app.ready)
    assert app.stop() == 0
    assert app.said().count("serving on") == 1
    assert "Traceback" not in app.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_them_all(number: signal.Signals, app: App) -> None:
    born = children(app)
    assert len(born) == 3
    assert alone(app, "/healthz") == 200
    assert app.stop(number) == 0
    assert all(gone(pid) for pid in born)
    assert not can_connect(app)


def test_interrupted_at_a_terminal_where_all_of_them_hear_it(app: App) -> None:
    born = children(app)
    assert len(born) == 3
    for pid in (*born, app.process.pid):
        os.kill(pid, signal.SIGINT)
    assert app.process.wait(60) == 0
    assert all(gone(pid) for pid in born)


def test_one_that_is_killed_is_replaced(app: App) -> None:
    born = children(app)
    assert len(born) == 3
    os.kill(min(born), signal.SIGKILL)
    wait_until(lambda: len(children(app)) == 3 and children(app) != born)
    assert {alone(app, "/healthz") for _ in range(20)} == {200}


def test_none_outlives_its_parent(app: App) -> None:
    born = children(app)
    assert len(born) == 3
    app.process.kill()
    wait_until(lambda: all(gone(pid) for pid in born))


def test_what_is_wrong_is_found_before_the_first_is_born(root: Path, run: Run) -> None:
    folder = root / "templates" / "pages"
    folder.mkdir(parents=True)
    (folder / "signup.html.j2").write_text("{{ newsletter.nmae }}", encoding="utf-8")
    done = run("serve", "--port", "0", "--workers", "2")
    assert done.returncode == 1
    assert "(templates/pages/signup.html.j2:1)" in done.stderr
    assert is_one_error(done.stderr)


def test_a_notice_that_is_wrong_is_found_then_too(root: Path, run: Run) -> None:
    folder = root / "templates" / "notices"
    folder.mkdir(parents=True)
    (folder / "confirmation.txt.j2").write_text("Dag,", encoding="utf-8")
    done = run("serve", "--port", "0")
    assert done.returncode == 1
    assert "the notice has no link (notices/confirmation.txt.j2)" in done.stderr
    assert is_one_error(done.stderr)


@pytest.mark.parametrize(
    "option",
    [("--workers", "0"), ("--workers", "65"), ("--proxy", "nginx"), ("--proxy", "10.0.0.1/8")],
)
def test_what_cannot_be_meant_is_wrong_usage(option: tuple[str, str], run: Run) -> None:
    done = run("serve", "--port", "0", *option)
    assert done.returncode == 2
    assert option[0] in done.stderr


# Letters leave


@on_both
def test_the_notice_is_sent_once_after_the_answer_by_any_worker(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    with ThreadPoolExecutor(8) as pool:

        def sign_up(n: int) -> int:
            fields = {"email": f"lezer{n}@example.org", "stamp": _stamp()}
            answer = httpx.post(f"{app.url}/subscribe", data=fields, headers=anywhere(), timeout=60)
            return answer.status_code

        assert set(pool.map(sign_up, range(24))) == {200}
    wait_until(lambda: set(queued(subscribers.store)) == {("confirmation", "accepted")})
    letters = list((root / ".newsletter" / "outbox" / "_notices").glob("*.eml"))
    assert len(letters) == len(queued(subscribers.store)) == 24
    assert app.stop() == 0
    reported = re.findall(r"^notices: (\d+) accepted$", app.said(), re.MULTILINE)
    assert sum(map(int, reported)) == 24


def _stamp() -> str:
    return tokens.form_stamp(KEY, int((time.time() - 60) * 1000), "http://localhost:8000/")


@on_both
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_between_answer_and_letter_nothing_is_lost(
    workers: str, root: Path, subscribers: SubscriberList
) -> None:
    with serving(root, *PROXY, "--workers", workers, limits=STILL) as app:
        assert ask(app, "anna@example.org").status_code == 200
        app.process.kill()
    assert queued(subscribers.store) == [("confirmation", "pending")]
    with serving(root):
        wait_until(lambda: queued(subscribers.store) == [("confirmation", "accepted")])
    assert len(list((root / ".newsletter" / "outbox" / "_notices").glob("*.eml"))) == 1


def test_a_provider_that_is_not_set_up_keeps_nobody_from_asking(
    root: Path, subscribers: SubscriberList
) -> None:
    environment = {"NEWSLETTER_PROVIDER": "resend"}
    with serving(root, *PROXY, env=environment) as app:
        assert ask(app, "anna@example.org").status_code == 200
        assert app.stop() == 0
        assert _warning("RESEND_API_KEY is not set") in app.said()
    assert sql(subscribers.store, "SELECT provider, state FROM notices") == [("resend", "pending")]


def ledger_of(subscribers: SubscriberList) -> str:
    return str(sql(subscribers.store, "SELECT id FROM ledger")[0][0])


def for_real(root: Path, ledger: str) -> dict[str, str]:
    """Write settings with which notices leave for real; return the app's environment."""
    values = {
        "public_url": "https://brief.example.org",
        "sender": "Marijke <marijke@brief.example.org>",
        "contact": "Kade 1, 1000 AA Amsterdam",
        "provider": "resend",
        "provider_url": "http://127.0.0.1:9",
        "ledger": ledger,
    }
    lines = "".join(f'{name} = "{text}"\n' for name, text in values.items())
    (root / "newsletter.toml").write_text(lines, encoding="utf-8")
    return {"RESEND_API_KEY": "re_of_these_tests"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_app_whose_settings_name_no_ledger_says_so_when_it_starts(
    workers: str, root: Path, subscribers: SubscriberList
) -> None:
    shown = {}
    for state, ledger in (("held", ""), ("mailed", ledger_of(subscribers))):
        environment = for_real(root, ledger)
        with serving(root, "--workers", workers, env=environment) as app:
            assert app.client.get("/healthz").json()["notices"] == state
            assert app.stop() == 0
            shown[state] = app.said()
    assert shown["held"].count(_warning('setting "ledger" is empty')) == 1
    assert "warning" not in shown["mailed"]


def test_an_app_that_lacks_a_key_of_letters_that_left_says_that_notices_are_held(
    root: Path, subscribers: SubscriberList
) -> None:
    with serving(root, env=for_real(root, ledger_of(subscribers))) as app:
        assert app.client.get("/healthz").json()["notices"] == "mailed"
        for key, state in ((KEY, "mailed"), ("the one of those letters", "held")):
            with subscribers.store.write() as connection:
                record_fingerprint(connection, tokens.fingerprint(key))
            assert app.client.get("/healthz").json()["notices"] == state


def test_an_app_on_another_ledger_than_the_settings_name_is_not_well(
    root: Path, subscribers: SubscriberList
) -> None:
    assert subscribers
    with serving(root, env=for_real(root, "0" * 32)) as app:
        answer = app.client.get("/healthz")
    assert (answer.status_code, answer.json().keys()) == (503, {"status"})


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, ["NEWSLETTER_DATABASE_URL", "NEWSLETTER_SECRET_KEY"]),
        ({"NEWSLETTER_SECRET_KEY": KEY}, ["NEWSLETTER_DATABASE_URL"]),
        ({"NEWSLETTER_DATABASE_URL": "sqlite:///other.db"}, ["NEWSLETTER_SECRET_KEY"]),
        ({"NEWSLETTER_PROVIDER": "outbox"}, []),
    ],
)
def test_an_app_without_secrets_says_what_it_uses_instead(
    root: Path, given: dict[str, str], warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL", raising=False)
    monkeypatch.setitem(ENVIRONMENT, "NEWSLETTER_PROVIDER", "resend")
    monkeypatch.delitem(ENVIRONMENT, "NEWSLETTER_SECRET_KEY")
    with serving(root, env=given) as app:
        assert app.stop() == 0
        lines = app.said().splitlines()
    found = [line.split()[1] for line in lines if " is not set, so " in line]
    assert found == warned


def test_a_list_that_is_in_a_file_beside_its_sender_is_meant(
    root: Path, subscribers: SubscriberList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL", raising=False)
    (root / ".newsletter").mkdir(exist_ok=True)
    (root / ".newsletter" / "newsletter.db").touch()
    with serving(root, env={"NEWSLETTER_PROVIDER": "resend"}) as app:
        assert app.stop() == 0
        assert " is not set, so " not in app.said()
    assert subscribers


def test_where_nothing_can_be_written_the_error_names_what_is_not_set(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEWSLETTER_DATABASE_URL", "NEWSLETTER_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    (root / ".newsletter").write_text("no folder")
    done = run("serve", "--port", "0")
    both = "NEWSLETTER_DATABASE_URL and NEWSLETTER_SECRET_KEY"
    assert done.returncode == 1
    assert f"error: {both} are not set, and the folder .newsletter cannot be made" in done.stderr
    assert f"hint: Give this process {both}" in done.stderr


def _warning(text: str) -> str:
    return f"warning: no confirmation or other notice leaves from here: {text}"


def test_an_error_that_keeps_notices_from_being_sent_is_reported_once(
    root: Path, subscribers: SubscriberList
) -> None:
    environment = {
        "NEWSLETTER_PROVIDER": "resend",
        "RESEND_API_KEY": "re_of_these_tests",
        "NEWSLETTER_PROVIDER_URL": "http://127.0.0.1:9",
    }
    quick = Limits(notices_seconds=0.05, notices_delay=(0.01, 0.05))
    with serving(root, *PROXY, env=environment, limits=quick) as app:
        for n in range(3):
            assert ask(app, f"lezer{n}@example.org").status_code == 200
        time.sleep(1)
        assert app.stop() == 0
        assert app.said().count('\nnotices: setting "sender" is empty') == 1
    assert {state for _, state in queued(subscribers.store)} == {"pending"}


@pytest.mark.parametrize(
    ("workers", "error"),
    [("1", "the web app cannot start"), ("2", "a worker cannot start")],
)
def test_an_app_that_cannot_start_ends_with_an_error(run: Run, workers: str, error: str) -> None:
    done = run("serve", "--port", "0", "--workers", workers, before=[fail_at_start])
    assert done.returncode == 1
    assert re.search(rf": serving on .+\nerror: {error}\nhint: Run newsletter .+\n\Z", done.stderr)
    assert "Traceback" not in done.stderr


# Slow clients


def hung_up_on(connection: socket.socket, part: bytes, times: int, pause: float) -> bool:
    """Send something again and again; say whether the app hangs up before it was all sent."""
    try:
        for _ in range(times):
            connection.sendall(part)
            time.sleep(pause)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("path", ["/", "/nergens", "/healthz", f"/u/{GOOD}"])
def test_a_body_that_dribbles_in_is_cut_off_wherever_it_goes(
    path: str, root: Path, subscribers: SubscriberList
) -> None:
    assert subscribers
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n".encode()
    with (
        serving(root, limits=Limits(body_seconds=0.5)) as app,
        app.connection() as connection,
    ):
        connection.sendall(head)
        assert hung_up_on(connection, b"x", 2000, 0.02)


def test_a_head_that_dribbles_in_is_cut_off(root: Path, subscribers: SubscriberList) -> None:
    assert subscribers
    with (
        serving(root, limits=Limits(head_seconds=0.5)) as app,
        app.connection() as connection,
    ):
        assert hung_up_on(connection, b"G", 2000, 0.02)


def test_a_client_that_does_not_read_its_answer_is_cut_off(
    root: Path, subscribers: SubscriberList
) -> None:
    assert subscribers
    many = b"GET /nergens HTTP/1.1\r\nHost: a\r\n\r\n" * 50
    with serving(root, limits=Limits(response_seconds=0.5)) as app:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", app.port))
            connection.settimeout(60)
            assert hung_up_on(connection, many, 100_000, 0.0)
        assert app.client.get("/healthz").status_code == 200


def test_a_client_that_reads_slowly_gets_all_of_it(root: Path, subscribers: SubscriberList) -> None:
    assert subscribers
    with serving(root) as app, app.connection() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(0.5)
        assert read_all(connection).endswith(b"</html>\n")
