"""The database as a file: opening it, copying it, and what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event

from newsletter.atomic_write import advise
from newsletter.errors import NewsletterError, TryAgain

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.001
_MAGIC = b"SQLite format 3\0"  # sqlite.org/fileformat.html, section 1.3


def engine(path: Path) -> sa.Engine:
    """Return an engine for a file that exists; nothing is opened, no file is made."""
    place = f"{path.absolute().as_uri()}?mode=rw"
    url = sa.URL.create("sqlite", database=place, query={"uri": "true"})
    # Parameters hold addresses, and an error's text may end up in a log.
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _identity(path)
        # SQLAlchemy begins transactions itself, below: sqlite3 must not.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # An erased address may leave no byte behind in free pages.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "checkout")
    def _is_still_there(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        # A process that runs for weeks would keep writing to a file that a backup has replaced.
        if record.info["file"] != _identity(path):
            raise sa.exc.DisconnectionError

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("newsletter_write"):
            _take_the_lock(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def empty_engine() -> sa.Engine:
    """Return an empty database in memory, with all tables and a ledger without an id."""
    from newsletter.store.schema import ledger, metadata  # noqa: PLC0415 - seldom needed

    made = sa.create_engine(
        "sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
    )
    metadata.create_all(made)
    row = {"id": "", "suppression_key": b"", "created_at": datetime.now(UTC)}
    with made.begin() as connection:
        connection.execute(ledger.insert().values(row))
    return made


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes a file from another that replaces it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _take_the_lock(connection: sa.Connection) -> None:
    """Begin a write transaction, as soon as that of another process has ended.

    SQLite's own busy handler waits longer and longer, in the end 100 ms: beside a `send`, whose
    next transaction begins soon after, an unsubscribe would wait long.
    """
    until = time.monotonic() + BUSY_SECONDS
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except sa.exc.OperationalError as error:
                code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
                if code != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def prepare_file(path: Path) -> None:
    """Make the file if there is none, for its owner only, and check that it is a database.

    Raises:
        NewsletterError: It cannot be opened, or is something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # It holds addresses: made here, so that nobody else can read it from the start.
        if not path.exists():
            path.touch(mode=0o600)
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        raise NewsletterError(
            f"the database cannot be opened: {error.strerror}",
            where=path.name,
            hint=advise(error, "Give this user the right to read and write that folder"),
        ) from None
    if head and head != _MAGIC:
        raise foreign(path.name)


def use_log(connection: sa.Connection) -> None:
    """Let others read while one writes (write-ahead log); outside of a transaction.

    The file keeps this mode; setting it on every opening can meet a lock.
    """
    connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    connection.exec_driver_sql("BEGIN")


def truncate_log(connection: sa.Connection) -> bool:
    """Move all of the log into the file and empty it; False if others use it for too long.

    Deleted rows stay in the log until then. See
    https://www.sqlite.org/pragma.html#pragma_wal_checkpoint.
    """
    until = time.monotonic() + BUSY_SECONDS
    connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        # As for the lock: beside a `send`, SQLite's own longer waits would miss every gap.
        while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)
        return True
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.exec_driver_sql("BEGIN")


def back_up(path: Path, target: Path) -> None:
    """Copy the file, under the write lock of the transaction that is about to change it.

    Raises:
        NewsletterError: It cannot be copied.
    """
    try:
        target.touch(mode=0o600)
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except (OSError, sqlite3.Error) as error:
        raise NewsletterError(
            f"no backup copy could be made, so nothing was changed: {error}",
            where=target.name,
            hint="Make room for it beside the database",
        ) from None


def foreign(name: str) -> NewsletterError:
    """Return the error of a database that belongs to another program."""
    return NewsletterError(
        "the file is not a database of this program",
        where=name,
        hint="Put your backup back, or point NEWSLETTER_DATABASE_URL at another one",
    )


_MENDABLE = {
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "Give this user the right to write it, its folder, and its -wal and -shm files",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "Give this user the right to write it"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check that its folder exists and is writable"),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Free some space, then run it again"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "Check the disk and its free space"),
    sqlite3.SQLITE_NOTADB: ("is not a database of this program", "Put your backup back"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Put back a backup copy"),
}


def explain(error: BaseException | None, name: str) -> NewsletterError | None:
    """Return the error for the author, or None if the cause is a mistake of this program."""
    # The low byte is the kind of error; the rest is detail (sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        problem = "the database is in use by another process"
        return TryAgain(problem, where=name, hint="Run it again")
    if code in _MENDABLE:
        problem, hint = _MENDABLE[code]
        return NewsletterError(f"the database {problem}", where=name, hint=hint)
    return None
