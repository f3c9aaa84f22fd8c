"""Who on this machine may read the database and the secret key: nobody but their owner."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from newsletter.store.url import SqliteFile, locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.config import Settings

_OTHERS: Final = stat.S_IRWXO
_SUFFIXES: Final = ("", "-wal", "-shm")


def close_to_others(settings: Settings) -> list[str]:
    """Take from all other users what they may do with these files; say so of each.

    What a group may do stays: a web app and a timer may run as two users of one group.
    """
    if os.name != "posix":
        return []  # there, the folder's own list of rights decides
    return [said for path in _files(settings) if (said := _close(path))]


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.state
    yield settings.state / "secret-key"
    place = locate(settings)
    if isinstance(place, SqliteFile):
        for suffix in _SUFFIXES:
            yield place.path.with_name(f"{place.path.name}{suffix}")


def _close(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""  # not made yet, or another's
    if not mode & _OTHERS:
        return ""
    problem = f"{path.name}: every user of this machine could get at it"
    try:
        path.chmod(mode & ~_OTHERS)
        closed = not stat.S_IMODE(path.stat().st_mode) & _OTHERS
    except OSError:
        closed = False
    if closed:
        return f"{problem}. Now they cannot any more"
    right = 700 if path.is_dir() else 600
    return (
        f"{problem}, and that cannot be changed from here. As its owner: chmod {right} {path.name}"
    )
