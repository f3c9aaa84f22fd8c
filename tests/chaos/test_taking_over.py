"""A killed sender's work is taken over at once on the same machine; a living one's never.

Unlike in the other tests no time passes here on the newsletter's clock.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from providers import CERTAIN

if TYPE_CHECKING:
    from scene import Scene

KILLS = ("claimed", "leaving", "settling")


def still(scene: Scene) -> dict[str, str]:
    """Return the states of all deliveries once nothing has changed for a second."""
    last, since = scene.states(), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.05)
        if (now := scene.states()) != last:
            last, since = now, time.monotonic()
    return last


@pytest.mark.parametrize("step", KILLS)
def test_killed_anywhere_it_is_taken_over_before_any_time_has_passed(
    scene: Scene, step: str
) -> None:
    assert scene.outlast(scene.begin([(step, 2)])) == [-signal.SIGKILL]
    scene.result.killed += 1
    scene.hear_out()
    codes = scene.outlast(scene.begin())
    states = scene.states()
    assert "attempting" not in states.values()
    assert "pending" not in states.values()
    if scene.provider.kind == "keyed":
        assert codes == [0], scene.log()
        assert set(states.values()) == {"accepted"}
    else:
        # One that is searched lists what it took later; one that is blind, never.
        assert codes in ([0], [3]), scene.log()
    scene.send_on(6)
    result = scene.judge(certain=scene.provider.kind in CERTAIN)
    assert result.good, f"{result}\n{scene.log()}"


def test_one_that_stands_still_is_not_taken_over_while_its_lease_lasts(scene: Scene) -> None:
    scene.fake.latency = 0.5
    (slow,) = stopped = scene.begin()
    while "attempting" not in scene.states().values():
        time.sleep(0.002)
    os.kill(slow, signal.SIGSTOP)
    before = still(scene)
    theirs = {ref for ref, state in before.items() if state == "attempting"}
    assert theirs
    others = scene.begin()
    after = still(scene)
    assert {ref for ref, state in after.items() if state == "attempting"} == theirs
    assert "unknown" not in after.values()
    os.kill(slow, signal.SIGCONT)
    assert scene.outlast(stopped | others) == [0, 0], scene.log()
    result = scene.judge(certain=True)
    assert result.good, f"{result}\n{scene.log()}"
    assert result.unknown == 0
