"""Sending through Resend beside a bare loop, on SQLite and PostgreSQL, at 0 and 50 ms.

The bare loop posts the same bytes in the same batches and changes the same rows: it knows no
consent, no lease, no hash and no outcome but success. Both talk to the same stand-in for Resend,
a process of its own, in turns.

    .venv/bin/python benchmarks/sending.py [READERS] [ROUNDS]
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / "tests")]

from house import add_readers  # noqa: E402
from postgres import Postgres, postgres  # noqa: E402

from newsletter import config, delivery, desk, personal, render, tokens  # noqa: E402
from newsletter.delivery.sender import Sender  # noqa: E402
from newsletter.model import Batch, MailingState  # noqa: E402
from newsletter.providers import open_provider  # noqa: E402
from newsletter.store import mailings, open_store  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from newsletter.config import Settings

KEY = "a key for the benchmark only, and a long one"
SIZE = 100
PARAGRAPHS = 48
"""Make a letter of about 30 KB of HTML."""


@contextlib.contextmanager
def fake(latency: int) -> Iterator[str]:
    """Start a stand-in for Resend; give its address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, PROJECT / "tests" / "providers" / "fake_resend.py", "--fast"),
            *("--ledger", Path(folder) / "taken", "--latency-ms", str(latency)),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            finally:
                process.terminate()


def migrated(server: Postgres) -> str:
    """Return the address of a new database with all tables."""
    url = server.url(server.database())
    environment = {**os.environ, "NEWSLETTER_DATABASE_URL": url}
    command = [Path(sys.executable).with_name("newsletter"), "-q", "db", "upgrade"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return url


def newsletter(root: Path, database: str, provider: str, readers: int) -> Settings:
    """Make a newsletter with an issue and readers; return its settings."""
    (root / "issues").mkdir()
    (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
    day = datetime.now(UTC) + timedelta(days=3)
    prose = "\n\n".join(
        f'Alinea {n}: "rust" is geen plan maar een gewoonte. Die [groeit](https://example.org/{n}) '
        "langzaam, op dagen waarop niets hoeft en niemand kijkt; wie haar zoekt, vindt haar zelden."
        for n in range(PARAGRAPHS)
    )
    issue = root / "issues" / f"{day:%Y-%m-%d}-rust.md"
    issue.write_text(f"---\nsubject: Over rust\n---\n{prose}\n", encoding="utf-8")
    settings = dataclasses.replace(
        config.load(root, {}),
        sender="Gerrit <gerrit@example.org>",
        contact="Postbus 1",
        provider="resend",
        provider_url=provider,
        credentials={"RESEND_API_KEY": "re_benchmark"},
        secret_keys=(KEY,),
        database_url=database,
    )
    store = open_store(settings)
    add_readers(store, readers)
    store.close()
    return settings


def ours(settings: Settings, readers: int) -> float:
    """Send; return letters per second, from the first claim to the last outcome."""
    store, provider = open_store(settings), open_provider(settings)
    slug = desk.issue_paths(settings)[0].stem
    _, draft = desk.draft_if_there(settings, slug)
    assert draft
    assert draft.issue
    letter = render.letter(draft.issue, settings)
    with store.write() as connection:
        mailing = mailings.freeze(
            connection,
            draft.issue,
            letter,
            provider="resend",
            provider_url=settings.provider_url,
            rehearsal=False,
        )
        mailings.move(connection, mailing.id, MailingState.SENDING)
    sender = Sender(
        store, settings, provider, mailing, stop=threading.Event(), progress=lambda _a, _b: None
    )
    began = time.perf_counter()
    trouble = sender.run()
    took = time.perf_counter() - began
    assert trouble is None, trouble
    with store.write() as connection:
        mailings.conclude(connection, mailing.id)
    receipt = delivery.receipt_of(store, slug)
    assert receipt
    assert receipt.mailing.state is MailingState.COMPLETED, receipt
    store.close()
    return readers / took


def bare(settings: Settings, readers: int) -> float:
    """Post the same bytes and change the same rows; return letters per second."""
    store, provider = open_store(settings), open_provider(settings)
    slug = desk.issue_paths(settings)[0].stem
    _, draft = desk.draft_if_there(settings, slug)
    assert draft
    assert draft.issue
    letter = render.letter(draft.issue, settings)
    readers_ = tuple(
        personal.recipient(
            letter,
            f"{n:032x}",
            f"l{n}@example.org",
            None,
            tokens.leave_token(KEY, "0" * 32, "0" * 32),
        )
        for n in range(SIZE)
    )
    batch = Batch("key", slug, letter, datetime.now(UTC), readers_)
    body = b"".join(provider.build(batch).parts)
    with store.write() as connection:
        mailing = mailings.freeze(
            connection, draft.issue, letter, provider="resend", provider_url="", rehearsal=False
        )
        first = connection.exec_driver_sql("SELECT min(id) FROM deliveries").scalar_one()
        raw = store._engine.raw_connection() if connection.dialect.name != "sqlite" else None  # noqa: SLF001
    run = _bare_postgresql if raw else _bare_sqlite
    with httpx.Client(base_url=settings.provider_url, timeout=60) as client:

        def post(number: int) -> list[str]:
            headers = {
                "Authorization": "Bearer re_benchmark",
                "Content-Type": "application/json",
                "Idempotency-Key": f"bare-{settings.root.name}-{number}",
                "x-batch-validation": "permissive",
            }
            answer = client.post("/emails/batch", content=body, headers=headers)
            answer.raise_for_status()
            return [item["id"] for item in answer.json()["data"]]

        began = time.perf_counter()
        run(settings, raw, mailing.id, first, readers, post)
        took = time.perf_counter() - began
    store.close()
    return readers / took


def _bare_sqlite(
    settings: Settings,
    _raw: object,
    mailing: int,
    first: int,
    readers: int,
    post: Callable[[int], list[str]],
) -> None:
    import sqlite3  # noqa: PLC0415 - only here

    path = settings.root / settings.database_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    for start in range(first, first + readers, SIZE):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO batches (key, mailing_id, attempt, claimed_at, lease_until)"
            " VALUES (?, ?, 1, '2026', '2026')",
            (f"bare{start}", mailing),
        )
        number = connection.execute("SELECT max(id) FROM batches").fetchone()[0]
        connection.execute(
            "UPDATE deliveries SET state = 'attempting', batch_id = ? WHERE id BETWEEN ? AND ?",
            (number, start, start + SIZE - 1),
        )
        connection.execute("COMMIT")
        ids = post(start)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "UPDATE deliveries SET state = 'accepted', provider_id = ?, accepted_at = '2026'"
            " WHERE id = ?",
            [(given, start + n) for n, given in enumerate(ids)],
        )
        connection.execute("UPDATE batches SET settled_at = '2026' WHERE id = ?", (number,))
        connection.execute("COMMIT")
    connection.close()


def _bare_postgresql(
    _settings: Settings,
    raw: object,
    mailing: int,
    first: int,
    readers: int,
    post: Callable[[int], list[str]],
) -> None:
    connection = raw.driver_connection  # type: ignore[attr-defined]
    for start in range(first, first + readers, SIZE):
        number = connection.execute(
            "INSERT INTO batches (key, mailing_id, attempt, claimed_at, lease_until)"
            " VALUES (%s, %s, 1, now(), now()) RETURNING id",
            (f"bare{start}", mailing),
        ).fetchone()[0]
        connection.execute(
            "UPDATE deliveries SET state = 'attempting', batch_id = %s WHERE id BETWEEN %s AND %s",
            (number, start, start + SIZE - 1),
        )
        connection.commit()
        ids = post(start)
        connection.execute(
            "UPDATE deliveries"
            " SET state = 'accepted', provider_id = given.name, accepted_at = now()"
            " FROM unnest(%s::bigint[], %s::text[]) AS given(id, name)"
            " WHERE deliveries.id = given.id",
            ([start + n for n in range(SIZE)], ids),
        )
        connection.execute("UPDATE batches SET settled_at = now() WHERE id = %s", (number,))
        connection.commit()


def main() -> None:
    """Measure, and print the table."""
    readers = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004 - the second argument
    rates: dict[str, list[float]] = {}
    with postgres() as server, fake(0) as near, fake(50) as far:
        for _ in range(rounds):
            for kind in ("SQLite", "PostgreSQL"):
                for what, provider in (("bare", near), ("0 ms", near), ("50 ms", far)):
                    with tempfile.TemporaryDirectory() as folder:
                        place = "sqlite:///list.db" if kind == "SQLite" else migrated(server)
                        settings = newsletter(Path(folder), place, provider, readers)
                        rate = (bare if what == "bare" else ours)(settings, readers)
                    rates.setdefault(f"{kind}, {what}", []).append(rate)
    print(f"| {readers:,} letters, {rounds} rounds in turns | letters/s | ratio | promise |")
    print("|---|---|---|---|")
    for kind in ("SQLite", "PostgreSQL"):
        middle = {w: statistics.median(rates[f"{kind}, {w}"]) for w in ("bare", "0 ms", "50 ms")}
        print(f"| {kind}: bare loop, one request after another | {middle['bare']:,.0f} | | |")
        ratio = middle["0 ms"] / middle["bare"]
        print(f"| {kind}: newsletter at 0 ms | {middle['0 ms']:,.0f} | {ratio:.2f} of bare | 0.7 |")
        ratio = middle["50 ms"] / middle["0 ms"]
        print(
            f"| {kind}: newsletter at 50 ms | {middle['50 ms']:,.0f} | {ratio:.2f} of 0 ms | 0.8 |"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory {peak:.0f} MB; {os.cpu_count()} cores, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
