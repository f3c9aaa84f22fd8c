"""A provider that lists what it took, sooner or later."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from scene import A_WHILE, go_on
from stand_in import Fault

if TYPE_CHECKING:
    from scene import Scene

pytestmark = pytest.mark.parametrize("provider", ["mailgun"])


def lose(scene: Scene, lag: float) -> None:
    """Let a sender be killed whose letters were taken, and are listed so many seconds later."""
    scene.fake.lag = lag
    faults = scene.fake.FAULTS
    scene.fake.plan = lambda number: faults["kill-taken"] if number == 2 else Fault(taken=True)
    assert scene.send(in_flight=1) == [-signal.SIGKILL]


def test_what_is_listed_in_time_is_found_and_never_sent_again(scene: Scene) -> None:
    lose(scene, lag=A_WHILE.total_seconds() - 120)
    go_on(scene)


def test_what_is_listed_later_than_was_promised_would_be_sent_again_and_that_is_seen(
    scene: Scene,
) -> None:
    lose(scene, lag=10 * A_WHILE.total_seconds())
    scene.send_on(6)
    assert scene.judge(certain=True).duplicates == 5
