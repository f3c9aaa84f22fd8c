"""What only a server can do to us: be away, be slow, be shared by several at the same time."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from newsletter import config, delivery, desk, render
from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import Accepted, DeliveryState, MailingState, RequestRefused, SubscriberStatus
from newsletter.store import (
    claims,
    database,
    freezing,
    mailing_reports,
    mailings,
    open_store,
    recovery,
    settlement,
    subscribers,
)
from newsletter.store.url import locate
from newsletter.subscriptions.admin import add, unsubscribe
from tests.support.migrations import require_whole, without_pictures
from tests.support.newsletter import Newsletter, add_subscribers, is_one_error, where
from tests.support.postgres import Postgres, postgres

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.model import Mailing
    from newsletter.store import Store
    from newsletter.store.claims import Claim

    Run = Callable[..., subprocess.CompletedProcess[str]]

HOUR = timedelta(hours=1)
PROMPTLY = 20
"""Seconds after which a thread that should not have had to wait is taken to be stuck."""


@pytest.fixture
def newsletter(root: Path, postgresql: str) -> Newsletter:
    assert postgresql
    return Newsletter(root, subscribers=20)


@pytest.fixture
def mailing(newsletter: Newsletter) -> Mailing:
    return begin(newsletter)


def begin(newsletter: Newsletter) -> Mailing:
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    assert draft.issue
    letter = render.letter(draft.issue, newsletter.settings)
    with newsletter.store.write() as connection:
        frozen = freezing.freeze(
            connection, draft.issue, letter, provider="fake", provider_url="", rehearsal=False
        )
        assert mailings.start(connection, frozen.id)
    return frozen


def claim(store: Store, mailing: Mailing, size: int = 5) -> Claim | None:
    with store.write() as connection:
        taken = claims.claim(connection, mailing.id, size=size, lease=HOUR, key_id="k")
        if taken:
            claims.record_payload(connection, taken, "0")
        return taken


def at(root: Path, url: str) -> config.Settings:
    return config.load(root, {"NEWSLETTER_DATABASE_URL": url})


@pytest.fixture
def empty(server: Postgres) -> Iterator[str]:
    name = server.database()
    yield name
    server.drop(name)


def test_only_a_person_migrates(root: Path, run: Run, server: Postgres, empty: str) -> None:
    environment = {"NEWSLETTER_DATABASE_URL": server.url(empty)}
    refused = run("subscribers", "stats", env=environment)
    assert refused.returncode == 1
    assert "newsletter db upgrade" in refused.stderr
    looked = run("db", "status", "--json", env=environment)
    assert looked.returncode == 0
    assert '"behind": 4' in looked.stdout
    assert '"ledger": null' in looked.stdout
    assert run("db", "upgrade", env=environment).returncode == 0
    assert "Nothing to do" in run("db", "upgrade", env=environment).stdout
    assert run("subscribers", "stats", env=environment).returncode == 0
    assert '"behind": 0' in run("db", "status", "--json", env=environment).stdout
    for revision, says in (("9999", "newer version"), ("0014", "before the first release")):
        with psycopg.connect(server.url(empty)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        for arguments in (("subscribers", "stats"), ("db", "status"), ("db", "upgrade")):
            refused = run(*arguments, env=environment)
            assert refused.returncode == 1
            assert says in refused.stderr
        with psycopg.connect(server.url(empty)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert found == [(revision,)]
    assert not (root / ".newsletter" / "newsletter.db").exists()


def test_two_upgrades_at_once_are_one(root: Path, server: Postgres, empty: str) -> None:
    place = locate(at(root, server.url(empty)))

    def upgrade(_n: int) -> int:
        store = database.connect(place)
        try:
            return database.upgrade(store, place)
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(upgrade, range(4))) == [0, 0, 0, 4]


def test_a_database_without_pictures_gets_their_table_and_keeps_its_people(
    root: Path, server: Postgres, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = locate(at(root, server.url(empty)))
    store = database.connect(place)
    try:
        with without_pictures(root / "earlier", monkeypatch):
            assert database.upgrade(store, place) == 1
            add_subscribers(store, 3)
        with pytest.raises(NewsletterError, match="lacks 3 migrations"):
            open_store(at(root, server.url(empty)))
        assert database.upgrade(store, place) == 3
        require_whole(store, people=3)
    finally:
        store.close()


def test_the_database_of_another_program_is_refused(
    root: Path, server: Postgres, empty: str, run: Run
) -> None:
    with psycopg.connect(server.url(empty)) as connection:
        connection.execute("CREATE TABLE subscribers (name text)")
    for arguments in (("subscribers", "stats"), ("db", "status"), ("db", "upgrade")):
        refused = run(*arguments, cwd=root, env={"NEWSLETTER_DATABASE_URL": server.url(empty)})
        assert refused.returncode == 1
        assert "not a database of this program" in refused.stderr


def test_a_server_that_never_answers_is_a_reason_to_try_again(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://me:geheim@127.0.0.1:{port}/x?connect_timeout=2"
        with pytest.raises(TryAgain) as caught:
            open_store(at(root, url))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(("query", "seconds"), [("", "10"), ("?connect_timeout=3", "3")])
def test_it_is_waited_for_ten_seconds_unless_the_url_says_otherwise(
    root: Path, monkeypatch: pytest.MonkeyPatch, query: str, seconds: str
) -> None:
    reported: dict[str, object] = {}

    def refuse(*_arguments: object, **options: object) -> None:
        reported.update(options)
        raise psycopg.OperationalError("not now")

    monkeypatch.setattr(psycopg, "connect", refuse)
    with pytest.raises(TryAgain):
        open_store(at(root, f"postgres://host.invalid/y{query}"))
    assert reported["connect_timeout"] == seconds
    # A pooler gives the next transaction another connection, which has not been prepared.
    assert reported["prepare_threshold"] is None
    assert "options" not in reported


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (("geheim", "verkeerd"), 1, "user or password"),
        (("postgres:geheim", "nobody:geheim"), 1, "user or password"),
        (("elsewhere", "elsewhere"), 1, "does not exist"),
        (("PORT", "1"), 75, "cannot be reached"),
    ],
)
def test_why_there_is_no_connection_is_one_line_without_the_password(
    run: Run, server: Postgres, change: tuple[str, str], code: int, says: str
) -> None:
    found = server.url("elsewhere", tcp=True)
    names = {"PORT": str(server.port)}
    url = found.replace(names.get(change[0], change[0]), change[1])
    done = run("-v", "subscribers", "stats", env={"NEWSLETTER_DATABASE_URL": url})
    assert done.returncode == code
    assert says in done.stderr
    assert "geheim" not in done.stderr
    assert "verkeerd" not in done.stderr
    plain = run("subscribers", "stats", env={"NEWSLETTER_DATABASE_URL": url})
    assert is_one_error(plain.stderr)


@pytest.mark.parametrize("code", ["XX000", "XX001", "58030"])
def test_trouble_of_the_server_itself_is_one_line_that_says_where_to_look(
    code: str, newsletter: Newsletter
) -> None:
    fail = f"DO $$ BEGIN RAISE 'could not extend a file' USING ERRCODE = '{code}'; END $$"
    with (
        pytest.raises(NewsletterError, match=r"its server: could not extend a file.*Look into"),
        newsletter.store.write() as connection,
    ):
        connection.exec_driver_sql(fail)


def test_without_permission_to_write_the_error_says_so(
    newsletter: Newsletter, server: Postgres
) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN PASSWORD 'geheim'")
    try:
        newsletter.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
        url = where()["NEWSLETTER_DATABASE_URL"].replace("postgres@", "looker@")
        store = open_store(at(newsletter.root, url))
        with pytest.raises(NewsletterError, match="rights") as caught:
            unsubscribe(store, "lezer0@example.org")
        assert caught.value.exit_code == 1
        store.close()
    finally:
        newsletter.sql("DROP OWNED BY looker")
        newsletter.sql("DROP ROLE looker")


def test_an_error_of_the_server_holds_no_address(newsletter: Newsletter) -> None:
    with pytest.raises(IntegrityError) as caught:
        add_subscribers(newsletter.store, 1)
    assert "example.org" not in str(caught.value)
    assert "example.org" not in repr(caught.value.orig)
    assert "subscribers_email_key_key" in str(caught.value)


def test_a_server_that_crashes_loses_nothing_that_was_claimed(root: Path) -> None:
    with postgres() as own:
        name = own.database()
        settings = at(root, own.url(name))
        store = database.connect(locate(settings))
        database.upgrade(store, locate(settings))
        store.close()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEWSLETTER_DATABASE_URL", own.url(name))
            newsletter = Newsletter(root, subscribers=20)
        mailing = begin(newsletter)
        mine = claim(newsletter.store, mailing)
        assert mine
        own.stop()
        with pytest.raises(TryAgain), newsletter.store.write() as connection:
            settlement.settle(connection, mine, {})
        own.start()
        with newsletter.store.write() as connection:
            assert settlement.settle(
                connection, mine, {r.ref: Accepted("id") for r in mine.subscribers}
            )
        # In the middle of a transaction: what was claimed in it was never claimed.
        with pytest.raises(TryAgain), newsletter.store.write() as connection:  # noqa: PT012
            assert claims.claim(connection, mailing.id, size=5, lease=HOUR, key_id="k")
            own.restart()
        with newsletter.store.read() as connection:
            counts = mailing_reports.report(connection, mailing).counts
        assert {s: n for s, n in counts.items() if n} == {
            DeliveryState.ACCEPTED: 5,
            DeliveryState.PENDING: 15,
        }
        newsletter.store.close()


def test_who_left_before_the_claim_is_skipped_and_a_locked_row_is_passed_over(
    newsletter: Newsletter, mailing: Mailing
) -> None:
    assert unsubscribe(newsletter.store, "lezer0@example.org")
    with newsletter.store.write() as leaving:
        known = subscribers.find(leaving, ["lezer1@example.org"], for_update=True)[
            "lezer1@example.org"
        ]
        subscribers.mark_left(
            leaving, {known.id: (SubscriberStatus.UNSUBSCRIBED, datetime.now(UTC))}
        )
        # The change is not committed yet, so nothing waits for it here...
        taken = claim(newsletter.store, mailing, size=20)
    assert taken
    emails = {subscriber.email for subscriber in taken.subscribers}
    assert emails == {f"lezer{n}@example.org" for n in range(2, 20)}
    # ... and now that it is, they get nothing.
    assert claim(newsletter.store, mailing, size=20) is None
    with newsletter.store.read() as connection:
        assert mailing_reports.report(connection, mailing).counts[DeliveryState.SKIPPED] == 2


def test_who_leaves_during_a_claim_waits_until_it_is_known(
    newsletter: Newsletter, mailing: Mailing
) -> None:
    done = threading.Event()

    def leave() -> None:
        unsubscribe(newsletter.store, "lezer0@example.org")
        done.set()

    with newsletter.store.write() as claiming:
        taken = claims.claim(claiming, mailing.id, size=20, lease=HOUR, key_id="k")
        thread = threading.Thread(target=leave)
        thread.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not newsletter.sql(waiting)[0][0]:
            assert not done.is_set()
    thread.join(PROMPTLY)
    assert done.is_set()
    assert taken
    assert len(taken.subscribers) == 20
    # They left after their letter was claimed: what a repetition would need is gone.
    assert newsletter.sql("SELECT snapshot FROM batches") == [(None,)]


def test_claims_at_once_never_share_a_delivery(newsletter: Newsletter, mailing: Mailing) -> None:
    with newsletter.store.write() as one, newsletter.store.write() as other:
        first = claims.claim(one, mailing.id, size=8, lease=HOUR, key_id="k")
        second = claims.claim(other, mailing.id, size=8, lease=HOUR, key_id="k")
        third = claim(newsletter.store, mailing, size=8)
    refs = [r.ref for c in (first, second, third) if c for r in c.subscribers]
    assert len(refs) == len(set(refs)) == 20
    assert claim(newsletter.store, mailing) is None


def test_what_another_is_claiming_is_worth_waiting_for(
    newsletter: Newsletter, mailing: Mailing
) -> None:
    with newsletter.store.write() as other:
        assert claims.claim(other, mailing.id, size=20, lease=HOUR, key_id="k")
        assert claim(newsletter.store, mailing) is None
        with newsletter.store.read() as connection:
            assert recovery.has_other_workers(connection, mailing.id)
    newsletter.sql("UPDATE deliveries SET state = 'accepted'")
    with newsletter.store.read() as connection:
        assert not recovery.has_other_workers(connection, mailing.id)


def test_a_limit_is_shared_by_all_senders(newsletter: Newsletter, mailing: Mailing) -> None:
    newsletter.sql("UPDATE mailings SET claims_left = 7")
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _n: claim(newsletter.store, mailing, size=3), range(8)))
    assert sum(len(c.subscribers) for c in taken if c) == 7
    assert newsletter.sql("SELECT claims_left FROM mailings") == [(0,)]


def test_letters_are_counted_by_one_at_a_time(newsletter: Newsletter, mailing: Mailing) -> None:
    """Of eight who may claim only while fewer than ten have left, no two count the same."""

    def careful(_n: int) -> None:
        with newsletter.store.write() as connection:
            past = datetime.now(UTC) - HOUR
            if claims.count_claimed_since(connection, past) < 10:
                claims.claim(connection, mailing.id, size=5, lease=HOUR, key_id="k")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(careful, range(8)))
    assert newsletter.sql("SELECT sum(size) FROM batches") == [(10,)]


def test_a_batch_of_unknown_outcome_is_taken_over_by_one(
    newsletter: Newsletter, mailing: Mailing
) -> None:
    assert claim(newsletter.store, mailing)
    newsletter.lose_process()
    with newsletter.store.write() as connection:
        assert recovery.expire_leases(connection, mailing.id) == 5

    def take_over(_n: int) -> Claim | None:
        with newsletter.store.write() as connection:
            return recovery.replay(connection, mailing.id, lease=HOUR, window=HOUR)

    with ThreadPoolExecutor(4) as pool:
        assert len([c for c in pool.map(take_over, range(4)) if c]) == 1


def test_a_lease_does_not_end_during_a_settlement(newsletter: Newsletter, mailing: Mailing) -> None:
    mine = claim(newsletter.store, mailing)
    assert mine
    newsletter.lose_process()
    with newsletter.store.write() as settling:
        assert settlement.settle(settling, mine, {r.ref: Accepted("id") for r in mine.subscribers})
        with newsletter.store.write() as other:
            assert recovery.expire_leases(other, mailing.id) == 0
    assert newsletter.sql("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == [(5,)]


def test_nothing_is_completed_while_another_claims(
    newsletter: Newsletter, mailing: Mailing
) -> None:
    newsletter.sql("UPDATE deliveries SET state = 'accepted' WHERE id > 1")
    concluded = threading.Event()

    def conclude() -> None:
        with newsletter.store.write() as connection:
            mailings.complete_if_done(connection, mailing.id)
        concluded.set()

    with newsletter.store.write() as claiming:
        mine = claims.claim(claiming, mailing.id, size=5, lease=HOUR, key_id="k")
        thread = threading.Thread(target=conclude)
        thread.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not newsletter.sql(waiting)[0][0]:
            assert not concluded.is_set()
    thread.join(PROMPTLY)
    assert mine
    with newsletter.store.read() as connection:
        assert mailings.get(connection, mailing.id).state is MailingState.SENDING


def test_many_freezes_at_once_are_one_mailing(newsletter: Newsletter) -> None:
    newsletter.sql("DELETE FROM subscribers WHERE id > 3")
    _, draft = desk.find_draft(newsletter.settings, newsletter.slug)
    assert draft
    assert draft.issue
    issue, letter = draft.issue, render.letter(draft.issue, newsletter.settings)

    def freeze(_n: int) -> int:
        with newsletter.store.write() as connection:
            freezing.lock_freezing(connection)
            other = mailings.find(connection, newsletter.slug, rehearsal=False)
            return (
                other
                or freezing.freeze(
                    connection, issue, letter, provider="x", provider_url="", rehearsal=False
                )
            ).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(freeze, range(6)))) == 1
    assert newsletter.sql("SELECT count(DISTINCT ref), count(*) FROM deliveries") == [(3, 3)]
    assert newsletter.sql("SELECT length(min(ref)) FROM deliveries") == [(32,)]


def test_the_same_address_added_many_times_at_once_is_one_subscriber(
    newsletter: Newsletter,
) -> None:
    def come(_n: int) -> str:
        return add(newsletter.store, "nieuw@example.org", consent="ja").value

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(come, range(6)))
    assert results == ["added", *["unchanged"] * 5]
    assert newsletter.sql("SELECT count(*) FROM consents") == [(1,)]


def test_what_was_refused_is_pending_again(newsletter: Newsletter, mailing: Mailing) -> None:
    mine = claim(newsletter.store, mailing)
    assert mine
    with newsletter.store.write() as connection:
        settlement.settle(
            connection, mine, {r.ref: RequestRefused("no such key") for r in mine.subscribers}
        )
    counts = delivery.find_report(newsletter.store, newsletter.slug)
    assert counts
    assert counts.counts[DeliveryState.PENDING] == 20
    assert newsletter.sql("SELECT count(*) FROM batches WHERE snapshot IS NOT NULL") == [(0,)]


def test_a_report_sees_one_moment(newsletter: Newsletter, mailing: Mailing) -> None:
    with newsletter.store.read() as connection:
        before = mailing_reports.report(connection, mailing)
        assert claim(newsletter.store, mailing)
        assert mailing_reports.report(connection, mailing) == before


def test_reading_cannot_write(newsletter: Newsletter) -> None:
    with pytest.raises(NewsletterError, match="read-only"), newsletter.store.read() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")


def test_consents_cannot_be_changed_and_go_with_the_person(newsletter: Newsletter) -> None:
    add(newsletter.store, "anna@example.org", consent="ja")
    for statement in (
        "UPDATE consents SET source = 'x'",
        "DELETE FROM consents",
        "TRUNCATE consents",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            newsletter.sql(statement)
    newsletter.sql("DELETE FROM subscribers WHERE email_key = 'anna@example.org'")
    assert newsletter.sql("SELECT count(*) FROM consents") == [(0,)]
