"""A clock that several processes share, so that a lease runs out without waiting for it."""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_FORM = struct.Struct("d")


class Clock:
    """The real time, and as much later as whoever holds it says; `open_store` takes it.

    Args:
        path: The file that holds by how many seconds; made if it is not there.
        wrong_by: And so many seconds that are this process's own mistake.
    """

    def __init__(self, path: Path, wrong_by: float = 0.0) -> None:
        self._wrong = timedelta(seconds=wrong_by)
        if not path.exists():
            path.write_bytes(_FORM.pack(0.0))
        with path.open("r+b") as file:
            self._held = mmap.mmap(file.fileno(), _FORM.size)

    def __call__(self) -> datetime:
        (later,) = _FORM.unpack(self._held[: _FORM.size])
        return datetime.now(UTC) + timedelta(seconds=later) + self._wrong

    def advance(self, by: timedelta) -> None:
        (before,) = _FORM.unpack(self._held[: _FORM.size])
        self._held[: _FORM.size] = _FORM.pack(before + by.total_seconds())

    def close(self) -> None:
        self._held.close()
