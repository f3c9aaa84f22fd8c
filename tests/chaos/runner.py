"""Everything that trials need, and several of them at the same time."""

from __future__ import annotations

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.chaos.fork_server import ForkServer
from tests.chaos.template import Template
from tests.chaos.trial import Run, play
from tests.support.postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from tests.chaos.matrix import Case
    from tests.support.postgres import Postgres

AT_ONCE: Final = 4
"""Trials at the same time: each waits, most of the time, for what the program waits for."""


class TrialRunner:
    """Stages and processes to play on them, for as long as the block takes.

    Args:
        databases: The engines that are wanted.
        server: A PostgreSQL that runs already; without one, it has its own.
    """

    def __init__(self, databases: Iterable[str], server: Postgres | None = None) -> None:
        self.databases, self._server = sorted(databases), server
        self.templates: dict[str, Template] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            for name in self.databases:
                server = None
                if name == "postgresql":
                    server = self._server or stack.enter_context(postgres())
                self.templates[name] = Template(folder, server)
            self.fork_server = stack.enter_context(ForkServer())
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
            return play(self.templates[case.database], self.fork_server, case, naive=naive)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(one, cases)
