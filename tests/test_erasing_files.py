"""Erasing where the database is a file: its log, and the copies that migrations made of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from house import House, raw
from people import fresh_store
from traces import traces

from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import copies, sqlite
from newsletter.store.engine import now
from newsletter.subscriptions.erasing import erase

if TYPE_CHECKING:
    from pathlib import Path

READER = "lezer3@example.org"


@pytest.fixture
def house(root: Path) -> House:
    fresh_store(root).close()
    return House(root)


def database(house: House) -> Path:
    return house.settings.state / "newsletter.db"


def test_a_log_that_others_read_is_emptied_by_the_next_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with raw(database(house), manual=True) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subscribers").fetchone()
        with pytest.raises(TryAgain, match="log"):
            erase(house.store, house.settings, READER)
        reader.execute("ROLLBACK")
    assert traces(house.root, READER)
    assert erase(house.store, house.settings, READER) is False
    assert traces(house.root, READER) == []


def test_a_migrations_copy_goes_if_it_knows_him(house: House) -> None:
    older = copies.copy_before(database(house), "0003")
    sqlite.back_up(database(house), older)
    erase(house.store, house.settings, "lezer4@example.org")
    assert not older.exists()
    newer = copies.copy_before(database(house), "0004")
    sqlite.back_up(database(house), newer)
    erase(house.store, house.settings, READER)
    assert not newer.exists()
    sqlite.back_up(database(house), newer)
    erase(house.store, house.settings, READER)
    assert newer.exists()
    assert traces(house.root, READER) == []


def test_a_migrations_copy_goes_that_knows_him_by_an_earlier_address(house: House) -> None:
    older = copies.copy_before(database(house), "0003")
    sqlite.back_up(database(house), older)
    house.sql(
        "UPDATE subscribers SET email = 'nieuw@example.org', email_key = 'nieuw@example.org'"
        " WHERE email LIKE 'lezer3@%'"
    )
    assert erase(house.store, house.settings, "nieuw@example.org")
    assert not older.exists()
    assert traces(house.root, READER, "nieuw@") == []


NAMES = ("lijst[1].db", "lijst[oud]*.db", "[!x].db", "{a,b}.db", "100%_.db", "lijst.db")


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_goes_whatever_the_name_of_the_database_means_in_a_pattern(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", f"sqlite:///{name}")
    house = House(root)
    older = copies.copy_before(root / name, "0003")
    sqlite.back_up(root / name, older)
    other = root / "lijst1.db.before-0003"
    shutil.copy(older, other)
    assert erase(house.store, house.settings, READER)
    assert not older.exists()
    assert other.exists()  # another database's
    other.unlink()
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL")
    assert traces(root, READER) == []


def test_a_copy_goes_that_was_made_under_another_name_or_in_another_folder(
    house: House, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database(house)
    here, there = (copies.copy_before(before, number) for number in ("0003", "0004"))
    for copy in (here, there):
        sqlite.back_up(before, copy)
        with house.store.write() as connection:
            copies.record(connection, copy, now(connection))
    house.store.close()
    (root / "moved").mkdir()
    before.rename(root / "moved" / "list.db")
    here.rename(root / "moved" / here.name)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", "sqlite:///moved/list.db")
    moved = House(root, readers=0, slug="none")
    assert erase(moved.store, moved.settings, READER)
    monkeypatch.delenv("NEWSLETTER_DATABASE_URL")
    assert traces(root, READER) == []


def test_a_copy_goes_in_which_another_row_or_the_log_names_the_address(house: House) -> None:
    copy = copies.copy_before(database(house), "0003")
    sqlite.back_up(database(house), copy)
    with raw(copy) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("DELETE FROM subscribers WHERE email LIKE 'lezer3@%'")
        connection.execute(
            "INSERT INTO wordings (text, hash) VALUES ('zoals Lezer3@Example.org', 'h')"
        )
    with raw(copy) as connection:
        connection.execute("VACUUM")
    assert traces(house.root, READER)
    log = copy.with_name(f"{copy.name}-wal")
    log.write_bytes(b"what a crash left")
    assert erase(house.store, house.settings, READER)
    assert not copy.exists()
    assert not log.exists()
    assert traces(house.root, READER) == []


def test_a_copy_that_cannot_be_read_is_named(house: House) -> None:
    shutil.copy(house.root / "newsletter.toml", copies.copy_before(database(house), "0003"))
    with pytest.raises(NewsletterError, match="before-0003"):
        erase(house.store, house.settings, READER)
