"""Moving everything to another database, which then is the ledger; the old one is closed.

The order is what matters: the old one is closed before the first row is copied, so that there are
never two that may send; the copy is one transaction, so that all of it is there or nothing; and
after any interruption the same command continues.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import REGCLASS

from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import DeliveryState
from newsletter.store import notice_claims, recovery, sqlite
from newsletter.store.database import Lock, connect, lock, now, open_store, upgrade
from newsletter.store.health import DatabaseState, inspect
from newsletter.store.migrate import HEAD, migrate, revision
from newsletter.store.schema import deliveries, ledger, mailings, media, metadata, notices
from newsletter.store.sql import insert_many
from newsletter.store.url import Server, SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from newsletter.config import Settings
    from newsletter.store.database import Store

_AT_A_TIME = 1000
_PICTURES_AT_A_TIME = 20  # of up to 400 KB


@dataclass(frozen=True, slots=True)
class Transfer:
    """The result of a move.

    Attributes:
        ledger: The id that the new database has now.
        rows: How many rows were copied, by table; empty if that had been done before.
        already: It had been done before.
    """

    ledger: str | None
    rows: Mapping[str, int]
    already: bool = False


def move(
    settings: Settings, url: str, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Transfer:
    """Move the newsletter's database to another one, and close it.

    Args:
        settings: The newsletter's, with the database as it is now.
        url: The other one: empty, or migrated and without subscribers.
        progress: Called with the rows copied and the rows there are.

    Raises:
        NewsletterError: The other database cannot take it, or the copy failed; the error says
            whether the old one is closed.
        TryAgain: Letters are being sent, or a server cannot be reached.
    """
    here, there = locate(settings), locate(replace(settings, database_url=url))
    if here == there:
        raise NewsletterError("the newsletter is in that database already", hint="Name another one")
    if isinstance(there, SqliteFile):
        sqlite.prepare_file(there.path)
    source, target = open_store(settings), connect(there)
    try:
        return _move(source, here, target, there, progress)
    finally:
        source.close()
        target.close()


def _move(
    source: Store,
    here: SqliteFile | Server,
    target: Store,
    there: SqliteFile | Server,
    progress: Callable[[int, int], None],
) -> Transfer:
    ours, theirs = inspect(source, here), inspect(target, there)
    _refuse(ours, theirs)
    if ours.closed and theirs.ledger == ours.ledger:
        _note_moved(source)
        return Transfer(ours.ledger, {}, already=True)
    if not ours.closed:
        _close(source)
    try:
        if isinstance(there, SqliteFile) and theirs.behind:
            upgrade(target, there)  # a file is migrated on first use anyway
        rows = _copy(source, target, there, progress)
    except Exception as error:
        problem = getattr(error, "problem", f"unexpected {type(error).__name__}")
        kind = TryAgain if isinstance(error, TryAgain) else NewsletterError
        raise kind(
            f"the copy failed: {problem}",
            hint="The old database is closed and keeps everything, the new one has nothing of it: "
            "correct that, then run the same command again",
        ) from error
    _note_moved(source)
    return Transfer(ours.ledger, rows)


def _refuse(ours: DatabaseState, theirs: DatabaseState) -> None:
    """Check that the other database can take everything, before anything is changed."""
    if theirs.behind and theirs.ledger:
        raise NewsletterError(
            "the other database lacks migrations",
            hint="Apply them there first: newsletter db upgrade",
        )
    if theirs.ledger == ours.ledger:
        if theirs.closed:
            raise NewsletterError(
                "the other database is closed: this ledger was moved away from it before",
                hint="Move it to an empty database",
            )
        if not ours.closed:
            raise NewsletterError(
                "the other database has this ledger too, so one of them is a copy",
                hint="Remove the copy, then run it again",
            )
        return
    if ours.moved:
        raise NewsletterError(
            "this database was moved to a different one before",
            hint="Point NEWSLETTER_DATABASE_URL at the one it was moved to",
        )
    if theirs.rows or theirs.closed:
        raise NewsletterError(
            "the other database is in use: it has a ledger of its own, and rows",
            hint="Move to an empty database",
        )


def _close(source: Store) -> None:
    """Close a database; all transactions that wrote to it have ended when this returns.

    Raises:
        TryAgain: Letters are under way.
    """
    with source.maintain() as connection:
        connection.execute(sa.select(ledger.c.id).with_for_update())
        for mailing in connection.scalars(sa.select(mailings.c.id)).all():
            recovery.expire_leases(connection, mailing)
        notice_claims.expire(connection)
        attempting = (
            sa.select(sa.func.count()).where(table.c.state == DeliveryState.ATTEMPTING)
            for table in (deliveries, notices)
        )
        if count := sum(connection.scalar(query) or 0 for query in attempting):
            raise TryAgain(
                f"{count:,} letters are under way, so nothing was moved",
                hint="Run it again when the send has ended",
            )
        connection.execute(ledger.update().values(closed_at=now(connection)))


def _note_moved(source: Store) -> None:
    with source.maintain() as connection:
        done = ledger.update().where(ledger.c.moved_at.is_(None))
        connection.execute(done.values(moved_at=now(connection)))


def _copy(
    source: Store,
    target: Store,
    there: SqliteFile | Server,
    progress: Callable[[int, int], None],
) -> dict[str, int]:
    """Copy everything in one transaction; return how many rows there were, by table."""
    with source.read() as old, target.maintain() as new:
        lock(new, Lock.MIGRATING)
        if revision(new, there.name) != HEAD:
            migrate(new, now(new))
        _refuse_company(new)
        new.execute(ledger.delete())
        total = sum(_count(old, table) for table in metadata.sorted_tables)
        rows: dict[str, int] = {}
        for table in metadata.sorted_tables:
            rows[table.name] = 0
            for count in _copy_table(old, new, table):
                rows[table.name] += count
                progress(sum(rows.values()), total)
            if rows[table.name] != _count(new, table):
                raise NewsletterError(f"not all rows of {table.name} arrived")
            _go_on_counting(old, new, table)
        new.execute(ledger.update().values(closed_at=None, moved_at=None))
    return rows


def _refuse_company(new: sa.Connection) -> None:
    """Check under the lock what was checked before it: nobody wrote in between."""
    if any(_count(new, table) for table in metadata.sorted_tables if table is not ledger):
        raise NewsletterError("the other database is in use: another process wrote to it meanwhile")


def _copy_table(old: sa.Connection, new: sa.Connection, table: sa.Table) -> Iterator[int]:
    names = [column.name for column in table.columns]
    query = sa.select(table).order_by(*table.primary_key.columns)
    some = _PICTURES_AT_A_TIME if table is media else _AT_A_TIME
    found = old.execute(query, execution_options={"yield_per": some})
    for part in found.partitions():
        insert_many(new, table.insert(), names, [tuple(row) for row in part])
        yield len(part)


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _go_on_counting(old: sa.Connection, new: sa.Connection, table: sa.Table) -> None:
    """Let the new database continue the row numbers of the old one; no number is given twice."""
    if "id" not in table.c or isinstance(table.c.id.type, sa.Text):
        return
    last = max(_last_number(old, table), new.scalar(sa.select(sa.func.max(table.c.id))) or 0)
    if not last:
        return
    if new.dialect.name == "sqlite":
        row = {"name": table.name, "seq": last}
        new.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), row)
        new.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), row)
    else:
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        new.execute(sa.select(sa.func.setval(sequence, last)))


def _last_number(old: sa.Connection, table: sa.Table) -> int:
    """Return the highest number that was ever given, as far as the old database knows."""
    if old.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return old.scalar(query, {"name": table.name}) or 0
    sequence = sa.cast(sa.func.pg_get_serial_sequence(table.name, "id"), REGCLASS)
    return old.scalar(sa.select(sa.func.pg_sequence_last_value(sequence))) or 0
