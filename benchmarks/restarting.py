"""The web app at a host that stops it: how soon it answers again, and what is lost meanwhile.

    .venv/bin/python benchmarks/restarting.py [--people N] [DATABASE ...]

First, from the start of its process to its first answer: to an unsubscribe page, a one-click POST
and a sign-up, each as the first request of a new process, beside a bare `python -c pass`. It also
counts the seconds of a processor that the app took until then, which a busy machine changes less.
After each the app is stopped by SIGTERM, and the confirmation of the sign-up must have left. Then
all people unsubscribe, by clients that try again as mail providers do, while the app is stopped by
SIGKILL and SIGTERM in turns and started again. Nobody may be left on the list.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import sqlalchemy as sa
import stage
from interleaved import BARE, ENVIRONMENT
from unsubscribing import BODY, KEY, POSTGRESQL, SQLITE, Place, prepare, start

from newsletter import tokens
from newsletter.store import open_store
from newsletter.store.schema import notices, subscribers
from tests.support.postgres import postgres

CLIENTS = 16
FORM = "application/x-www-form-urlencoded"
PUBLIC = "http://localhost:8000/"
PROMISE = 2.0
OK = 200


def post(path: str, body: bytes) -> bytes:
    """Return a POST of a form, after whose answer the connection ends."""
    head = f"POST {path} HTTP/1.1\r\nHost: n\r\nContent-Length: {len(body)}\r\nContent-Type: {FORM}"
    return f"{head}\r\nConnection: close\r\n\r\n".encode() + body


def ask(port: int, request: bytes) -> int:
    """Return the status of an answer; 0 where the app is away, or went away meanwhile."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(request)
            answer = b""
            while b"\r\n" not in answer:
                part = connection.recv(65536)
                if not part:
                    return 0
                answer += part
    except OSError:
        return 0
    return int(answer.split()[1])


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def serve(place: Place, port: int) -> subprocess.Popen[str]:
    """Start the app; its log goes where a log goes: away from here."""
    app = start(place, "serve", "--port", str(port))
    assert app.stderr
    threading.Thread(target=app.stderr.read, daemon=True).start()
    return app


def stop(app: subprocess.Popen[str], number: int) -> float:
    """Stop the app; return the seconds that it took."""
    began = time.perf_counter()
    app.send_signal(number)
    app.wait()
    return time.perf_counter() - began


def processor_seconds(pid: int) -> float:
    """Return how long a process has used a processor; on Linux."""
    user, system = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


# Cold starts


def cold_starts(place: Place, people: list[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each first answer, by what was asked, and of each stop."""
    times: dict[str, list[float]] = {}
    port = free_port()
    for turn in range(rounds + 1):
        token = tokens.unsubscribe_token(KEY, people.pop(), tokens.RESERVED_ID)
        stamp = tokens.form_stamp(KEY, int((time.time() - 60) * 1000), PUBLIC)
        form = f"email=lezer{turn}@example.net&first_name=&stamp={stamp}".encode()
        requests = {
            "GET /u/TOKEN": f"GET /u/{token} HTTP/1.1\r\nHost: n\r\n\r\n".encode(),
            "POST /u/TOKEN": post(f"/u/{token}", BODY),
            "POST /subscribe": post("/subscribe", form),
        }
        for name, request in requests.items():
            began = time.perf_counter()
            app = serve(place, port)
            while (status := ask(port, request)) == 0:
                time.sleep(0.002)
            taken = time.perf_counter() - began
            if status != OK:
                raise SystemExit(f"{name}: {status}")
            worked = processor_seconds(app.pid)
            ended = stop(app, signal.SIGTERM)
            if turn:  # the first one compiles
                times.setdefault(name, []).append(taken)
                times.setdefault(f"of a processor, {name}", []).append(worked)
                times.setdefault(f"until it stopped, {name}", []).append(ended)
        began = time.perf_counter()
        subprocess.run(BARE, env=ENVIRONMENT, check=True)
        if turn:
            times.setdefault("python -c pass", []).append(time.perf_counter() - began)
    return times


def left(place: Place) -> Counter[str]:
    """Return how many notices there are in each state."""
    store = open_store(place.settings)
    with store.read() as connection:
        found = Counter(connection.scalars(sa.select(notices.c.state)))
    store.close()
    return found


# Killed and started again


@dataclass
class Clients:
    """People who unsubscribe until they are answered.

    Attributes:
        waiting: Whose turn comes.
        tries: How often each was posted.
    """

    port: int
    waiting: queue.SimpleQueue[str]
    tries: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Post each until it is answered with 200."""
        with contextlib.suppress(queue.Empty):
            while True:
                who = self.waiting.get_nowait()
                token = tokens.unsubscribe_token(KEY, who, tokens.RESERVED_ID)
                self.tries[who] += 1
                while ask(self.port, post(f"/u/{token}", BODY)) != OK:
                    time.sleep(0.05)
                    self.tries[who] += 1
                self.answered.add(who)


def kill_and_start(place: Place, people: list[str]) -> tuple[Clients, int, float]:
    """Let all people unsubscribe meanwhile; return the clients, how often, and the seconds."""
    clients = Clients(free_port(), queue.SimpleQueue())
    for who in people:
        clients.waiting.put(who)
    threads = [threading.Thread(target=clients.run) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    chance, stops = random.Random(7), 0  # noqa: S311 - what happens by chance must happen again
    while any(thread.is_alive() for thread in threads):
        app = serve(place, clients.port)
        before = len(clients.answered)
        while len(clients.answered) == before and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 1.0))
        stop(app, (signal.SIGKILL, signal.SIGTERM)[stops % 2])
        stops += 1
    return clients, stops, time.perf_counter() - began


def still_active(place: Place, people: list[str]) -> int:
    """Return how many of these people are on the list."""
    store = open_store(place.settings)
    with store.read() as connection:
        query = sa.select(subscribers.c.public_id).where(subscribers.c.status == "active")
        found = len(set(connection.scalars(query)) & set(people))
    store.close()
    return found


def measure(name: str, database: str, chosen: argparse.Namespace) -> None:
    """Measure both on one database, and print it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "letter"
        root.mkdir()
        place = Place(root, database or f"sqlite:///{root}/list.db", "", Path(folder) / "taken")
        people = prepare(place, chosen.people + chosen.rounds + 1)
        # Nobody is mailed here: confirmations go to the outbox.
        (root / "newsletter.toml").write_text('name = "Jij en Loslaten"\n', encoding="utf-8")
        times = cold_starts(place, people, chosen.rounds)
        print(f"\n{name}: from the start of the process, {chosen.rounds} rounds in turns, s")
        print("| first answer | median | slowest |\n|---|---|---|")
        for what, seconds in times.items():
            promise = f" (promise {PROMISE:.0f})" if what.startswith(("GET", "POST")) else ""
            print(f"| {what} | {median(seconds):.2f} | {max(seconds):.2f}{promise} |")
        print(f"\nNotices after the last stop: {dict(left(place))}")
        clients, stops, seconds = kill_and_start(place, people)
        active = still_active(place, people)
    again = sum(clients.tries.values()) - len(people)
    print(
        f"\n{len(clients.answered):,} of {len(people):,} unsubscribed in {seconds:.0f} s, while the"
        f" app was killed or stopped {stops} times; {again:,} posts were tried again; {active} lost"
    )
    if active or len(clients.answered) != len(people):
        raise SystemExit("an unsubscribe was lost")


def main() -> None:
    """Measure on each database."""
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=7)
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
