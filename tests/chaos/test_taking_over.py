"""A killed sender's work is taken over at once on the same machine; a living one's never.

Unlike in the other tests no time passes here on the newsletter's clock.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.chaos.providers import CERTAIN

if TYPE_CHECKING:
    from tests.chaos.scenario import Scenario

KILLS = ("claimed", "leaving", "settling")


def still(scenario: Scenario) -> dict[str, str]:
    """Return the states of all deliveries once nothing has changed for a second."""
    last, since = scenario.states(), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.05)
        if (now := scenario.states()) != last:
            last, since = now, time.monotonic()
    return last


@pytest.mark.parametrize("step", KILLS)
def test_killed_anywhere_a_sender_is_taken_over_at_once(scenario: Scenario, step: str) -> None:
    assert scenario.outlast(scenario.begin([(step, 2)])) == [-signal.SIGKILL]
    scenario.result.killed += 1
    scenario.wait_until_read()
    codes = scenario.outlast(scenario.begin())
    states = scenario.states()
    assert "attempting" not in states.values()
    assert "pending" not in states.values()
    if scenario.provider.kind == "keyed":
        assert codes == [0], scenario.log()
        assert set(states.values()) == {"accepted"}
    else:
        # One that is searched lists what it took later; one that is blind, never.
        assert codes in ([0], [3]), scenario.log()
    scenario.send_on(6)
    result = scenario.check_outcome(certain=scenario.provider.kind in CERTAIN)
    assert result.good, f"{result}\n{scenario.log()}"


def test_a_stopped_sender_is_not_taken_over_while_its_lease_lasts(scenario: Scenario) -> None:
    scenario.fake.latency = 0.5
    (slow,) = stopped = scenario.begin()
    while "attempting" not in scenario.states().values():
        time.sleep(0.002)
    os.kill(slow, signal.SIGSTOP)
    before = still(scenario)
    theirs = {ref for ref, state in before.items() if state == "attempting"}
    assert theirs
    others = scenario.begin()
    after = still(scenario)
    assert {ref for ref, state in after.items() if state == "attempting"} == theirs
    assert "unknown" not in after.values()
    os.kill(slow, signal.SIGCONT)
    assert scenario.outlast(stopped | others) == [0, 0], scenario.log()
    result = scenario.check_outcome(certain=True)
    assert result.good, f"{result}\n{scenario.log()}"
    assert result.unknown == 0
