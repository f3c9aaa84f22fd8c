"""The database goes while letters are under way: what is sent after that, and what comes of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from scene import LEASE, Scene, go_on
from steps import NOWHERE
from wall import Wall

if TYPE_CHECKING:
    from postgres import Postgres

ON_A_SERVER = pytest.mark.parametrize("theatre", ["postgresql"], indirect=True)
IN_A_FILE = pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)

CLAIM = b"INSERT INTO batches"
SETTLE = b"accepted_at"


@ON_A_SERVER
def test_a_server_that_crashes_under_two_senders_costs_no_letter_and_doubles_none(
    scene_of_its_own: Scene, own_server: Postgres
) -> None:
    scene = scene_of_its_own
    both, again = threading.Event(), threading.Event()

    def crash(number: int) -> None:
        if number == 2:
            both.set()
            assert again.wait(60)

    scene.fake.meanwhile = crash
    alive = scene.begin([(NOWHERE, 1)] * 2, in_flight=1)
    assert both.wait(60)
    # Not in the thread of the request: a server that a thread has started goes with that thread.
    own_server.restart()
    again.set()
    assert set(scene.attend(alive)) <= {0, 3, 75}
    go_on(scene)


@ON_A_SERVER
def test_without_its_server_a_sender_stops_within_one_request(
    scene_of_its_own: Scene, own_server: Postgres
) -> None:
    scene = scene_of_its_own
    scene.fake.meanwhile = lambda number: own_server.stop() if number == 2 else None
    assert scene.outlast(scene.begin(in_flight=1)) == [75]
    assert scene.fake.count == 2
    own_server.start()
    go_on(scene)


@IN_A_FILE
def test_without_its_file_a_sender_stops_within_one_request(scene: Scene) -> None:
    folder = scene.copy.root / ".newsletter"
    scene.fake.meanwhile = lambda number: (
        folder.rename(folder.with_name("away")) if number == 2 else None
    )
    (code,) = scene.outlast(scene.begin(in_flight=1))
    assert code == 1
    assert "newsletter.db" in scene.log()
    assert scene.fake.count == 2
    folder.with_name("away").rename(folder)
    go_on(scene)


def through(scene: Scene, wall: Wall) -> dict[str, str]:
    """Return what leads a sender to its database through a wall."""
    server = scene.copy.server
    assert server
    url = server.url(scene.copy.database, tcp=True).replace(f":{server.port}/", f":{wall.port}/")
    return {"NEWSLETTER_DATABASE_URL": url}


@ON_A_SERVER
@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
@pytest.mark.parametrize(
    ("statement", "requests"), [(CLAIM, 0), (SETTLE, 1)], ids=["claim", "settle"]
)
def test_a_commit_whose_answer_is_lost_is_none_for_who_made_it(
    scene: Scene, statement: bytes, requests: int, *, reached: bool
) -> None:
    assert scene.copy.server
    with Wall(scene.copy.server.port, statement, reached=reached) as wall:
        codes = scene.send(environment=through(scene, wall), in_flight=1)
    assert wall.lost.is_set()
    assert codes == [75]
    # What it may or may not have claimed it does not send.
    assert scene.fake.count == requests
    go_on(scene)


@ON_A_SERVER
def test_a_server_that_falls_silent_is_waited_for_and_another_sender_finishes(scene: Scene) -> None:
    assert scene.copy.server
    silent = threading.Event()
    with Wall(scene.copy.server.port) as wall:

        def fall_silent(number: int) -> None:
            if number == 2:
                wall.fall_silent()
                silent.set()

        scene.fake.meanwhile = fall_silent
        waiting = scene.begin(environment=through(scene, wall), in_flight=1)
        assert silent.wait(60)
        scene.copy.clock.advance(LEASE)
        scene.send()
        # All is done but what the first one may not have been told; and it sends nothing more.
        requests = scene.fake.count
        assert set(scene.states().values()) <= {"accepted", "unknown"}
        wall.cut()
        assert set(scene.outlast(waiting)) <= {0, 3, 75}
    assert scene.fake.count == requests
    go_on(scene)
