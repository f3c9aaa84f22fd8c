"""Who spoils a request is found by halves, and nobody else pays for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import DecisionNeeded
from newsletter.model import Accepted, Outcome, RequestRefused
from newsletter.providers.base import SubmitResult
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from newsletter.model import Batch
    from newsletter.providers.base import Payload

pytestmark = pytest.mark.usefixtures("database")

REFUSED = RequestRefused("cannot read a letter (400)", divisible=True)


class Picky(FakeProvider):
    """Refuses a whole request when one of these subscribers is in it."""

    bad: Collection[str] = ()
    after = 0
    """From which request on everything is refused; 0 is never."""
    requests = 0

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        self.requests += 1
        spoilt = any(subscriber.email in self.bad for subscriber in batch.recipients)
        if spoilt or (self.after and self.requests > self.after):
            return SubmitResult(dict.fromkeys((r.ref for r in batch.recipients), REFUSED))
        return super().submit(batch, payload)


def picky(tmp_path: Path, *bad: int, size: int = 100, after: int = 0) -> Picky:
    provider = Picky(tmp_path / "taken", size=size)
    provider.bad = {f"lezer{n}@example.org" for n in bad}
    provider.after = after
    return provider


def counts(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("subscribers", "bad"),
    [(300, (123,)), (300, (0, 150, 299)), (2, (0,)), (201, (200,)), (100, (99,))],
)
def test_one_address_that_the_provider_refuses_is_the_only_one_rejected(
    root: Path, tmp_path: Path, subscribers: int, bad: tuple[int, ...]
) -> None:
    newsletter = Newsletter(root, subscribers=subscribers)
    provider = picky(tmp_path, *bad)
    report = newsletter.send(provider)
    assert report.error is None
    assert counts(newsletter) == {"accepted": subscribers - len(bad), "rejected": len(bad)}
    assert set(provider.copies().values()) == {1}
    rejected = newsletter.sql(
        "SELECT email FROM subscribers JOIN deliveries ON subscriber_id = subscribers.id"
        " WHERE state = 'rejected'"
    )
    assert {email for (email,) in rejected} == set(provider.bad)
    # Halving a request of a hundred takes some seven steps for each of them.
    assert provider.requests <= subscribers / 100 + 1 + len(bad) * 18


def test_many_bad_addresses_in_one_request_are_each_found(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=1000)
    provider = picky(tmp_path, *range(30, 1000, 62), size=1000)
    assert newsletter.send(provider).error is None
    rejected = len(provider.bad)
    assert counts(newsletter) == {"accepted": 1000 - rejected, "rejected": rejected}
    assert set(provider.copies().values()) == {1}


def test_a_request_that_was_divided_is_no_progress(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=1000)
    reported: list[int] = []
    provider = picky(tmp_path, *range(30, 1000, 62), size=1000)
    assert newsletter.send(provider, progress=lambda done, _: reported.append(done)).error is None
    assert reported == sorted(reported)
    assert reported[0] == 0
    assert reported.count(1000) == 1


def test_the_last_few_of_many_are_found_though_nobody_comes_after_them(
    root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=500)
    provider = picky(tmp_path, *range(496, 500), size=500)
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 496, "rejected": 4}


def test_one_letter_a_request_is_judged_the_same_way(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=20)
    provider = picky(tmp_path, 0, 7, size=1)
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 18, "rejected": 2}


def test_a_letter_that_is_refused_for_everybody_pauses_and_rejects_nobody(
    root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=300)
    provider = picky(tmp_path, *range(300))
    trouble = newsletter.send(provider).error
    assert isinstance(trouble, DecisionNeeded)
    assert "cannot read a letter" in str(trouble)
    assert counts(newsletter) == {"pending": 300}
    assert newsletter.sql("SELECT state FROM mailings") == [("paused",)]
    assert provider.requests < 40
    provider.bad = ()
    assert newsletter.send(provider).error is None
    assert set(Counter(provider.copies().values())) == {1}
    assert counts(newsletter) == {"accepted": 300}


def test_an_account_that_refuses_everything_half_way_rejects_nobody(
    root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=1000)
    provider = picky(tmp_path, after=3)
    assert isinstance(newsletter.send(provider).error, DecisionNeeded)
    assert counts(newsletter) == {"accepted": 300, "pending": 700}
    provider.after = 0
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 1000}
    assert set(provider.copies().values()) == {1}


def test_who_leaves_while_a_request_is_divided_gets_nothing(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=100)
    provider = picky(tmp_path, 10)
    submit = provider.submit

    def leave_first(batch: Batch, payload: Payload) -> SubmitResult:
        if provider.requests == 0:
            newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id IN (20, 80)")
        return submit(batch, payload)

    provider.submit = leave_first  # type: ignore[method-assign]
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 97, "rejected": 1, "skipped": 2}


def test_a_refusal_of_the_account_is_never_divided(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=300)

    def revoked(batch: Batch) -> dict[str, Outcome]:
        return {r.ref: RequestRefused("refuses this key (401)") for r in batch.recipients}

    provider = FakeProvider(tmp_path / "taken", size=100, answer=revoked)
    trouble = newsletter.send(provider).error
    assert isinstance(trouble, DecisionNeeded)
    assert provider.calls == 1
    assert counts(newsletter) == {"pending": 300}


def test_accepted_ones_of_a_request_that_is_refused_in_part_stay(
    root: Path, tmp_path: Path
) -> None:
    newsletter = Newsletter(root, subscribers=10)

    def odd(batch: Batch) -> dict[str, Outcome]:
        first, *others = (r.ref for r in batch.recipients)
        return {first: Accepted("id"), **dict.fromkeys(others, REFUSED)}

    provider = FakeProvider(tmp_path / "taken", size=10, answer=odd)
    newsletter.send(provider)
    assert newsletter.sql("SELECT count(*) FROM deliveries WHERE state = 'accepted'")[0][0] >= 1  # type: ignore[operator]
