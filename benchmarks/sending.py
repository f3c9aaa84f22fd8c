"""Sending beside a bare loop: each mode of sending, on both databases, at 0, 50 and 200 ms.

Both talk to the same stand-in, a process of its own, in turns.

    .venv/bin/python benchmarks/sending.py [SUBSCRIBERS] [ROUNDS] [MODE ...]

SUBSCRIBERS is for substitution; the other modes get a part of them. MODE is `substitution`,
`bodies` or `single`.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

import stage
from bare import bare

from tests.support.postgres import postgres

LATENCIES = (0, 50, 200)
DATABASES = ("SQLite", "PostgreSQL")
PROMISED = {
    ("substitution", "SQLite"): 0.6,
    ("substitution", "PostgreSQL"): 0.7,
    ("bodies", "SQLite"): 0.7,
}
AT_50_MS = 0.8


def main() -> None:
    """Measure, and print the table."""
    audience = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004 - the second argument
    modes = sys.argv[3:] or [*stage.MODES]
    rates: dict[tuple[str, str, str], list[float]] = {}
    with postgres() as server, contextlib.ExitStack() as stack:
        urls = {
            (name, latency): stack.enter_context(stage.stand_in(stage.MODES[name], latency))
            for name in modes
            for latency in LATENCIES
        }
        runs = [
            (name, database, latency, way)
            for _ in range(rounds)
            for name in modes
            for database in DATABASES
            for latency, way in ((0, "bare"), *((late, "ours") for late in LATENCIES))
        ]
        for name, database, latency, way in runs:
            mode = stage.MODES[name]
            count = max(mode.size, int(audience * mode.share))
            with tempfile.TemporaryDirectory() as folder:
                place = "sqlite:///list.db" if database == "SQLite" else stage.migrated(server)
                url = urls[name, latency]
                settings = stage.newsletter(Path(folder), place, mode, url, count)
                rate = (bare if way == "bare" else stage.ours)(settings, mode, count)
            key = name, database, "bare" if way == "bare" else f"{latency} ms"
            rates.setdefault(key, []).append(rate)
    show(rates, modes, audience, rounds)


def show(
    rates: dict[tuple[str, str, str], list[float]], modes: list[str], audience: int, rounds: int
) -> None:
    """Print the table: medians of letters a second, and the ratios that are promised."""
    print("| letters a second | bare | 0 ms | of bare | 50 ms | of 0 ms | 200 ms | of 0 ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name in modes:
        for database in DATABASES:
            of = {
                key[2]: statistics.median(v)
                for key, v in rates.items()
                if key[:2] == (name, database)
            }
            promised = PROMISED.get((name, database))
            print(
                f"| {stage.MODES[name].name}, {database} | {of['bare']:,.0f} | {of['0 ms']:,.0f} "
                f"| {of['0 ms'] / of['bare']:.2f}{f' (≥ {promised})' if promised else ''} "
                f"| {of['50 ms']:,.0f} | {of['50 ms'] / of['0 ms']:.2f} (≥ {AT_50_MS}) "
                f"| {of['200 ms']:,.0f} | {of['200 ms'] / of['0 ms']:.2f} |"
            )
    command = f".venv/bin/python benchmarks/sending.py {audience} {rounds} {' '.join(sys.argv[3:])}"
    print(f"\nMedians of {rounds} rounds in turns; `{command.strip()}`; {os.cpu_count()} cores,")
    print(f"Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
