"""A provider that lists what it took, sooner or later."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.scenario import A_WHILE, go_on
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from tests.chaos.scenario import Scenario

pytestmark = pytest.mark.parametrize("provider", ["mailgun"])


def lose(scenario: Scenario, lag: float) -> None:
    """Let a sender be killed whose letters were taken, and are listed so many seconds later."""
    scenario.fake.lag = lag
    faults = scenario.fake.FAULTS
    scenario.fake.plan = lambda number: faults["kill-taken"] if number == 2 else Fault(taken=True)
    assert scenario.send(in_flight=1) == [-signal.SIGKILL]


def test_letters_that_are_listed_in_time_are_found_and_never_sent_again(scenario: Scenario) -> None:
    lose(scenario, lag=A_WHILE.total_seconds() - 120)
    lost = list(scenario.states().values()).count("attempting")
    assert (lost > 0, scenario.fake.searches) == (True, 0)
    go_on(scenario)
    assert scenario.fake.searches
    assert set(scenario.states().values()) == {"accepted"}


def test_letters_that_are_listed_too_late_are_sent_again_and_the_outcome_shows_it(
    scenario: Scenario,
) -> None:
    lose(scenario, lag=10 * A_WHILE.total_seconds())
    scenario.send_on(6)
    assert scenario.fake.searches
    assert scenario.check_outcome(certain=True).duplicates == 5
