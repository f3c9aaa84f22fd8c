"""One transaction for many requests: all that arrive while one runs share the next one.

A commit costs a write to disk, and SQLite has one writer at a time, which may be a `send`. So
requests queue for one thread instead of waiting in a thread each.
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
    """Processes items in batches. It belongs to one event loop.

    Args:
        process: Called in a thread with the queued items and a function that returns the items
            queued since.
        after: Called in a thread after each batch, once its requests are answered; its errors are
            ignored.
    """

    def __init__(
        self,
        process: Callable[[list[T], Callable[[], list[T]]], None],
        after: Callable[[], object] = lambda: None,
    ) -> None:
        self._process = process
        self._after = after
        self._queue: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> None:
        """Wait until an item is processed; raise what processing raised."""
        done = asyncio.get_running_loop().create_future()
        self._queue.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._process_all())
        await done

    async def _process_all(self) -> None:
        while self._queue:
            taken: list[asyncio.Future[None]] = []
            error: Exception | None = None
            try:
                await run_in_threadpool(self._process_batch, taken)
            except Exception as raised:  # noqa: BLE001 - whatever it is, the requests must get it
                error = raised
            for done in taken:
                if done.done():  # its client is gone
                    continue
                done.set_exception(error) if error else done.set_result(None)
            with contextlib.suppress(Exception):
                await run_in_threadpool(self._after)
        self._task = None

    def _process_batch(self, taken: list[asyncio.Future[None]]) -> None:
        """Process all queued items; `taken` gets their futures, also when it fails."""

        def drain() -> list[T]:
            items = [self._queue.popleft() for _ in range(len(self._queue))]
            taken.extend(done for _, done in items)
            return [item for item, _ in items]

        self._process(drain(), drain)
