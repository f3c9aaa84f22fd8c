"""The database on a PostgreSQL server: connecting to it, and its transactions.

It may stand behind a pooler that gives every transaction another connection: nothing is set for
longer than a transaction, nothing is prepared, no lock outlives a transaction
(pgbouncer.org/features.html, "SQL feature map for pooling modes").
"""

from __future__ import annotations

import logging
from datetime import UTC
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from newsletter.store.columns import UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_CONNECT_SECONDS = 10
# What libpq is told unless the URL says otherwise: how long to wait for a server that does not
# answer, and to notice that one has gone without a word (the last is in milliseconds).
_PATIENCE = {
    "connect_timeout": str(_CONNECT_SECONDS),
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_LOCK_TIMEOUT = "30s"

# What it logs of a connection that breaks names host and user; what is wrong comes as an error.
logging.getLogger("psycopg").propagate = False
logging.getLogger("psycopg").addHandler(logging.NullHandler())


def engine(parameters: Mapping[str, str]) -> sa.Engine:
    """Return the means to connect to a server; nothing is opened."""
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
        # A reader who leaves must not pay for a connection that died while nobody used it.
        pool_pre_ping=True,
        pool_use_lifo=True,
    )

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


def begin_write(connection: sa.Connection) -> tuple[object, datetime]:
    """Begin a transaction that may wait and may change.

    Returns:
        Since when the ledger is closed, None while it is open; and the server's time.

    The lock on the ledger's row, which all writers share, is what `db move` waits for.
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
    """Wait until no other transaction holds the lock of this number, and hold it to the end."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_OURS, number)))


_OURS = 0x6E6C  # tells our locks from those of other programs in the same database
