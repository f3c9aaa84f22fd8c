"""What tests of the list share: a fresh database in no time, and short ways to ask it things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import config
from newsletter.config import Settings
from newsletter.imports.run import ImportOptions, ImportReport, import_file
from newsletter.store import open_store
from newsletter.subscriptions.admin import iterate_subscribers
from newsletter.subscriptions.export import as_row
from tests.support.databases import prepare_database, where

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.store import Store


def fresh_store(root: Path) -> Store:
    """Return an empty list under `root`, where the command finds it too."""
    prepare_database(root)
    return open_store(config.load(root, where()) if where() else Settings(root=root))


def statuses(store: Store) -> dict[str, str]:
    """Return everybody's status by address."""
    return {person.email: person.status.value for person in iterate_subscribers(store)}


def rows(store: Store) -> dict[str, dict[str, str | None]]:
    """Return what an export says of everybody, by address."""
    return {person.email: as_row(person) for person in iterate_subscribers(store)}


def sql(store: Store, text: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement; return its rows."""
    with store.write() as connection:
        if connection.dialect.paramstyle != "qmark":
            text = text.replace("?", "%s")
        result = connection.exec_driver_sql(text, values)
        return [tuple(row) for row in result] if result.returns_rows else []


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the list's tables."""
    tables = ("subscribers", "wordings", "consents", "suppressions")
    return {table: sql(store, f"SELECT * FROM {table}") for table in tables}  # noqa: S608 - ours


def freeze_batches(store: Store) -> None:
    """One mailing with an unsettled batch for each subscriber, named after the address."""
    sql(
        store,
        "INSERT INTO mailings (public_id, slug, slot, send_at, content_hash, letter_hash, letter,"
        " provider, provider_url, rehearsal, state, note, released, audience, started_at)"
        " VALUES ('m', 'brief', 's', 's', 'c', 'l', '', 'outbox', '', true, 'sending', '', false,"
        " 2, '2026-11-29 06:00:00.000000')",
    )
    sql(
        store,
        "INSERT INTO batches (key, mailing_id, attempt, claimed_at, lease_until, snapshot)"
        " SELECT 'with ' || replace(email, '@example.org', ''), 1, 1, '2026-11-29',"
        " '2026-11-29', 'copy' FROM subscribers",
    )
    sql(
        store,
        "INSERT INTO deliveries (mailing_id, subscriber_id, ref, state, batch_id, assumed)"
        " SELECT 1, s.id, s.public_id, 'attempting', b.id, false FROM subscribers s JOIN batches b"
        " ON b.key = 'with ' || replace(email, '@example.org', '')",
    )


def import_text(store: Store, folder: Path, text: str | bytes, **options: object) -> ImportReport:
    """Import a file with this content."""
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_file(store, path, ImportOptions("Ja, graag", **options))  # type: ignore[arg-type]
