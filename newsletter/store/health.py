"""The state of a database, read without a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.database import Store, connect
from newsletter.store.migrate import behind, revision
from newsletter.store.schema import ledger, metadata, signing_keys, subscribers
from newsletter.store.url import Server, SqliteFile, locate

if TYPE_CHECKING:
    from newsletter.config import Settings


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """The state of a database.

    Attributes:
        engine: "sqlite" or "postgresql".
        behind: How many migrations it lacks.
        ledger: Its id; None while it is empty.
        closed: It was moved, or is being moved, to another database.
        moved: The other database has everything.
        subscribers: How many subscribers there are, of every status.
        fingerprints: Of the keys that have signed letters to subscribers.
        rows: Some table besides the ledger has rows.
    """

    engine: str
    behind: int
    ledger: str | None = None
    closed: bool = False
    moved: bool = False
    subscribers: int = 0
    fingerprints: frozenset[str] = frozenset()
    rows: bool = False


def database_state(settings: Settings) -> DatabaseState:
    """Return the state of the newsletter's database; nothing is made or migrated.

    Raises:
        NewsletterError: It belongs to another program or another version, or cannot be read.
        TryAgain: The server cannot be reached.
    """
    place = locate(settings)
    if isinstance(place, SqliteFile) and not place.path.exists():
        return DatabaseState("sqlite", behind(None, place.name))
    store = connect(place)
    try:
        return inspect(store, place)
    finally:
        store.close()


def inspect(store: Store, place: SqliteFile | Server) -> DatabaseState:
    """Return the state of an open database."""
    engine = "postgresql" if isinstance(place, Server) else "sqlite"
    with store.read() as connection:
        found = revision(connection, place.name)
        lacking = behind(found, place.name)
        if found is None:
            return DatabaseState(engine, lacking)
        row = connection.execute(sa.select(ledger)).one_or_none()
        return DatabaseState(
            engine,
            lacking,
            ledger=row.id if row else None,
            closed=bool(row and row.closed_at),
            moved=bool(row and row.moved_at),
            subscribers=connection.scalar(sa.select(sa.func.count()).select_from(subscribers)) or 0,
            fingerprints=frozenset(connection.scalars(sa.select(signing_keys.c.fingerprint))),
            rows=any(
                connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
                for table in metadata.sorted_tables
                if table is not ledger
            ),
        )


_REVISION = sa.table("alembic_version", sa.column("version_num", sa.Text)).c.version_num


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database this is: its ledger, its newest migration, and whether it was moved."""

    ledger: str
    revision: str
    closed: bool


def identity(connection: sa.Connection) -> Identity:
    """Return what database this is."""
    revision = sa.select(_REVISION).scalar_subquery()
    row = connection.execute(sa.select(ledger.c.id, revision, ledger.c.closed_at)).one()
    return Identity(row[0], row[1], row[2] is not None)
