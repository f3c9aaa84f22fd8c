"""A first look at the kill matrix, each time; `./dev chaos` sees as much of it as asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matrix import DATABASES, KINDS, Case, controls, first_look, sample
from run import told, verdict
from steps import STEPS
from theatre import Theatre
from trial import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres import Postgres

SEED = 20261129


@pytest.fixture(params=DATABASES)
def theatre(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    on_a_server = request.param == "postgresql"
    server: Postgres | None = request.getfixturevalue("server") if on_a_server else None
    with Theatre([request.param], server) as theatre:
        yield theatre


def test_killed_at_any_step_nobody_is_mailed_twice_and_nobody_lost_in_silence(
    theatre: Theatre,
) -> None:
    databases = theatre.databases
    results = list(theatre.play(sample(first_look(databases), SEED, databases)))
    assert [line for one in results if not one.good for line in told(one)] == []
    assert {one.case.kind for one in results} == set(KINDS)
    # Of several who send at once, those who were to die there may never have come so far.
    missed = set(STEPS) - {one.case.step for one in results if one.hit}
    alone = [Case(databases[0], "keyed", 1, step, "none", SEED) for step in missed]
    assert all(one.hit and one.good for one in theatre.play(alone))


def test_a_recovery_that_sends_again_what_was_under_way_is_caught(theatre: Theatre) -> None:
    results = list(theatre.play(controls(4, SEED, theatre.databases), naive=True))
    assert all(one.duplicates for one in results)
    assert list(verdict([], results)) == []


def test_a_judge_that_sees_no_duplicates_where_there_must_be_some_is_not_believed() -> None:
    blind = [Result(case) for case in controls(4, SEED, DATABASES)]
    assert "sees nothing" in " ".join(verdict([], blind))


def test_the_same_seed_is_the_same_choice_and_every_case_can_be_had_again() -> None:
    cases = sample(300, 7)
    assert cases == sample(300, 7)
    assert cases != sample(300, 8)
    assert [Case.of(str(case)) for case in cases] == cases
    assert len({case.step for case in sample(first_look(DATABASES), 7)}) == len(STEPS)
    for nonsense in ("", "sqlite/keyed/1/nowhere", "sqlite/keyed/1/no-such-step/none/1"):
        with pytest.raises(ValueError, match=r"unpack|no-such-step"):
            Case.of(nonsense)


def test_what_broke_is_told_with_the_command_that_repeats_it() -> None:
    case = sample(1, 7)[0]
    result = Result(case, duplicates=2, broken=["one is lost", "one is lost"], log="what it said")
    assert list(told(result)) == [
        f"{case}: one is lost; 2 duplicates",
        "    what it said",
        f"    again: ./dev chaos --only {case}",
    ]
    assert "1 of 1 runs broke a promise" in " ".join(verdict([result], []))


def test_the_command_prints_its_table() -> None:
    script = Path(__file__).with_name("run.py")
    case = "sqlite/keyed/1/kill-taken/none/5"
    done = subprocess.run(
        [sys.executable, script, "--only", case], capture_output=True, encoding="utf-8", check=True
    )
    header, row = done.stdout.splitlines()
    assert header.startswith("provider")
    assert row.split() == ["keyed", "sqlite", "1", "1", row.split()[4], "0", "0", "0", "0"]
