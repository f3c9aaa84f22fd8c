"""Runs as much of the kill matrix as asked for, and prints what it came to.

    ./dev chaos [--runs N] [--seed S] [--database sqlite|postgresql] [--only CASE]

A run that broke a promise prints the command that repeats it, and the exit code is 1. The last rows
are the negative control: a recovery that sends again what was under way, as many do. There the same
check must find duplicates, or it proves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.chaos.matrix import DATABASES, Case, controls, sample
from tests.chaos.providers import PROVIDERS
from tests.chaos.runner import TrialRunner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.chaos.outcome import Result
    from tests.chaos.trial import Run

_COLUMNS: Final = (
    *("provider", "database", "runs", "with a kill", "processes killed", "duplicates"),
    *("silent losses", "unknown, visible", "broken"),
)
_CONTROLS: Final = 8
_CONTROLLED: Final = "ses-bulk"
_OFTEN: Final = 6
_REPORT_EVERY: Final = 50


def describe_run(run: Run) -> Iterator[str]:
    """Say what is wrong with a run, and how to have it again."""
    result = run.result
    wrong = list(dict.fromkeys(result.broken))
    wrong += [f"{result.duplicates} duplicates"] * bool(result.duplicates)
    wrong += [f"{result.losses} silent losses"] * bool(result.losses)
    yield f"{run.case}: {'; '.join(wrong)}"
    yield from (f"    {line}" for line in run.log.splitlines())
    yield f"    again: ./dev chaos --only {run.case}"


def table(runs: Sequence[Run], controls: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of the table: a row for each kind of provider on each database."""
    rows: list[tuple[object, ...]] = [_COLUMNS]
    groups = {f"{one.kind}: {name}": (runs, name) for name, one in PROVIDERS.items()}
    groups["naive recovery"] = controls, _CONTROLLED
    for title, (among, name) in groups.items():
        for database in DATABASES:
            mine = [
                run for run in among if (run.case.provider, run.case.database) == (name, database)
            ]
            if mine:
                rows.append((title, database, *_sums([run.result for run in mine])))
    widths = [max(len(str(row[place])) for row in rows) for place in range(len(_COLUMNS))]
    for row in rows:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _sums(results: Sequence[Result]) -> tuple[int, ...]:
    return (
        len(results),
        sum(result.killed > 0 for result in results),
        *(
            sum(getattr(result, name) for result in results)
            for name in ("killed", "duplicates", "losses", "unknown")
        ),
        sum(bool(result.broken) for result in results),
    )


def verdict(runs: Sequence[Run], controls: Sequence[Run]) -> Iterator[str]:
    """Say why all of this proves nothing, or that something is wrong; nothing if all is well."""
    bad = sum(not run.result.good for run in runs)
    if bad:
        yield f"{bad} of {len(runs)} runs broke a promise."
    if controls and not any(run.result.duplicates for run in controls):
        yield "The negative control shows no duplicates: the check sees nothing."
    tried = Counter(run.case.step for run in runs)
    hit = {run.case.step for run in runs if run.hit}
    for step in sorted(tried.keys() - hit):
        if tried[step] >= _OFTEN:
            yield f"In {tried[step]} runs nobody ever came to {step}."


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200, help="how many (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice (1)")
    parser.add_argument("--database", choices=DATABASES, help="on this one only")
    parser.add_argument("--only", type=Case.of, metavar="CASE", help="this run and no other")
    said = parser.parse_args()
    databases = (said.database,) if said.database else DATABASES
    cases = [said.only] if said.only else sample(said.runs, said.seed, databases)
    naive = [] if said.only else controls(_CONTROLS, said.seed, databases)
    runs = []
    with TrialRunner({case.database for case in (*cases, *naive)}) as runner:
        for number, run in enumerate(runner.play(cases), 1):
            runs.append(run)
            if not run.result.good:
                print(*describe_run(run), sep="\n", flush=True)
            if not number % _REPORT_EVERY:
                print(f"{number} of {len(cases)}", file=sys.stderr, flush=True)
        controlled = list(runner.play(naive, naive=True))
    wrong = list(verdict(runs, controlled))
    print(*table(runs, controlled), *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
