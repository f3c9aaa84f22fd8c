"""The database goes while letters are under way: what is sent after that, and what comes of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.scenario import LEASE, Scenario, go_on
from tests.chaos.steps import NOWHERE

if TYPE_CHECKING:
    from tests.support.postgres import Postgres

ON_A_SERVER = pytest.mark.parametrize("runner", ["postgresql"], indirect=True)
IN_A_FILE = pytest.mark.parametrize("runner", ["sqlite"], indirect=True)

CLAIM = b"INSERT INTO batches"
SETTLE = b"accepted_at"


@ON_A_SERVER
def test_a_server_that_crashes_under_two_senders_costs_no_letter_and_doubles_none(
    scenario_of_its_own: Scenario, own_server: Postgres
) -> None:
    scenario = scenario_of_its_own
    both, again = threading.Event(), threading.Event()

    def crash(number: int) -> None:
        if number == 2:
            both.set()
            assert again.wait(60)

    scenario.fake.meanwhile = crash
    alive = scenario.begin([(NOWHERE, 1)] * 2, in_flight=1)
    assert both.wait(60)
    # Not in the thread of the request: a server that a thread has started goes with that thread.
    own_server.restart()
    again.set()
    assert set(scenario.attend(alive)) <= {0, 3, 75}
    go_on(scenario)


@ON_A_SERVER
def test_without_its_server_a_sender_stops_within_one_request(
    scenario_of_its_own: Scenario, own_server: Postgres
) -> None:
    scenario = scenario_of_its_own
    scenario.fake.meanwhile = lambda number: own_server.stop() if number == 2 else None
    assert scenario.outlast(scenario.begin(in_flight=1)) == [75]
    assert scenario.fake.count == 2
    own_server.start()
    go_on(scenario)


@IN_A_FILE
def test_without_its_file_a_sender_stops_within_one_request(scenario: Scenario) -> None:
    folder = scenario.copy.root / ".newsletter"
    scenario.fake.meanwhile = lambda number: (
        folder.rename(folder.with_name("away")) if number == 2 else None
    )
    (code,) = scenario.outlast(scenario.begin(in_flight=1))
    assert code == 1
    assert "newsletter.db" in scenario.log()
    assert scenario.fake.count == 2
    folder.with_name("away").rename(folder)
    go_on(scenario)


def through(scenario: Scenario, proxy: Proxy) -> dict[str, str]:
    """Return what leads a sender to its database through a proxy."""
    server = scenario.copy.server
    assert server
    url = server.url(scenario.copy.database, tcp=True).replace(
        f":{server.port}/", f":{proxy.port}/"
    )
    return {"NEWSLETTER_DATABASE_URL": url}


@ON_A_SERVER
@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize(
    ("statement", "requests"), [(CLAIM, 0), (SETTLE, 1)], ids=["claim", "settle"]
)
def test_a_sender_treats_a_commit_whose_answer_was_lost_as_failed(
    scenario: Scenario, statement: bytes, requests: int, *, reached: bool
) -> None:
    assert scenario.copy.server
    with Proxy(scenario.copy.server.port, statement, reached=reached) as proxy:
        codes = scenario.send(environment=through(scenario, proxy), in_flight=1)
    assert proxy.lost.is_set()
    assert codes == [75]
    # What it may or may not have claimed it does not send.
    assert scenario.fake.count == requests
    go_on(scenario)


@ON_A_SERVER
def test_a_server_that_stops_answering_is_waited_for_and_another_sender_finishes(
    scenario: Scenario,
) -> None:
    assert scenario.copy.server
    silent = threading.Event()
    with Proxy(scenario.copy.server.port) as proxy:

        def fall_silent(number: int) -> None:
            if number == 2:
                proxy.fall_silent()
                silent.set()

        scenario.fake.meanwhile = fall_silent
        waiting = scenario.begin(environment=through(scenario, proxy), in_flight=1)
        assert silent.wait(60)
        scenario.copy.clock.advance(LEASE)
        scenario.send()
        # All is done but what the first one may not have heard; and it sends nothing more.
        requests = scenario.fake.count
        assert set(scenario.states().values()) <= {"accepted", "unknown"}
        proxy.cut()
        assert set(scenario.outlast(waiting)) <= {0, 3, 75}
    assert scenario.fake.count == requests
    go_on(scenario)
