"""Signing up and confirming, on both databases: who may, how often, and what nobody learns."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from newsletter.addresses import address_hash, parse_address
from newsletter.errors import NewsletterError
from newsletter.store import suppressions
from newsletter.subscriptions import signup
from newsletter.subscriptions.admin import SubscriberHistory, add, load_history, unsubscribe
from newsletter.subscriptions.signup import (
    LinkState,
    SignupLimits,
    SignupResult,
    confirm,
    link_state,
)
from tests.support.newsletter import Newsletter
from tests.support.signups import HERE, VIA, WORDING, open_link, queued, signup_request, statements
from tests.support.subscribers import import_text, sql, statuses

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from newsletter.store import Store
    from newsletter.store.notices import ProviderAccount
    from newsletter.subscriptions.signup import SignupRequest

pytestmark = pytest.mark.usefixtures("database")

DAY = timedelta(days=1)
LIMITS = SignupLimits(unconfirmed_per_day=1_000_000)
"""Of a form that nothing slows: `test_slow_floods.py` is about that."""
START = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


def request_signup(
    store: Store, request: SignupRequest, via: ProviderAccount, limits: SignupLimits = LIMITS
) -> SignupResult:
    return signup.request_signup(store, request, via, limits)


class Clock:
    """The time, as the database of a test has it."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(root: Path, clock: Clock) -> Store:
    return Newsletter(root, subscribers=0, clock=clock).store


def erase(store: Store, email: str) -> None:
    """Leave nothing of a person but the hash of their address."""
    with store.write() as connection:
        key = suppressions.hash_key(connection)
        digest = address_hash(key, parse_address(email).key)
    sql(store, "DELETE FROM subscribers WHERE email = ?", email)
    moment = "2026-10-01 08:00:00.000000+00:00"
    sql(store, "INSERT INTO suppressions VALUES (?, 'erased', ?)", digest, moment)


def standing_as(store: Store, how: str, email: str = "anna@example.org") -> str:
    """Put a person with that status on the list; return the address."""
    if how != "new":
        add(store, email, consent="ja")
        if how == "erased":
            erase(store, email)
        else:
            sql(store, "UPDATE subscribers SET status = ?", how)
    if how in {"unsubscribed", "bounced", "complained"}:
        sql(store, "UPDATE subscribers SET left_at = created_at")
    return email


# Asking


def test_a_visitor_becomes_pending_and_a_notice_is_queued(store: Store) -> None:
    assert (
        request_signup(store, signup_request("Anna@Example.org", name="Anna"), VIA)
        is SignupResult.ACCEPTED
    )
    assert statuses(store) == {"Anna@Example.org": "pending"}
    assert queued(store) == [("confirmation", "pending")]
    # What they typed counts once they confirmed that it was theirs.
    assert sql(store, "SELECT first_name, source FROM subscribers") == [(None, "form")]
    assert sql(store, "SELECT count(*) FROM consents") == [(0,)]


@pytest.mark.parametrize("how", ["pending", "unsubscribed", "bounced", "complained"])
def test_a_sign_up_changes_nothing_for_a_known_subscriber(how: str, store: Store) -> None:
    email = standing_as(store, how)
    before = sql(store, "SELECT * FROM subscribers")
    assert request_signup(store, signup_request(email, name="Iemand"), VIA) is SignupResult.ACCEPTED
    assert sql(store, "SELECT * FROM subscribers") == before
    assert queued(store) == [("confirmation", "pending")]


def test_a_subscriber_who_signs_up_again_gets_another_notice(store: Store) -> None:
    email = standing_as(store, "active")
    assert request_signup(store, signup_request(email), VIA) is SignupResult.ACCEPTED
    assert queued(store) == [("already-here", "pending")]
    assert sql(store, "SELECT count(*) FROM signups") == [(0,)]


STANDINGS = ["new", "pending", "active", "unsubscribed", "bounced", "complained", "erased"]


def test_the_same_statements_run_for_everybody(store: Store) -> None:
    request_signup(
        store, signup_request("eerst@example.org"), VIA
    )  # the wording is known from now on
    done = {}
    for how in STANDINGS:
        email = standing_as(store, how, f"{how}@example.org")
        sql(store, "UPDATE subscribers SET status = 'pending' WHERE email = 'pending@example.org'")
        done[how] = statements(store, partial(request_signup, store, signup_request(email), VIA))
    for how, email in {
        "mailed today": "new@example.org",
        "its mailbox": "new+a@example.org",
    }.items():
        done[how] = statements(store, partial(request_signup, store, signup_request(email), VIA))
    assert len(done["new"]) > 10
    assert [how for how, said in done.items() if said != done["new"]] == []


# How often


def test_one_address_gets_one_letter_a_day_and_three_a_month(store: Store, clock: Clock) -> None:
    letters = []
    for _ in range(35):
        for _ in range(3):
            assert (
                request_signup(store, signup_request("anna@example.org"), VIA)
                is SignupResult.ACCEPTED
            )
        letters.append(len(queued(store)))
        clock.forward(days=1, seconds=1)
    assert letters == [1, 2, *[3] * 28, 4, 5, 6, 6, 6]


@pytest.mark.parametrize("spelling", ["ANNA@example.org", "Anna@EXAMPLE.ORG", " anna@example.org "])
def test_another_spelling_of_an_address_is_the_same_address(spelling: str, store: Store) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    assert request_signup(store, signup_request(spelling), VIA) is SignupResult.ACCEPTED
    assert len(queued(store)) == 1


@pytest.mark.parametrize(("how", "letters"), [("hard bounce", 2), ("complaint", 1)])
def test_after_a_bounced_confirmation_no_other_is_sent(
    how: str, letters: int, store: Store, clock: Clock
) -> None:
    for _ in range(62):
        assert (
            request_signup(store, signup_request("anna@example.org"), VIA) is SignupResult.ACCEPTED
        )
        if len(queued(store)) == 1:
            sql(store, "UPDATE notices SET state = 'accepted', reason = ?", how)
            # They are erased, and their report is not.
            sql(store, "DELETE FROM subscribers")
        clock.forward(hours=12)
    assert len(queued(store)) == letters
    assert request_signup(store, signup_request("bert@example.org"), VIA) is SignupResult.ACCEPTED
    assert len(queued(store)) == letters + 1


def test_limits_outlive_the_person(store: Store, clock: Clock) -> None:
    for _ in range(3):
        request_signup(store, signup_request("anna@example.org"), VIA)
        clock.forward(days=1, seconds=1)
        sql(store, "DELETE FROM subscribers")
    request_signup(store, signup_request("anna@example.org"), VIA)
    assert len(queued(store)) == 3


def flood(database: str) -> int:
    """Return how many visitors come at once: the same code is slower where there is a network."""
    return 10_000 if database == "sqlite" else 1000


def test_ten_thousand_sign_ups_for_one_address_are_one_letter(database: str, store: Store) -> None:
    visitors = [signup_request("anna@example.org", ip=f"10.0.{n}.1") for n in range(40)]
    reported = Counter(request_signup(store, visitors[n % 40], VIA) for n in range(flood(database)))
    assert reported[SignupResult.ACCEPTED] == 40 * min(
        LIMITS.requests_per_hour, flood(database) // 40
    )
    assert reported[SignupResult.CLOSED] == 0
    assert len(queued(store)) == 1
    assert sql(store, "SELECT count(*) FROM signups") == [(1,)]


def test_ten_thousand_addresses_close_the_form(database: str, store: Store) -> None:
    reported = Counter(
        request_signup(store, signup_request(f"lezer{n}@example.org", ip=f"10.0.{n % 250}.1"), VIA)
        for n in range(flood(database))
    )
    assert reported[SignupResult.ACCEPTED] == LIMITS.letters_per_hour
    assert reported[SignupResult.ACCEPTED] + reported[SignupResult.CLOSED] == flood(database)
    assert len(queued(store)) == len(statuses(store)) == LIMITS.letters_per_hour
    assert signup.form_state(store).closed


def test_the_form_closes_itself_and_opens_again(store: Store, clock: Clock) -> None:
    most = LIMITS.letters_per_hour
    reported = [
        request_signup(store, signup_request(f"lezer{n}@example.org", ip=f"10.0.{n % 250}.1"), VIA)
        for n in range(most + 50)
    ]
    assert reported == [SignupResult.ACCEPTED] * most + [SignupResult.CLOSED] * 50
    assert len(queued(store)) == len(statuses(store)) == most
    state = signup.form_state(store)
    assert state.closed
    assert state.last_closed_at == START.replace(minute=0)
    clock.forward(hours=1, seconds=1)
    assert not signup.form_state(store).closed
    assert signup.form_state(store).last_closed_at == START.replace(minute=0)
    assert request_signup(store, signup_request("later@example.org"), VIA) is SignupResult.ACCEPTED


def test_a_closed_form_is_closed_for_everybody_alike(store: Store) -> None:
    email = standing_as(store, "active")
    none = SignupLimits(letters_per_hour=0)
    for address in (email, "nieuw@example.org"):
        assert request_signup(store, signup_request(address), VIA, none) is SignupResult.CLOSED
    assert queued(store) == []


# The networks of one visitor, the smallest first, by how one writes an address in each.
NETWORKS = {
    "IPv4": (lambda _n: "192.0.2.1", lambda n: f"192.0.2.{n % 250}"),
    "IPv6": (
        lambda n: f"2001:db8::{n:x}",
        lambda n: f"2001:db8:0:{n % 256:x}::1",
        lambda n: f"2001:db8:0:{n:x}00::1",
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_may_ask_only_so_often_and_a_larger_one_more_often(
    kind: str, store: Store, clock: Clock
) -> None:
    for size, address in enumerate(NETWORKS[kind], start=1):
        most = size * LIMITS.requests_per_hour
        reported = [
            request_signup(
                store, signup_request(f"lezer{n}@size{size}.example", ip=address(n)), VIA
            )
            for n in range(1, most + 3)
        ]
        assert reported == [SignupResult.ACCEPTED] * most + [SignupResult.RATE_LIMITED] * 2
        clock.forward(hours=1)
    # Others are not kept waiting for it.
    for n, other in enumerate(("198.51.100.1", "2001:db9::1", None)):
        assert (
            request_signup(store, signup_request(f"ander{n}@example.org", ip=other), VIA)
            is SignupResult.ACCEPTED
        )
    tallied = [str(row) for row in sql(store, "SELECT what FROM rate_counters")]
    assert not any(part in row for row in tallied for part in ("192.0.", "198.51.", "2001:db"))


@pytest.mark.parametrize("prefix", ["192.0.2.{}", "2001:db8:7:{:x}::1"])
def test_no_single_network_closes_the_form_for_all(prefix: str, store: Store) -> None:
    reported = Counter(
        request_signup(
            store, signup_request(f"lezer{n}@example.org", ip=prefix.format(n % 250)), VIA
        )
        for n in range(2 * LIMITS.letters_per_hour)
    )
    assert reported[SignupResult.CLOSED] == 0
    assert reported[SignupResult.ACCEPTED] <= LIMITS.letters_per_hour // 3
    assert (
        request_signup(store, signup_request("anna@example.org", ip="198.51.100.1"), VIA)
        is SignupResult.ACCEPTED
    )
    assert not signup.form_state(store).closed


def test_a_flood_from_one_address_leaves_its_neighbours_room(store: Store) -> None:
    for n in range(500):
        request_signup(store, signup_request(f"lezer{n}@example.org", ip="2001:db8::1"), VIA)
    assert (
        request_signup(store, signup_request("buur@example.org", ip="2001:db8:0:1::1"), VIA)
        is SignupResult.ACCEPTED
    )


ONE_MAILBOX = {
    "a label": ("jan@example.org", "jan+brief@example.org", "jan+x+y@example.org"),
    "dots": ("jan.jansen@gmail.com", "j.a.n.jansen@gmail.com", "janjansen+a@googlemail.com"),
    "a hyphen": ("jan@yahoo.com", "jan-brief@yahoo.com", "JAN-x-y@Yahoo.com"),
    "Proton": ("jan.jansen@proton.me", "jan_jansen@pm.me", "jan-jansen+a@protonmail.com"),
    "iCloud": ("jan@me.com", "jan@icloud.com", "jan+a@mac.com"),
    "a subdomain": ("jan@fastmail.com", "brief@jan.fastmail.com", "jan+a@fastmail.com"),
    "Yandex": ("jan.jansen@ya.ru", "jan-jansen@yandex.com", "jan.jansen+a@yandex.ru"),
    "Outlook": ("jan@outlook.com", "jan+a@outlook.com", "Jan+b@outlook.com"),
}
OTHER_MAILBOXES = (
    ("jan.jansen@example.org", "janjansen@example.org"),
    ("jan-willem@example.org", "jan-piet@example.org"),
    ("jan@hotmail.com", "jan@outlook.com"),
    ("jan@yahoo.com", "jan@yahoo.nl"),
    ("jan@fastmail.com", "jan@piet.fastmail.com"),
    ("jan@example.org", "jan@brief.example.org"),
)


@pytest.mark.parametrize("addresses", ONE_MAILBOX.values(), ids=ONE_MAILBOX.keys())
def test_one_mailbox_gets_one_letter_a_day_and_three_a_month_under_all_its_names(
    addresses: tuple[str, ...], store: Store, clock: Clock
) -> None:
    letters = []
    for _ in range(5):
        for email in addresses:
            assert request_signup(store, signup_request(email), VIA) is SignupResult.ACCEPTED
        letters.append(len(queued(store)))
        clock.forward(days=1, seconds=1)
    assert letters == [1, 2, 3, 3, 3]


@pytest.mark.parametrize("addresses", OTHER_MAILBOXES)
def test_what_may_be_two_mailboxes_is_two(addresses: tuple[str, str], store: Store) -> None:
    for email in addresses:
        assert request_signup(store, signup_request(email), VIA) is SignupResult.ACCEPTED
    assert len(queued(store)) == 2


def test_what_one_name_of_a_mailbox_called_spam_goes_to_no_other(
    store: Store, clock: Clock
) -> None:
    request_signup(store, signup_request("jan+a@gmail.com"), VIA)
    sql(store, "UPDATE notices SET state = 'accepted', reason = 'complaint'")
    clock.forward(days=2)
    request_signup(store, signup_request("j.an@gmail.com"), VIA)
    assert len(queued(store)) == 1


def test_a_letter_from_before_mailboxes_were_counted_counts_for_its_address(store: Store) -> None:
    request_signup(store, signup_request("jan@gmail.com"), VIA)
    sql(store, "UPDATE notices SET mailbox_hash = NULL")
    request_signup(store, signup_request("jan@gmail.com"), VIA)
    assert len(queued(store)) == 1


@pytest.mark.parametrize("full", ["network", "form"])
def test_the_second_of_two_for_the_last_place_gets_no_notice(
    full: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is room is looked at again once nobody else can take it."""
    limits = SignupLimits(3, 20) if full == "form" else SignupLimits(200, 3)
    for n in range(2):
        request_signup(store, signup_request(f"lezer{n}@example.org", ip="192.0.2.1"), VIA, limits)
    others = [signup_request("eerder@example.org", ip="192.0.2.1")]
    write = store.write

    def later() -> AbstractContextManager[sa.Connection]:
        if others:
            assert request_signup(store, others.pop(), VIA, limits) is SignupResult.ACCEPTED
        return write()

    monkeypatch.setattr(store, "write", later)
    reported = request_signup(
        store, signup_request("anna@example.org", ip="192.0.2.1"), VIA, limits
    )
    assert reported is (SignupResult.CLOSED if full == "form" else SignupResult.RATE_LIMITED)
    assert "anna@example.org" not in statuses(store)
    assert len(queued(store)) == 3


def test_refusing_a_flood_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(email: str, ip: str, letters: int = 1) -> SignupResult:
        return request_signup(store, signup_request(email, ip=ip), VIA, SignupLimits(letters, 1))

    ask("een@example.org", "192.0.2.1", letters=200)
    assert ask("twee@example.org", "198.51.100.1") is SignupResult.CLOSED
    monkeypatch.setattr(store, "write", None)
    assert ask("drie@example.org", "192.0.2.1") is SignupResult.RATE_LIMITED
    assert ask("vier@example.org", "203.0.113.1") is SignupResult.CLOSED


def test_what_was_counted_is_forgotten(store: Store, clock: Clock) -> None:
    request_signup(store, signup_request("anna@example.org", ip="192.0.2.1"), VIA)
    clock.forward(days=31)
    request_signup(store, signup_request("bert@example.org", ip="198.51.100.1"), VIA)
    assert sql(store, "SELECT count(*) FROM rate_counters") == [(2,)]  # of each of its networks


def test_many_at_once_for_one_address_are_one_letter(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        reported = list(
            pool.map(
                lambda _n: request_signup(store, signup_request("anna@example.org"), VIA), range(24)
            )
        )
    assert set(reported) == {SignupResult.ACCEPTED}
    assert len(queued(store)) == 1
    assert statuses(store) == {"anna@example.org": "pending"}


# Confirming


def test_confirming_makes_active_with_the_proof_of_both_steps(store: Store, clock: Clock) -> None:
    request_signup(store, signup_request("anna@example.org", name="Anna", ip="198.51.100.9"), VIA)
    asked = clock.moment
    clock.forward(hours=5)
    link = open_link(store, "anna@example.org")
    assert link_state(store, link) is LinkState.OPEN
    assert confirm(store, link, HERE) is LinkState.CONFIRMED
    found = load_history(store, "anna@example.org")
    assert isinstance(found, SubscriberHistory)
    assert (found.subscriber.status, found.subscriber.first_name) == ("active", "Anna")
    assert found.subscriber.confirmed_at == clock.moment
    (consent,) = found.consents
    assert (consent.at, consent.requested_at) == (clock.moment, asked)
    assert (consent.text, consent.source, consent.form) == (WORDING, "form", "https://example.org")
    assert (consent.ip, consent.requested_ip) == (HERE.ip, "198.51.100.9")
    assert consent.user_agent == consent.requested_user_agent == "Mozilla/5.0 (in tests)"
    assert (consent.came_from, consent.left_at) == ("pending", None)
    assert len(consent.hash) == 64
    assert consent.version == 1


def test_every_wording_has_a_version_of_its_own(store: Store) -> None:
    for email, wording in (
        ("a@example.org", "een"),
        ("b@example.org", "twee"),
        ("c@example.org", "een"),
    ):
        request_signup(store, signup_request(email, wording=wording), VIA)
        confirm(store, open_link(store, email), HERE)
    found = [load_history(store, f"{name}@example.org") for name in "abc"]
    versions = [one.consents[0].version for one in found if isinstance(one, SubscriberHistory)]
    assert versions == [1, 2, 1]


def test_confirming_twice_and_at_once_is_one_change(store: Store) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    with ThreadPoolExecutor(8) as pool:
        reported = list(pool.map(lambda _n: confirm(store, link, HERE), range(24)))
    assert set(reported) == {LinkState.CONFIRMED}
    assert sql(store, "SELECT count(*) FROM consents") == [(1,)]


@pytest.mark.parametrize("how", ["unsubscribed", "bounced", "complained", "erased"])
def test_who_left_in_any_way_returns_by_signing_up_and_confirming(
    how: str, store: Store, clock: Clock
) -> None:
    email = standing_as(store, how)
    clock.forward(days=30)
    request_signup(store, signup_request(email, name="Anna"), VIA)
    assert confirm(store, open_link(store, email), HERE) is LinkState.CONFIRMED
    found = load_history(store, email)
    assert isinstance(found, SubscriberHistory)
    assert found.subscriber.status == "active"
    assert sql(store, "SELECT count(*) FROM suppressions") == [(0,)]
    assert sql(store, "SELECT left_at, paused_until FROM subscribers") == [(None, None)]
    assert found.consents[-1].came_from == how
    assert found.consents[-1].left_at is not None


def test_only_their_own_confirmation_restores_an_erased_subscriber(
    store: Store, tmp_path: Path
) -> None:
    email = standing_as(store, "erased")
    request_signup(store, signup_request(email), VIA)
    with pytest.raises(NewsletterError, match="erased"):
        add(store, email, consent="ja")
    report = import_text(store, tmp_path, f"email,status\n{email},active\n")
    assert (report.skipped, report.added, report.updated) == (1, 0, 0)
    assert statuses(store) == {email: "pending"}


def test_an_import_still_confirms_who_was_pending(store: Store, tmp_path: Path) -> None:
    standing_as(store, "erased", "bert@example.org")
    request_signup(store, signup_request("anna@example.org"), VIA)
    assert import_text(store, tmp_path, "email,status\nanna@example.org,active\n").updated == 1
    assert statuses(store) == {"anna@example.org": "active"}


def test_a_link_is_good_for_three_days(store: Store, clock: Clock) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    clock.forward(hours=72)
    assert link_state(store, link) is LinkState.OPEN
    clock.forward(seconds=1)
    assert link_state(store, link) is LinkState.EXPIRED
    assert confirm(store, link, HERE) is LinkState.EXPIRED
    assert statuses(store) == {"anna@example.org": "pending"}


def test_a_used_link_restores_nobody_who_unsubscribed_since(store: Store, clock: Clock) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    confirm(store, link, HERE)
    assert link_state(store, link) is LinkState.CONFIRMED
    clock.forward(minutes=1)
    unsubscribe(store, "anna@example.org")
    assert confirm(store, link, HERE) is LinkState.EXPIRED
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_a_used_link_stays_used_whatever_an_old_file_says(store: Store) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    confirm(store, link, HERE)
    sql(
        store,
        "UPDATE subscribers SET status = 'unsubscribed',"
        " left_at = '2026-01-01 00:00:00.000000+00:00'",
    )
    assert link_state(store, link) is LinkState.EXPIRED
    assert confirm(store, link, HERE) is LinkState.EXPIRED
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_who_unsubscribes_after_signing_up_must_sign_up_again(store: Store, clock: Clock) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    clock.forward(minutes=1)
    unsubscribe(store, "anna@example.org")
    assert confirm(store, link, HERE) is LinkState.EXPIRED
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_the_link_of_an_erased_subscriber_is_invalid(store: Store) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    erase(store, "anna@example.org")
    assert confirm(store, link, HERE) is LinkState.NOTHING
    assert link_state(store, "0" * 32) is LinkState.NOTHING


def test_a_moved_list_takes_no_sign_up(store: Store) -> None:
    request_signup(store, signup_request("anna@example.org"), VIA)
    link = open_link(store, "anna@example.org")
    sql(store, "UPDATE ledger SET closed_at = '2026-11-29 06:00:00.000000+00:00'")
    for attempt in (
        lambda: request_signup(store, signup_request("b@example.org"), VIA),
        lambda: confirm(store, link, HERE),
    ):
        with pytest.raises(NewsletterError, match="moved"):
            attempt()


# What is kept


def test_what_identifies_a_machine_can_be_cleared_and_nothing_else_changes(store: Store) -> None:
    request_signup(store, signup_request("anna@example.org", ip="198.51.100.9"), VIA)
    confirm(store, open_link(store, "anna@example.org"), HERE)
    kept = "id, subscriber_id, wording_id, at, source, form, requested_at, came_from, left_at"
    before = sql(store, f"SELECT {kept} FROM consents")  # noqa: S608 - ours
    machine = ("ip", "user_agent", "requested_ip", "requested_user_agent")
    for column in (*kept.split(", "), *machine):
        for value in ("NULL",) if column in {"form", "requested_at", "came_from"} else ("'9'",):
            if column in {"at", "left_at"}:
                value = "'2020-01-01 00:00:00.000000+00:00'"  # noqa: PLW2901 - a moment
            with pytest.raises(sa.exc.IntegrityError, match="append-only"):
                sql(store, f"UPDATE consents SET {column} = {value}")  # noqa: S608 - ours
    cleared = ", ".join(f"{column} = NULL" for column in machine)
    sql(store, f"UPDATE consents SET {cleared}")  # noqa: S608 - ours
    assert sql(store, f"SELECT {', '.join(machine)} FROM consents") == [(None,) * 4]  # noqa: S608 - ours
    assert sql(store, f"SELECT {kept} FROM consents") == before  # noqa: S608 - ours
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        sql(store, "UPDATE consents SET ip = '192.0.2.1'")
