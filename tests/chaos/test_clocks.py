"""A process whose clock is wrong by two hours, beside others."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.chaos.scenario import LEASE, go_on
from tests.support.parameters import choose
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from tests.chaos.scenario import Scenario

TWO_HOURS = timedelta(hours=2)


# On a server there is one clock, and it is not theirs.
@pytest.mark.parametrize("runner", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", [TWO_HOURS, -TWO_HOURS], ids=["fast", "slow"])
@pytest.mark.parametrize("dies", [True, False], ids=["it is killed", "the other is killed"])
def test_a_clock_that_is_wrong_costs_time_and_no_letter(
    scenario: Scenario, wrong: timedelta, *, dies: bool
) -> None:
    off = wrong.total_seconds()
    faults = scenario.fake.FAULTS
    scenario.fake.plan = lambda number: faults["kill-taken"] if number == 2 else Fault(taken=True)
    assert scenario.send(clock_wrong_by=off if dies else 0.0, in_flight=1) == [-signal.SIGKILL]
    scenario.copy.clock.advance(LEASE)
    # Who lives may be taken to be lost as well, and send after that.
    scenario.fake.punctual = False
    # What it had claimed may be held for two hours more, or be held no more at all.
    others = scenario.begin(clock_wrong_by=0.0 if dies else off)
    scenario.copy.clock.advance(TWO_HOURS + LEASE)
    scenario.attend(others | scenario.begin())
    go_on(scenario)


@pytest.mark.parametrize("runner", ["postgresql"], indirect=True)
@pytest.mark.parametrize("provider", choose(["resend", "mailgun"], always=["resend"]))
def test_on_a_server_its_clock_counts_and_not_that_of_a_process(scenario: Scenario) -> None:
    wrong = {"wrong_by": TWO_HOURS.total_seconds()}
    both = scenario.begin(clock_of_the_server=True, process_faults=wrong)
    both |= scenario.begin(clock_of_the_server=True)
    assert scenario.attend(both) == [0, 0]
    assert set(scenario.states().values()) == {"accepted"}
    when = "claimed_at BETWEEN now() - interval '1 hour' AND now()"
    assert scenario.copy.observer.rows(f"SELECT DISTINCT {when} FROM batches") == [(True,)]  # noqa: S608
    go_on(scenario)
