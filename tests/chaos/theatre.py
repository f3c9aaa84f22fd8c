"""Everything that trials need, and several of them at the same time."""

from __future__ import annotations

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nursery import Nursery
from postgres import postgres
from stage import Stage
from trial import Run, play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from matrix import Case
    from postgres import Postgres

AT_ONCE: Final = 4
"""Trials at the same time: each waits, most of the time, for what the program waits for."""


class Theatre:
    """Stages and processes to play on them, for as long as the block takes.

    Args:
        databases: The engines that are wanted.
        server: A PostgreSQL that runs already; without one, it has its own.
    """

    def __init__(self, databases: Iterable[str], server: Postgres | None = None) -> None:
        self.databases, self._server = sorted(databases), server
        self.stages: dict[str, Stage] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            for name in self.databases:
                server = None
                if name == "postgresql":
                    server = self._server or stack.enter_context(postgres())
                self.stages[name] = Stage(folder, server)
            self.nursery = stack.enter_context(Nursery())
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def play(self, cases: Iterable[Case], *, naive: bool = False) -> Iterator[Run]:
        """Yield what these came to, in their order."""

        def one(case: Case) -> Run:
            return play(self.stages[case.database], self.nursery, case, naive=naive)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(one, cases)
