"""One line for one thread: whoever comes while a transaction waits or runs shares the next one.

A commit costs a write to disk, and SQLite has one writer at a time, which may be a `send`. So
requests wait in line, and not each in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class RequestBatcher(Generic[T]):
    """Serves many at once. It belongs to one event loop.

    Args:
        serve: Serves those it is given, who stood in line first, and whomever the function that
            it is given returns: those who came since. Runs in a thread.
        after: Does what nobody has to wait for, when all are told; runs in a thread, and what it
            leaves undone is done another time.
    """

    def __init__(
        self,
        serve: Callable[[list[T], Callable[[], list[T]]], None],
        after: Callable[[], object] = lambda: None,
    ) -> None:
        self._serve = serve
        self._after = after
        self._waiting: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def wait(self, one: T) -> None:
        """Wait until one is served; raises what serving raised."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((one, done))
        if self._work is None:
            self._work = asyncio.create_task(self._until_all_are_served())
        await done

    async def _until_all_are_served(self) -> None:
        while self._waiting:
            served: list[asyncio.Future[None]] = []
            error: Exception | None = None
            try:
                await run_in_threadpool(self._serve_all, served)
            except Exception as raised:  # noqa: BLE001 - whatever it is, they must hear it
                error = raised
            for done in served:
                if done.done():  # its client is gone
                    continue
                done.set_exception(error) if error else done.set_result(None)
            with contextlib.suppress(Exception):
                await run_in_threadpool(self._after)
        self._work = None

    def _serve_all(self, served: list[asyncio.Future[None]]) -> None:
        """Serve all who stand in line, and note who that was, even if it fails."""

        def come() -> list[T]:
            came = [self._waiting.popleft() for _ in range(len(self._waiting))]
            served.extend(done for _, done in came)
            return [one for one, _ in came]

        self._serve(come(), come)
