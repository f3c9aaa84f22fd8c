"""`db move`: everything arrives, and never two databases may send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from house import House, Provider
from sqlalchemy import select

from newsletter import config
from newsletter.errors import NewsletterError
from newsletter.store import moving, open_store
from newsletter.store.schema import metadata

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from postgres import Postgres

    from newsletter.store import Store


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    select(*(column for column in table.columns if column.name != "closed_at"))
                    .select_from(table)
                    .order_by(*table.primary_key)
                )
            ]
            for table in metadata.sorted_tables
        }


@pytest.fixture
def house(root: Path, tmp_path: Path, database: str) -> House:
    made = House(root)
    made.send(Provider(tmp_path / "taken"))
    assert made.sql("SELECT count(*) FROM deliveries") == [(25,)], database
    return made


@pytest.fixture(params=["to sqlite", "to postgresql", "to postgresql that is migrated"])
def target(
    request: pytest.FixtureRequest,
    server: Postgres,
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> str:
    if request.param == "to sqlite":
        return "sqlite:///other.db"
    url = server.url(server.database())
    if "migrated" in request.param:
        assert run("db", "upgrade", env={"NEWSLETTER_DATABASE_URL": url}).returncode == 0
    return url


def test_everything_moves_and_the_old_one_is_closed(house: House, target: str) -> None:
    before = content(house.store)
    moved = moving.move(house.settings, target)
    assert moved.ledger == house.settings.ledger
    other = config.load(house.root, {"NEWSLETTER_DATABASE_URL": target})
    assert content(open_store(other)) == before
    with pytest.raises(NewsletterError, match="moved"):
        house.sql("UPDATE subscribers SET first_name = 'X'")
    # The new one numbers its rows on from there.
    with open_store(other).write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at)"
            " VALUES ('x', 'x@example.org', 'x@example.org', 'active', 't', '2026-01-01')"
        )
    assert moving.move(house.settings, target).already


def test_a_letter_under_way_keeps_everything_where_it_is(house: House, target: str) -> None:
    house.sql("UPDATE deliveries SET state = 'attempting' WHERE id = 1")
    house.sql("UPDATE batches SET lease_until = '2999-01-01 00:00:00.000000'")
    with pytest.raises(NewsletterError):
        moving.move(house.settings, target)
    house.sql("UPDATE subscribers SET first_name = 'X' WHERE id = 1")


def test_a_database_with_other_people_is_refused_and_nothing_closes(
    house: House, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "issues").mkdir(parents=True)
    (elsewhere / "newsletter.toml").write_text('name = "Anders"\n', encoding="utf-8")
    other = config.load(elsewhere, {})
    with open_store(other).write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at)"
            " VALUES ('x', 'x@example.org', 'x@example.org', 'active', 't', '2026-01-01')"
        )
    with pytest.raises(NewsletterError):
        moving.move(house.settings, f"sqlite:///{elsewhere}/.newsletter/newsletter.db")
    house.sql("UPDATE subscribers SET first_name = 'X' WHERE id = 1")


def test_the_command_says_what_to_set(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    House(root)
    moved = run("db", "move", "sqlite:///two.db")
    assert moved.returncode == 0, moved.stderr
    assert "NEWSLETTER_DATABASE_URL=sqlite:///two.db" in moved.stdout
    refused = run("send", "--due")
    assert refused.returncode == 1
    assert "moved" in refused.stderr
    there = {"NEWSLETTER_DATABASE_URL": "sqlite:///two.db"}
    assert json.loads(run("db", "status", "--json", env=there).stdout)["subscribers"] == 25


def test_a_database_that_lacks_migrations_is_refused_by_name(
    root: Path, server: Postgres, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    there = {"NEWSLETTER_DATABASE_URL": server.url(server.database())}
    for command in (("status",), ("send", "--due"), ("subscribers", "list")):
        refused = run(*command, env=there)
        assert refused.returncode == 1, (root, refused.stdout)
        assert "newsletter db upgrade" in refused.stderr
    assert json.loads(run("db", "status", "--json", env=there).stdout)["behind"] == 3
    assert run("db", "upgrade", env=there).returncode == 0
    assert run("db", "upgrade", env=there).returncode == 0
    assert run("status", env=there).returncode == 0


def test_a_server_that_is_away_is_passing_trouble_and_shows_no_password(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    away = {"NEWSLETTER_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/x"}
    refused = run("-v", "status", env=away)
    assert refused.returncode == 75
    assert "geheim" not in refused.stderr + refused.stdout
