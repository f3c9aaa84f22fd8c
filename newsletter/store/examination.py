"""What a database is like beside its rows: its clock, its speed, and what it may do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from newsletter.store.columns import UtcDateTime
from newsletter.store.schema import checkpoints, ledger, mailings, metadata

if TYPE_CHECKING:
    import psycopg

    from newsletter.store.database import Store

_FULL: Final = 2  # sqlite.org/pragma.html#pragma_synchronous


@dataclass(frozen=True, slots=True)
class Timing:
    """How a database answers, compared with this machine.

    Attributes:
        seconds: How long a trivial query took.
        ahead: By how many seconds its clock is ahead of this machine's; negative if it is behind.
        newest: The newest moment that it has recorded; None while it is empty.
    """

    seconds: float
    ahead: float
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class FileProperties:
    """How SQLite keeps a file.

    Attributes:
        journal: The mode of its journal.
        synchronous: Whether each commit waits for the disk.
        damage: What an integrity check found first; empty if it found nothing.
    """

    journal: str
    synchronous: bool
    damage: str


@dataclass(frozen=True, slots=True)
class ServerProperties:
    """How a server treats this program's transactions.

    Attributes:
        isolation: Of a transaction that writes, and of one that reads.
        read_only: Its transactions take no changes, unless they ask for it.
        replica: It is a copy of another server.
        encoding: Of text.
        pooled: Something between this machine and the server shares out connections.
        encrypted: What travels between this machine and the server, or the pooler.
        outside: The server has an address of the internet.
        without_rights: Tables in which this user may not do all that the program does.
    """

    isolation: tuple[str, str]
    read_only: bool
    replica: bool
    encoding: str
    pooled: bool
    encrypted: bool
    outside: bool
    without_rights: tuple[str, ...]


def measure(store: Store) -> Timing:
    """Return how a migrated database answers."""
    with store.read() as connection:
        began = time.perf_counter()
        connection.execute(sa.select(1)).one()
        seconds = time.perf_counter() - began
        before = datetime.now(UTC)
        there = _clock(connection)
        between = before + (datetime.now(UTC) - before) / 2
        moments = (ledger.c.created_at, checkpoints.c.at, mailings.c.started_at)
        found = [connection.scalar(sa.select(sa.func.max(one, type_=one.type))) for one in moments]
    newest = max((moment for moment in found if moment), default=None)
    return Timing(seconds, (there - between).total_seconds(), newest)


def _clock(connection: sa.Connection) -> datetime:
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = connection.execute(
        sa.select(sa.func.clock_timestamp(type_=UtcDateTime))
    ).scalar_one()
    return found


def file_properties(store: Store) -> FileProperties:
    """Return how SQLite keeps the file of a store."""
    with store.read() as connection:
        journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one() >= _FULL
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    return FileProperties(journal, synchronous, "" if found == "ok" else found)


def take_write_lock(store: Store) -> None:
    """Begin a transaction that may write, and end it without a change.

    Raises:
        TryAgain: Another process holds the lock for too long.
        NewsletterError: The file cannot be written.
    """
    with store.maintain():
        pass


def server_properties(store: Store) -> ServerProperties:
    """Return how the server of a store treats this program's transactions."""
    isolation = sa.text("SELECT current_setting('transaction_isolation')")
    with store.read() as connection:
        reading = str(connection.scalar(isolation))
    with store.maintain() as connection:
        writing = str(connection.scalar(isolation))
        row = connection.execute(_SERVER).one()
        lacking = connection.scalars(_WITHOUT_RIGHTS, {"names": [*metadata.tables]}).all()
        own: psycopg.Connection[Any] = cast("Any", connection.connection.driver_connection)
        link = own.pgconn
    return ServerProperties(
        (writing, reading),
        read_only=bool(row.read_only),
        replica=bool(row.replica),
        encoding=str(row.encoding),
        # A pooler gives its clients numbers of its own.
        pooled=link.backend_pid != row.process,
        encrypted=bool(link.ssl_in_use),
        outside=_is_outside(link.hostaddr.decode()),
        without_rights=tuple(lacking),
    )


def _is_outside(address: str) -> bool:
    """Return whether an address is one of the internet; a socket on this machine has none."""
    try:
        return ip_address(address.partition("%")[0]).is_global
    except ValueError:
        return False


_SERVER: Final = sa.text(
    "SELECT current_setting('default_transaction_read_only')::boolean AS read_only,"
    " pg_is_in_recovery() AS replica, current_setting('server_encoding') AS encoding,"
    " pg_backend_pid() AS process"
)
_WITHOUT_RIGHTS: Final = sa.text(
    "SELECT relname FROM pg_class WHERE relname = ANY(:names) AND relkind = 'r'"
    " AND pg_table_is_visible(oid) AND NOT (has_table_privilege(oid, 'SELECT')"
    " AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')"
    " AND has_table_privilege(oid, 'DELETE')) ORDER BY relname"
)
