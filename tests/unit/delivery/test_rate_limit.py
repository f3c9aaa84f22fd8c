from __future__ import annotations

from itertools import pairwise

import pytest

from newsletter.delivery.rate_limit import LONGEST_WAIT, Idle, ProviderRateLimit, Seconds, Wait
from newsletter.model import Accepted, RequestRefused, RetryLater
from newsletter.providers.base import Quota, SubmitResult

YES = SubmitResult({"a": Accepted("id")})


def seconds(wait: Wait) -> float:
    assert isinstance(wait, Seconds)
    return wait.seconds


def later(after: float | None = None) -> SubmitResult:
    return SubmitResult({"a": RetryLater("slow down", after)})


def test_the_first_request_is_sent_alone() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    assert pace.wait(0, 0.0) == Seconds(0)
    assert pace.wait(1, 0.0) is Idle.UNTIL_ANSWER
    pace.observe(YES, left_at=1.0, in_flight=0, now=1.0)
    assert pace.wait(7, 1.0) == Seconds(0)
    assert pace.wait(8, 1.0) is Idle.UNTIL_ANSWER


def test_the_first_request_after_a_refused_one_is_sent_alone() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    pace.observe(YES, left_at=1.0, in_flight=0, now=1.0)
    refused = SubmitResult(
        {"a": Accepted("id"), "b": RequestRefused("cannot read it", divisible=True)}
    )
    pace.observe(refused, left_at=2.0, in_flight=0, now=2.0)
    assert pace.wait(0, 2.0) == Seconds(0)
    assert pace.wait(1, 2.0) is Idle.UNTIL_ANSWER
    pace.observe(YES, left_at=2.0, in_flight=0, now=3.0)
    assert pace.wait(7, 3.0) == Seconds(0)


@pytest.mark.parametrize(
    "said", [RetryLater("slow down"), RequestRefused("no (400)", divisible=True)]
)
def test_what_was_not_taken_uses_up_no_quota(said: RetryLater | RequestRefused) -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota(left=2))
    pace.reserve(2, 1.0)
    assert pace.allowance(2) == 0
    pace.observe(SubmitResult({"a": Accepted("id"), "b": said}), left_at=1.0, in_flight=0, now=1.0)
    assert pace.allowance(2) == 1


def test_a_named_time_is_waited_for() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    pace.observe(later(30), left_at=100.0, in_flight=0, now=100.0)
    assert pace.wait(0, 100.0) == Seconds(30)
    assert pace.wait(0, 129.0) == Seconds(1)
    assert pace.wait(0, 130.0) == Seconds(0)
    assert not pace.exhausted


def test_without_a_named_time_each_wait_is_longer_and_the_last_one_ends_the_run() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    waits = []
    moment = 0.0
    while not pace.exhausted:
        pace.observe(later(), left_at=moment, in_flight=0, now=moment)
        waits.append(seconds(pace.wait(0, moment)))
        moment += waits[-1]
    assert len(waits) > 3
    # Each is doubled and then spread: never shorter than half of what the one before might be.
    assert all(shorter <= longer * 2 for shorter, longer in pairwise(waits))
    assert waits[-2] > waits[0] > 0


def test_an_answer_in_between_resets_the_wait() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    for _ in range(50):
        pace.observe(later(0), left_at=0.0, in_flight=0, now=0.0)
        pace.observe(YES, left_at=0.0, in_flight=0, now=0.0)
    assert not pace.exhausted


@pytest.mark.parametrize("after", [LONGEST_WAIT + 1, 86_400])
def test_an_absurdly_long_wait_is_refused(after: float) -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    pace.observe(later(after), left_at=0.0, in_flight=0, now=0.0)
    assert pace.exhausted


def test_a_rehearsal_does_not_wait_at_all() -> None:
    pace = ProviderRateLimit(1, patient=False, quota=Quota())
    pace.observe(later(), left_at=0.0, in_flight=0, now=0.0)
    assert pace.exhausted


def test_the_windows_of_the_provider_are_kept() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    # Two a second, of which one is left, and two more are on their way.
    pace.observe(SubmitResult({}, remaining=1, reset=0.5), left_at=10.0, in_flight=0, now=10.0)
    assert pace.wait(1, 10.0) == Seconds(0)
    pace.reserve(1, 10.0)
    assert pace.wait(2, 10.1) == pytest.approx((0.4,))
    # A new window holds as many as the last one did.
    assert pace.wait(0, 10.5) == Seconds(0)
    pace.reserve(1, 10.0)
    assert pace.wait(1, 10.5) == Seconds(0)
    pace.reserve(1, 10.0)
    assert pace.wait(2, 10.6) == pytest.approx((0.9,))


def test_requests_in_flight_count_against_the_window() -> None:
    pace = ProviderRateLimit(8, patient=True, quota=Quota())
    pace.observe(SubmitResult({}, remaining=2, reset=1.0), left_at=0.0, in_flight=2, now=0.0)
    assert pace.wait(2, 0.0) == Seconds(1.0)
