"""A database that is a file: whether it can be written, has room, and is not damaged."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Final

from newsletter.doctor.checklist import DISK, INTACT, JOURNAL, SPACE, WRITABLE
from newsletter.doctor.findings import attempt, failure, ok, warning
from newsletter.operating_system import file_system
from newsletter.store import examination

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.model import Diagnosis
    from newsletter.store import Store

_ROOM: Final = 1 << 20
"""Bytes that are written to try whether there is room; a mailing to some thousands needs them."""
_NETWORK_DISKS: Final = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "SMB",
    0xFE534D42: "SMB",
    0x01021997: "9p",
    0x5346414F: "AFS",
}
"""As statfs numbers them: man7.org/linux/man-pages/man2/statfs.2.html."""


def examine_file(store: Store, path: Path) -> Iterator[Diagnosis]:
    """Yield what is wrong with a file, and with the disk that it is on."""
    yield from attempt(WRITABLE, lambda: _check_writable(store))
    yield from attempt(SPACE, lambda: check_space(path.parent))
    yield from attempt(DISK, lambda: check_disk(_kind_of_disk(path)))
    yield from attempt(JOURNAL, lambda: _check_journal(store))


def _check_writable(store: Store) -> Diagnosis:
    examination.take_write_lock(store)
    return ok(WRITABLE, "it can be written")


def check_space(folder: Path) -> Diagnosis:
    """Check that a file can be made in a folder and grow; it has no name and is gone afterwards."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failure(
            SPACE,
            f"no file of {_ROOM >> 20} MB can be written beside it: {error.strerror}",
            "Free some space, and give this user the right to write that folder",
        )
    return ok(SPACE, "there is room beside it")


def _kind_of_disk(path: Path) -> int | None:
    with path.open("rb") as file:
        return file_system(file.fileno())


def check_disk(kind: int | None) -> Diagnosis:
    """Check that a file is on no network disk, whose locks cannot be relied on."""
    if kind not in _NETWORK_DISKS:
        return ok(DISK, "it is on no network disk that is known as one")
    return warning(
        DISK,
        f"it is on a network disk ({_NETWORK_DISKS[kind]}), where SQLite can be damaged",
        "Move it to a disk of this machine, or use PostgreSQL: newsletter db move",
    )


def _check_journal(store: Store) -> Iterator[Diagnosis]:
    found = examination.file_properties(store)
    if found.journal == "wal" and found.synchronous:
        yield ok(JOURNAL, "write-ahead log, and each commit waits for the disk")
    else:
        yield warning(
            JOURNAL,
            f"its journal is in the mode {found.journal}, so that whoever reads waits for a send",
            "While nothing uses it: sqlite3 FILE 'PRAGMA journal_mode = WAL'; keep it off network "
            "disks",
        )
    if found.damage:
        yield failure(INTACT, f"it is damaged: {found.damage}", "Put back a backup copy")
    else:
        yield ok(INTACT, "it is not damaged")
