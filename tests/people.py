"""What tests of the list share: a fresh database in no time, and short ways to ask it things."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.config import Settings
from newsletter.store import open_store
from newsletter.subscriptions.exporting import as_row
from newsletter.subscriptions.importing import ImportOptions, ImportReport, import_file
from newsletter.subscriptions.people import everybody

if TYPE_CHECKING:
    from newsletter.store import Store


@functools.cache
def _empty_database() -> bytes:
    # Migrating takes half a second; its result is a file.
    with tempfile.TemporaryDirectory() as folder:
        open_store(Settings(root=Path(folder))).close()
        return (Path(folder) / ".newsletter" / "newsletter.db").read_bytes()


def fresh_store(root: Path) -> Store:
    """Return an empty list under `root`, where the command finds it too."""
    (root / ".newsletter").mkdir(mode=0o700, exist_ok=True)
    (root / ".newsletter" / "newsletter.db").write_bytes(_empty_database())
    return open_store(Settings(root=root))


def statuses(store: Store) -> dict[str, str]:
    """Return everybody's status by address."""
    return {person.email: person.status.value for person in everybody(store)}


def rows(store: Store) -> dict[str, dict[str, str | None]]:
    """Return what an export tells of everybody, by address."""
    return {person.email: as_row(person) for person in everybody(store)}


def sql(store: Store, text: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement; return its rows."""
    with store.write() as connection:
        result = connection.exec_driver_sql(text, values)
        return [tuple(row) for row in result] if result.returns_rows else []


def dump(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the list's tables."""
    tables = ("subscribers", "wordings", "consents", "suppressions")
    return {table: sql(store, f"SELECT * FROM {table}") for table in tables}  # noqa: S608 - ours


def bring(store: Store, folder: Path, text: str | bytes, **options: object) -> ImportReport:
    """Import a file with this content."""
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_file(store, path, ImportOptions("Ja, graag", **options))  # type: ignore[arg-type]
