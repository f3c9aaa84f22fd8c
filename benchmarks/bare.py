"""The ceiling: a loop that posts the same bytes and changes the same rows, and does nothing else.

Its connection is the program's own, so that the database checks and commits alike. It knows no
consent, no lease, no hash and no outcome but success, and makes one request after another.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
from stage import Mode, frozen, full_batch, provider_of

from newsletter.store import open_store

if TYPE_CHECKING:
    from newsletter.config import Settings


def bare(settings: Settings, mode: Mode, audience: int) -> float:
    """Return letters per second."""
    store = open_store(settings)
    body = b"".join(provider_of(settings, mode).build(full_batch(settings, mode)).parts)
    with store.write() as connection:
        mailing = frozen(connection, settings)
        first = connection.exec_driver_sql("SELECT min(id) FROM deliveries").scalar_one()
        on_file = connection.dialect.name == "sqlite"
    raw: Any = store._engine.raw_connection().driver_connection  # noqa: SLF001 - its bare driver
    loop = _Sqlite(raw) if on_file else _Postgres(raw)
    with httpx.Client(base_url=settings.provider_url, timeout=60) as client:
        began = time.perf_counter()
        for start in range(first, first + audience, mode.size):
            end = min(start + mode.size, first + audience) - 1
            number = loop.claim(mailing.id, start, end)
            headers = mode.headers(f"bare-{settings.root.name}-{start}")
            answer = client.post(mode.path, content=body, headers=headers)
            answer.raise_for_status()
            said = answer.json()
            ids = [item["id"] for item in said["data"]] if "data" in said else []
            loop.settle(number, start, end, ids)
        took = time.perf_counter() - began
    store.close()
    return audience / took


class _Sqlite:
    """The rows in a file."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - sqlite3's
        self._db = raw

    def claim(self, mailing: int, first: int, last: int) -> int:
        """Commit a batch as attempting; return its number."""
        self._db.execute("BEGIN IMMEDIATE")
        number = self._db.execute(
            "INSERT INTO batches (key, mailing_id, attempt, claimed_at, lease_until)"
            " VALUES (?, ?, 1, '2026', '2026') RETURNING id",
            (f"bare{first}", mailing),
        ).fetchone()[0]
        self._db.execute(
            "UPDATE deliveries SET state = 'attempting', batch_id = ? WHERE id BETWEEN ? AND ?",
            (number, first, last),
        )
        self._db.execute("COMMIT")
        return int(number)

    def settle(self, number: int, first: int, last: int, ids: list[str]) -> None:
        """Commit what was accepted: under an id each, or all under one."""
        self._db.execute("BEGIN IMMEDIATE")
        if ids:
            self._db.executemany(
                "UPDATE deliveries SET state = 'accepted', provider_id = ?, accepted_at = '2026'"
                " WHERE id = ?",
                [(given, first + n) for n, given in enumerate(ids[: last - first + 1])],
            )
        else:
            self._db.execute(
                "UPDATE deliveries SET state = 'accepted', provider_id = 'x', accepted_at = '2026'"
                " WHERE id BETWEEN ? AND ?",
                (first, last),
            )
        self._db.execute("UPDATE batches SET settled_at = '2026' WHERE id = ?", (number,))
        self._db.execute("COMMIT")


class _Postgres:
    """The same rows on a server."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - psycopg's
        self._db = raw

    def claim(self, mailing: int, first: int, last: int) -> int:
        """Commit a batch as attempting; return its number."""
        number = self._db.execute(
            "INSERT INTO batches (key, mailing_id, attempt, claimed_at, lease_until)"
            " VALUES (%s, %s, 1, now(), now()) RETURNING id",
            (f"bare{first}", mailing),
        ).fetchone()[0]
        self._db.execute(
            "UPDATE deliveries SET state = 'attempting', batch_id = %s WHERE id BETWEEN %s AND %s",
            (number, first, last),
        )
        self._db.commit()
        return int(number)

    def settle(self, number: int, first: int, last: int, ids: list[str]) -> None:
        """Commit what was accepted: under an id each, or all under one."""
        if ids:
            self._db.execute(
                "UPDATE deliveries"
                " SET state = 'accepted', provider_id = given.name, accepted_at = now()"
                " FROM unnest(%s::bigint[], %s::text[]) AS given(id, name)"
                " WHERE deliveries.id = given.id",
                (list(range(first, last + 1)), ids[: last - first + 1]),
            )
        else:
            self._db.execute(
                "UPDATE deliveries SET state = 'accepted', provider_id = 'x', accepted_at = now()"
                " WHERE id BETWEEN %s AND %s",
                (first, last),
            )
        self._db.execute("UPDATE batches SET settled_at = now() WHERE id = %s", (number,))
        self._db.commit()
