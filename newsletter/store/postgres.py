"""The database on a PostgreSQL server: connecting to it, and its transactions.

It may stand behind a pooler that gives every transaction another connection: nothing is set for
longer than a transaction, nothing is prepared, no lock outlives a transaction
(pgbouncer.org/features.html, "SQL feature map for pooling modes").
"""

from __future__ import annotations

import logging
import time
from datetime import UTC
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from newsletter.store import server_errors
from newsletter.store.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10
# Defaults for libpq: how long to wait for a server that does not answer, and when to notice that
# a connection is dead (the last is in milliseconds).
_PATIENCE = {
    "connect_timeout": str(_CONNECT_SECONDS),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_LOCK_TIMEOUT = "30s"
WAKING_SECONDS = 30.0
"""How long a connection waits for a server that starts, or that its host wakes."""
_PAUSES = (0.5, 4.0)

# Its log of a broken connection names host and user; the error itself is raised anyway.
logging.getLogger("psycopg").propagate = False
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def engine(parameters: Mapping[str, str]) -> sa.Engine:
    """Return an engine for a server; nothing is opened."""
    engine = sa.create_engine(
        "postgresql+psycopg://",
        connect_args={**_PATIENCE, **parameters, "prepare_threshold": None},
        # Written into BEGIN, whatever the server's own default is.
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        use_native_hstore=False,
        pool_size=5,
        max_overflow=10,
        pool_timeout=_CONNECT_SECONDS,
        # An unsubscribe must not fail because a connection died while it was idle.
        pool_pre_ping=True,
        pool_use_lifo=True,
    )

    @event.listens_for(engine, "do_connect")
    def _wait_until_awake(
        dialect: sa.Dialect, _record: object, arguments: list[str], options: dict[str, str]
    ) -> object:
        return _connect_patiently(lambda: dialect.connect(*arguments, **options))

    @event.listens_for(engine, "handle_error")
    def _hide_values(context: sa.engine.ExceptionContext) -> None:
        """Cut off the details of an error, which quote the row: it may hold an address."""
        error = context.original_exception
        if not isinstance(error, psycopg.Error) or error.sqlstate is None:
            return
        kind = type(error).__name__
        # Data exceptions quote the value itself (class 22 of the SQLSTATEs).
        text = "" if error.sqlstate.startswith("22") else error.diag.message_primary or ""
        error.args = (text or kind,)
        if context.sqlalchemy_exception:
            context.sqlalchemy_exception.args = (f"({kind}) {text}",)

    return engine


def _connect_patiently(connect: Callable[[], object]) -> object:
    """Make a connection, and try again for a while if the server is waking."""
    until = time.monotonic() + WAKING_SECONDS
    pause, longest = _PAUSES
    while True:
        try:
            return connect()
        except psycopg.Error as error:
            if not server_errors.is_waking(error) or time.monotonic() + pause > until:
                raise
        if pause == _PAUSES[0]:
            log.info("The database is not ready; it is tried again for %.0f s", WAKING_SECONDS)
        time.sleep(pause)
        pause = min(2 * pause, longest)


def begin_write(connection: sa.Connection) -> tuple[object, datetime]:
    """Begin a write transaction.

    Returns:
        When the ledger was closed, None while it is open; and the server's time.

    All writers share the lock on the ledger's row; `db move` waits for it.
    """
    closed_at, durable, moment = connection.exec_driver_sql(
        "SELECT closed_at, current_setting('synchronous_commit') <> 'off', clock_timestamp(),"
        " set_config('lock_timeout', %(lock_timeout)s, true) FROM ledger FOR KEY SHARE",
        {"lock_timeout": _LOCK_TIMEOUT},
    ).one()[:3]
    if not durable:
        # What is committed as attempting must be so after a crash of the server, too.
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
    return closed_at, moment.astimezone(UTC)


def now(connection: sa.Connection) -> datetime:
    """Return the server's time, at this moment and not when the transaction began."""
    moment: datetime = connection.execute(
        sa.select(sa.func.clock_timestamp(type_=UtcDateTime))
    ).scalar_one()
    return moment


def lock(connection: sa.Connection, number: int) -> None:
    """Wait for the lock of this number, and hold it until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_OURS, number)))


_OURS = 0x6E6C  # separates these locks from those of other programs in the same database
