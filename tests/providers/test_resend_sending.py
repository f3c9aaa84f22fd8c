"""A whole mailing through Resend while the way to it breaks: nobody twice, nobody forgotten."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from newsletter.delivery.rate_limit import LONGEST_WAIT
from newsletter.errors import TryAgain
from tests.support.newsletter import Newsletter
from tests.support.providers.fake_resend import FAULTS
from tests.support.providers.fake_server import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.resend.send import Resend
    from tests.support.providers.fake_resend import FakeResend


LOST = ("reset-accepted", "reset-unread", "502-page", "409-busy-taken")


def send(newsletter: Newsletter, provider: Resend) -> int:
    """Send as the command does; return its exit code."""
    trouble = newsletter.send(provider).error  # type: ignore[arg-type] - it is a provider as well
    return trouble.exit_code if trouble else 0


def counts(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def copies(fake: FakeResend) -> set[int]:
    return set(Counter(entry["to"] for entry in fake.taken()).values())


@pytest.mark.parametrize("name", LOST)
def test_a_lost_answer_is_asked_for_again_under_its_key(
    root: Path, fake: FakeResend, provider: Resend, name: str
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    fake.faults[2] = FAULTS[name]
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 300}
    assert copies(fake) == {1}
    assert fake.count == 4
    keys = Counter(request.headers["idempotency-key"] for request in fake.requests)
    # A request that was reset before it was read is none that the fake remembers.
    assert sorted(keys.values()) == ([1, 1, 1] if name == "reset-unread" else [1, 1, 2])


@pytest.mark.parametrize("name", ["429-day", "429-month", "429-absurd"])
def test_a_quota_that_is_used_up_ends_the_run_and_the_next_one_goes_on(
    root: Path, fake: FakeResend, provider: Resend, name: str
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    fake.faults = dict.fromkeys(range(2, 20), FAULTS[name])
    assert send(newsletter, provider) == 75
    assert counts(newsletter) == {"accepted": 100, "pending": 200}
    fake.faults = {}
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 300}
    assert copies(fake) == {1}


def test_a_window_that_begins_anew_tomorrow_ends_the_run_and_the_next_one_goes_on(
    root: Path, fake: FakeResend, provider: Resend
) -> None:
    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            assert timeout <= LONGEST_WAIT, "nobody watches a command for so long"
            return super().wait(timeout)

    newsletter = Newsletter(root, subscribers=300)
    tomorrow = {"ratelimit-remaining": "0", "ratelimit-reset": "86400"}
    fake.faults[1] = Fault(taken=True, headers=tomorrow)
    report = newsletter.send(provider, stop=Impatient())  # type: ignore[arg-type]
    assert isinstance(report.error, TryAgain)
    assert counts(newsletter) == {"accepted": 100, "pending": 200}
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 300}
    assert copies(fake) == {1}


@pytest.mark.parametrize("name", ["401", "403", "422", "404-page"])
def test_a_refusal_half_way_waits_for_a_person_and_loses_nobody(
    root: Path, fake: FakeResend, provider: Resend, name: str
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    fake.faults = dict.fromkeys(range(2, 60), FAULTS[name])
    assert send(newsletter, provider) == 3
    assert counts(newsletter) == {"accepted": 100, "pending": 200}
    fake.faults = {}
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 300}
    assert copies(fake) == {1}


def test_another_body_under_a_known_key_stays_unknown(
    root: Path, fake: FakeResend, provider: Resend
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    fake.faults = dict.fromkeys(range(2, 20), FAULTS["409-other-body"])
    assert send(newsletter, provider) == 3
    assert counts(newsletter) == {"accepted": 100, "unknown": 200}
    assert copies(fake) == {1}


def test_an_address_that_resend_refuses_costs_no_other_letter(
    root: Path, fake: FakeResend, provider: Resend
) -> None:
    newsletter = Newsletter(root, subscribers=120)
    newsletter.sql("UPDATE subscribers SET email = 'refused@example.org' WHERE id = 7")
    assert send(newsletter, provider) == 0
    assert counts(newsletter) == {"accepted": 119, "rejected": 1}
    assert copies(fake) == {1}
