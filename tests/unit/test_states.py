from __future__ import annotations

from itertools import product

import pytest

from newsletter import states
from newsletter.model import (
    Accepted,
    DeliveryState,
    MailingState,
    Outcome,
    RecipientRejected,
    RetryLater,
    Unknown,
)

D = DeliveryState


def test_what_is_certain_never_changes() -> None:
    for certain in (D.ACCEPTED, D.REJECTED, D.SKIPPED):
        assert not states.DELIVERY_STATES_AFTER[certain]


def test_what_is_accepted_was_attempted_or_is_so_by_a_late_answer() -> None:
    assert states.deliveries_before(D.ACCEPTED) == {D.ATTEMPTING, D.UNKNOWN, D.PENDING}
    assert states.deliveries_before(D.UNKNOWN) == {D.ATTEMPTING}


def test_every_state_has_its_rules() -> None:
    assert set(states.DELIVERY_STATES_AFTER) == set(DeliveryState)
    assert set(states.MAILING_STATES_AFTER) == set(MailingState)


def test_only_a_person_reopens_a_completed_mailing() -> None:
    assert not states.MAILING_STATES_AFTER[MailingState.COMPLETED]
    assert MailingState.SENDING not in states.MAILING_STATES_AFTER[MailingState.CANCELLED]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted("id"), D.ACCEPTED),
        (RecipientRejected("no"), D.REJECTED),
        (RetryLater("later"), D.PENDING),
        (Unknown("?"), D.UNKNOWN),
    ],
)
def test_an_outcome_leads_to_one_state(outcome: Outcome, state: DeliveryState) -> None:
    assert states.state_after(outcome) is state


def test_a_mailing_is_complete_only_when_nothing_is_open() -> None:
    for present in product((0, 3), repeat=len(DeliveryState)):
        counts = dict(zip(DeliveryState, present, strict=True))
        end = states.final_state(counts)
        if counts[D.PENDING] or counts[D.ATTEMPTING]:
            assert end is None
        elif counts[D.UNKNOWN]:
            assert end is MailingState.COMPLETED_WITH_UNKNOWN
        else:
            assert end is MailingState.COMPLETED
