"""The database on a PostgreSQL server: connecting to it, and what its errors mean.

It may stand behind a pooler that gives every transaction another connection: nothing is set for
longer than a transaction, nothing is prepared, no lock outlives a transaction
(pgbouncer.org/features.html, "SQL feature map for pooling modes").
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from sqlalchemy import event, exc

from newsletter.errors import NewsletterError, TryAgain
from newsletter.store.schema import UtcDateTime

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


_PASSING = {
    "40": "another process was at the same rows",
    "53": "the server has no room for this just now",
    "55": "another process holds what this one needs",
    "57": "the server is stopping, starting or was told to stop this",
    "08": "the connection was lost",
    "25P": "the server ended a transaction that took too long",
}
_BROKEN = ("could not be read or written by its server", "Look into the server's own log")
_MENDABLE = {
    "53100": ("the server's disk is full", "Free some space, then run it again"),
    "25006": ("is read-only", "Use the primary server, and a user who may write"),
    "42501": ("may not be used so by this user", "Give this user the rights on it"),
    "42P01": ("lacks a table of this program", "Run: newsletter db status"),
    "42703": ("lacks a column of this program", "Run: newsletter db status"),
    "3D000": ("does not exist", "Make it (createdb), or mend the URL"),
    "28": ("refuses this user or password", "Mend the URL, or PGPASSWORD"),
    # A file that may not grow, a disk that fails, damage: what it is stands in the server's log.
    "58": _BROKEN,
    "XX": _BROKEN,
}
# What a server says before there is a connection has no code that libpq passes on.
_REFUSALS = {
    "password authentication failed": "28",
    "authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "is not permitted to log in": "28",
    "no such user": "28",
    "no such database": "3D000",
    "permission denied for database": "42501",
}


def explain(error: exc.DBAPIError, name: str) -> NewsletterError | None:
    """Return what an error of PostgreSQL means for the author, or None for what is our mistake."""
    state = getattr(error.orig, "sqlstate", None) or _state_of_refusal(error)
    if state is None:
        if not isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
            return None
        if "certificate" in str(error.orig) or "SSL" in str(error.orig):
            return NewsletterError(
                "no trusted connection to the database can be made",
                where=name,
                hint="Check sslmode and sslrootcert in the URL; -v before the command says more",
            )
        return _try_again("the database cannot be reached, or the connection was lost", name)
    for length in (5, 3, 2):
        if found := _MENDABLE.get(state[:length]):
            return NewsletterError(f"the database {found[0]}", where=name, hint=found[1])
        if passing := _PASSING.get(state[:length]):
            return _try_again(f"the database did not do it: {passing}", name)
    return None


def _state_of_refusal(error: exc.DBAPIError) -> str | None:
    said = str(error.orig)
    for text, state in _REFUSALS.items():
        if text in said:
            return state
    if "does not exist" in said:
        return "28" if 'role "' in said else "3D000"
    return None


def _try_again(problem: str, name: str) -> TryAgain:
    return TryAgain(problem, where=name, hint="Run it again when it is there")
