"""A first look at the kill matrix, each time; `./dev chaos` sees as much of it as asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.chaos.matrix import DATABASES, Case, alone, controls, first_look, sample
from tests.chaos.outcome import Result
from tests.chaos.providers import KINDS
from tests.chaos.run import describe_run, verdict
from tests.chaos.steps import STEPS
from tests.chaos.trial import Run

if TYPE_CHECKING:
    from tests.chaos.runner import TrialRunner

SEED = 20261129


def test_killed_at_any_step_nobody_is_mailed_twice_and_every_loss_is_reported(
    runner: TrialRunner,
) -> None:
    databases = runner.databases
    runs = list(runner.play(sample(first_look(databases), SEED, databases)))
    assert [line for one in runs if not one.result.good for line in describe_run(one)] == []
    assert {one.case.kind for one in runs} == set(KINDS)
    # Of several who send at once, those who were to die there may never have come so far.
    missed = set(STEPS) - {one.case.step for one in runs if one.hit}
    again = runner.play(alone(step, databases[0], SEED) for step in missed)
    assert all(one.hit and one.result.good for one in again)


def test_a_recovery_that_sends_again_what_was_under_way_is_caught(runner: TrialRunner) -> None:
    runs = list(runner.play(controls(4, SEED, runner.databases), naive=True))
    assert all(one.result.duplicates for one in runs)
    assert list(verdict([], runs)) == []


def test_a_check_that_finds_no_duplicates_where_there_must_be_some_fails() -> None:
    blind = [Run(case, Result(), hit=True) for case in controls(4, SEED, DATABASES)]
    assert "sees nothing" in " ".join(verdict([], blind))


def test_the_same_seed_is_the_same_choice_and_every_case_can_be_had_again() -> None:
    cases = sample(300, 7)
    assert cases == sample(300, 7)
    assert cases != sample(300, 8)
    assert [Case.of(str(case)) for case in cases] == cases
    assert len({case.step for case in sample(first_look(DATABASES), 7)}) == len(STEPS)
    for nonsense in ("", "sqlite/resend/1/nowhere", "sqlite/resend/1/no-such-step/none/1"):
        with pytest.raises(ValueError, match=r"unpack|no-such-step"):
            Case.of(nonsense)


def test_a_failed_run_is_reported_with_the_command_that_repeats_it() -> None:
    case = sample(1, 7)[0]
    result = Result(duplicates=2, broken=["one is lost", "one is lost"])
    run = Run(case, result, hit=True, log="what it said")
    assert list(describe_run(run)) == [
        f"{case}: one is lost; 2 duplicates",
        "    what it said",
        f"    again: ./dev chaos --only {case}",
    ]
    assert "1 of 1 runs broke a promise" in " ".join(verdict([run], []))


def test_the_command_prints_its_table() -> None:
    case = "sqlite/resend/1/kill-taken/none/5"
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.run", "--only", case],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    header, row = done.stdout.splitlines()
    assert header.startswith("provider")
    assert row.split() == [
        "keyed:",
        "resend",
        "sqlite",
        "1",
        "1",
        row.split()[5],
        "0",
        "0",
        "0",
        "0",
    ]
