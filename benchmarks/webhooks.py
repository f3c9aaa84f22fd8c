"""Webhooks a second: signed, stored and applied, on the way in and without it.

    .venv/bin/python benchmarks/webhooks.py [--letters N] [--clients N] [--rounds N]

Every webhook is one event of one letter, as Resend sends them: nine in ten are delivered, one is a
bounce. *Over HTTP* is the app as a process of its own, asked by several clients in turns with its
own `/healthz`; *in groups* is what it does with those that wait together, 100 at a time: store them
in one transaction, apply them in another; *bare* is a loop beside it that only writes the same rows
in as many transactions. The promise: 2,000 a second on SQLite, in groups.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from interleaved import ENVIRONMENT, NEWSLETTER
from unsubscribing import turn

from newsletter.config import Settings
from newsletter.store import open_store, sql
from newsletter.subscriptions.events import apply_waiting
from tests.support.providers.webhooks import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.store import Store

KEY = os.urandom(24)
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
GROUP = 100
KINDS = ("email.delivered",) * 9 + ("email.bounced",)
BOUNCES = ("Transient", "Permanent", "Undetermined")


def prepare(root: Path, letters: int) -> list[str]:
    """Make a list and a mailing whose letters were accepted; return their references."""
    store = open_store(Settings(root=root))
    refs = [sql.new_id() for _ in range(letters)]
    moment = datetime.now(UTC).isoformat(" ", "microseconds")[:26]
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO mailings (public_id, slug, slot, send_at, content_hash, letter_hash,"
            " letter, provider, provider_url, rehearsal, state, note, released, audience,"
            " started_at) VALUES ('m', 's', 's', 's', 'c', 'l', '', 'resend', '', false,"
            " 'completed', '', false, ?, ?)",
            (letters, moment),
        )
        connection.exec_driver_sql(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at)"
            " VALUES (?, ?, ?, 'active', 'benchmark', ?)",
            [
                (sql.new_id(), f"lezer{n}@example.org", f"lezer{n}@example.org", moment)
                for n in range(letters)
            ],
        )
        connection.exec_driver_sql(
            "INSERT INTO deliveries (mailing_id, subscriber_id, ref, state, provider_id,"
            " accepted_at, assumed) VALUES (1, ?, ?, 'accepted', ?, ?, false)",
            [(n + 1, ref, f"id-{ref}", moment) for n, ref in enumerate(refs)],
        )
    store.close()
    return refs


def webhook(number: int, ref: str) -> tuple[str, bytes]:
    """Return the name and the body of one webhook."""
    kind = KINDS[number % len(KINDS)]
    data: dict[str, object] = {
        "email_id": f"id-{ref}",
        "created_at": "2026-11-26T08:00:00.000Z",
        "from": "Gerrit <gerrit@example.org>",
        "to": [f"lezer{number}@example.org"],
        "subject": "Over rust",
        "tags": {"delivery": ref},
        "headers": [{"name": "List-Unsubscribe", "value": "<https://example.org/u/" + "x" * 87}],
    }
    if kind == "email.bounced":
        bounce = BOUNCES[number // len(KINDS) % len(BOUNCES)]
        data["bounce"] = {"type": bounce, "subType": "General", "message": "The mailbox is full"}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return f"msg_{ref}", json.dumps({"type": kind, "created_at": now, "data": data}).encode()


def signed(name: str, body: bytes) -> bytes:
    """Return a request as it comes over a connection."""
    at = str(int(time.time()))
    digest = hmac.digest(KEY, b".".join((name.encode(), at.encode(), body)), hashlib.sha256)
    head = (
        f"POST /webhooks/resend HTTP/1.1\r\nHost: n\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: application/json\r\nsvix-id: {name}\r\nsvix-timestamp: {at}\r\n"
        f"svix-signature: v1,{base64.b64encode(digest).decode()}\r\n\r\n"
    )
    return head.encode() + body


def over_http(root: Path, refs: list[str], clients: int) -> None:
    """Ask the app, in turns with `/healthz`, and print what it did."""
    waiting = [signed(*webhook(number, ref)) for number, ref in enumerate(refs)]
    sent = len(waiting)

    posts: list[float] = []

    def telling() -> Iterator[tuple[str, bytes]]:
        while waiting:
            yield "", waiting.pop()

    def asking() -> Iterator[tuple[str, bytes]]:
        return itertools.repeat(("", b"GET /healthz HTTP/1.1\r\nHost: n\r\n\r\n"))

    app = subprocess.Popen(
        [NEWSLETTER, "serve", "--port", "0"],
        cwd=root,
        env={**ENVIRONMENT, "RESEND_WEBHOOK_SECRET": SECRET},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert app.stderr
    port = int(app.stderr.readline().rsplit(":", 1)[1])
    threading.Thread(target=app.stderr.read, daemon=True).start()
    turn(port, clients, asking, lambda _who, _seconds: None)
    rounds = []
    while len(waiting) > sent // 20:
        asked = turn(port, clients, asking, lambda _who, _seconds: None)
        rounds.append((asked, turn(port, clients, telling, lambda _who, one: posts.append(one))))
    told_in_all = sent - len(waiting)
    while applied(root) < told_in_all:
        time.sleep(0.05)
    app.send_signal(signal.SIGTERM)
    if app.wait():
        raise SystemExit("the app failed")
    health, rate = (median(rates) for rates in zip(*rounds, strict=True))
    p50, p99 = (quantiles(posts, n=100)[at] * 1000 for at in (49, 98))
    print(f"\nover HTTP, {clients} clients, {told_in_all:,} webhooks, all of them applied")
    print("| webhooks a second | /healthz a second | ratio | p50 ms | p99 ms |")
    print("|---|---|---|---|---|")
    print(f"| {rate:,.0f} | {health:,.0f} | {rate / health:.2f} | {p50:.1f} | {p99:.1f} |")


def applied(root: Path) -> int:
    """Return how many webhooks are applied."""
    with sqlite3.connect(root / ".newsletter" / "newsletter.db") as connection:
        query = "SELECT count(*) FROM webhooks WHERE body IS NULL"
        (count,) = connection.execute(query).fetchone()
    connection.close()
    return int(count)


def in_groups(store: Store, genuine: list[tuple[str, str, bytes]]) -> tuple[float, float]:
    """Store and apply webhooks a group at a time; return how many a second, and a CPU second."""
    began, used = time.perf_counter(), time.process_time()
    for start in range(0, len(genuine), GROUP):
        keep(store, genuine[start : start + GROUP])
        apply_waiting(store)
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    return len(genuine) / seconds, len(genuine) / cpu


def bare(root: Path, refs: list[str], bodies: list[bytes]) -> float:
    """Write the same rows in as many transactions, and nothing else; return the rate."""
    path = root / "bare.db"
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS w (id INTEGER PRIMARY KEY, n TEXT UNIQUE, b TEXT)"
    )
    connection.execute(
        "CREATE TABLE IF NOT EXISTS e (id INTEGER PRIMARY KEY, d TEXT, k TEXT, a TEXT)"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS d (ref TEXT PRIMARY KEY, s TEXT)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO d VALUES (?, NULL)", [(ref,) for ref in refs])
    connection.execute("COMMIT")
    began = time.perf_counter()
    for start in range(0, len(refs), GROUP):
        group = refs[start : start + GROUP]
        connection.execute("BEGIN IMMEDIATE")
        rows = zip(group, (body.decode() for body in bodies[start : start + GROUP]), strict=True)
        connection.executemany("INSERT INTO w (n, b) VALUES (?, ?)", list(rows))
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        one = [(ref,) for ref in group]
        connection.executemany("INSERT INTO e (d, k, a) VALUES (?, 'delivered', 'now')", one)
        connection.executemany("UPDATE d SET s = 'delivered' WHERE ref = ?", one)
        connection.executemany("UPDATE w SET b = NULL WHERE n = ?", one)
        connection.execute("COMMIT")
    rate = len(refs) / (time.perf_counter() - began)
    connection.close()
    return rate


def main() -> None:
    """Measure in turns, and print the tables."""
    options = argparse.ArgumentParser()
    options.add_argument("--letters", type=int, default=12_000)
    options.add_argument("--clients", type=int, default=64)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        refs = prepare(root, chosen.letters * (chosen.rounds + 1))
        store = open_store(Settings(root=root))
        rates = []
        for number in range(chosen.rounds):
            some = refs[number * chosen.letters : (number + 1) * chosen.letters]
            hooks = [webhook(place, ref) for place, ref in enumerate(some)]
            genuine = [("resend", name, body) for name, body in hooks]
            bodies = [body for _, body in hooks]
            rates.append((*in_groups(store, genuine), bare(root, some, bodies)))
        store.close()
        ours, of_cpu, theirs = (median(found) for found in zip(*rates, strict=True))
        print(f"in groups of {GROUP}, SQLite, {chosen.rounds} rounds of {chosen.letters:,}")
        print("| webhooks a second | a CPU second | bare a second | ratio |")
        print("|---|---|---|---|")
        ratio = f"{ours / theirs:.2f}"
        print(f"| {ours:,.0f} (promise 2,000) | {of_cpu:,.0f} | {theirs:,.0f} | {ratio} |")
        over_http(root, refs[chosen.rounds * chosen.letters :], chosen.clients)


if __name__ == "__main__":
    main()
