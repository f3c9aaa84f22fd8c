"""Erasing where the database is a file: its log, and the copies that migrations made of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import files, sqlite
from newsletter.store.database import now
from newsletter.subscriptions.erasure import erase
from tests.support.newsletter import Newsletter, raw
from tests.support.personal_data import traces
from tests.support.subscribers import fresh_store

if TYPE_CHECKING:
    from pathlib import Path

SUBSCRIBER = "lezer3@example.org"


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    fresh_store(root).close()
    return Newsletter(root)


def database(newsletter: Newsletter) -> Path:
    return newsletter.settings.state / "newsletter.db"


def test_a_log_that_others_read_is_emptied_by_the_next_try(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with raw(database(newsletter), manual=True) as subscriber:
        subscriber.execute("BEGIN")
        subscriber.execute("SELECT count(*) FROM subscribers").fetchone()
        with pytest.raises(TryAgain, match="log"):
            erase(newsletter.store, newsletter.settings, SUBSCRIBER)
        subscriber.execute("ROLLBACK")
    assert traces(newsletter.root, SUBSCRIBER)
    assert erase(newsletter.store, newsletter.settings, SUBSCRIBER) is False
    assert traces(newsletter.root, SUBSCRIBER) == []


def test_a_migrations_copy_of_a_database_with_an_erased_subscriber_is_removed(
    newsletter: Newsletter,
) -> None:
    older = files.copy_path(database(newsletter), "0003")
    sqlite.back_up(database(newsletter), older)
    erase(newsletter.store, newsletter.settings, "lezer4@example.org")
    assert not older.exists()
    newer = files.copy_path(database(newsletter), "0004")
    sqlite.back_up(database(newsletter), newer)
    erase(newsletter.store, newsletter.settings, SUBSCRIBER)
    assert not newer.exists()
    sqlite.back_up(database(newsletter), newer)
    erase(newsletter.store, newsletter.settings, SUBSCRIBER)
    assert newer.exists()
    assert traces(newsletter.root, SUBSCRIBER) == []


def test_a_migrations_copy_with_an_earlier_address_is_removed(
    newsletter: Newsletter,
) -> None:
    older = files.copy_path(database(newsletter), "0003")
    sqlite.back_up(database(newsletter), older)
    newsletter.sql(
        "UPDATE subscribers SET email = 'nieuw@example.org', email_key = 'nieuw@example.org'"
        " WHERE email LIKE 'lezer3@%'"
    )
    assert erase(newsletter.store, newsletter.settings, "nieuw@example.org")
    assert not older.exists()
    assert traces(newsletter.root, SUBSCRIBER, "nieuw@") == []


NAMES = ("lijst[1].db", "lijst[oud]*.db", "[!x].db", "{a,b}.db", "100%_.db", "lijst.db")


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_goes_whatever_the_name_of_the_database_means_in_a_pattern(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", f"sqlite:///{name}")
    newsletter = Newsletter(root)
    older = files.copy_path(root / name, "0003")
    sqlite.back_up(root / name, older)
    other = root / "lijst1.db.before-0003"
    shutil.copy(older, other)
    assert erase(newsletter.store, newsletter.settings, SUBSCRIBER)
    assert not older.exists()
    assert other.exists()  # another database's
    other.unlink()
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL")
    assert traces(root, SUBSCRIBER) == []


def test_a_copy_goes_that_was_made_under_another_name_or_in_another_folder(
    newsletter: Newsletter, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database(newsletter)
    here, there = (files.copy_path(before, number) for number in ("0003", "0004"))
    for copy in (here, there):
        sqlite.back_up(before, copy)
        with newsletter.store.write() as connection:
            files.record_copy(connection, copy, now(connection))
    newsletter.store.close()
    (root / "moved").mkdir()
    before.rename(root / "moved" / "list.db")
    here.rename(root / "moved" / here.name)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", "sqlite:///moved/list.db")
    moved = Newsletter(root, subscribers=0, slug="none")
    assert erase(moved.store, moved.settings, SUBSCRIBER)
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL")
    assert traces(root, SUBSCRIBER) == []


def test_a_copy_goes_in_which_another_row_or_the_log_names_the_address(
    newsletter: Newsletter,
) -> None:
    copy = files.copy_path(database(newsletter), "0003")
    sqlite.back_up(database(newsletter), copy)
    with raw(copy) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("DELETE FROM subscribers WHERE email LIKE 'lezer3@%'")
        connection.execute(
            "INSERT INTO wordings (text, hash) VALUES ('zoals Lezer3@Example.org', 'h')"
        )
    with raw(copy) as connection:
        connection.execute("VACUUM")
    assert traces(newsletter.root, SUBSCRIBER)
    log = copy.with_name(f"{copy.name}-wal")
    log.write_bytes(b"what a crash left")
    assert erase(newsletter.store, newsletter.settings, SUBSCRIBER)
    assert not copy.exists()
    assert not log.exists()
    assert traces(newsletter.root, SUBSCRIBER) == []


def test_a_copy_that_cannot_be_read_is_named(newsletter: Newsletter) -> None:
    shutil.copy(newsletter.root / "newsletter.toml", files.copy_path(database(newsletter), "0003"))
    with pytest.raises(NewsletterError, match="before-0003"):
        erase(newsletter.store, newsletter.settings, SUBSCRIBER)
