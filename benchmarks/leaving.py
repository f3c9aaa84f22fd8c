"""Leaving by one-click beside the app's own `/healthz`, while a send runs on the same database.

    .venv/bin/python benchmarks/leaving.py [--readers N] [--clients N] [--latency MS]

The send goes as fast as it can, through Resend, for which a process of its own stands in; SQLite.
The promise: at least 0.5 of the rate of `/healthz`, and 99 of 100 answers within 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import sqlalchemy as sa
from interleaved import ENVIRONMENT, NEWSLETTER

from newsletter import tokens
from newsletter.config import Settings
from newsletter.store import ids, open_store
from newsletter.store.ledger import ledger_id
from newsletter.store.schema import deliveries, subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "a key for this benchmark alone"
SLUG = f"{datetime.now(UTC) + timedelta(days=6):%Y-%m-%d}-rust"
TURN = 0.5
BODY = b"List-Unsubscribe=One-Click"


@contextlib.contextmanager
def resend(latency: int) -> Iterator[str]:
    """Start a stand-in for Resend; give its address."""
    script = Path(__file__).parents[1] / "tests" / "providers" / "fake_resend.py"
    with tempfile.TemporaryDirectory() as folder:
        options = ("--fast", "--ledger", f"{folder}/taken", "--latency-ms", str(latency))
        with subprocess.Popen(
            [sys.executable, script, *options], stdout=subprocess.PIPE, encoding="utf-8"
        ) as process:
            assert process.stdout
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            finally:
                process.terminate()


def prepare(root: Path, readers: int, provider: str) -> list[str]:
    """Make a newsletter with readers; return their leave tokens."""
    (root / "issues").mkdir()
    issue = "---\nsubject: Rust\n---\nEen rustige zin.\n\n> En een tweede.\n"
    (root / "issues" / f"{SLUG}.md").write_text(issue, encoding="utf-8")
    public_ids = [ids.new_id() for _ in range(readers)]
    store = open_store(Settings(root=root))
    with store.write() as connection:
        ledger = ledger_id(connection)
        rows = [
            {
                "public_id": public_id,
                "email": f"lezer{number}@example.org",
                "email_key": f"lezer{number}@example.org",
                "first_name": "Anna",
                "status": "active",
                "source": "benchmark",
                "created_at": datetime.now(UTC),
            }
            for number, public_id in enumerate(public_ids)
        ]
        connection.execute(subscribers.insert(), rows)
    store.close()
    (root / "newsletter.toml").write_text(
        'name = "Jij en Loslaten"\nsender = "Gerrit <gerrit@example.org>"\ncontact = "Postbus 1"\n'
        f'ledger = "{ledger}"\nprovider = "resend"\nprovider_url = "{provider}"\n',
        encoding="utf-8",
    )
    # Those at the end of the list leave first: their letters are the last to be claimed.
    return [tokens.leave_token(KEY, public_id, tokens.NOBODY) for public_id in public_ids]


def start(root: Path, *command: str) -> subprocess.Popen[str]:
    """Start a command of the newsletter."""
    return subprocess.Popen(
        [NEWSLETTER, *command],
        cwd=root,
        env={**ENVIRONMENT, "NEWSLETTER_SECRET_KEY": KEY, "RESEND_API_KEY": "re_benchmark"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if command[0] == "serve" else subprocess.DEVNULL,
        encoding="utf-8",
    )


def client(port: int, requests: Iterator[bytes], until: float, times: list[float]) -> None:
    """Send one request after another over one connection, until it is time."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until and (request := next(requests, None)):
            began = time.perf_counter()
            connection.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)
            times.append(time.perf_counter() - began)


def turn(port: int, clients: int, requests: Callable[[], Iterator[bytes]]) -> list[float]:
    """Let all clients ask for one turn; return the seconds of each request."""
    each: list[list[float]] = [[] for _ in range(clients)]
    until = time.perf_counter() + TURN
    threads = [
        threading.Thread(target=client, args=(port, requests(), until, times)) for times in each
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [seconds for times in each for seconds in times]


def compare(root: Path, tokens_left: list[str], clients: int) -> None:
    """Run both in turns for as long as the send lasts, and print the table."""

    def leaving() -> Iterator[bytes]:
        while tokens_left:
            head = f"POST /u/{tokens_left.pop()} HTTP/1.1\r\nHost: n\r\nContent-Length: {len(BODY)}"
            kind = "Content-Type: application/x-www-form-urlencoded"
            yield f"{head}\r\n{kind}\r\n\r\n".encode() + BODY

    def asking() -> Iterator[bytes]:
        while True:
            yield b"GET /healthz HTTP/1.1\r\nHost: n\r\n\r\n"

    app = start(root, "serve", "--port", "0")
    assert app.stderr
    port = int(app.stderr.readline().rsplit(":", 1)[1])
    # Its log goes where a log goes: away from here.
    threading.Thread(target=app.stderr.read, daemon=True).start()
    turn(port, clients, asking)
    send = start(root, "send", SLUG, "--yes", "--no-preflight")
    rounds: list[tuple[float, float]] = []
    posts: list[float] = []
    while send.poll() is None and len(tokens_left) > len(rounds):
        asked, left = turn(port, clients, asking), turn(port, clients, leaving)
        if send.poll() is None:
            rounds.append((len(asked) / TURN, len(left) / TURN))
            posts += left
    app.send_signal(signal.SIGTERM)
    if send.wait() or app.wait():
        raise SystemExit("the send or the app failed")
    show(rounds, posts, clients)


def show(rounds: list[tuple[float, float]], posts: list[float], clients: int) -> None:
    """Print what was measured."""
    asked, left = (median(rates) for rates in zip(*rounds, strict=True))
    ratio = median(post / health for health, post in rounds)
    p50, p99 = (quantiles(posts, n=100)[at] * 1000 for at in (49, 98))
    print(f"{clients} clients, {len(rounds)} rounds in turns beside a send, {len(posts):,} left")
    print("| /healthz a second | leave POSTs a second | ratio | p50 ms | p99 ms | slowest ms |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {asked:,.0f} | {left:,.0f} | {ratio:.2f} (promise 0.50) | {p50:.1f} "
        f"| {p99:.1f} (promise 50) | {max(posts) * 1000:.0f} |"
    )


def check(root: Path, left: int) -> None:
    """Refuse a result in which somebody's leaving was lost."""
    store = open_store(Settings(root=root))
    with store.read() as connection:
        gone = sa.select(sa.func.count()).where(subscribers.c.status == "unsubscribed")
        skipped = sa.select(sa.func.count()).where(deliveries.c.state == "skipped")
        found, spared = connection.scalar(gone), connection.scalar(skipped)
    store.close()
    print(f"\n{found:,} have left, and {spared:,} of them before their letter was claimed.")
    if found != left:
        raise SystemExit(f"{left:,} were told that they had left")


def main() -> None:
    """Prepare, compare, check."""
    options = argparse.ArgumentParser()
    options.add_argument("--readers", type=int, default=150_000)
    options.add_argument("--latency", type=int, default=50)
    options.add_argument("--clients", type=int, default=12)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, resend(chosen.latency) as provider:
        waiting = prepare(Path(folder), chosen.readers, provider)
        compare(Path(folder), waiting, chosen.clients)
        check(Path(folder), chosen.readers - len(waiting))


if __name__ == "__main__":
    main()
