"""A host that stops the app when no one uses it: nothing that was asked of it is lost."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest

from newsletter.config import Settings
from newsletter.delivery.notices import NoticeRun
from newsletter.errors import DecisionNeeded, TryAgain
from newsletter.web import Limits
from newsletter.web.background import Background
from tests.integration.web.test_signup import PROXY, anywhere, ask, on_both, stamp
from tests.support.signups import letters, link_in, queued
from tests.support.subscribers import statuses
from tests.support.web_server import (
    ONE_CLICK,
    SubscriberList,
    read_all,
    serving,
    subscriber_list,
)

if TYPE_CHECKING:
    from pathlib import Path

NEVER = Limits(notices_delay=(3600, 3600))
"""Of an app whose notices leave only when it stops."""


@pytest.fixture
def subscribers(root: Path) -> SubscriberList:
    return subscriber_list(root)


@on_both
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_confirmation_leaves_before_the_app_stops(
    number: int, workers: str, root: Path, subscribers: SubscriberList
) -> None:
    with serving(root, *PROXY, "--workers", workers, limits=NEVER) as app:
        assert ask(app, "anna@example.org").status_code == 200
        assert queued(subscribers.store) == [("confirmation", "pending")]
        assert app.stop(number) == 0
        assert "notices: 1 accepted" in app.said()
    assert queued(subscribers.store) == [("confirmation", "accepted")]
    assert len(letters(root, 1)) == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_that_takes_long_holds_up_no_notice_and_leaves_its_own(
    workers: str, root: Path, subscribers: SubscriberList
) -> None:
    patient = Limits(notices_delay=(3600, 3600), body_seconds=120, read_body_seconds=120)
    body = urlencode({"email": "bert@example.org", "first_name": "", "stamp": stamp()}).encode()
    head = {
        "Host": "localhost",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
        **anywhere(),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with serving(root, *PROXY, "--workers", workers, limits=patient) as app:
        assert ask(app, "anna@example.org").status_code == 200
        with app.connection() as slow:
            slow.sendall(f"POST /subscribe HTTP/1.1\r\n{lines}\r\n".encode())
            assert b" 100 " in slow.recv(1024)  # the app waits for the body
            app.process.send_signal(signal.SIGTERM)
            app.wait_for("notices: 1 accepted")
            slow.sendall(body)
            assert b" 200 " in read_all(slow).partition(b"\r\n")[0]
        assert app.process.wait(60) == 0
        assert app.said().count("notices: 1 accepted") == 2
    assert queued(subscribers.store) == [("confirmation", "accepted")] * 2


@on_both
def test_after_an_idle_stop_the_first_request_is_done(
    root: Path, subscribers: SubscriberList
) -> None:
    bram = subscribers.add("bram")
    with serving(root, *PROXY) as app:
        assert app.stop() == 0
    with serving(root, *PROXY) as app:
        assert app.unsubscribe(bram).status_code == 200
        assert app.stop() == 0
    assert subscribers.status("bram") == "unsubscribed"
    with serving(root, *PROXY) as app:
        assert ask(app, "anna@example.org").status_code == 200
        assert app.stop() == 0
    (letter,) = letters(root, 1)
    with serving(root, *PROXY) as app:
        assert app.client.post(link_in(letter, "c")).status_code == 200
    assert statuses(subscribers.store)["anna@example.org"] == "active"


class Sender:
    """Stands for `NoticeSender`, with notices that never end, or with a provider that is down."""

    def __init__(self, *, fails: bool = False) -> None:
        self.rounds = 0
        self._error = TryAgain("notices wait") if fails else None

    def send_due(self, _store: object, stop: threading.Event) -> NoticeRun:
        self.rounds += 1
        if self._error is None:
            assert stop.wait(60)
        return NoticeRun(0, self._error)


class Picky:
    """Stands for `NoticeSender`, with a provider that refuses a notice each time."""

    def __init__(self) -> None:
        self.rounds = 0

    def send_due(self, _store: object, _stop: threading.Event) -> NoticeRun:
        self.rounds += 1
        return NoticeRun(refused=DecisionNeeded("notices wait: no such address"))


class NoDatabase:
    def store(self) -> None:
        return None


def background(root: Path, sender: Sender | Picky, **limits: Any) -> Background:  # noqa: ANN401 - as of Limits
    database: Any = NoDatabase()
    stand_in: Any = sender
    return Background(
        Settings(root=root), [], database, stand_in, Limits(chores_delay=3600, **limits)
    )


def test_more_notices_than_there_is_time_for_do_not_keep_it_from_stopping(tmp_path: Path) -> None:
    sender = Sender()
    with background(tmp_path, sender, stop_seconds=0.05).running():
        pass
    assert sender.rounds == 1


def test_a_provider_in_trouble_is_not_asked_again_at_the_end(tmp_path: Path) -> None:
    sender = Sender(fails=True)
    with background(tmp_path, sender, notices_delay=(0, 0)).running():
        until = time.monotonic() + 60
        while not sender.rounds:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert sender.rounds == 1


def test_one_notice_that_is_refused_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sender = Picky()
    threads = background(tmp_path, sender, notices_delay=(0, 0), notices_seconds=3600)
    with threads.running():
        for rounds in (1, 2):
            until = time.monotonic() + 60
            while sender.rounds < rounds:
                assert time.monotonic() < until
                time.sleep(0.01)
            threads.wake_notices()
            time.sleep(0.05)
    assert sender.rounds >= 3
    assert [one.message for one in caplog.records] == ["notices: notices wait: no such address"]


def leave_as_providers_do(url: str, token: str) -> int:
    """Post an unsubscribe until it is answered with 200; return how often it was posted."""
    until = time.monotonic() + 120
    for tries in itertools.count(1):
        try:
            answer = httpx.post(f"{url}/u/{token}", data=ONE_CLICK, timeout=60)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200:
            return tries
        assert time.monotonic() < until
        time.sleep(0.02)
    raise AssertionError


@on_both
def test_no_unsubscribe_is_lost_while_it_is_killed_and_started_again(
    root: Path, subscribers: SubscriberList
) -> None:
    names = [f"lezer{n}" for n in range(120)]
    people = {name: subscribers.add(name) for name in names}
    with serving(root) as first:
        port = first.port
        assert first.unsubscribe(people["lezer0"]).status_code == 200
    done = threading.Semaphore(0)

    def leave(name: str) -> int:
        tries = leave_as_providers_do(f"http://127.0.0.1:{port}", people[name])
        done.release()
        return tries

    with ThreadPoolExecutor(8) as pool:
        tried = [pool.submit(leave, name) for name in names]
        for number in itertools.cycle([signal.SIGKILL, signal.SIGTERM]):
            with serving(root, "--port", str(port)) as app:
                for _ in range(20):  # so that each life of the app is cut off among requests
                    done.acquire(timeout=60)
                app.stop(number)
            if sum(future.done() for future in tried) >= 100:
                break
        with serving(root, "--port", str(port)):
            assert sum(future.result(120) for future in tried) > len(names)
    assert {subscribers.status(name) for name in names} == {"unsubscribed"}
