"""Leaving, for many at once: whoever asks while a transaction waits or runs shares one.

A commit costs a write to disk, and SQLite has one writer at a time, which may be a `send`. So
requests wait in one line for one thread, and not each in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from starlette.concurrency import run_in_threadpool

from newsletter.subscriptions import leaving

if TYPE_CHECKING:
    from newsletter.web.database import Database

_Waiting: TypeAlias = tuple[str, asyncio.Future[None]]


class Goodbyes:
    """The line of those who leave. It belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._line: deque[_Waiting] = deque()
        self._work: asyncio.Task[None] | None = None

    async def say(self, public_id: str) -> None:
        """Let one reader leave; it is committed when this returns.

        Raises:
            NewsletterError: The database cannot be used: nothing has changed.
        """
        done = asyncio.get_running_loop().create_future()
        self._line.append((public_id, done))
        if self._work is None:
            self._work = asyncio.create_task(self._until_all_have_left())
        await done

    async def _until_all_have_left(self) -> None:
        while self._line:
            served: list[_Waiting] = []
            error: Exception | None = None
            try:
                await run_in_threadpool(self._leave, served)
            except Exception as raised:  # noqa: BLE001 - whatever it is, they must hear it
                error = raised
            for _, done in served:
                if done.done():  # its client is gone
                    continue
                done.set_exception(error) if error else done.set_result(None)
        self._work = None

    def _leave(self, served: list[_Waiting]) -> None:
        """Let all leave who stand in line, and note who that was, even if it fails."""

        def come() -> set[str]:
            came = [self._line.popleft() for _ in range(len(self._line))]
            served.extend(came)
            return {public_id for public_id, _ in came}

        first = come()
        leaving.leave(self._database.store(), first, come)
