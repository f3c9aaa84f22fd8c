"""What a provider may answer that makes no sense, and what becomes of the whole mailing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.providers import PROVIDERS
from tests.chaos.scenario import go_on
from tests.chaos.template import SUBSCRIBERS
from tests.support.parameters import choose
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.scenario import Scenario

LISTED = pytest.mark.parametrize(
    "provider", choose(["resend", "lettermint", "ses-bulk"], always=["resend"])
)
"""Those whose answers hold a name for each letter."""

ODD: dict[str, Callable[[list[Any]], list[Any]]] = {
    "none": lambda _: [],
    "one is missing": lambda entries: entries[:-1],
    "one stands for another": lambda entries: [*entries[:-1], entries[0]],
    "one is doubled": lambda entries: [*entries, entries[0]],
}


def second(fault: Fault) -> Callable[[int], Fault]:
    """Return the plan in which the second request goes wrong."""
    return lambda number: fault if number == 2 else Fault(taken=True)


@LISTED
@pytest.mark.parametrize("name", ODD)
def test_ids_that_do_not_match_the_letters_cause_no_second_and_no_missing_letter(
    scenario: Scenario, name: str
) -> None:
    wrong = Fault(taken=True, change=lambda fake, said: fake.relist(said, ODD[name]))
    scenario.fake.plan = second(wrong)
    (code,) = scenario.send(in_flight=1)
    # That more was taken than was sent is looked into before any more is sent.
    assert code == 3 or name != "one is doubled"
    go_on(scenario)


@LISTED
def test_names_in_another_order_cost_nobody_a_letter(scenario: Scenario) -> None:
    turned = Fault(taken=True, change=lambda fake, said: fake.relist(said, lambda all_: all_[::-1]))
    scenario.fake.plan = second(turned)
    assert scenario.send(in_flight=1) == [0]
    assert set(scenario.states().values()) == {"accepted"}
    refs = [entry["ref"] for entry in scenario.fake.taken()]
    assert len(refs) == len(set(refs)) == SUBSCRIBERS


@pytest.mark.parametrize("name", ["page", "empty", "half-json"])
def test_a_malformed_answer_causes_no_second_and_no_missing_letter(
    scenario: Scenario, name: str
) -> None:
    scenario.fake.plan = second(scenario.fake.FAULTS[name])
    assert scenario.send(in_flight=1) in ([0], [3])
    go_on(scenario)


@pytest.mark.parametrize("provider", choose(PROVIDERS, always=["resend"]))
def test_a_suspended_account_pauses_the_mailing_which_goes_on_when_it_is_fixed(
    scenario: Scenario,
) -> None:
    suspended = scenario.fake.FAULTS["403"]
    scenario.fake.plan = lambda number: suspended if number > 2 else Fault(taken=True)
    assert scenario.send(in_flight=1) == [3]
    account = scenario.copy.observer.account()
    assert account
    assert account.state == "paused"
    taken = len(scenario.fake.taken())
    assert account.counts == {"accepted": taken, "pending": SUBSCRIBERS - taken}
    assert scenario.fake.count == 3
    scenario.fake.plan = lambda _number: Fault(taken=True)
    go_on(scenario)
    assert set(scenario.states().values()) == {"accepted"}
