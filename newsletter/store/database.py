"""Opening the database: its identity, its transactions, its locks and its time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection, exc

from newsletter.config import Settings, make_state
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import files, sqlite
from newsletter.store.migrate import HEAD, behind, migrate, revision
from newsletter.store.schema import ledger
from newsletter.store.url import Server, SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = [
    "HEAD",
    "Clock",
    "Connection",
    "Lock",
    "Store",
    "connect",
    "lock",
    "now",
    "open_store",
    "open_to_read",
    "upgrade",
]


Clock: TypeAlias = Callable[[], datetime]
"""Returns the time, aware and in UTC. Tests pass one in place of the database's own."""


class Lock(IntEnum):
    """What one transaction at a time may do on a PostgreSQL server; the numbers never change."""

    MIGRATING = 1
    LIST = 2
    EVENTS = 3


class Store:
    """An open database: transactions on one side, one-line errors on the other."""

    def __init__(self, engine: sa.Engine, place: SqliteFile | Server) -> None:
        self._engine = engine
        self._place = place
        self._server = isinstance(place, Server)
        # On a server, one statement sees what was committed before it began; a report that adds
        # up needs all its statements to see the same. SQLite gives no less.
        self._reader = (
            engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            if self._server
            else engine
        )

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection with one consistent view; it changes nothing."""
        with self._explained(), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield the connection of one transaction, committed at the end.

        On SQLite it holds the write lock from its start; on PostgreSQL others write meanwhile, and
        every query locks the rows on which it decides.

        Raises:
            TryAgain: Another process holds a lock for more than half a minute, or the server cannot
                be reached.
            NewsletterError: The database cannot be written, or was moved.
        """
        with self.maintain() as connection:
            if self._server:
                from newsletter.store import postgres  # noqa: PLC0415 - slow to import

                closed_at, moment = postgres.begin_write(connection)
                gone = closed_at is not None
                # A write transaction is short: it reads the time once.
                connection.execution_options(newsletter_began=moment)
            else:
                gone = is_closed(connection)
            if gone:
                raise closed(self._place.name)
            yield connection

    @contextlib.contextmanager
    def maintain(self) -> Iterator[sa.Connection]:
        """Yield a write transaction's connection, even of a closed or unmigrated database."""
        with self._explained(), self._engine.connect() as connection:
            connection.execution_options(newsletter_write=True)
            with connection.begin():
                yield connection

    def refuse_closed(self) -> None:
        """Raise an error if the database was moved, before anything is written."""
        with self.read() as connection:
            if is_closed(connection):
                raise closed(self._place.name)

    def truncate_log(self) -> bool:
        """Empty SQLite's log, which holds what was deleted; a server manages its own.

        Returns:
            False if others use the log for so long that it cannot be emptied now.
        """
        if self._server:
            return True
        with self.read() as connection:
            return sqlite.truncate_log(connection)

    def drop_copies(self, email_key: str, public_id: str, others: Collection[str] = ()) -> None:
        """Remove an erased subscriber from SQLite's log and from the copies of the file.

        Args:
            email_key: Their address as it was compared.
            public_id: Theirs, because their address may have changed; empty if it is not known.
            others: Other addresses of theirs that are known.

        Raises:
            TryAgain: The log still holds them, because others use it.
            NewsletterError: A copy cannot be removed.
        """
        if isinstance(self._place, SqliteFile):
            with self.read() as connection:
                noted = files.recorded_copies(connection)
            addresses = (email_key, *others)
            files.remove_copies(self._place.path, noted, public_id=public_id, addresses=addresses)
        if not self.truncate_log():
            raise TryAgain(
                "the subscriber is erased, but the database's log still holds them: others use it",
                where=self._place.name,
                hint="Run the same command again",
            )

    def close(self) -> None:
        """Close the file, or the connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except exc.TimeoutError as error:
            raise TryAgain(
                "all connections to the database are in use",
                where=self._place.name,
                hint="Run it again",
            ) from error
        except NewsletterError:
            raise
        except Exception as error:
            # psycopg's own errors may come unwrapped, as at the end of a transaction.
            if found := self._explain(error):
                raise found from error
            raise

    def _explain(self, error: Exception) -> NewsletterError | None:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(self._place, SqliteFile):
            return sqlite.explain(cause, self._place.name)
        from newsletter.store import server_errors  # noqa: PLC0415 - slow to import

        return server_errors.explain(cause, self._place.name, self._place.parameters)


def open_store(settings: Settings, clock: Clock | None = None) -> Store:
    """Open the newsletter's database; a file is made and migrated where needed.

    Args:
        clock: Replaces the database's own time.

    Raises:
        NewsletterError: It is no database of this version, is read-only, or is on a server and
            has not been migrated.
        TryAgain: Another process uses it, or the server cannot be reached.
    """
    place = locate(settings)
    if isinstance(place, SqliteFile):
        if place.path.parent == settings.state:
            make_state(settings)
        sqlite.prepare_file(place.path)
    store = connect(place, clock, settings.state)
    try:
        with store.read() as connection:
            found = revision(connection, place.name)
        if lacking := behind(found, place.name) if found != HEAD else 0:
            if isinstance(place, Server):
                _refuse_to_migrate(lacking, place.name)
            upgrade(store, place)
    except BaseException:
        store.close()
        raise
    return store


def open_to_read(settings: Settings) -> Store:
    """Open the newsletter's database for a command that only reads; none is made.

    Without one, the store is an empty database in memory; what is written to it is lost.

    Raises:
        NewsletterError: As `open_store`.
        TryAgain: As `open_store`.
    """
    place = locate(settings)
    if isinstance(place, Server) or place.path.exists():
        return open_store(settings)
    return Store(sqlite.empty_engine(), place)


def _refuse_to_migrate(lacking: int, name: str) -> None:
    """Leave a database that others use unchanged, until a person migrates it."""
    raise NewsletterError(
        f"the database lacks {lacking} migration{'s' * (lacking != 1)}",
        where=name,
        hint="Apply them: newsletter db upgrade",
    )


def connect(
    place: SqliteFile | Server,
    clock: Clock | None = None,
    state: Path | None = None,
) -> Store:
    """Return the store at a place, in whatever state it is.

    Args:
        place: Where it is.
        clock: Replaces the database's own time.
        state: The folder with the lock files of this machine's senders; without it, leases decide.
    """
    if isinstance(place, SqliteFile):
        engine = sqlite.engine(place.path)
    else:
        from newsletter.store import postgres  # noqa: PLC0415 - slow to import

        engine = postgres.engine(place.parameters)
    options = {"newsletter_clock": clock, "newsletter_state": state}
    return Store(engine.execution_options(**options), place)


def upgrade(store: Store, place: SqliteFile | Server) -> int:
    """Migrate a database, after a copy of a file was made; return how many migrations it lacked.

    Raises:
        NewsletterError: It belongs to another program or version, or cannot be copied.
    """
    with store.read() as connection:
        behind(revision(connection, place.name), place.name)  # before anything changes
        if isinstance(place, SqliteFile):
            sqlite.use_log(connection)
    with store.maintain() as connection:
        lock(connection, Lock.MIGRATING)
        found = revision(connection, place.name)
        lacking = behind(found, place.name)
        copy: Path | None = None
        if lacking and found and isinstance(place, SqliteFile):
            copy = files.copy_path(place.path, HEAD)
            sqlite.back_up(place.path, copy)
        if lacking:
            migrate(connection, now(connection))
        if copy:
            files.record_copy(connection, copy, now(connection))
    return lacking


def lock(connection: sa.Connection, what: Lock) -> None:
    """Hold a lock until the transaction ends; SQLite has only one writer anyway."""
    if connection.dialect.name != "sqlite":
        from newsletter.store import postgres  # noqa: PLC0415 - slow to import

        postgres.lock(connection, what)


def now(connection: sa.Connection) -> datetime:
    """Return the database's time: SQLite runs in this process, and has its clock."""
    options = connection.get_execution_options()
    clock: Clock | None = options.get("newsletter_clock")
    if clock:
        return clock()
    began: datetime | None = options.get("newsletter_began")
    if began:
        return began
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    from newsletter.store import postgres  # noqa: PLC0415 - slow to import

    return postgres.now(connection)


def ledger_id(connection: Connection) -> str:
    """Return the id that the setting `ledger` names; it moves with the database."""
    found: str = connection.execute(sa.select(ledger.c.id)).scalar_one()
    return found


def is_closed(connection: Connection) -> bool:
    """Return whether the database was moved to another place, or is being moved."""
    return connection.scalar(sa.select(ledger.c.closed_at)) is not None


def closed(name: str) -> NewsletterError:
    """Return the error of a write to a database that was moved."""
    return NewsletterError(
        "this database is closed: it was moved to another one",
        where=name,
        hint="Point NEWSLETTER_DATABASE_URL at the new one",
    )
