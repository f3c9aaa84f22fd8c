"""Databases of an earlier version of this program."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from newsletter.store import database, media, migrate
from newsletter.store.schema import metadata
from tests.support.pictures import PIXEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from newsletter.store import Store


@contextlib.contextmanager
def without_pictures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the program be the version before letters had pictures."""
    shutil.copytree(Path(migrate.__file__).parent / "migrations", folder)
    for migration in folder.glob("versions/[0-9]*.py"):
        if migration.name[:4] > "0015":
            migration.unlink()
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "_FOLDER", folder)
        earlier.setattr(database, "HEAD", "0015")
        yield


def require_whole(store: Store, *, people: int) -> None:
    """Check that a database has the tables of this version and its people, and takes a picture."""
    name = f"{'0' * 40}.png"
    with store.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        count = connection.exec_driver_sql("SELECT count(*) FROM subscribers").scalar()
        assert count == people
        assert media.store(connection, [name], {name: PIXEL}) == frozenset()
        assert media.read(connection, name) == PIXEL
