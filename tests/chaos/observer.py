"""A look at the database from outside: connections of its own, and plain SQL."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table'",
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
)
_PATIENCE: Final = 60.0
_ACCOUNT: Final = (
    "SELECT m.id, m.state, m.audience, d.state, count(*) FROM mailings m"
    " LEFT JOIN deliveries d ON d.mailing_id = m.id GROUP BY m.id, m.state, m.audience, d.state"
)


@dataclass(frozen=True)
class Account:
    """One mailing at one moment.

    Attributes:
        state: Of the mailing.
        counts: How many deliveries have each state.
    """

    state: str
    audience: int
    counts: Counter[str]

    def fault(self) -> str:
        """Return in what it does not add up; empty if it does."""
        if sum(self.counts.values()) != self.audience:
            return f"{self.audience} subscribers, but {dict(self.counts)}"
        going = self.counts["pending"] + self.counts["attempting"]
        if self.state.startswith("completed") and going:
            return f"{self.state} with {going} letters to go"
        if self.state.startswith("completed") and (self.state == "completed") == bool(
            self.counts["unknown"]
        ):
            return f"{self.state} with {self.counts['unknown']} unknown"
        return ""


class Observer:
    """Whoever looks at a database while others work on it.

    Args:
        place: A SQLite file, opened anew for each look, so that nobody keeps its log open for
            those who were killed; or the URL of a PostgreSQL database.
    """

    def __init__(self, place: Path | str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._server: psycopg.Connection[tuple[Any, ...]] | None = None

    def rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        if isinstance(self._place, str):
            with self._lock:
                return self._asked(self._place, query)
        with contextlib.closing(sqlite3.connect(self._place, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def _asked(self, url: str, query: str) -> Sequence[tuple[Any, ...]]:
        """Ask the server, which may just be starting again."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._server = self._server or psycopg.connect(url, autocommit=True)
                return self._server.execute(query).fetchall()  # type: ignore[arg-type] - ours
            except psycopg.OperationalError:
                self._server = None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def account(self) -> Account | None:
        """Return the only mailing there is, or None before it was frozen."""
        found = self.rows(_ACCOUNT)
        if not found:
            return None
        ((_, state, audience),) = {row[:3] for row in found}
        counts = Counter({row[3]: row[4] for row in found if row[3]})
        return Account(state, audience, counts)

    def everything(self) -> str:
        """Return all that the database holds, as text."""
        tables = self.rows(_TABLES[isinstance(self._place, str)])
        return repr([self.rows(f'SELECT * FROM "{table}"') for (table,) in tables])  # noqa: S608 - their names

    def close(self) -> None:
        if self._server:
            self._server.close()
