"""A process whose clock is wrong by two hours, beside others."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from scene import LEASE, go_on
from stand_in import Fault

if TYPE_CHECKING:
    from scene import Scene

TWO_HOURS = timedelta(hours=2)


# On a server there is one clock, and it is not theirs.
@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", [TWO_HOURS, -TWO_HOURS], ids=["fast", "slow"])
@pytest.mark.parametrize("dies", [True, False], ids=["it is killed", "the other is killed"])
def test_a_clock_that_is_wrong_costs_time_and_no_letter(
    scene: Scene, wrong: timedelta, *, dies: bool
) -> None:
    off = wrong.total_seconds()
    faults = scene.fake.FAULTS
    scene.fake.plan = lambda number: faults["kill-taken"] if number == 2 else Fault(taken=True)
    assert scene.send(clock_wrong_by=off if dies else 0.0, in_flight=1) == [-signal.SIGKILL]
    scene.copy.clock.advance(LEASE)
    # Who lives may be taken to be lost as well, and send after that.
    scene.fake.punctual = False
    # What it had claimed may be held for two hours more, or be held no more at all.
    others = scene.begin(clock_wrong_by=0.0 if dies else off)
    scene.copy.clock.advance(TWO_HOURS + LEASE)
    scene.attend(others | scene.begin())
    go_on(scene)


@pytest.mark.parametrize("theatre", ["postgresql"], indirect=True)
@pytest.mark.parametrize("provider", ["resend", "mailgun"])
def test_with_a_server_its_clock_counts_and_not_that_of_a_process(scene: Scene) -> None:
    wrong = {"wrong_by": TWO_HOURS.total_seconds()}
    both = scene.begin(clock_of_the_server=True, adversities=wrong)
    both |= scene.begin(clock_of_the_server=True)
    assert scene.attend(both) == [0, 0]
    assert set(scene.states().values()) == {"accepted"}
    when = "claimed_at BETWEEN now() - interval '1 hour' AND now()"
    assert scene.copy.eye.rows(f"SELECT DISTINCT {when} FROM batches") == [(True,)]  # noqa: S608
    go_on(scene)
