"""Who leaves, changes or is erased while a letter is under way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.chaos.removals import REMOVALS
from tests.chaos.scenario import go_on
from tests.chaos.template import SUBSCRIBERS

if TYPE_CHECKING:
    from tests.chaos.scenario import Scenario


@pytest.mark.parametrize("how", REMOVALS)
def test_who_left_before_the_claim_is_not_mailed(scenario: Scenario, how: str) -> None:
    """Hold a sender at its first request; let all others go; let it go on."""
    held, gone = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 1:
            held.set()
            assert gone.wait(60)

    scenario.fake.meanwhile = hold
    alive = scenario.begin(in_flight=1)
    assert held.wait(60)
    waiting = scenario.lose(how, "pending")
    assert len(waiting) > SUBSCRIBERS / 2
    gone.set()
    assert scenario.attend(alive) == [0]
    states = scenario.states()
    assert {states[ref] for ref in waiting} == {"skipped"}
    assert scenario.fake.count <= 2
    go_on(scenario)
