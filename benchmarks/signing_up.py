"""How long a sign-up takes to be answered, for each kind of address: the time must show nothing.

    .venv/bin/python benchmarks/signing_up.py [ROUNDS] [DATABASE ...]

DATABASE is `sqlite` or `postgresql`; without it both, one after the other. New, pending, active
and suppressed addresses are posted to `newsletter serve` in turns, in another order each round, by
visitors of as many networks; each address once, so that each causes what its kind causes. The same
process sends the notices through the outbox, after the answers. The promise: the medians differ by
no more than those of the same times dealt out by chance, and by far less than the distance between
the quartiles of one kind.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import random
import socket
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import stage

from newsletter import tokens
from newsletter.addresses import address_hash
from newsletter.config import Settings
from newsletter.store import open_store, sql
from newsletter.store import suppressions as suppressions_store
from newsletter.store.schema import subscribers, suppressions
from newsletter.subscriptions.signup import SignupLimits
from newsletter.web import Limits
from tests.support.postgres import postgres
from tests.support.web_server import KEY, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KINDS = ("new", "pending", "active", "suppressed")
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
WARM = 20
SHUFFLES = 400
PAUSE = 0.02
"""Seconds between two visitors: a sign-up waits while the last one's notice is being sent."""
UNCAPPED = Limits(signup=SignupLimits(letters_per_hour=10**6, unconfirmed_per_day=10**6))


def address(kind: str, number: int) -> str:
    """Return an address of a kind; all of one length."""
    return f"{kind[:3]}.{number:06}@example.org"


def prepare(settings: Settings, rounds: int) -> None:
    """Add the people who are on the list already."""
    store = open_store(settings)
    long_ago = datetime.now(UTC) - timedelta(days=3)
    with store.write() as connection:
        rows = [
            {
                "public_id": sql.new_id(),
                "email": address(kind, number),
                "email_key": address(kind, number),
                "status": kind,
                "source": "form",
                "created_at": long_ago,
            }
            for kind in ("pending", "active")
            for number in range(rounds)
        ]
        connection.execute(subscribers.insert(), rows)
        secret = suppressions_store.hash_key(connection)
        gone = [
            {
                "address_hash": address_hash(secret, address("suppressed", number)),
                "reason": "erased",
                "at": long_ago,
            }
            for number in range(rounds)
        ]
        connection.execute(suppressions.insert(), gone)
    store.close()


def networks() -> Iterator[str]:
    """Yield addresses of visitors, each of another network."""
    for number in itertools.count():
        yield f"198.{number >> 8 & 255}.{number & 255}.7"


def post(connection: http.client.HTTPConnection, email: str, client: str) -> float:
    """Sign up once; return the seconds until all of the answer is there."""
    shown_at = int((time.time() - 60) * 1000)
    fields = {"email": email, "stamp": tokens.form_stamp(KEY, shown_at, "http://localhost:8000/")}
    body = urlencode(fields)
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": client}
    began = time.perf_counter()
    connection.request("POST", "/subscribe", body, kind)
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    if answer.status != http.client.OK:
        raise SystemExit(f"answered {answer.status}")
    return took


def measure(root: Path, rounds: int) -> dict[str, list[float]]:
    """Let visitors of every kind sign up in turns; return the milliseconds of each."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    clients = networks()
    with serving(root, "--proxy", "127.0.0.1", limits=UNCAPPED) as app:
        connection = http.client.HTTPConnection("127.0.0.1", app.port)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(rounds):
            for kind in random.sample(KINDS, len(KINDS)):
                time.sleep(PAUSE)
                took = post(connection, address(kind, number), next(clients))
                if number >= WARM:
                    times[kind].append(took * 1000)
        connection.close()
    return times


def furthest(times: Mapping[str, Sequence[float]]) -> float:
    """Return how far apart the medians are."""
    medians = [statistics.median(of_one) for of_one in times.values()]
    return max(medians) - min(medians)


def by_chance(times: Mapping[str, Sequence[float]]) -> float:
    """Return how far apart they are in 95 of 100 cases if the kind has no effect on the time."""
    found = []
    for _ in range(SHUFFLES):
        # Within a round, because the machine drifts.
        dealt = [random.sample(one, len(one)) for one in zip(*times.values(), strict=True)]
        found.append(furthest(dict(zip(times, zip(*dealt, strict=True), strict=True))))
    return statistics.quantiles(found, n=20)[-1]


def show(name: str, times: Mapping[str, Sequence[float]]) -> None:
    """Print what was measured."""
    print(f"\n{name}: {len(times['new']):,} of each kind, in turns")
    print(f"| ms | {' | '.join(times)} | furthest apart | by chance | between quartiles |")
    print(f"|{'---|' * (len(times) + 4)}")
    quartiles = [statistics.quantiles(of_one, n=4) for of_one in times.values()]
    between = statistics.median(high - low for low, _, high in quartiles)
    medians = " | ".join(f"{middle:.2f}" for _, middle, _ in quartiles)
    print(
        f"| median | {medians} | {furthest(times):.2f} | {by_chance(times):.2f} | {between:.2f} |"
    )


def main() -> None:
    """Measure on each database."""
    rounds = WARM + (int(sys.argv[1]) if len(sys.argv) > 1 else 400)
    names = sys.argv[2:] or list(DATABASES)
    for name in names:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            root = Path(folder)
            (root / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
            url = f"sqlite:///{root}/list.db"
            if name == "postgresql":
                url = stage.migrated(stack.enter_context(postgres()))
            os.environ["NEWSLETTER_DATABASE_URL"] = url
            prepare(Settings(root=root, database_url=url), rounds)
            show(DATABASES[name], measure(root, rounds))
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
