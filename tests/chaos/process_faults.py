"""What goes wrong with a process itself: done to it before it begins, outside the program."""

from __future__ import annotations

import resource
import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo
    from typing import Any, Self


def full_after(pages: int) -> None:
    """Let its disk be full when the SQLite file would have more pages than these."""

    @sa.event.listens_for(sa.Engine, "connect")
    def limit(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's
        connection.execute(f"PRAGMA max_page_count = {pages}")


def files_up_to(size: int) -> None:
    """Let it write to no file beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def wrong_by(seconds: float) -> None:
    """Let its own clock be wrong; that of a database server is not."""
    right = time.time
    time.time = lambda: right() + seconds

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            found = datetime.now(tz) + timedelta(seconds=seconds)
            return cls.fromisoformat(found.isoformat())

    for name, module in list(sys.modules.items()):
        if name.startswith("newsletter") and getattr(module, "datetime", None) is datetime:
            module.datetime = Wrong  # type: ignore[attr-defined]


PROCESS_FAULTS: Mapping[str, Callable[[Any], None]] = {
    "full_after": full_after,
    "files_up_to": files_up_to,
    "wrong_by": wrong_by,
}
