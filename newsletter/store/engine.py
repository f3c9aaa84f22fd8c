"""Opening the database: where it is, whether it is ours and of this version, and transactions."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event, exc

from newsletter.config import make_private
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store.ids import new_id
from newsletter.store.schema import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings

HEAD = "0003"
"""The newest migration; a test holds it against `migrations/`, whose import is slow."""

_BUSY_SECONDS = 30
_MAGIC = b"SQLite format 3\0"  # sqlite.org/fileformat.html, section 1.3
_MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """An open database: transactions on one side, one-line errors on the other."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; changes nothing."""
        with _explained(self._name), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that holds the write lock from its start, committed at the end.

        Raises:
            TryAgain: Another process holds the lock for longer than half a minute.
            NewsletterError: The database cannot be written.
        """
        with _explained(self._name), self._engine.connect() as connection:
            connection.execution_options(newsletter_write=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def open_store(settings: Settings) -> Store:
    """Open the newsletter's database, making and migrating it where needed.

    Raises:
        NewsletterError: The place is not a database, is one of a newer version, or is read-only.
        TryAgain: Another process is at it.
    """
    path = _path(settings)
    engine = _engine(path)
    store = Store(engine, path.name)
    with _explained(path.name):
        _check_file(path)
        with engine.connect() as connection:
            found = _revision(connection, path.name)
        if found != HEAD:
            _migrate(store, path, found)
    return store


def now(connection: sa.Connection) -> datetime:  # noqa: ARG001 - other engines have their own
    """Return the time as the database has it; SQLite runs in this process, and has its clock."""
    return datetime.now(UTC)


def _path(settings: Settings) -> Path:
    if not settings.database_url:
        return make_private(settings.state) / "newsletter.db"
    kind, mark, place = settings.database_url.partition(":///")
    if kind != "sqlite" or not mark or not place or "?" in place or place == ":memory:":
        raise NewsletterError(
            "is not a database that this version can use",
            where="NEWSLETTER_DATABASE_URL",
            hint="Write sqlite:///path/to/newsletter.db, or unset it",
        )
    return settings.root / place


def _engine(path: Path) -> sa.Engine:
    url = sa.URL.create("sqlite", database=str(path))
    # Parameters hold addresses, and an error's text may end up in a log.
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # SQLAlchemy begins transactions itself, below: sqlite3 must not.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        # An erased address may leave no byte behind in free pages.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("newsletter_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _check_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Addresses live in it: made by hand, so that nobody else may read it from the start.
        if not path.exists():
            path.touch(mode=0o600)
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        raise NewsletterError(
            f"the database cannot be opened: {error.strerror}",
            where=path.name,
            hint="Give this user the right to read and write that folder",
        ) from None
    if head and head != _MAGIC:
        raise _foreign(path.name)


def _revision(connection: sa.Connection, name: str) -> str | None:
    """Return the last migration of a database, or None of a new one."""
    tables = sa.inspect(connection).get_table_names()
    if tables and "alembic_version" not in tables:
        raise _foreign(name)
    if not tables:
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def _foreign(name: str) -> NewsletterError:
    return NewsletterError(
        "is not a database of this program",
        where=name,
        hint="Put your backup back, or point NEWSLETTER_DATABASE_URL at another file",
    )


def _migrate(store: Store, path: Path, found: str | None) -> None:
    # Alembic takes a third of a second to import; a database in order never needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise NewsletterError(
            f"was made by a newer version of this program (its state is {found})",
            where=path.name,
            hint="Install that version, or a newer one",
        )
    with store.read() as connection:
        # Kept by the file, once and for all; asking for it on every opening can meet a lock.
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("BEGIN")
    with store.write() as connection:
        found = _revision(connection, path.name)
        if found is not None and found != HEAD:
            # Under the write lock: what is copied is what is about to change.
            _back_up(path, path.with_name(f"{path.name}.before-{HEAD}"))
        if found != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if connection.scalar(sa.select(ledger.c.id)) is None:
            connection.execute(
                ledger.insert().values(
                    id=new_id(), suppression_key=secrets.token_bytes(32), created_at=now(connection)
                )
            )


def _back_up(path: Path, target: Path) -> None:
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


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        # The low byte is the kind of error; the rest tells more (sqlite.org/rescode.html).
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise TryAgain(
                "the database is in use by another process", where=name, hint="Run it again"
            ) from error
        if code in _MENDABLE:
            problem, hint = _MENDABLE[code]
            raise NewsletterError(f"the database {problem}", where=name, hint=hint) from error
        raise
