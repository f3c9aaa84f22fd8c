"""Times whole processes in turns, so that a machine that drifts slows all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BARE = (sys.executable, "-c", "pass")
# Byte-compiled, as for everyone: some machines keep Python from writing that.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))


def measure(
    commands: Mapping[str, Sequence[str]], *, rounds: int, cwd: Path
) -> dict[str, list[float]]:
    """Run each command once to warm up, then all of them in turns.

    Returns:
        The milliseconds of each run, under the command's name.
    """
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
            if turn:
                times[name].append((time.perf_counter() - began) * 1000)
    return times


def show(times: Mapping[str, Sequence[float]], script: str) -> None:
    """Print one row for each command, with its ratio to the first."""
    first = next(iter(times.values()))
    rounds = len(first)
    print(f"| {rounds} rounds in turns, ms | median | min | median ratio | min ratio |")
    print("|---|---|---|---|---|")
    for name, of_one in times.items():
        median, least = statistics.median(of_one), min(of_one)
        ratios = f"{median / statistics.median(first):.1f} | {least / min(first):.1f}"
        print(f"| `{name}` | {median:.0f} | {least:.0f} | {ratios} |")
    print(f"\nPython {sys.version.split()[0]}; made by `.venv/bin/python benchmarks/{script}`")
