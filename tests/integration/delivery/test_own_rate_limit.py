from __future__ import annotations

import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import TryAgain
from newsletter.model import Accepted, DeliveryState, MailingState, RequestRefused, RetryLater
from newsletter.providers.base import SubmitResult
from newsletter.providers.outbox.send import Outbox
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.delivery import SendResult
    from newsletter.model import Batch, Outcome
    from newsletter.providers.base import Payload


def accepted(result: SendResult) -> int:
    return result.report.counts[DeliveryState.ACCEPTED]


def test_no_second_has_more_letters_than_the_setting_allows(
    root: Path, tmp_path: Path, database: str
) -> None:
    newsletter = Newsletter(root, subscribers=50)
    newsletter.settings = replace(newsletter.settings, max_per_second=20)
    result = newsletter.send(FakeProvider(tmp_path / "taken", size=8))
    assert accepted(result) == 50, database
    moments = [
        moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
        for (moment, size) in newsletter.sql("SELECT claimed_at, size FROM batches ORDER BY id")
        for _ in range(int(str(size)))
    ]
    # Whichever letter one takes, the twentieth after it was claimed a second later.
    assert all(
        late - early >= timedelta(seconds=1)
        for early, late in zip(moments, moments[20:], strict=False)
    )


def test_less_than_one_a_second_is_one_at_a_time(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=2)
    newsletter.settings = replace(newsletter.settings, max_per_second=0.9)
    assert accepted(newsletter.send(FakeProvider(tmp_path / "taken"))) == 2
    assert newsletter.sql("SELECT size FROM batches") == [(1,), (1,)]


def test_the_hourly_limit_holds_for_all_senders_together(
    root: Path, tmp_path: Path, database: str
) -> None:
    hour = datetime(2026, 11, 23, 6, tzinfo=UTC)
    moment = [hour]
    newsletter = Newsletter(root, subscribers=25, clock=lambda: moment[0])
    newsletter.settings = replace(newsletter.settings, max_per_hour=10)
    provider = FakeProvider(tmp_path / "taken")
    first = newsletter.send(provider)
    assert accepted(first) == 10, database
    assert isinstance(first.error, TryAgain)
    assert "15 letters" in str(first.error)
    # Another run in the same hour, of this process or another, finds nothing left of it.
    assert accepted(newsletter.send(provider)) == 10
    moment[0] = hour + timedelta(hours=1, seconds=1)
    assert accepted(newsletter.send(provider)) == 20
    moment[0] = hour + timedelta(hours=3)
    last = newsletter.send(provider)
    assert accepted(last) == 25
    assert last.error is None
    assert set(provider.copies().values()) == {1}


def test_a_rehearsal_has_no_limits(root: Path) -> None:
    newsletter = Newsletter(root)
    newsletter.settings = replace(newsletter.settings, max_per_second=1, max_per_hour=1)
    assert accepted(newsletter.send(Outbox(root / "outbox"))) == 25  # type: ignore[arg-type]


def test_a_provider_that_asks_to_wait_is_waited_for(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root)
    provider = FakeProvider(tmp_path / "taken")

    def busy(batch: object) -> dict[str, RetryLater] | None:
        if provider.calls != 2:
            return None
        lines = provider.ledger.read_text(encoding="utf-8").splitlines()
        kept = lines[: -len(batch.recipients)]  # type: ignore[attr-defined]
        provider.ledger.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        return {r.ref: RetryLater("busy", after=0.1) for r in batch.recipients}  # type: ignore[attr-defined]

    provider.answer = busy
    result = newsletter.send(provider)
    assert accepted(result) == 25
    assert result.error is None
    assert set(provider.copies().values()) == {1}


def test_a_letter_that_was_not_taken_counts_for_no_limit(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root)
    provider = FakeProvider(tmp_path / "taken")

    def busy(batch: Batch) -> dict[str, RetryLater] | None:
        if provider.calls != 1:
            return None
        provider.ledger.write_text("", encoding="utf-8")
        return {subscriber.ref: RetryLater("busy", after=0) for subscriber in batch.recipients}

    provider.answer = busy
    result = newsletter.send(provider, limit=15)
    assert accepted(result) == 15
    assert result.report.mailing.state is MailingState.PAUSED
    assert set(provider.copies().values()) == {1}


def test_the_rest_is_reported_after_every_answer_has_come(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=30)
    provider = FakeProvider(tmp_path / "taken")
    provider.capabilities = replace(provider.capabilities, in_flight=2)
    numbers = itertools.count(1)

    def submit(batch: Batch, _payload: Payload) -> SubmitResult:
        said: Outcome = Accepted("id")
        match next(numbers):
            case 2:
                said = RequestRefused("refuses this key (401)")
            case 3:
                while newsletter.sql("SELECT state FROM mailings") != [("paused",)]:
                    time.sleep(0.01)
                said = RetryLater("busy", 0)
        return SubmitResult(
            dict.fromkeys((subscriber.ref for subscriber in batch.recipients), said)
        )

    provider.submit = submit  # type: ignore[method-assign]
    result = newsletter.send(provider)
    assert result.report.counts[DeliveryState.PENDING] == 20
    assert "refuses this key (401); 20 letters of" in str(result.error)


@pytest.mark.parametrize("times", [1, 2])
def test_a_refusal_pauses_the_mailing_and_loses_nobody(
    root: Path, tmp_path: Path, times: int
) -> None:
    newsletter = Newsletter(root)
    provider = FakeProvider(tmp_path / "taken")

    def refuse(batch: object) -> dict[str, Accepted | RequestRefused] | None:
        if provider.calls < times:
            return None
        provider.ledger.write_text("", encoding="utf-8")
        return {r.ref: RequestRefused("refuses this key (401)") for r in batch.recipients}  # type: ignore[attr-defined]

    provider.answer = refuse
    result = newsletter.send(provider)
    assert result.error
    assert result.error.exit_code == 3
    assert "refuses this key" in str(result.error)
    assert result.report.mailing.state is MailingState.PAUSED
    assert result.report.mailing.note == "refuses this key (401)"
    assert accepted(result) == 10 * (times - 1)
    assert result.report.counts[DeliveryState.UNKNOWN] == 0
    provider.answer = None
    assert accepted(newsletter.send(provider)) == 25
