"""Undoing an import: only what it did itself, and only where nothing happened since."""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from newsletter import config
from newsletter.config import Settings
from newsletter.errors import NewsletterError
from newsletter.imports import undo as undo_imports
from newsletter.model import EventKind, ProviderSuppression
from newsletter.store import imports
from newsletter.store import subscribers as people_queries
from newsletter.store.database import now
from newsletter.subscriptions import admin as list_
from newsletter.subscriptions import erasure, event_effects, signup, unsubscribe
from newsletter.subscriptions.signup import LinkState, request_signup
from tests.support.databases import where
from tests.support.signups import HERE, VIA, open_link, signup_request
from tests.support.subscribers import dump, freeze_batches, fresh_store, import_text, sql, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from newsletter.imports.undo import UndoResult
    from newsletter.store import Store

pytestmark = pytest.mark.usefixtures("database")

TWO = "email,status\nanna@example.org,active\nbas@example.org,active\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = fresh_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def undo(store: Store, tmp_path: Path) -> Callable[[str | None], UndoResult]:
    settings = config.load(tmp_path, where()) if where() else Settings(root=tmp_path)
    return lambda id_: undo_imports.undo(store, settings, id_ or "")


def public_id(store: Store, email: str) -> str:
    ((found,),) = sql(store, "SELECT public_id FROM subscribers WHERE email_key = ?", email)
    return str(found)


def counts(done: UndoResult) -> tuple[int, int, int]:
    return done.removed, done.restored, done.kept


def test_an_import_into_an_empty_list_leaves_nothing(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    before = dump(store)
    report = import_text(store, tmp_path, f"{TWO}cor@example.org,unsubscribed\n")
    assert re.fullmatch("[0-9a-f]{8}", report.id or "")
    assert counts(undo(report.id)) == (3, 0, 0)
    assert dump(store) == before
    assert counts(undo(report.id)) == (0, 0, 0)
    assert import_text(store, tmp_path, TWO).added == 2


def test_a_dry_run_has_nothing_to_undo(store: Store, tmp_path: Path) -> None:
    assert import_text(store, tmp_path, TWO, dry_run=True).id is None
    assert sql(store, "SELECT * FROM imports") == []


def test_existing_subscribers_stay_unchanged(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    list_.add(store, "anna@example.org", consent="x", first_name="Anna")
    import_text(store, tmp_path, "email,status\nbas@example.org,pending\n")
    before = dump(store)
    report = import_text(
        store,
        tmp_path,
        "email\nanna@example.org\nbas@example.org\ncor@example.org\n",
        as_suppressed=True,
    )
    assert set(statuses(store).values()) == {"unsubscribed"}
    assert counts(undo(report.id)) == (1, 2, 0)
    assert dump(store) == before


def test_who_waited_to_confirm_waits_again(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    import_text(store, tmp_path, "email,status\nbas@example.org,pending\n")
    report = import_text(store, tmp_path, TWO)
    assert (report.added, report.updated) == (1, 1)
    assert counts(undo(report.id)) == (1, 1, 0)
    assert statuses(store) == {"bas@example.org": "pending"}


def test_who_unsubscribed_themselves_is_never_restored(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    for name in ("anna", "bas", "cor", "dirk"):
        list_.add(store, f"{name}@example.org", consent="x")
    text = "email\nanna@example.org\nbas@example.org\ncor@example.org\ndirk@example.org\n"
    report = import_text(store, tmp_path, text, as_suppressed=True)
    # A click and a command that change nothing count as well, and so does a later file.
    assert unsubscribe.unsubscribe_many(store, [public_id(store, "anna@example.org")]) == 0
    assert not list_.unsubscribe(store, "bas@example.org")
    import_text(store, tmp_path, "email,status\ncor@example.org,active\n")
    done = undo(report.id)
    assert counts(done) == (0, 1, 3)
    assert done.reasons == {"changed since": 2, "named by a later import": 1}
    assert [email for email, status in statuses(store).items() if status == "active"] == [
        "dirk@example.org"
    ]


def test_who_leaves_while_an_import_is_undone_has_left(
    store: Store,
    tmp_path: Path,
    undo: Callable[[str | None], UndoResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    list_.add(store, "anna@example.org", consent="x")
    report = import_text(store, tmp_path, "email\nanna@example.org\n", as_suppressed=True)
    click = threading.Thread(
        target=unsubscribe.unsubscribe_many, args=(store, [public_id(store, "anna@example.org")])
    )
    attempted = imports.attempted

    def clicked(connection: Any, ids: Any) -> Any:  # noqa: ANN401 - passed on
        click.start()
        click.join(0.5)  # it may wait for the undoing, but not be lost by it
        return attempted(connection, ids)

    monkeypatch.setattr(imports, "attempted", clicked)
    undo(report.id)
    click.join()
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_undoing_waits_for_who_leaves_at_that_moment(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    list_.add(store, "anna@example.org", consent="x")
    report = import_text(store, tmp_path, "email\nanna@example.org\n", as_suppressed=True)
    anna = [public_id(store, "anna@example.org")]
    done: list[UndoResult] = []
    undoing_it = threading.Thread(target=lambda: done.append(undo(report.id)))
    with store.write() as connection:
        people_queries.find_present(connection, anna, for_update=True)
        people_queries.touch(connection, people_queries.find_removed_by_import(connection, anna))
        undoing_it.start()
        time.sleep(0.5)
    undoing_it.join()
    assert counts(done[0]) == (0, 0, 1)
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_an_event_that_took_the_number_of_one_that_is_gone_counts(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    for name in ("zoe", "anna"):
        list_.add(store, f"{name}@example.org", consent="x")
    with store.write() as connection:
        later = now(connection) + timedelta(seconds=1)
        first = ProviderSuppression("zoe@example.org", EventKind.HARD_BOUNCE, later)
        event_effects.apply_suppressions(connection, [first])
    report = import_text(store, tmp_path, "email\nanna@example.org\n", as_suppressed=True)
    settings = config.load(tmp_path, where()) if where() else Settings(root=tmp_path)
    erasure.erase(store, settings, "zoe@example.org")
    with store.write() as connection:
        again = ProviderSuppression("anna@example.org", EventKind.UNSUBSCRIBE, now(connection))
        event_effects.apply_suppressions(connection, [again])
    assert counts(undo(report.id)) == (0, 0, 1)
    assert statuses(store) == {"anna@example.org": "unsubscribed"}


def test_who_confirms_although_an_import_did_stays_active(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    for name in ("anna", "bas"):
        request_signup(store, signup_request(f"{name}@example.org"), VIA)
    with store.read() as connection:
        before = (now(connection) - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    sql(store, "UPDATE signups SET requested_at = ?", before)
    sql(store, "UPDATE notices SET queued_at = ?", before)
    report = import_text(store, tmp_path, TWO)
    link = open_link(store, "anna@example.org")
    assert signup.confirm(store, link, HERE) is LinkState.CONFIRMED
    assert counts(undo(report.id)) == (0, 1, 1)
    assert statuses(store) == {"anna@example.org": "active", "bas@example.org": "pending"}


def test_a_suppression_that_a_later_file_confirms_stays(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    first = import_text(
        store, tmp_path, "email\nanna@example.org\nbas@example.org\n", as_suppressed=True
    )
    second = import_text(store, tmp_path, "email,status\nanna@example.org,unsubscribed\n")
    done = undo(first.id)
    assert counts(done) == (1, 0, 1)
    assert statuses(store) == {"anna@example.org": "unsubscribed"}
    # Once the later one is undone too, nothing confirms it any more.
    assert counts(undo(second.id)) == (0, 0, 0)
    assert counts(undo(first.id)) == (1, 0, 0)


def test_being_in_a_later_file_is_no_act_of_the_subscriber(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    first = import_text(store, tmp_path, TWO)
    import_text(store, tmp_path, TWO)
    assert counts(undo(first.id)) == (2, 0, 0)


def test_who_bounced_complained_or_was_erased_is_not_touched(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    text = f"{TWO}cor@example.org,bounced\ndirk@example.org,spam\n"
    report = import_text(store, tmp_path, text)
    settings = config.load(tmp_path, where()) if where() else Settings(root=tmp_path)
    erasure.erase(store, settings, "bas@example.org")
    done = undo(report.id)
    assert counts(done) == (1, 0, 2)
    assert done.reasons == {"bounced": 1, "complained": 1}
    assert statuses(store) == {"cor@example.org": "bounced", "dirk@example.org": "complained"}
    assert len(sql(store, "SELECT * FROM suppressions")) == 1


def test_who_was_mailed_stays_and_counts_still_add_up(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    report = import_text(store, tmp_path, f"{TWO}cor@example.org,active\n")
    freeze_batches(store)
    sql(store, "UPDATE mailings SET rehearsal = false")
    for name, state in (("anna", "accepted"), ("bas", "pending"), ("cor", "unknown")):
        sql(
            store,
            "UPDATE deliveries SET state = ?, batch_id = CASE WHEN ? = 'pending' THEN NULL"
            " ELSE batch_id END WHERE ref = ?",
            state,
            state,
            public_id(store, f"{name}@example.org"),
        )
    done = undo(report.id)
    assert counts(done) == (1, 0, 2)
    assert done.reasons == {"mailed since": 2}
    assert list(statuses(store)) == ["anna@example.org", "cor@example.org"]
    assert sql(store, "SELECT state, reason FROM deliveries WHERE subscriber_id IS NULL") == [
        ("skipped", "import undone")
    ]
    assert sql(store, "SELECT count(*) FROM deliveries") == [(3,)]


def test_a_rehearsal_mails_nobody(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    report = import_text(store, tmp_path, TWO)
    freeze_batches(store)
    sql(store, "UPDATE deliveries SET state = 'accepted'")
    assert counts(undo(report.id)) == (2, 0, 0)


def test_undoing_and_a_sender_that_settles_do_not_wait_for_each_other(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    report = import_text(store, tmp_path, TWO)
    freeze_batches(store)
    done: list[UndoResult] = []
    undoing_it = threading.Thread(target=lambda: done.append(undo(report.id)))
    with store.write() as connection:
        # As `batches.settle` does: the batch first, its deliveries then.
        ids = "SELECT id FROM batches WHERE key = 'with anna'"
        lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(ids + lock)
        undoing_it.start()
        time.sleep(0.5)
        connection.exec_driver_sql(
            f"UPDATE deliveries SET state = 'accepted' WHERE batch_id IN ({ids})"  # noqa: S608 - ours
        )
    undoing_it.join()
    assert counts(done[0]) == (2, 0, 0)


def test_an_event_or_an_act_keeps_the_subscriber(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    report = import_text(store, tmp_path, f"{TWO}cor@example.org,active\n")
    sql(
        store,
        "INSERT INTO events (subscriber_id, kind, at, detail) SELECT id, 'suppressed',"
        " '2026-01-02 00:00:00', '' FROM subscribers WHERE email_key = 'anna@example.org'",
    )
    list_.add(store, "bas@example.org", consent="x")
    done = undo(report.id)
    assert counts(done) == (1, 0, 2)
    assert done.reasons == {"an event since": 1, "changed since": 1}


def test_an_import_that_is_not_there_names_those_that_are(
    store: Store, tmp_path: Path, undo: Callable[[str | None], UndoResult]
) -> None:
    with pytest.raises(NewsletterError, match="Nothing was imported yet"):
        undo("0000")
    report = import_text(store, tmp_path, TWO)
    with pytest.raises(NewsletterError, match=str(report.id)) as caught:
        undo("0000")
    assert caught.value.exit_code == 1


def test_it_is_a_command(store: Store, tmp_path: Path, run: Callable[..., Any]) -> None:
    report = import_text(store, tmp_path, TWO)
    assert run("subscribers", "undo", report.id).returncode == 2
    assert run("subscribers", "undo", "ffff", "--yes").returncode == 1
    done = run("subscribers", "undo", report.id, "--yes", "--json")
    assert json.loads(done.stdout) == {
        "id": report.id,
        "removed": 2,
        "restored": 0,
        "kept": 0,
        "reasons": {},
    }
    assert run("subscribers", "list").stdout == ""
