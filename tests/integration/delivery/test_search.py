"""A provider that lists what it took: what a search settles, and when it may not be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import delivery
from newsletter.errors import DecisionNeeded
from newsletter.model import Accepted, Search, SearchResult, Unknown, UnresolvedRequest
from newsletter.providers.base import SubmitResult
from newsletter.store import unresolved
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.model import Batch
    from newsletter.providers.base import Payload

pytestmark = pytest.mark.usefixtures("database")

LAG = timedelta(minutes=30)
LATER = timedelta(minutes=46)


class Clock:
    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment


class Searchable(FakeProvider):
    """Knows no keys; lists what it took by the delivery's reference, after a while."""

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401
        super().__init__(ledger, replay=timedelta(), **more)
        search = Search(lag=LAG, retention=timedelta(days=3))
        can = self.capabilities
        self.capabilities = type(can)(
            name=can.name,
            rehearsal=False,
            max_messages=can.max_messages,
            lease=can.lease,
            search=search,
        )
        self.listed: set[str] = set()
        self.lose: set[int] = set()
        self.drop: set[int] = set()
        self.lists = True
        self.complete = True
        self.searches: list[UnresolvedRequest] = []

    def submit(self, batch: Batch, payload: Payload) -> SubmitResult:
        refs = {subscriber.ref for subscriber in batch.recipients}
        if self.calls + 1 in self.drop:
            self.calls += 1
            return SubmitResult(dict.fromkeys(refs, Unknown("it broke off")))
        said = super().submit(batch, payload)
        self.listed |= refs
        return (
            SubmitResult(dict.fromkeys(refs, Unknown("no answer")))
            if self.calls in self.lose
            else said
        )

    def search(self, request: UnresolvedRequest) -> SearchResult:
        self.searches.append(request)
        found = self.listed & set(request.refs) if self.lists else set()
        return SearchResult(
            {ref: Accepted(f"found-{ref}") for ref in found}, complete=self.complete
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newsletter(root: Path, clock: Clock) -> Newsletter:
    return Newsletter(root, subscribers=50, clock=clock)


@pytest.fixture
def provider(tmp_path: Path) -> Searchable:
    return Searchable(tmp_path / "taken")


def counts(newsletter: Newsletter) -> dict[object, object]:
    return dict(newsletter.sql("SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def test_what_a_search_finds_was_accepted(newsletter: Newsletter, provider: Searchable) -> None:
    provider.lose = {2, 4}
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 50}
    assert set(provider.copies().values()) == {1}
    assert len(provider.searches) == 2
    assert {len(request.refs) for request in provider.searches} == {10}


def test_what_is_missing_is_sent_again_after_two_searches_that_can_be_believed(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.drop = {3}
    assert isinstance(newsletter.send(provider).error, DecisionNeeded)
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    # Before the index can be complete, that it is missing says nothing, however often.
    for _ in range(3):
        clock.moment += timedelta(minutes=8)
        newsletter.send(provider)
        assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    clock.moment += LAG
    newsletter.send(provider)
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    # One search is no proof; nor is a second one right after it.
    newsletter.send(provider)
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    clock.moment += timedelta(minutes=15)
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 50}
    assert set(provider.copies().values()) == {1}


def test_a_lagging_index_makes_no_second_letter(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.lose, provider.lists = {2}, False
    assert isinstance(newsletter.send(provider).error, DecisionNeeded)
    clock.moment += timedelta(minutes=20)
    newsletter.send(provider)
    provider.lists = True
    clock.moment += LATER
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 50}
    assert set(provider.copies().values()) == {1}


def test_a_search_that_began_too_early_proves_nothing_however_long_it_took(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.lose, provider.lists = {2}, False
    newsletter.send(provider)
    search = provider.capabilities.search
    assert search
    with newsletter.store.write() as connection:
        (request,) = unresolved.find_searchable(connection, 1, search)
    # What two others saw before the index could be complete, and report only after that.
    began = clock()
    clock.moment += LAG
    for _ in range(2):
        clock.moment += timedelta(minutes=16)
        with newsletter.store.write() as connection:
            missed = SearchResult({}, complete=True)
            assert not unresolved.record_search(connection, request, missed, search, began=began)
    provider.lists = True
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 50}


def test_a_search_that_came_to_no_end_proves_nothing(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.drop, provider.complete = {2}, False
    for _ in range(4):
        newsletter.send(provider)
        clock.moment += LATER
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}


def test_a_letter_is_sent_again_once_and_then_waits_for_a_person(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.drop = {2, 6, 7, 8}
    for _ in range(8):
        newsletter.send(provider)
        clock.moment += LATER
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    assert provider.calls == 6
    delivery.resolve_unknown(newsletter.store, newsletter.slug, delivery.UnknownDecision.RESEND)
    provider.drop = set()
    assert newsletter.send(provider).error is None
    assert set(provider.copies().values()) == {1}


@pytest.mark.parametrize("how", ["left", "erased"])
def test_who_leaves_while_their_delivery_is_unknown_is_searched_and_not_mailed_again(
    newsletter: Newsletter, provider: Searchable, clock: Clock, how: str
) -> None:
    provider.drop, provider.lose = {1}, {2}
    provider.lists = False
    newsletter.send(provider)
    if how == "left":
        newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id IN (1, 11)")
    else:
        newsletter.sql("DELETE FROM subscribers WHERE id IN (1, 11)")
    provider.lists = True
    clock.moment += LATER
    newsletter.send(provider)
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
    clock.moment += LATER
    assert newsletter.send(provider).error is None
    assert counts(newsletter) == {"accepted": 49, "skipped": 1}
    assert set(provider.copies().values()) == {1}
    assert "lezer0@example.org" not in provider.copies()


def test_a_search_gets_the_addresses_except_of_changed_or_erased_subscribers(
    newsletter: Newsletter, provider: Searchable
) -> None:
    provider.drop = {1}
    newsletter.send(provider)
    newsletter.sql("UPDATE subscribers SET status = 'unsubscribed' WHERE id = 2")
    newsletter.sql("UPDATE subscribers SET email = 'nieuw@example.org' WHERE id = 3")
    for number, confirmed in ((3, f"'{datetime.now(UTC):%Y-%m-%d %H:%M}'"), (4, "NULL")):
        newsletter.sql(
            "INSERT INTO address_changes (public_id, subscriber_id, old_email, new_email,"  # noqa: S608 - our own words
            f" new_email_key, requested_at, confirmed_at) VALUES ('c{number}', {number},"
            " 'oud@example.org', 'nieuw@example.org', 'nieuw@example.org', '2026-11-01 07:00',"
            f" {confirmed})"
        )
    newsletter.sql("DELETE FROM subscribers WHERE id = 5")
    newsletter.send(provider)
    request = provider.searches[-1]
    reported = [request.addresses.get(ref) for ref in request.refs]
    expected = [f"lezer{number}@example.org" for number in range(10)]
    assert reported == [*expected[:2], "", expected[3], None, *expected[5:]]


def test_after_the_provider_forgets_nothing_is_searched_for(
    newsletter: Newsletter, provider: Searchable, clock: Clock
) -> None:
    provider.drop = {2}
    newsletter.send(provider)
    clock.moment += timedelta(days=4)
    before = len(provider.searches)
    assert isinstance(newsletter.send(provider, late=True).error, DecisionNeeded)
    assert len(provider.searches) == before
    assert counts(newsletter) == {"accepted": 40, "unknown": 10}
