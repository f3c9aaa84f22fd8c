"""Runs as much of the kill matrix as asked for, and prints what it came to.

    ./dev chaos [--runs N] [--seed S] [--database sqlite|postgresql] [--only CASE]

A run that broke a promise prints the command that repeats it, and the exit code is 1. The last rows
are the negative control: a recovery that sends again what was under way, as many do. There the same
judge must find duplicates, or it sees nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

_TESTS: Final = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS / name) for name in ("", "providers", "chaos")]

from matrix import DATABASES, KINDS, Case, controls, sample  # noqa: E402
from theatre import Theatre  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trial import Result

CONTROL: Final = "naive recovery"
_COLUMNS: Final = (
    *("provider", "database", "runs", "with a kill", "processes killed", "duplicates"),
    *("silent losses", "unknown, visible", "broken"),
)
_CONTROLS: Final = 8
_OFTEN: Final = 6
_TOLD_EVERY: Final = 50


def told(result: Result) -> Iterator[str]:
    """Say what is wrong with a run, and how to have it again."""
    wrong = list(dict.fromkeys(result.broken))
    wrong += [f"{result.duplicates} duplicates"] * bool(result.duplicates)
    wrong += [f"{result.losses} silent losses"] * bool(result.losses)
    yield f"{result.case}: {'; '.join(wrong)}"
    yield from (f"    {line}" for line in result.log.splitlines())
    yield f"    again: ./dev chaos --only {result.case}"


def table(results: Sequence[Result], controls: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the table: a row for each kind of provider on each database."""
    rows: list[tuple[object, ...]] = [_COLUMNS]
    for kind in (*KINDS, CONTROL):
        for database in DATABASES:
            among = (
                controls if kind == CONTROL else [one for one in results if one.case.kind == kind]
            )
            if mine := [one for one in among if one.case.database == database]:
                rows.append((kind, database, *_sums(mine)))
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


def verdict(results: Sequence[Result], controls: Sequence[Result]) -> Iterator[str]:
    """Say why all of this proves nothing, or that something is wrong; nothing if all is well."""
    bad = sum(not result.good for result in results)
    if bad:
        yield f"{bad} of {len(results)} runs broke a promise."
    if controls and not any(result.duplicates for result in controls):
        yield "The negative control shows no duplicates: the judge sees nothing."
    tried = Counter(result.case.step for result in results)
    hit = {result.case.step for result in results if result.hit}
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
    results = []
    with Theatre({case.database for case in (*cases, *naive)}) as theatre:
        for number, result in enumerate(theatre.play(cases), 1):
            results.append(result)
            if not result.good:
                print(*told(result), sep="\n", flush=True)
            if not number % _TOLD_EVERY:
                print(f"{number} of {len(cases)}", file=sys.stderr, flush=True)
        controlled = list(theatre.play(naive, naive=True))
    wrong = list(verdict(results, controlled))
    print(*table(results, controlled), *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
