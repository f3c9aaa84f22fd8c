"""Erasing where the database is a file: its log, and the copies that migrations made of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from house import House, raw
from people import fresh_store
from traces import traces

from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import sqlite
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
    older = sqlite.copy_before(database(house), "0003")
    sqlite.back_up(database(house), older)
    erase(house.store, house.settings, "lezer4@example.org")
    assert not older.exists()
    newer = sqlite.copy_before(database(house), "0004")
    sqlite.back_up(database(house), newer)
    erase(house.store, house.settings, READER)
    assert not newer.exists()
    sqlite.back_up(database(house), newer)
    erase(house.store, house.settings, READER)
    assert newer.exists()
    assert traces(house.root, READER) == []


def test_a_migrations_copy_goes_that_knows_him_by_an_earlier_address(house: House) -> None:
    older = sqlite.copy_before(database(house), "0003")
    sqlite.back_up(database(house), older)
    house.sql(
        "UPDATE subscribers SET email = 'nieuw@example.org', email_key = 'nieuw@example.org'"
        " WHERE email LIKE 'lezer3@%'"
    )
    assert erase(house.store, house.settings, "nieuw@example.org")
    assert not older.exists()
    assert traces(house.root, READER, "nieuw@") == []


def test_a_copy_that_cannot_be_read_is_named(house: House) -> None:
    shutil.copy(house.root / "newsletter.toml", sqlite.copy_before(database(house), "0003"))
    with pytest.raises(NewsletterError, match="before-0003"):
        erase(house.store, house.settings, READER)
