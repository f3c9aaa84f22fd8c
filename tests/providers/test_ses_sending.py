"""A whole mailing while Amazon SES says no, or not now: nobody twice, nobody forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.providers.test_resend_sending import copies, counts, send
from tests.support.newsletter import Newsletter
from tests.support.providers.fake_ses import FAULTS, FakeSes

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.ses.send import Ses


class Once(dict[str, tuple[str, str]]):
    """What becomes of a letter the first time; after that it is taken."""

    def __getitem__(self, to: str) -> tuple[str, str]:
        return self.pop(to)


@pytest.fixture(params=[1, 5001], ids=["single", "bulk"])
def way(request: pytest.FixtureRequest, provider: Ses) -> Ses:
    return provider.for_audience(request.param)


def test_the_quota_of_a_day_ends_the_run_and_another_day_goes_on(
    root: Path, fake: FakeSes, way: Ses
) -> None:
    newsletter = Newsletter(root, subscribers=70)
    quota = fake.account["SendQuota"]
    quota["Max24HourSend"] = 60.0
    assert send(newsletter, way) == 75
    done = counts(newsletter)
    assert set(done) == {"accepted", "pending"}
    assert done["accepted"] == len(fake.taken()) == 60
    quota["SentLast24Hours"] = 0.0
    assert send(newsletter, way) == 0
    assert counts(newsletter) == {"accepted": 70}
    assert copies(fake) == {1}


@pytest.mark.parametrize("name", ["suspended", "paused", "unknown-key", "slow-clock", "no-set"])
def test_a_refusal_half_way_waits_for_a_person_and_loses_nobody(
    root: Path, fake: FakeSes, way: Ses, name: str
) -> None:
    newsletter = Newsletter(root, subscribers=120)
    fake.faults = dict.fromkeys(range(2, 130), FAULTS[name])
    assert send(newsletter, way) == 3
    done = way.capabilities.max_messages
    assert counts(newsletter) == {"accepted": done, "pending": 120 - done}
    fake.faults = {}
    assert send(newsletter, way) == 0
    assert counts(newsletter) == {"accepted": 120}
    assert copies(fake) == {1}


def test_a_session_that_expired_goes_on_with_the_next_runs_keys(
    root: Path, fake: FakeSes, way: Ses
) -> None:
    newsletter = Newsletter(root, subscribers=120)
    fake.faults = dict.fromkeys(range(2, 130), FAULTS["expired"])
    assert send(newsletter, way) == 75
    fake.faults = {}
    assert send(newsletter, way) == 0
    assert copies(fake) == {1}


def test_a_sandbox_account_pauses_the_mailing_and_the_error_says_so(
    root: Path, fake: FakeSes, way: Ses
) -> None:
    newsletter = Newsletter(root, subscribers=3)
    newsletter.sql("UPDATE subscribers SET email = 'lezer@elders.example' WHERE id = 1")
    newsletter.sql("UPDATE subscribers SET email = 'een@elders.example' WHERE id = 2")
    newsletter.sql("UPDATE subscribers SET email = 'drie@elders.example' WHERE id = 3")
    fake.sandbox = True
    assert send(newsletter, way) == 3
    ((note,),) = newsletter.sql("SELECT note FROM mailings")
    assert "sandbox" in str(note)
    assert counts(newsletter) == {"pending": 3}


def test_a_throttled_or_refused_letter_costs_no_other_letter(
    root: Path, fake: FakeSes, provider: Ses
) -> None:
    newsletter = Newsletter(root, subscribers=120)
    newsletter.sql("UPDATE subscribers SET email = 'refused@example.org' WHERE id = 70")
    throttled = ("ACCOUNT_THROTTLED", "Maximum sending rate exceeded.")
    fake.statuses = Once((f"lezer{number}@example.org", throttled) for number in range(20, 30))
    assert send(newsletter, provider.for_audience(5001)) == 0
    assert counts(newsletter) == {"accepted": 119, "rejected": 1}
    assert copies(fake) == {1}
    assert fake.statuses == {}


def test_an_account_that_may_not_send_pauses_before_the_first_letter(
    root: Path, fake: FakeSes, way: Ses
) -> None:
    newsletter = Newsletter(root, subscribers=70)
    fake.account["SendingEnabled"] = False
    assert send(newsletter, way) == 3
    assert counts(newsletter) == {"pending": 70}
    assert fake.count == 0
    assert newsletter.sql("SELECT state FROM mailings") == [("paused",)]
    fake.account["SendingEnabled"] = True
    assert send(newsletter, way) == 0
    assert copies(fake) == {1}
