"""Times whole processes in turns, so that a machine that drifts slows all of them alike.

Where other work runs too, the least CPU time is about what a process would take alone.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BARE = (sys.executable, "-c", "pass")
# Byte-compiled, as for everyone: some machines keep Python from writing that.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))


class Run(NamedTuple):
    """What one run took, in milliseconds: by the clock, and of the CPU."""

    clock: float
    cpu: float


def measure(
    commands: Mapping[str, Sequence[str]], *, rounds: int, cwd: Path
) -> dict[str, list[Run]]:
    """Run each command once to warm up, then all of them in turns, under the command's name."""
    times: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            began, used = time.perf_counter(), _used()
            subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
            if turn:
                took = (time.perf_counter() - began, _used() - used)
                times[name].append(Run(*(seconds * 1000 for seconds in took)))
    return times


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def show(times: Mapping[str, Sequence[Run]], script: str) -> None:
    """Print one row for each command, with its ratio to the first."""
    first = [run.clock for run in next(iter(times.values()))]
    print(
        f"| {len(first)} rounds in turns, ms | median | min | min CPU | median ratio | min ratio |"
    )
    print("|---|---|---|---|---|---|")
    for name, of_one in times.items():
        clocks, cpu = [run.clock for run in of_one], min(run.cpu for run in of_one)
        median, least = statistics.median(clocks), min(clocks)
        ratios = f"{median / statistics.median(first):.1f} | {least / min(first):.1f}"
        print(f"| `{name}` | {median:.0f} | {least:.0f} | {cpu:.0f} | {ratios} |")
    print(f"\nPython {sys.version.split()[0]}; made by `.venv/bin/python benchmarks/{script}`")
