"""A look at the database from outside: connections of its own, and plain SQL."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_ACCOUNT = (
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
            return f"{self.audience} readers, but {dict(self.counts)}"
        going = self.counts["pending"] + self.counts["attempting"]
        if self.state.startswith("completed") and going:
            return f"{self.state} with {going} letters to go"
        if self.state.startswith("completed") and (self.state == "completed") == bool(
            self.counts["unknown"]
        ):
            return f"{self.state} with {self.counts['unknown']} unknown"
        return ""


class Eye:
    """Whoever looks at a database while others work on it.

    Args:
        place: A SQLite file, opened anew for each look, so that nobody keeps its log open for
            those who were killed; or the URL of a PostgreSQL database.
    """

    def __init__(self, place: Path | str) -> None:
        self._file = None if isinstance(place, str) else place
        self._lock = threading.Lock()
        self._server = psycopg.connect(place, autocommit=True) if isinstance(place, str) else None

    def rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        if self._server:
            with self._lock:
                return self._server.execute(query).fetchall()  # type: ignore[arg-type] - our own
        assert self._file
        with contextlib.closing(sqlite3.connect(self._file, timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def account(self) -> Account | None:
        """Return the only mailing there is, or None before it was frozen."""
        found = self.rows(_ACCOUNT)
        if not found:
            return None
        ((_, state, audience),) = {row[:3] for row in found}
        counts = Counter({row[3]: row[4] for row in found if row[3]})
        return Account(state, audience, counts)

    def close(self) -> None:
        if self._server:
            self._server.close()
