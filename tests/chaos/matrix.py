"""The matrix: what can be combined, and which part of it a number of runs covers."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.chaos.providers import KINDS, PROVIDERS
from tests.chaos.steps import AFTER_ACCEPTANCE, STEPS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

DATABASES: Final = ("sqlite", "postgresql")
PROCESSES: Final = (1, 2, 4)
FAULTS: Final = (
    *("none", "answers-lost", "500-before", "500-after", "429-storm"),
    *("leaver", "erased", "wrong-key", "wrong-ledger", "other-account"),
    *("late-listing", "no-listing"),
)
_ONLY: Final[Mapping[str, str]] = {
    "replay-uncommitted": "keyed",
    **dict.fromkeys(
        ("search-uncommitted", "kill-searching", "late-listing", "no-listing"), "searchable"
    ),
}
"""Steps and faults that there are with one kind of provider only."""


@dataclass(frozen=True)
class Case:
    """One run, and all that it depends on but the order in which processes come to run.

    Attributes:
        provider: Through whom; `providers.py` says of what kind each is.
        processes: How many send at the same time.
        step: Where some of them are killed, or of those who find what was left.
        fault: What goes wrong besides.
        seed: Of everything else: how many are killed, at which request, who leaves.
    """

    database: str
    provider: str
    processes: int
    step: str
    fault: str
    seed: int

    @property
    def kind(self) -> str:
        return PROVIDERS[self.provider].kind

    def __str__(self) -> str:
        parts = (self.database, self.provider, self.processes, self.step, self.fault, self.seed)
        return "/".join(map(str, parts))

    @classmethod
    def of(cls, text: str) -> Case:
        """Return the case that prints as this.

        Raises:
            ValueError: There is none.
        """
        database, provider, processes, step, fault, seed = text.split("/")
        found = cls(database, provider, int(processes), step, fault, int(seed))
        known = database in DATABASES and provider in PROVIDERS and step in STEPS
        if not known or fault not in FAULTS or not {_only(step), _only(fault)} <= {"", found.kind}:
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


def alone(step: str, database: str, seed: int) -> Case:
    """Return the case in which nothing else happens, and nobody is faster than who is to die."""
    kind = _only(step) or "keyed"
    provider = next(name for name, chosen in PROVIDERS.items() if chosen.kind == kind)
    return Case(database, provider, 1, step, "none", seed)


def controls(runs: int, seed: int, databases: Collection[str]) -> list[Case]:
    """Return so many cases for each database in which the provider has what a sender forgets."""
    chance = random.Random(seed)
    steps = itertools.cycle(AFTER_ACCEPTANCE)
    return [
        Case(database, "ses-bulk", 1, next(steps), "none", chance.randrange(10**6))
        for database in databases
        for _ in range(runs)
    ]


def _only(step_or_fault: str) -> str:
    return _ONLY.get(step_or_fault, "")


def _cells(databases: Collection[str]) -> list[tuple[str, str, str]]:
    return [
        (database, kind, step)
        for database, kind, step in itertools.product(databases, KINDS, STEPS)
        if _only(step) in {"", kind}
    ]


def _shuffled(seed: int, databases: Collection[str]) -> Iterator[Case]:
    chance = random.Random(seed)
    cells = _cells(databases)
    decks = {cell: _deck(cell[1], chance) for cell in cells}
    for number in itertools.count():
        chance.shuffle(cells)
        for cell in cells:
            database, _, step = cell
            provider, processes, fault = decks[cell][number % len(decks[cell])]
            yield Case(database, provider, processes, step, fault, chance.randrange(10**6))


def _deck(kind: str, chance: random.Random) -> list[tuple[str, int, str]]:
    providers = [name for name, chosen in PROVIDERS.items() if chosen.kind == kind]
    faults = [fault for fault in FAULTS if _only(fault) in {"", kind}]
    all_ = list(itertools.product(providers, PROCESSES, faults))
    return chance.sample(all_, len(all_))
