"""The subscribers' web app on PostgreSQL: what another database could change about leaving."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from newsletter.config import Settings
from newsletter.delivery import NoticeSender
from newsletter.providers import open_provider
from newsletter.store import open_store
from newsletter.store.database import connect, upgrade
from newsletter.store.url import locate
from newsletter.web import Limits
from newsletter.web.background import Background
from newsletter.web.database import Database
from tests.support.web_server import PROOF, App, SubscriberList, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store
    from tests.support.postgres import Postgres


@pytest.fixture
def subscribers(root: Path, postgresql: str) -> SubscriberList:
    return SubscriberList(open_store(Settings(root=root, database_url=postgresql)))


@pytest.fixture
def app(root: Path, subscribers: SubscriberList) -> Iterator[App]:
    assert subscribers
    with serving(root) as app:
        yield app


@contextlib.contextmanager
def away(server: Postgres) -> Iterator[None]:
    """Stop the server for as long as the block takes."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_fifty_posts_of_one_link_at_once_are_one_change(
    app: App, subscribers: SubscriberList
) -> None:
    token, other = subscribers.add("anna"), subscribers.add("bas")
    with subscribers.store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counted (n integer)")
        connection.exec_driver_sql(
            "CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO counted VALUES (1); RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER counted AFTER UPDATE ON subscribers "
            "FOR EACH ROW EXECUTE FUNCTION count_it()"
        )
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(app.unsubscribe, [token] * 50))
    assert {answer.status_code for answer in answers} == {200}
    assert other
    assert (subscribers.status("anna"), subscribers.status("bas")) == ("unsubscribed", "active")
    with subscribers.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM counted").scalar() == 1


def test_two_processes_unsubscribe_the_same_subscribers_at_once(
    root: Path, app: App, subscribers: SubscriberList
) -> None:
    links = {f"lezer{n}": subscribers.add(f"lezer{n}") for n in range(40)}
    with (
        serving(root) as second,
        ThreadPoolExecutor(40) as pool,
    ):
        there = pool.map(app.unsubscribe, links.values())
        back = pool.map(second.unsubscribe, reversed(links.values()))
        answers = [*there, *back]
    assert {answer.status_code for answer in answers} == {200}
    assert {subscribers.status(name) for name in links} == {"unsubscribed"}


def test_a_complaint_that_comes_meanwhile_is_not_weakened(
    app: App, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    with ThreadPoolExecutor(1) as pool:
        with subscribers.store.write() as connection:
            connection.exec_driver_sql("UPDATE subscribers SET status = 'complained'")
            answer = pool.submit(app.unsubscribe, token)
            while not connection.exec_driver_sql(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ).all():
                assert not answer.done()
                # Within a transaction these figures are taken once by default.
                connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        assert answer.result().status_code == 200
    assert subscribers.status("anna") == "complained"


def test_a_lost_server_confirms_nothing_and_is_found_again(
    app: App, server: Postgres, subscribers: SubscriberList
) -> None:
    token = subscribers.add("anna")
    assert app.client.get("/healthz").status_code == 200
    with away(server):
        assert app.client.get("/healthz").status_code == 503
        for link in (token, PROOF):
            answer = app.unsubscribe(link)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    # The first who asks pays nothing for the connections that died meanwhile.
    assert app.unsubscribe(token).status_code == 200
    assert app.client.get("/healthz").status_code == 200
    assert subscribers.status("anna") == "unsubscribed"


def test_a_server_that_is_away_at_first_is_found_later(
    root: Path, server: Postgres, subscribers: SubscriberList, postgresql: str
) -> None:
    token = subscribers.add("anna")
    with contextlib.ExitStack() as stack:
        with away(server):
            app = stack.enter_context(serving(root))
            assert app.client.get("/healthz").status_code == 503
        while app.client.get("/healthz").status_code == 503:
            pass
        assert app.unsubscribe(token).status_code == 200
        assert app.stop() == 0
        assert postgresql not in app.said()


def test_an_unreachable_server_is_reported_once_with_its_consequences(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "newsletter")
    settings = Settings(root=root, database_url="postgresql://nobody@127.0.0.1:9/list")
    looked: list[str] = []

    class Watched(Database):
        def store(self) -> Store:
            looked.append(threading.current_thread().name)
            return super().store()

    sender = NoticeSender(settings, open_provider(settings))
    background = Background(settings, [], Watched(settings), sender, Limits())
    with background.running():
        until = time.monotonic() + 60
        while not {"chores", "notices"} <= set(looked):
            assert time.monotonic() < until
            time.sleep(0.01)
    (line,) = caplog.messages
    assert "cannot be reached" in line
    assert line.endswith("The app continues by itself after that")
    assert "un it again" not in line


def test_a_database_that_was_not_migrated_is_found_when_it_was(
    root: Path, server: Postgres
) -> None:
    url = server.url(server.database())
    place = locate(Settings(root=root, database_url=url))
    with serving(root, env={"NEWSLETTER_DATABASE_URL": url}) as app:
        assert app.client.get("/healthz").status_code == 503
        store = connect(place)
        upgrade(store, place)
        while app.client.get("/healthz").status_code == 503:
            pass
        subscribers = SubscriberList(store)
        assert app.unsubscribe(subscribers.add("anna")).status_code == 200
    assert subscribers.status("anna") == "unsubscribed"
