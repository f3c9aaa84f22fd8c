"""The disk of the database is full while letters are under way."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from typing import TYPE_CHECKING, Final

import psycopg
import pytest

from tests.chaos.scenario import Scenario, go_on
from tests.chaos.template import SUBSCRIBERS
from tests.support.parameters import choose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Postgres

ON_A_SERVER = pytest.mark.parametrize("runner", ["postgresql"], indirect=True)
IN_A_FILE = pytest.mark.parametrize("runner", ["sqlite"], indirect=True)
# Of the others a claim keeps no addresses, and so small a list needs no more room.
KEYED = pytest.mark.parametrize("provider", choose(["resend", "lettermint"], always=["resend"]))
KIB: Final = 1024


def lengthen_addresses(scenario: Scenario) -> None:
    """Let a claim write down so much that every few of them need room on the disk."""
    with scenario.copy.store() as store, store.write() as connection:
        for number in range(SUBSCRIBERS):
            name = f"{secrets.token_hex(30)}@{'.'.join(secrets.token_hex(30) for _ in range(3))}.nl"
            connection.exec_driver_sql(
                f"UPDATE subscribers SET email = '{name}' WHERE id = {number + 1}"  # noqa: S608
            )


def half_way(scenario: Scenario) -> None:
    """See that something has left, and something has not."""
    states = set(scenario.states().values())
    assert {"accepted", "pending"} <= states
    assert 0 < scenario.fake.count < SUBSCRIBERS


@IN_A_FILE
@KEYED
def test_a_full_disk_stops_a_sender_before_it_sends_what_it_could_not_claim(
    scenario: Scenario,
) -> None:
    lengthen_addresses(scenario)
    assert scenario.send(limit=1) == [0]
    ((pages,),) = scenario.copy.observer.rows("PRAGMA page_count")
    assert scenario.send(process_faults={"full_after": pages + 1}) == [1]
    assert "the disk is full" in scenario.log()
    half_way(scenario)
    go_on(scenario)


@IN_A_FILE
def test_a_file_that_may_not_grow_stops_a_sender(scenario: Scenario) -> None:
    assert scenario.send(limit=1) == [0]
    assert scenario.send(process_faults={"files_up_to": 64 * KIB}) == [1]
    assert "cannot be read or written" in scenario.log()
    half_way(scenario)
    go_on(scenario)


@pytest.fixture
def small_disk(own_server: Postgres) -> Iterator[Path]:
    """Mount a disk of one megabyte for the server; only root can."""
    place = own_server.home / "small"
    place.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    mount = ["mount", "-t", "tmpfs", "-o", f"size=1m,mode=700,uid={own_server.home.stat().st_uid}"]
    subprocess.run([*as_root, *mount, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        own_server.stop()
        subprocess.run([*as_root, "umount", place], check=True)


@pytest.mark.all
@ON_A_SERVER
@KEYED
def test_a_full_disk_of_the_server_stops_a_sender(
    small_disk: Path, own_server: Postgres, scenario_of_its_own: Scenario
) -> None:
    scenario = scenario_of_its_own
    lengthen_addresses(scenario)
    url = own_server.url(scenario.copy.database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        connection.execute("ALTER TABLE batches SET TABLESPACE small")
        connection.execute("CREATE TABLE filler (x text) TABLESPACE small")

        def fill(number: int) -> None:
            with contextlib.suppress(psycopg.errors.DiskFull):
                while number == 2:
                    connection.execute("INSERT INTO filler SELECT repeat('x', 7000)")

        scenario.fake.meanwhile = fill
        assert scenario.send(in_flight=1) == [1]
        assert "the server's disk is full" in scenario.log()
        half_way(scenario)
        connection.execute("DROP TABLE filler")
    scenario.fake.meanwhile = lambda _number: None
    go_on(scenario)
