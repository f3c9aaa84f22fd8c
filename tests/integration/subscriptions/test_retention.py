"""What is kept for how long: `newsletter db tidy`, and the web app by itself."""

from __future__ import annotations

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import pytest

from newsletter import delivery
from newsletter.addresses import address_hash
from newsletter.errors import NewsletterError
from newsletter.store import suppressions
from newsletter.store.suppressions import Suppression
from newsletter.subscriptions.admin import add, load_history
from newsletter.subscriptions.erasure import erase
from newsletter.subscriptions.retention import TidyResult, tidy, tidy_daily
from newsletter.subscriptions.signup import LinkState, confirm, request_signup
from newsletter.web import Limits
from tests.support.changes import fail_once_at_chores
from tests.support.events import Letters, email
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.providers.webhooks import RESEND, ReportedEvent, keep
from tests.support.signups import HERE, VIA, open_link, signup_request
from tests.support.subscribers import sql
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    from newsletter.model import Batch

    Run: TypeAlias = Callable[..., CompletedProcess[str]]

NOTHING = TidyResult(unconfirmed=0, ip_addresses=0, events=0, deliveries=0, webhooks=0, left=0)
TABLES = ("subscribers", "consents", "deliveries", "events", "webhooks", "suppressions")


@pytest.fixture
def letters(root: Path, tmp_path: Path) -> Letters:
    """Return a newsletter of which one issue has left, to three subscribers."""
    found = Letters(Newsletter(root, subscribers=3), tmp_path / "taken")
    found.send()
    return found


def age(letters: Letters, table: str, column: str, days: float, where: str = "1 = 1") -> None:
    """Let a moment lie so many days back."""
    at = datetime.now(UTC) - timedelta(days=days)
    moment = at.isoformat(" ", "microseconds")[:26]
    sql(letters.newsletter.store, f"UPDATE {table} SET {column} = '{moment}' WHERE {where}")  # noqa: S608 - ours


def rows(letters: Letters) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sql(letters.newsletter.store, f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - ours
        for table in TABLES
    }


def tidied(letters: Letters, **settings: float) -> TidyResult:
    return tidy(
        letters.newsletter.store, dataclasses.replace(letters.newsletter.settings, **settings)
    )  # type: ignore[arg-type]


@pytest.mark.usefixtures("database")
def test_what_is_young_enough_stays(letters: Letters) -> None:
    store = letters.newsletter.store
    letters.receive(letters.event("delivered"), letters.event("hard bounce", 1))
    letters.receive(ReportedEvent("complaint", "0" * 32, email(2)))
    sql(store, "UPDATE subscribers SET status = 'pending' WHERE id = 3")
    add(store, "anna@example.org", consent="ja")
    for table, column, days in (
        ("subscribers", "created_at", 6.9),
        ("events", "at", 395.0),
        ("mailings", "finished_at", 395.0),
        ("webhooks", "at", 6.9),
        ("subscribers", "left_at", 365.0 * 5),
    ):
        age(letters, table, column, days)
    before = rows(letters)
    assert tidied(letters) == NOTHING
    assert rows(letters) == before


@pytest.mark.usefixtures("database")
def test_who_never_confirmed_is_removed_after_a_week(letters: Letters) -> None:
    sql(letters.newsletter.store, "UPDATE subscribers SET status = 'pending' WHERE id < 3")
    age(letters, "subscribers", "created_at", 7.1, "id <> 2")
    assert tidied(letters) == dataclasses.replace(NOTHING, unconfirmed=1)
    assert sql(letters.newsletter.store, "SELECT id FROM subscribers ORDER BY id") == [(2,), (3,)]


@pytest.mark.usefixtures("database")
def test_who_asked_again_lately_is_not_removed(letters: Letters) -> None:
    store = letters.newsletter.store
    request_signup(store, signup_request("anna@example.org"), VIA)
    age(letters, "subscribers", "created_at", 30, "status = 'pending'")
    assert tidied(letters) == NOTHING
    assert confirm(store, open_link(store, "anna@example.org"), HERE) is LinkState.CONFIRMED


@pytest.mark.usefixtures("database")
def test_what_was_asked_goes_after_a_week_and_a_notice_after_a_month(letters: Letters) -> None:
    store = letters.newsletter.store
    request_signup(store, signup_request("anna@example.org"), VIA)
    confirm(store, open_link(store, "anna@example.org"), HERE)
    age(letters, "signups", "requested_at", 7.1)
    age(letters, "notices", "queued_at", 30.5)
    assert tidied(letters) == NOTHING
    assert sql(store, "SELECT count(*) FROM signups") == [(0,)]
    assert sql(store, "SELECT count(*), max(signup_id) FROM notices") == [(1, None)]
    age(letters, "notices", "queued_at", 31.1)
    assert tidied(letters) == NOTHING
    assert sql(store, "SELECT count(*) FROM notices") == [(0,)]


@pytest.mark.usefixtures("database")
def test_the_network_of_a_sign_up_is_kept_for_the_hour_of_the_limit(
    letters: Letters,
) -> None:
    def counted() -> list[tuple[object, ...]]:
        return sql(
            letters.newsletter.store,
            "SELECT substr(what, 1, 7), count FROM rate_counters ORDER BY 1",
        )

    def an_hour_passes() -> None:
        at = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d %H}:00:00.000000"
        sql(letters.newsletter.store, f"UPDATE rate_counters SET hour = '{at}'")  # noqa: S608 - ours

    request_signup(
        letters.newsletter.store, signup_request("anna@example.org", ip="192.0.2.7"), VIA
    )
    sql(
        letters.newsletter.store,
        "INSERT INTO rate_counters SELECT 'closed', max(hour), 1 FROM rate_counters",
    )
    an_hour_passes()
    request_signup(
        letters.newsletter.store, signup_request("bas@example.org", ip="198.51.100.7"), VIA
    )
    assert counted() == [("closed", 1), ("network", 1), ("network", 1)]  # its address, its /24
    an_hour_passes()
    tidied(letters)
    assert counted() == [("closed", 1)]
    age(letters, "rate_counters", "hour", 7.1)
    tidied(letters)
    assert counted() == []


@pytest.mark.usefixtures("database")
def test_that_an_address_complained_of_a_notice_is_known_as_long_as_events_are(
    letters: Letters,
) -> None:
    store = letters.newsletter.store
    for whose in ("anna@example.org", "bert@example.org"):
        request_signup(store, signup_request(whose), VIA)
    sql(store, "UPDATE notices SET state = 'accepted', reason = 'hard bounce'")
    sql(store, "UPDATE notices SET reason = 'complaint' WHERE id = 1")
    for days, left in ((31.1, 1), (395, 1), (397, 0)):
        age(letters, "notices", "queued_at", days)
        tidied(letters)
        assert sql(store, "SELECT count(*) FROM notices WHERE id = 1") == [(left,)]
        assert sql(store, "SELECT count(*) FROM notices WHERE id <> 1") == [(0,)]


@pytest.mark.usefixtures("database")
def test_what_a_confirmed_sign_up_says_of_a_machine_is_removed(root: Path) -> None:
    clock = [datetime(2026, 11, 1, tzinfo=UTC)]
    newsletter = Newsletter(root, subscribers=0, clock=lambda: clock[0])
    request_signup(newsletter.store, signup_request("anna@example.org", ip="198.51.100.9"), VIA)
    confirm(newsletter.store, open_link(newsletter.store, "anna@example.org"), HERE)
    kept = "SELECT wording_id, at, source, form, requested_at, came_from FROM consents"
    before = sql(newsletter.store, kept)
    clock[0] += timedelta(days=89)
    assert tidy(newsletter.store, newsletter.settings).ip_addresses == 0
    clock[0] += timedelta(days=2)
    assert tidy(newsletter.store, newsletter.settings).ip_addresses == 1
    machine = "SELECT ip, user_agent, requested_ip, requested_user_agent FROM consents"
    assert sql(newsletter.store, machine) == [(None,) * 4]
    assert sql(newsletter.store, kept) == before


@pytest.mark.usefixtures("database")
def test_of_a_consent_only_the_ip_address_goes(letters: Letters) -> None:
    store = letters.newsletter.store
    add(store, "anna@example.org", consent="ja")
    sql(
        store,
        "INSERT INTO consents (subscriber_id, wording_id, at, source, ip)"
        " SELECT subscriber_id, wording_id, '2024-01-01 00:00:00.000000', 'form', '192.0.2.1'"
        " FROM consents",
    )
    assert tidied(letters).ip_addresses == 1
    assert sql(store, "SELECT source, ip FROM consents ORDER BY id") == [
        ("cli", None),
        ("form", None),
    ]
    for change in ("ip = '192.0.2.1'", "source = 'x'", "ip = NULL, source = 'x'"):
        with pytest.raises(Exception, match="append-only"):
            sql(store, f"UPDATE consents SET {change}")  # noqa: S608 - ours


@pytest.mark.usefixtures("database")
def test_after_thirteen_months_a_delivery_names_no_subscriber(letters: Letters) -> None:
    letters.receive(letters.event("delivered"), letters.event("hard bounce", 1))
    first = delivery.recent_reports(letters.newsletter.store, 1)[0]
    age(letters, "events", "at", 397)
    age(letters, "mailings", "finished_at", 397)
    letters.send("fresh")
    found = tidied(letters)
    assert (found.events, found.deliveries) == (2, 3)
    counted = delivery.recent_reports(letters.newsletter.store, 2)[1]
    assert (counted.counts, counted.heard) == (first.counts, first.heard)
    assert [one.issue for one in letters.history().deliveries] == [
        delivery.recent_reports(letters.newsletter.store, 1)[0].mailing.slug
    ]
    assert letters.history().events == ()
    # Who bounced still has.
    assert letters.status(1) == "bounced"


@pytest.mark.usefixtures("database")
def test_a_mailing_that_is_not_over_keeps_its_subscribers(letters: Letters) -> None:
    sql(letters.newsletter.store, "UPDATE mailings SET state = 'paused', finished_at = NULL")
    age(letters, "mailings", "started_at", 500)
    assert tidied(letters) == NOTHING


@pytest.mark.usefixtures("database")
def test_a_provider_id_of_a_subscriber_who_was_erased_meanwhile_is_removed(
    root: Path, tmp_path: Path
) -> None:
    """Their letter was on its way, and its identifier came with the answer."""
    letters = Letters(Newsletter(root, subscribers=2), tmp_path / "taken")

    def forget(_batch: Batch) -> None:
        erase(letters.newsletter.store, letters.newsletter.settings, email(0))

    letters.provider = FakeProvider(letters.provider.ledger, answer=forget)
    letters.send()
    named = "SELECT count(*) FROM deliveries WHERE provider_id IS NOT NULL"
    assert sql(letters.newsletter.store, named) == [(2,)]
    tidied(letters)
    assert sql(letters.newsletter.store, f"{named} AND subscriber_id IS NULL") == [(0,)]
    assert sql(letters.newsletter.store, named) == [(1,)]


@pytest.mark.usefixtures("database")
def test_a_webhook_of_no_known_delivery_is_removed_after_a_week(letters: Letters) -> None:
    letters.receive(ReportedEvent("complaint", "0" * 32, email(2)), letters.event("delivered"))
    age(letters, "webhooks", "at", 8)
    assert tidied(letters) == dataclasses.replace(NOTHING, webhooks=1)
    # The name of the one that was applied stays a while longer, so that it does not count twice.
    assert sql(letters.newsletter.store, "SELECT body FROM webhooks") == [(None,)]
    age(letters, "webhooks", "at", 31)
    assert tidied(letters) == NOTHING
    assert sql(letters.newsletter.store, "SELECT body FROM webhooks") == []


@pytest.mark.usefixtures("database")
def test_long_after_unsubscribing_only_a_hash_is_kept(letters: Letters) -> None:
    store = letters.newsletter.store
    letters.receive(letters.event("complaint"), letters.event("hard bounce", 1))
    age(letters, "subscribers", "left_at", 800)
    assert tidied(letters) == NOTHING
    assert tidied(letters, keep_proof_years=2).left == 2
    found = load_history(store, email(0))
    assert isinstance(found, Suppression)
    assert found.reason == "complained"
    with pytest.raises(NewsletterError):
        add(store, email(0), consent="ja")
    assert letters.status(2) == "active"
    # Their letters are counted anyway.
    assert delivery.recent_reports(store, 1)[0].heard.complained == 1


def test_who_was_erased_before_and_unsubscribes_again_is_no_error(letters: Letters) -> None:
    store = letters.newsletter.store
    with store.write() as connection:
        digest = address_hash(suppressions.hash_key(connection), email(0))
    sql(store, "INSERT INTO suppressions VALUES (?, 'erased', '2020-01-01')", digest)
    letters.receive(letters.event("complaint"))
    age(letters, "subscribers", "left_at", 4000)
    assert tidied(letters).left == 1
    assert sql(store, "SELECT reason FROM suppressions") == [("erased",)]


def test_much_is_removed_a_little_at_a_time(letters: Letters) -> None:
    store = letters.newsletter.store
    sql(
        store,
        "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 4500)"
        " INSERT INTO webhooks (provider, name, at, body)"
        " SELECT 'resend', v, '2026-01-01 00:00:00.000000', '{}' FROM n",
    )
    assert tidied(letters).webhooks == 4500


def test_no_byte_of_what_was_removed_stays_in_the_file(root: Path, letters: Letters) -> None:
    secret = "geheim-adres"
    body = RESEND.webhook(ReportedEvent("complaint", "0" * 32, f"{secret}@example.org"))[0]
    keep(letters.newsletter.store, [("resend", "a", body)])
    folder = root / ".newsletter"
    assert secret.encode() in b"".join(path.read_bytes() for path in folder.glob("newsletter.db*"))
    age(letters, "webhooks", "at", 8)
    tidied(letters)
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in folder.glob("newsletter.db*")
    )
    assert (folder / "newsletter.db-wal").stat().st_size == 0


@pytest.mark.usefixtures("database")
def test_of_all_processes_one_tidies_a_day(letters: Letters) -> None:
    store, settings = letters.newsletter.store, letters.newsletter.settings
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda _: tidy_daily(store, settings), range(5)))
    assert found.count(None) == 4
    assert tidy_daily(store, settings) is None
    age(letters, "checkpoints", "at", 0.99)
    assert tidy_daily(store, settings) == NOTHING


def test_the_web_app_tidies_by_itself(root: Path, letters: Letters) -> None:
    letters.receive(ReportedEvent("complaint", "0" * 32, email(2)))
    age(letters, "webhooks", "at", 8)
    with serving(root):
        deadline = time.monotonic() + 30
        while sql(letters.newsletter.store, "SELECT * FROM webhooks"):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_whatever_goes_wrong_once_the_web_app_goes_on(root: Path, letters: Letters) -> None:
    letters.receive(ReportedEvent("complaint", "0" * 32, email(2)))
    age(letters, "webhooks", "at", 8)
    with serving(root, limits=Limits(chores_seconds=0.05), before=[fail_once_at_chores]) as app:
        deadline = time.monotonic() + 30
        while sql(letters.newsletter.store, "SELECT * FROM webhooks"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        app.stop()
        assert "chores: unexpected ValueError\n" in app.said()


@pytest.mark.usefixtures("database")
def test_the_command_says_what_it_removed(letters: Letters, run: Run) -> None:
    letters.receive(ReportedEvent("complaint", "0" * 32, email(2)))
    age(letters, "webhooks", "at", 8)
    found = run("db", "tidy", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == dataclasses.asdict(dataclasses.replace(NOTHING, webhooks=1))
    again = run("db", "tidy")
    assert again.returncode == 0
    assert "webhooks:" in again.stdout
