"""One-click unsubscribing beside the app's own `/healthz`, during a send on the same database.

    .venv/bin/python benchmarks/unsubscribing.py [--subscribers N] [--clients N] [--latency MS]
        [DATABASE ...]

DATABASE is `sqlite` or `postgresql`; without it both, one after the other. The send goes as fast
as it can, through Resend's stand-in in a process of its own. The promise: at least 0.5 of the rate
of `/healthz`, and 99 of 100 answers within 50 ms; no unsubscribe is lost, and nobody is mailed
whose letter was claimed after the answer to their unsubscribe.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import sqlalchemy as sa
import stage
from interleaved import ENVIRONMENT, NEWSLETTER

from newsletter import tokens
from newsletter.config import Settings
from newsletter.store import open_store, sql
from newsletter.store.database import ledger_id
from newsletter.store.schema import batches, deliveries, subscribers
from tests.support.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = "a key for this benchmark alone"
SLUG = f"{datetime.now(UTC) + timedelta(days=6):%Y-%m-%d}-rust"
TURN = 0.5
BODY = b"List-Unsubscribe=One-Click"
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True)
class Place:
    """A newsletter in a folder, its database, and what its stand-in for Resend took."""

    root: Path
    database: str
    provider: str
    ledger: Path

    @property
    def settings(self) -> Settings:
        """Return what opens its database."""
        return Settings(root=self.root, database_url=self.database)


@dataclass
class Measured:
    """What clients requested, and the answers.

    Attributes:
        health: Seconds of each answer of `/healthz`.
        posts: Seconds of each answer to an unsubscribe.
        left: When each of these was answered, by public id.
        rounds: Answers a second of both, in turns.
    """

    health: list[float] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    left: dict[str, datetime] = field(default_factory=dict)
    rounds: list[tuple[float, float]] = field(default_factory=list)


@contextlib.contextmanager
def resend(latency: int, ledger: Path) -> Iterator[str]:
    """Start a stand-in for Resend; return its address."""
    module = "tests.support.providers.fake_resend"
    options = ("--fast", "--ledger", ledger, "--latency-ms", str(latency))
    with subprocess.Popen(
        [sys.executable, "-m", module, *options], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def prepare(place: Place, audience: int) -> list[str]:
    """Make a newsletter with subscribers; return their public ids."""
    (place.root / "issues").mkdir()
    issue = "---\nsubject: Rust\n---\nEen rustige zin.\n\n> En een tweede.\n"
    (place.root / "issues" / f"{SLUG}.md").write_text(issue, encoding="utf-8")
    public_ids = [sql.new_id() for _ in range(audience)]
    store = open_store(place.settings)
    with store.write() as connection:
        ledger = ledger_id(connection)
        rows = [
            {
                "public_id": public_id,
                "email": f"{public_id}@example.org",
                "email_key": f"{public_id}@example.org",
                "first_name": "Anna",
                "status": "active",
                "source": "benchmark",
                "created_at": datetime.now(UTC),
            }
            for public_id in public_ids
        ]
        connection.execute(subscribers.insert(), rows)
    store.close()
    (place.root / "newsletter.toml").write_text(
        'name = "Jij en Loslaten"\nsender = "Gerrit <gerrit@example.org>"\ncontact = "Postbus 1"\n'
        f'ledger = "{ledger}"\nprovider = "resend"\nprovider_url = "{place.provider}"\n',
        encoding="utf-8",
    )
    return public_ids


def start(place: Place, *command: str) -> subprocess.Popen[str]:
    """Start a command of the newsletter."""
    own = {
        "NEWSLETTER_SECRET_KEY": KEY,
        "RESEND_API_KEY": "re_benchmark",
        "NEWSLETTER_DATABASE_URL": place.database,
    }
    return subprocess.Popen(
        [NEWSLETTER, *command],
        cwd=place.root,
        env={**ENVIRONMENT, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if command[0] == "serve" else subprocess.DEVNULL,
        encoding="utf-8",
    )


def client(
    port: int, requests: Iterator[tuple[str, bytes]], until: float, answered: Callable[..., None]
) -> None:
    """Send one request after another over one connection, until it is time."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until and (request := next(requests, None)):
            began = time.perf_counter()
            connection.sendall(request[1])
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            answered(request[0], time.perf_counter() - began)


def turn(
    port: int,
    clients: int,
    requests: Callable[[], Iterator[tuple[str, bytes]]],
    answered: Callable[[str, float], None],
) -> float:
    """Let all clients ask for one turn; return answers a second."""
    count = itertools.count()

    def note(who: str, seconds: float) -> None:
        next(count)
        answered(who, seconds)

    until = time.perf_counter() + TURN
    threads = [
        threading.Thread(target=client, args=(port, requests(), until, note))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(count) / TURN


def compare(place: Place, public_ids: list[str], clients: int) -> Measured:
    """Run both in turns for as long as the send lasts."""
    measured = Measured()

    def unsubscribing() -> Iterator[tuple[str, bytes]]:
        # The end of the list comes first: its letters are the last to be claimed.
        while public_ids:
            who = public_ids.pop()
            token = tokens.unsubscribe_token(KEY, who, tokens.RESERVED_ID)
            head = f"POST /u/{token} HTTP/1.1\r\nHost: n\r\nContent-Length: {len(BODY)}"
            kind = "Content-Type: application/x-www-form-urlencoded"
            yield who, f"{head}\r\n{kind}\r\n\r\n".encode() + BODY

    def asking() -> Iterator[tuple[str, bytes]]:
        while True:
            yield "", b"GET /healthz HTTP/1.1\r\nHost: n\r\n\r\n"

    def gone(who: str, seconds: float) -> None:
        measured.left[who] = datetime.now(UTC)
        measured.posts.append(seconds)

    app = start(place, "serve", "--port", "0")
    assert app.stderr
    port = int(app.stderr.readline().rsplit(":", 1)[1])
    # Its log goes where a log goes: away from here.
    threading.Thread(target=app.stderr.read, daemon=True).start()
    turn(port, clients, asking, lambda _who, _seconds: None)
    send = start(place, "send", SLUG, "--yes", "--early", "--no-preflight")
    while send.poll() is None and public_ids:
        health: list[float] = []
        rates = (
            turn(port, clients, asking, lambda _who, s, to=health: to.append(s)),
            turn(port, clients, unsubscribing, gone),
        )
        if send.poll() is None:
            measured.rounds.append(rates)
            measured.health += health
    app.send_signal(signal.SIGTERM)
    if send.wait() or app.wait():
        raise SystemExit("the send or the app failed")
    return measured


def show(name: str, measured: Measured, clients: int) -> None:
    """Print what was measured."""
    health, left = (median(rates) for rates in zip(*measured.rounds, strict=True))
    ratio = median(post / health for health, post in measured.rounds)
    p50, p99 = (quantiles(measured.posts, n=100)[at] * 1000 for at in (49, 98))
    its = quantiles(measured.health, n=100)[98] * 1000
    print(f"\n{name}: {clients} clients, {len(measured.rounds)} rounds in turns beside a send")
    print(
        "| /healthz a second | its p99 ms | unsubscribe POSTs a second | ratio | p50 ms | p99 ms "
        "| slowest ms |"
    )
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {health:,.0f} | {its:.1f} | {left:,.0f} | {ratio:.2f} (promise 0.50) | {p50:.1f} "
        f"| {p99:.1f} (promise 50) | {max(measured.posts) * 1000:.0f} |"
    )


def check(place: Place, left: Mapping[str, datetime], audience: int) -> None:
    """Refuse a result in which an unsubscribe was lost, or a person mailed who had left before."""
    lines = place.ledger.read_text(encoding="utf-8").splitlines()
    mailed = [json.loads(line)["to"].partition("@")[0] for line in lines]
    store = open_store(place.settings)
    with store.read() as connection:
        query = sa.select(subscribers.c.public_id).where(subscribers.c.status == "unsubscribed")
        gone = set(connection.scalars(query))
        claims = (
            sa.select(subscribers.c.public_id, deliveries.c.state, batches.c.claimed_at)
            .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
            .outerjoin(batches, batches.c.id == deliveries.c.batch_id)
        )
        found = {row[0]: (row[1], row[2]) for row in connection.execute(claims)}
    store.close()
    skipped = {who for who, (state, _) in found.items() if state == "skipped"}
    sent = left.keys() & found.keys() - skipped
    late = [who for who in sent if found[who][1] > left[who]]
    # A person who left while the send was starting is not in its audience.
    spared = left.keys() - sent
    wrong = {
        "left and are still on the list": left.keys() - gone,
        "had no answer and are off it": gone - left.keys(),
        "were mailed though they had left in time": spared & set(mailed),
        "had left before their letter was claimed": late,
        "were neither mailed nor skipped": found.keys() - set(mailed) - skipped,
        "were mailed twice": [None] * (len(mailed) - len(set(mailed))),
        "have no delivery": [None] * (audience - len(found.keys() | left.keys())),
    }
    print(
        f"\n{len(left):,} left: {len(spared):,} before their letter was claimed, and none of these "
        f"was mailed; {len(mailed):,} letters, none twice."
    )
    for what, whose in wrong.items():
        if whose:
            raise SystemExit(f"{len(whose):,} {what}")


def measure(name: str, database: str, chosen: argparse.Namespace) -> None:
    """Prepare, compare, check, on one database."""
    with tempfile.TemporaryDirectory() as folder:
        root, ledger = Path(folder) / "letter", Path(folder) / "taken"
        root.mkdir()
        with resend(chosen.latency, ledger) as provider:
            place = Place(root, database or f"sqlite:///{root}/list.db", provider, ledger)
            measured = compare(place, prepare(place, chosen.subscribers), chosen.clients)
        show(name, measured, chosen.clients)
        check(place, measured.left, chosen.subscribers)


def main() -> None:
    """Measure on each database."""
    options = argparse.ArgumentParser()
    options.add_argument("--subscribers", type=int, default=100_000)
    options.add_argument("--latency", type=int, default=50)
    options.add_argument("--clients", type=int, default=12)
    options.add_argument("databases", nargs="*", default=[], metavar="DATABASE")
    chosen = options.parse_args()
    names = chosen.databases or [SQLITE, POSTGRESQL]
    if SQLITE in names:
        measure("SQLite", "", chosen)
    if POSTGRESQL in names:
        with postgres() as server:
            measure("PostgreSQL", stage.migrated(server), chosen)
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
