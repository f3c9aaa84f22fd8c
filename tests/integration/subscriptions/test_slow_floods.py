"""A flood of sign-ups that no hour notices: how few letters leave, and that people still join."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from newsletter.subscriptions import signup
from newsletter.subscriptions.signup import SignupLimits, SignupResult, confirm, request_signup
from tests.support.newsletter import Newsletter
from tests.support.signups import HERE, VIA, open_link, queued, signup_request, statements
from tests.support.subscribers import dump, sql, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.store import Store

on_both = pytest.mark.usefixtures("database")
"""Runs a test on SQLite and on PostgreSQL."""

START = datetime(2026, 11, 2, tzinfo=UTC)
LEAST = SignupLimits().unconfirmed_per_day
RETURNING = LEAST // 3
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ORDINARY = [timedelta(hours=hours) for hours in (8.2, 11.4, 13.9, 17.1, 20.3)]
"""When ordinary visitors come, each day."""


class Clock:
    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(root: Path, clock: Clock) -> Store:
    return Newsletter(root, subscribers=0, clock=clock).store


_NETWORKS = itertools.count()


def ask(store: Store, email: str) -> SignupResult:
    """Ask from yet another network."""
    n = next(_NETWORKS)
    request = signup_request(email, ip=f"{11 + n // 62_500}.{n // 250 % 250}.{n % 250}.7")
    return request_signup(store, request, VIA)


def got_letter(store: Store, email: str) -> bool:
    query = (
        "SELECT count(*) FROM signups JOIN subscribers s ON s.id = subscriber_id WHERE email = ?"
    )
    return sql(store, query, email) != [(0,)]


def letters(store: Store) -> int:
    return len(queued(store))


def play(
    store: Store, clock: Clock, *, days: int, flood: int, until: int | None = None
) -> Iterator[tuple[int, int]]:
    """Play days with ordinary visitors, and with a flood of so many a day until one of them.

    Yields of each day how many letters left, and how many of the five ordinary visitors joined. A
    visitor confirms five minutes after a letter; without one they ask again an hour and more later,
    three times at most.
    """
    begun = clock.moment
    for day in range(days):
        opening, before = begun + day * DAY, letters(store)
        acts: list[tuple[datetime, int, str, int]] = []
        order = itertools.count()
        if until is None or day < until:
            for n in range(flood):
                moment = opening + n * DAY / flood
                acts.append((moment, next(order), f"f{day}-{n}@flood.example", -1))
        for n, moment in enumerate(ORDINARY):
            acts.append((opening + moment, next(order), f"v{day}-{n}@example.org", 0))
        heapq.heapify(acts)
        joined = 0
        while acts:
            clock.moment, _, email, times = heapq.heappop(acts)
            if times < 0:
                ask(store, email)
            elif got_letter(store, email):
                joined += (
                    confirm(store, open_link(store, email), HERE) is signup.LinkState.CONFIRMED
                )
            elif times < 4:
                ask(store, email)
                wait = 5 * MINUTE if got_letter(store, email) else (times + 1) * 65 * MINUTE
                if clock.moment + wait < opening + DAY:
                    heapq.heappush(acts, (clock.moment + wait, next(order), email, times + 1))
        yield letters(store) - before, joined
    clock.moment = begun + days * DAY


@pytest.mark.all
@on_both
def test_a_flood_of_a_thousand_a_day_sends_few_letters_and_people_still_join(
    store: Store, clock: Clock
) -> None:
    usual = list(play(store, clock, days=2, flood=0))
    assert usual == [(5, 5)] * 2
    sent, joined = zip(*play(store, clock, days=6, flood=1000, until=3), strict=True)
    assert max(sent) <= LEAST
    assert sum(joined[:3]) >= 14
    assert sent[4:] == joined[4:] == (5, 5)
    assert signup.form_state(store).flood is None


def flood(store: Store, count: int, *, confirmed: int = 0, name: str = "f") -> list[SignupResult]:
    """Let so many ask at once, the first of whom confirm at once."""
    results = []
    for n in range(count):
        email = f"{name}{n}@flood.example"
        results.append(ask(store, email))
        if n < confirmed:
            confirm(store, open_link(store, email), HERE)
    return results


@on_both
@pytest.mark.parametrize(("confirmed", "slowed"), [(6, False), (5, True)])
def test_the_form_slows_from_thirty_of_whom_fewer_than_a_fifth_confirmed(
    confirmed: int,
    slowed: bool,  # noqa: FBT001 - a column of the table
    store: Store,
) -> None:
    assert set(flood(store, LEAST - 1, confirmed=confirmed)) == {SignupResult.ACCEPTED}
    assert signup.form_state(store).flood is None
    ask(store, "dertig@example.org")
    found = signup.form_state(store).flood
    assert (found is not None) == slowed
    if found:
        assert (found.asked, found.written, found.confirmed) == (LEAST, LEAST, confirmed)
        assert found.letters_a_day == LEAST
    wanted = SignupResult.SLOWED if slowed else SignupResult.ACCEPTED
    assert ask(store, "anna@example.org") is wanted
    assert got_letter(store, "anna@example.org") != slowed


@on_both
def test_who_comes_back_later_gets_a_letter_and_joins(store: Store, clock: Clock) -> None:
    flood(store, LEAST)
    for _ in range(3):
        ask(store, "anna@example.org")
        assert not got_letter(store, "anna@example.org")
        clock.moment += 15 * MINUTE
    clock.moment += 15 * MINUTE
    assert ask(store, "anna@example.org") is SignupResult.SLOWED
    assert got_letter(store, "anna@example.org")
    confirm(store, open_link(store, "anna@example.org"), HERE)
    assert statuses(store)["anna@example.org"] == "active"


@on_both
def test_of_an_address_without_room_only_a_hash_is_kept_and_that_for_a_day(
    store: Store, clock: Clock
) -> None:
    flood(store, LEAST)
    ask(store, "anna@example.org")
    assert "anna" not in dump(store)
    asked = "SELECT count(*) FROM rate_counters WHERE substr(what, 1, 6) = 'asked '"
    assert sql(store, asked) == [(1,)]
    clock.moment += 26 * HOUR
    assert ask(store, "bas@example.org") is SignupResult.ACCEPTED
    assert sql(store, asked) == [(0,)]


def test_a_flood_that_comes_back_gets_no_more_than_its_part(store: Store, clock: Clock) -> None:
    flood(store, LEAST)
    for _ in range(5):
        flood(store, 60, name="g")
        clock.moment += HOUR
    assert letters(store) == LEAST + RETURNING


def test_a_larger_list_has_more_letters_and_they_are_spread_over_the_day(
    store: Store, clock: Clock
) -> None:
    for _ in range(28):
        flood(store, 20, confirmed=20, name=f"day{clock.moment:%d}-")
        clock.moment += DAY
    before = letters(store)
    flood(store, 100, name="now")
    found = signup.form_state(store).flood
    assert found
    assert found.letters_a_day == 58  # of 27 days with 20 sign-ups; the 28th begins
    assert letters(store) - before == LEAST
    for hour in range(24):
        clock.moment += HOUR
        flood(store, 10, name=f"h{hour}-")
        assert letters(store) - before <= LEAST + 2 * (hour + 1)
    assert letters(store) - before <= 58


def test_it_is_slowed_until_twice_as_many_confirm_or_a_day_has_passed(
    store: Store, clock: Clock
) -> None:
    flood(store, LEAST + 1)
    for n in range(11):
        confirm(store, open_link(store, f"f{n}@flood.example"), HERE)
        assert signup.form_state(store).flood
    confirm(store, open_link(store, "f11@flood.example"), HERE)
    assert signup.form_state(store).flood is None
    clock.moment += DAY
    flood(store, LEAST + 1, name="g")
    assert signup.form_state(store).flood
    clock.moment += DAY
    assert signup.form_state(store).flood is None


def test_a_slowed_form_closes_above_the_limit_of_an_hour(store: Store, clock: Clock) -> None:
    most = SignupLimits().letters_per_hour
    results = Counter(flood(store, most + 20))
    assert results == {
        SignupResult.ACCEPTED: LEAST,
        SignupResult.SLOWED: most - LEAST,
        SignupResult.CLOSED: 20,
    }
    clock.moment += HOUR
    assert ask(store, "anna@example.org") is SignupResult.SLOWED


@on_both
def test_nobody_learns_from_a_slowed_form_who_is_on_the_list(store: Store, clock: Clock) -> None:
    ask(store, "active@example.org")
    confirm(store, open_link(store, "active@example.org"), HERE)
    flood(store, LEAST)
    ask(store, "back@example.org")
    clock.moment += HOUR
    names = ("active@example.org", "f1@flood.example", "new@example.org", "back@example.org")
    for _ in range(2):  # with room for a letter in this hour, and without
        said = [statements(store, partial(ask, store, email)) for email in names]
        assert len(set(map(tuple, said))) == 1
