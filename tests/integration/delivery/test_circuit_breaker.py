"""What must not go on stops, says why, loses nothing, and goes on when it is fixed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import delivery
from newsletter.delivery.circuit_breaker import CircuitBreaker
from newsletter.errors import DecisionNeeded
from newsletter.model import Accepted, Outcome, RecipientRejected, RequestRefused, Unknown
from newsletter.providers.base import SubmitResult
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.model import Batch
    from newsletter.providers.base import Payload

pytestmark = pytest.mark.usefixtures("database")


def counts(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def stopped(newsletter: Newsletter, result: delivery.SendResult, why: str) -> None:
    assert isinstance(result.error, DecisionNeeded)
    assert why in str(result.error)
    ((state, note),) = newsletter.sql("SELECT state, note FROM mailings")
    assert state == "paused"
    assert why in str(note)
    report = delivery.find_report(newsletter.store, newsletter.slug)
    assert report
    assert sum(report.counts.values()) == report.mailing.audience


def refusing(share: int) -> Mapping[str, Outcome] | None:
    """Return an answer that rejects every `share`-th subscriber."""

    def answer(batch: Batch) -> Mapping[str, Outcome]:
        return {
            subscriber.ref: RecipientRejected("no such mailbox")
            if int(subscriber.email.removeprefix("lezer").partition("@")[0]) % share == 0
            else Accepted(f"id-{subscriber.ref}")
            for subscriber in batch.recipients
        }

    return answer  # type: ignore[return-value]


def test_more_than_five_per_cent_rejected_pauses_and_a_person_goes_on(
    root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    provider = FakeProvider(tmp_path / "taken", answer=refusing(10))  # type: ignore[arg-type]
    stopped(newsletter, newsletter.send(provider), "rejects too much")
    rejected = counts(newsletter)["rejected"]
    assert 10 <= rejected <= 20  # type: ignore[operator]
    provider.answer = None
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 300 - rejected, "rejected": rejected}  # type: ignore[operator]


@pytest.mark.parametrize(("subscribers", "share"), [(90, 10), (600, 30)])
def test_few_rejections_are_the_ordinary_week(
    root: Path, tmp_path: Path, subscribers: int, share: int
) -> None:
    newsletter = Newsletter(root, subscribers=subscribers)
    provider = FakeProvider(tmp_path / "taken", answer=refusing(share))  # type: ignore[arg-type]
    assert newsletter.send(provider).error is None
    assert counts(newsletter)["rejected"] == subscribers // share


def test_requests_that_were_divided_make_no_share_smaller() -> None:
    breaker = CircuitBreaker(0)
    refused = [RequestRefused("not valid (400)", divisible=True)] * 1000
    for _ in range(10):
        assert breaker.observe(refused, surplus=0, replayable=False) == ""
    assert breaker.observe([Accepted("id")] * 100, surplus=0, replayable=False) == ""
    said = [
        breaker.observe([RecipientRejected("no")], surplus=0, replayable=False) for _ in range(10)
    ]
    assert said[:-1] == [""] * 9
    assert "10 of 110 letters" in said[-1]


def test_a_provider_that_took_more_than_it_was_given_is_given_no_more(
    root: Path, tmp_path: Path
) -> None:
    class Generous(FakeProvider):
        surplus = 1

        def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
            said = super().submit(batch, payload)
            return SubmitResult(said.outcomes, surplus=self.surplus if self.calls == 2 else 0)

    newsletter = Newsletter(root, subscribers=100)
    provider = Generous(tmp_path / "taken")
    stopped(newsletter, newsletter.send(provider), "more letters than the request has subscribers")
    assert counts(newsletter) == {"accepted": 20, "pending": 80}
    assert newsletter.send(provider).error is None
    assert set(provider.copies().values()) == {1}


def test_a_letter_that_was_accepted_twice_stops_the_mailing_and_is_kept(
    root: Path, tmp_path: Path
) -> None:
    """One process is slow, another asks again, and the provider breaks its promise of keys."""
    newsletter = Newsletter(root, subscribers=30)
    slow, back = threading.Event(), threading.Event()

    def dawdle(batch: Batch) -> Mapping[str, Outcome]:
        slow.set()
        assert back.wait(30)
        return {
            subscriber.ref: Accepted(f"first-{subscriber.ref}") for subscriber in batch.recipients
        }

    late = FakeProvider(tmp_path / "taken", answer=dawdle)
    prompt = FakeProvider(tmp_path / "taken")
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(newsletter.send, late)
        assert slow.wait(30)
        newsletter.lose_process()
        assert newsletter.send(prompt, limit=10).report.counts
        back.set()
        result = sent.result(60)
    assert "accepted the same letter twice" in str(result.error)
    twice = newsletter.sql("SELECT count(*) FROM acceptances")
    assert twice == [(10,)]
    # What is known is no reason to stop again.
    assert newsletter.send(prompt).error is None
    assert counts(newsletter) == {"accepted": 30}


def test_a_provider_without_keys_that_loses_every_third_answer_is_stopped(
    root: Path, tmp_path: Path
) -> None:
    def lossy(batch: Batch) -> Mapping[str, Outcome] | None:
        if provider.calls % 3:
            return None
        return {subscriber.ref: Unknown("no answer") for subscriber in batch.recipients}

    newsletter = Newsletter(root, subscribers=600)
    provider = FakeProvider(tmp_path / "taken", replay=timedelta(), answer=lossy)
    stopped(newsletter, newsletter.send(provider), "it is unknown what became of")
    assert counts(newsletter) == {"accepted": 200, "unknown": 100, "pending": 300}


def test_what_can_be_asked_again_is_not_counted_as_lost() -> None:
    breaker = CircuitBreaker(0)
    lost = [Unknown("no answer")] * 10
    assert not any(breaker.observe(lost, surplus=0, replayable=True) for _ in range(100))
    assert any(breaker.observe(lost, surplus=0, replayable=False) for _ in range(100))


def test_a_repetition_that_speaks_of_all_its_letters_is_no_surplus(
    root: Path, tmp_path: Path
) -> None:
    def half(batch: Batch) -> Mapping[str, Outcome] | None:
        if provider.calls > 1:
            return None
        return {
            subscriber.ref: Accepted(f"id-{subscriber.ref}") for subscriber in batch.recipients[:5]
        }

    newsletter = Newsletter(root, subscribers=10)
    provider = FakeProvider(tmp_path / "taken", answer=half)
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 10}
