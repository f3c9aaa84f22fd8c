"""Migrations: bring a database to this version's tables, and count how many it lacks."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.errors import NewsletterError
from newsletter.store.schema import ledger
from newsletter.store.sql import new_id
from newsletter.store.sqlite import foreign

if TYPE_CHECKING:
    from datetime import datetime

HEAD = "0018"
"""The newest migration; a test compares it with `migrations/`, whose import is slow."""

_FOLDER = Path(__file__).parent / "migrations"


def revision(connection: sa.Connection, name: str) -> str | None:
    """Return the last migration of a database, or None of an empty one.

    Raises:
        NewsletterError: It belongs to another program.
    """
    tables = sa.inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise foreign(name)
    if not tables:
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def behind(found: str | None, name: str) -> int:
    """Return how many migrations a database lacks.

    Raises:
        NewsletterError: Its revision is one that this version does not know.
    """
    known = sorted(path.name[:4] for path in _FOLDER.glob("versions/[0-9]*.py"))
    if found is None:
        return len(known)
    if found in known:
        return len(known) - 1 - known.index(found)
    if found < known[0]:
        raise NewsletterError(
            f"the database was made by a version before the first release (revision {found}),"
            " and was not changed",
            where=name,
            hint="Keep using the version that made it, until its letters are sent, and after that"
            " for the links in them. Do not export its list and import it into a new database:"
            " that loses suppressions, and links in letters already sent stop working",
        )
    raise NewsletterError(
        f"the database was made by a newer version of this program (its state is {found})",
        where=name,
        hint="Install that version, or a newer one",
    )


def migrate(connection: sa.Connection, moment: datetime) -> None:
    """Apply the migrations that a database lacks, in the caller's transaction; make its ledger."""
    # Alembic takes a third of a second to import; a database in order never needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.scalar(sa.select(ledger.c.id)) is None:
        row = {"id": new_id(), "suppression_key": secrets.token_bytes(32), "created_at": moment}
        connection.execute(ledger.insert().values(row))
