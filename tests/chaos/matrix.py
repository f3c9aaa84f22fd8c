"""The matrix: what can be combined, and which part of it a number of runs covers."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steps import AFTER_ACCEPTANCE, STEPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

DATABASES: Final = ("sqlite", "postgresql")
KINDS: Final = ("keyed", "blind")
PROCESSES: Final = (1, 2, 4)
FAULTS: Final = (
    *("none", "answers-lost", "500-before", "500-after", "429-storm"),
    *("leaver", "erased", "wrong-key", "wrong-ledger"),
)
_ONLY_FOR: Final[Mapping[str, str]] = {"replay-uncommitted": "keyed"}
"""Steps that only the recovery from one kind of provider comes to."""


@dataclass(frozen=True)
class Case:
    """One run, and all that it depends on but the order in which processes come to run.

    Attributes:
        kind: What the provider makes of a request whose answer was lost.
        processes: How many send at the same time.
        step: Where some of them are killed, or of those who find what was left.
        fault: What goes wrong besides.
        seed: Of everything else: how many are killed, at which request, who leaves.
    """

    database: str
    kind: str
    processes: int
    step: str
    fault: str
    seed: int

    def __str__(self) -> str:
        parts = (self.database, self.kind, self.processes, self.step, self.fault, self.seed)
        return "/".join(map(str, parts))

    @classmethod
    def of(cls, text: str) -> Case:
        """Return the case that prints as this.

        Raises:
            ValueError: There is none.
        """
        database, kind, processes, step, fault, seed = text.split("/")
        found = cls(database, kind, int(processes), step, fault, int(seed))
        if (database, kind, step) not in _cells(DATABASES) or fault not in FAULTS:
            raise ValueError(text)
        return found

    def chance(self, what: str) -> random.Random:
        """Return chance itself, the same each time for the same question."""
        return random.Random(f"{self.seed}/{what}")


def sample(runs: int, seed: int, databases: Collection[str] = DATABASES) -> list[Case]:
    """Return so many cases; every step comes once for each database and kind before one is twice.

    So a small number is a first look at everything, and a large one all that can be combined.
    """
    return list(itertools.islice(_shuffled(seed, databases), runs))


def first_look(databases: Collection[str]) -> int:
    """Return how many runs it takes until each step was tried for each database and kind."""
    return len(_cells(databases))


def controls(runs: int, seed: int, databases: Collection[str]) -> list[Case]:
    """Return so many cases for each database in which the provider has what a sender forgets."""
    chance = random.Random(seed)
    return [
        Case(database, "blind", 1, chance.choice(AFTER_ACCEPTANCE), "none", chance.randrange(10**6))
        for database in databases
        for _ in range(runs)
    ]


def _cells(databases: Collection[str]) -> list[tuple[str, str, str]]:
    return [
        (database, kind, step)
        for database, kind, step in itertools.product(databases, KINDS, STEPS)
        if _ONLY_FOR.get(step, kind) == kind
    ]


def _shuffled(seed: int, databases: Collection[str]) -> Iterator[Case]:
    chance = random.Random(seed)
    rest = list(itertools.product(PROCESSES, FAULTS))
    cells = _cells(databases)
    decks = {cell: chance.sample(rest, len(rest)) for cell in cells}
    for number in itertools.count():
        chance.shuffle(cells)
        for cell in cells:
            database, kind, step = cell
            processes, fault = decks[cell][number % len(rest)]
            yield Case(database, kind, processes, step, fault, chance.randrange(10**6))
