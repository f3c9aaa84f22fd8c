"""`newsletter db move`: everything arrives, once, and it can be repeated."""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import ImportChange, SubscriberStatus
from newsletter.store import (
    checkpoints,
    claims,
    imports,
    keys,
    mailings,
    media,
    open_store,
    proofs,
    transfer,
)
from newsletter.store import (
    database as database_store,
)
from newsletter.store.database import now
from newsletter.store.schema import ledger, metadata
from newsletter.store.url import locate
from newsletter.subscriptions.admin import add, unsubscribe
from newsletter.subscriptions.events import apply_waiting
from newsletter.subscriptions.signup import request_signup
from tests.support.changes import die_at, fill_the_disk_of_a_copy
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.parameters import choose
from tests.support.providers.webhooks import RESEND, ReportedEvent, keep
from tests.support.signups import VIA, signup_request

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.config import Settings
    from newsletter.store import Store
    from tests.support.postgres import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

WAYS = [
    ("sqlite", "sqlite"),
    ("sqlite", "postgresql"),
    ("postgresql", "sqlite"),
    ("postgresql", "postgresql"),
]
both_ways = pytest.mark.parametrize(
    ("database", "other"), choose(WAYS, always=WAYS[1:2]), indirect=True
)
to_a_server = pytest.mark.parametrize(("database", "other"), WAYS[1:2], indirect=True)


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Postgres = request.getfixturevalue("server")
    name = server.database()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def newsletter(root: Path, database: str) -> Iterator[Newsletter]:
    """Return a newsletter with something in every table."""
    assert database
    newsletter = Newsletter(root, subscribers=30)
    add(newsletter.store, "anna@example.org", consent="ja, graag", first_name="Änna 🕊")
    unsubscribe(newsletter.store, "lezer3@example.org")
    request_signup(newsletter.store, signup_request("lezer3@example.org"), VIA)
    newsletter.send(FakeProvider(root / "taken"), limit=10)
    with newsletter.store.write() as connection:
        keys.record_fingerprint(connection, "0123456789abcdef")
        mailing = mailings.find_latest(connection, 1)[0]
        mailings.record_decision(connection, mailing.id, who="g", what="pause", count=3)
        names = {"slug": "s", "letter_hash": "h", "ref": "r", "provider": "p"}
        proofs.record(connection, **names, provider_url="https://p.example.org", provider_id="i")
        media.store(connection, ["a.png"], {"a.png": bytes(range(256)) * 1000})
        checkpoints.put(connection, "tidied", now(connection))
        begun, _ = imports.begin(connection, now(connection))
        named = (ImportChange.NAMED, SubscriberStatus.ACTIVE)
        imports.record_changed(connection, begun, {1: named})
    ref = str(newsletter.sql("SELECT ref FROM deliveries WHERE id = 1")[0][0])
    for name, reported in (("applied", ref), ("waiting", "0" * 32)):
        keep(
            newsletter.store,
            [("resend", name, RESEND.webhook(ReportedEvent("delivered", reported))[0])],
        )
    apply_waiting(newsletter.store)
    newsletter.sql(
        "INSERT INTO address_changes (public_id, subscriber_id, old_email, new_email, "
        "new_email_key, requested_at) VALUES ('c', 1, 'a@example.org', 'b@example.org', "
        "'b@example.org', '2026-01-02 03:04:05.000006+00:00')"
    )
    newsletter.sql(
        "INSERT INTO suppressions (address_hash, reason, at) "
        "VALUES ('hash', 'erased', '2026-01-02 03:04:05.000006+00:00')"
    )
    newsletter.sql(
        "INSERT INTO acceptances (delivery_id, provider_id, at) "
        "VALUES (1, 'id-2', '2026-01-02 03:04:05.000006+00:00')"
    )
    newsletter.sql(
        "INSERT INTO withdrawals (slug, at) VALUES ('old', '2026-01-02 03:04:05.000006+00:00')"
    )
    newsletter.sql("INSERT INTO digest_issues (mailing_id, slug) VALUES (1, 'an-issue')")
    newsletter.sql("INSERT INTO answers (slug, answer, count) VALUES ('an-issue', 1, 7)")
    newsletter.sql(
        "INSERT INTO issue_notices (subscriber_id, slug, at) "
        "VALUES (1, 'an-issue', '2026-01-02 03:04:05.000006+00:00')"
    )
    newsletter.sql(
        "INSERT INTO copies (path, made_at) "
        "VALUES ('/old/newsletter.db.before-0009', '2026-01-02 03:04:05.000006+00:00')"
    )
    return newsletter


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
            if table is not ledger
        } | {
            "ledger": [
                tuple(row)
                for row in connection.execute(
                    sa.select(ledger.c.id, ledger.c.suppression_key, ledger.c.created_at)
                )
            ]
        }


def there(newsletter: Newsletter, url: str) -> Settings:
    return replace(newsletter.settings, database_url=url)


@both_ways
def test_everything_arrives_and_the_old_one_is_closed(newsletter: Newsletter, other: str) -> None:
    before = everything(newsletter.store)
    assert all(before.values()), "a table without rows proves nothing"

    moved = transfer.move(newsletter.settings, other)

    assert not moved.already
    new = open_store(there(newsletter, other))
    assert everything(new) == before
    assert everything(newsletter.store) == before
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    for write in (
        lambda: add(newsletter.store, "nieuw@example.org", consent="ja"),
        lambda: unsubscribe(newsletter.store, "lezer1@example.org"),
        lambda: newsletter.send(FakeProvider(newsletter.root / "taken")),
    ):
        with pytest.raises(NewsletterError, match="moved") as caught:
            write()
        assert caught.value.exit_code == 1
    assert everything(newsletter.store) == before
    # The new one goes on where the old one was: numbers of rows, too.
    add(new, "nieuw@example.org", consent="ja")
    with new.read() as connection:
        ids = connection.exec_driver_sql("SELECT max(id), count(*) FROM subscribers").one()
        closed = connection.scalar(sa.select(ledger.c.closed_at))
    assert tuple(ids) == (32, 32)
    assert closed is None
    new.close()


@both_ways
def test_a_number_that_was_given_once_is_never_given_again(
    newsletter: Newsletter, other: str
) -> None:
    add(newsletter.store, "weg@example.org", consent="ja")
    newsletter.sql("DELETE FROM subscribers WHERE email_key = 'weg@example.org'")
    transfer.move(newsletter.settings, other)
    new = open_store(there(newsletter, other))
    add(new, "nieuw@example.org", consent="ja")
    with new.read() as connection:
        assert connection.exec_driver_sql("SELECT max(id) FROM subscribers").scalar() == 33
    new.close()


@both_ways
def test_again_it_is_done_already_and_nowhere_else(
    newsletter: Newsletter, other: str, tmp_path: Path
) -> None:
    transfer.move(newsletter.settings, other)
    assert transfer.move(newsletter.settings, other).already
    third = f"sqlite:///{tmp_path / 'third.db'}"
    with pytest.raises(NewsletterError, match="moved to a different one"):
        transfer.move(newsletter.settings, third)
    # Not back either: what is there is old by now.
    with pytest.raises(NewsletterError, match="moved away from it"):
        transfer.move(
            there(newsletter, other), os.environ.get("NEWSLETTER_DATABASE_URL") or _file(newsletter)
        )


def _file(newsletter: Newsletter) -> str:
    return f"sqlite:///{newsletter.root / '.newsletter' / 'newsletter.db'}"


@both_ways
def test_nothing_moves_while_letters_are_under_way(newsletter: Newsletter, other: str) -> None:
    newsletter.sql("UPDATE mailings SET state = 'sending', claims_left = NULL")
    with newsletter.store.write() as connection:
        lease = timedelta(hours=1)
        claim = claims.claim(connection, 1, size=5, lease=lease, key_id="k")
        assert claim
        assert claims.record_payload(connection, claim, "hash")
    with pytest.raises(TryAgain, match="5 letters are under way"):
        transfer.move(newsletter.settings, other)
    add(newsletter.store, "nieuw@example.org", consent="ja")
    newsletter.lose_process()
    transfer.move(newsletter.settings, other)
    new = open_store(there(newsletter, other))
    with new.read() as connection:
        query = "SELECT count(*) FROM deliveries WHERE state = 'unknown'"
        assert connection.exec_driver_sql(query).scalar() == 5
    new.close()


@both_ways
def test_a_database_in_use_is_refused_and_nothing_is_closed(
    newsletter: Newsletter, other: str, tmp_path: Path
) -> None:
    assert tmp_path
    place = locate(there(newsletter, other))
    if "sqlite" in other:
        open_store(there(newsletter, other)).close()
    else:
        empty = database_store.connect(place)
        database_store.upgrade(empty, place)
        empty.close()
    new = open_store(there(newsletter, other))
    add(new, "eigen@example.org", consent="ja")
    before = everything(new)
    with pytest.raises(NewsletterError, match="in use"):
        transfer.move(newsletter.settings, other)
    assert everything(new) == before
    add(newsletter.store, "nieuw@example.org", consent="ja")
    # With nobody in it, its own ledger gives way.
    for table in ("consents", "subscribers", "wordings"):
        with new.write() as connection:
            if table != "consents":  # which go with their person
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - ours
    new.close()
    transfer.move(newsletter.settings, other)
    new = open_store(there(newsletter, other))
    assert everything(new) == everything(newsletter.store)
    new.close()


@to_a_server
def test_a_database_that_is_behind_or_of_others_is_refused(
    newsletter: Newsletter, other: str
) -> None:
    place = locate(there(newsletter, other))
    new = database_store.connect(place)
    database_store.upgrade(new, place)
    for revision, says in (("0014", "before the first release"), ("9999", "newer version")):
        with new.maintain() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 - ours
        with pytest.raises(NewsletterError, match=says):
            transfer.move(newsletter.settings, other)
    with new.maintain() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(NewsletterError, match="not a database of this program"):
        transfer.move(newsletter.settings, other)
    add(newsletter.store, "nieuw@example.org", consent="ja")
    new.close()


@both_ways
def test_where_it_is_already_is_no_place_to_move_to(newsletter: Newsletter, other: str) -> None:
    assert other
    with pytest.raises(NewsletterError, match="in that database already"):
        transfer.move(
            newsletter.settings, os.environ.get("NEWSLETTER_DATABASE_URL") or _file(newsletter)
        )


@pytest.mark.parametrize(("database", "other"), choose(WAYS[:2], always=WAYS[:1]), indirect=True)
def test_a_copy_of_this_ledger_that_is_open_is_refused(newsletter: Newsletter, other: str) -> None:
    transfer.move(newsletter.settings, other)
    with newsletter.store.maintain() as connection:
        connection.exec_driver_sql("UPDATE ledger SET closed_at = NULL, moved_at = NULL")
    with pytest.raises(NewsletterError, match="one of them is a copy"):
        transfer.move(newsletter.settings, other)


def test_writes_that_began_before_the_transfer_are_included(
    root: Path, postgresql: str, tmp_path: Path
) -> None:
    assert postgresql
    newsletter = Newsletter(root, subscribers=1)
    target = f"sqlite:///{tmp_path / 'new.db'}"
    with ThreadPoolExecutor(1) as pool:
        with newsletter.store.write() as connection:
            connection.exec_driver_sql("UPDATE subscribers SET first_name = 'Bas'")
            move = pool.submit(transfer.move, newsletter.settings, target)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not newsletter.sql(waiting)[0][0]:
                assert not move.done()
        move.result()
    new = open_store(there(newsletter, target))
    assert everything(new) == everything(newsletter.store)
    with new.read() as connection:
        names = connection.exec_driver_sql("SELECT first_name FROM subscribers").all()
    assert [tuple(row) for row in names] == [("Bas",)]
    new.close()


@to_a_server
def test_rows_added_to_the_target_meanwhile_are_not_overwritten(
    newsletter: Newsletter, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = locate(there(newsletter, other))
    new = database_store.connect(place)
    database_store.upgrade(new, place)
    close = transfer._close  # noqa: SLF001 - what happens between two steps

    def close_slowly(source: Store) -> None:
        close(source)
        add(new, "eigen@example.org", consent="ja")

    monkeypatch.setattr(transfer, "_close", close_slowly)
    with pytest.raises(NewsletterError, match=r"meanwhile.*The old database is closed"):
        transfer.move(newsletter.settings, other)
    with new.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM subscribers").scalar() == 1
    new.close()


@both_ways
@pytest.mark.parametrize("where", ["_refuse", "_close", "_copy_table", "_copy", "_note_moved"])
def test_killed_half_way_it_is_finished_by_the_same_command(
    newsletter: Newsletter, other: str, where: str, run: Run
) -> None:
    before = everything(newsletter.store)
    at = functools.partial(die_at, "transfer", where, "return")
    killed = run("db", "move", other, cwd=newsletter.root, before=[at])
    assert killed.returncode == -signal.SIGKILL
    with newsletter.store.read() as connection:
        closed = connection.scalar(sa.select(ledger.c.closed_at)) is not None
    assert closed == (where != "_refuse")

    done = run("db", "move", other, "--json", cwd=newsletter.root)

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["already"] == (where in {"_copy", "_note_moved"})
    new = open_store(there(newsletter, other))
    assert everything(new) == before
    new.close()


def test_a_copy_that_fails_says_what_is_closed(
    root: Path, postgresql: str, run: Run, tmp_path: Path
) -> None:
    assert postgresql
    Newsletter(root).store.close()
    target = tmp_path / "vol" / "new.db"
    done = run("db", "move", f"sqlite:///{target}", before=[fill_the_disk_of_a_copy])
    assert "The old database is closed" in done.stderr
    assert run("db", "move", f"sqlite:///{target}").returncode == 0


@to_a_server
def test_a_password_belongs_elsewhere(
    newsletter: Newsletter, other: str, server: Postgres, run: Run
) -> None:
    name = other.partition("@/")[2].partition("?")[0]
    done = run("db", "move", server.url(name, tcp=True), cwd=newsletter.root)
    assert done.returncode == 0
    assert "PGPASSWORD" in done.stderr
    assert "geheim" not in done.stdout + done.stderr
    line = f"NEWSLETTER_DATABASE_URL=postgresql://postgres@127.0.0.1:{server.port}/{name}"
    assert line in done.stdout
    reported = run("db", "status", "--json", cwd=newsletter.root)
    assert json.loads(reported.stdout)["closed"] is True
    environment = {"NEWSLETTER_DATABASE_URL": line.partition("=")[2], "PGPASSWORD": "geheim"}
    reported = run("db", "status", "--json", cwd=newsletter.root, env=environment)
    document = json.loads(reported.stdout)
    assert (document["closed"], document["engine"]) == (False, "postgresql")
    assert document["subscribers"] == 31
    # A key that signed letters is not configured here.
    assert document["key_matches"] is False


@to_a_server
def test_many_rows_do_not_fill_the_memory(newsletter: Newsletter, other: str) -> None:
    newsletter.sql(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) "
        "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at) "
        "SELECT 'p' || i, 'm' || i || '@example.org', 'm' || i || '@example.org', 'active', 't', "
        "'2026-01-02 03:04:05.000006' FROM n"
    )
    seen: list[int] = []
    transfer.move(newsletter.settings, other, lambda done, _total: seen.append(done))
    assert max(b - a for a, b in itertools.pairwise(seen)) <= 1000


def test_the_command_says_what_to_set(root: Path, run: Run) -> None:
    Newsletter(root).store.close()
    moved = run("db", "move", "sqlite:///two.db")
    assert moved.returncode == 0, moved.stderr
    assert "NEWSLETTER_DATABASE_URL=sqlite:///two.db" in moved.stdout
    refused = run("send", "--due")
    assert refused.returncode == 1
    assert "moved" in refused.stderr
    there = {"NEWSLETTER_DATABASE_URL": "sqlite:///two.db"}
    assert json.loads(run("db", "status", "--json", env=there).stdout)["subscribers"] == 25
