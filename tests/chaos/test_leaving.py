"""Who leaves, changes or is erased while a letter is under way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from leaving import GOING
from scene import go_on
from stage import READERS

if TYPE_CHECKING:
    from scene import Scene


@pytest.mark.parametrize("how", GOING)
def test_nobody_is_mailed_who_had_gone_before_his_letter_was_claimed(
    scene: Scene, how: str
) -> None:
    """Hold a sender at its first request; let all others go; let it go on."""
    held, gone = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 1:
            held.set()
            assert gone.wait(60)

    scene.fake.meanwhile = hold
    alive = scene.begin(in_flight=1)
    assert held.wait(60)
    waiting = scene.lose(how, "pending")
    assert len(waiting) > READERS / 2
    gone.set()
    assert scene.attend(alive) == [0]
    states = scene.states()
    assert {states[ref] for ref in waiting} == {"skipped"}
    assert scene.fake.count <= 2
    go_on(scene)
