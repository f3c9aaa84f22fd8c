"""Locks of the operating system, each held by a sender for as long as it lives.

The lock is on a file of its own in `.newsletter/`, and the sender's leases name that file. The
kernel releases the lock when the process ends, however it ends. A process that finds that very file
and gets its lock knows that the sender is dead, and need not wait for its leases. It says so only
where it is certain; in every other case the lease decides. `operating_system` has the lock itself.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter.config import make_private
from newsletter.errors import NewsletterError
from newsletter.operating_system import (
    PRIVATE_FLAGS,
    file_system,
    lock_file,
    machine_since_boot,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RELIABLE: Final = frozenset(
    {
        *(0xEF53, 0x58465342, 0x9123683E, 0xF2F52010),  # ext2-4, XFS, Btrfs, F2FS
        *(0x2FC12FC1, 0xCA451A4E, 0x01021994, 0x794C7630),  # ZFS, bcachefs, tmpfs, overlayfs
    }
)
"""File systems of one machine, whose locks its kernel keeps by itself, as statfs numbers them
(man7.org/linux/man-pages/man2/statfs.2.html). Not NFS, SMB, FUSE, 9p: there, another machine may
hold a lock that this one does not see, or this one may get a lock that means nothing."""

_NAME: Final = re.compile(r"sender-[0-9a-f]{32}\.lock")
_TRIES: Final = 3
_KEPT_SECONDS: Final = 86_400.0
"""After that, the file of a dead sender has no use any more: no lease lasts so long."""


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[str | None]:
    """Hold a lock during the block; yield the owner that leases name.

    When the block ends by an error, the file stays: a lease that could not be ended may name it.

    Args:
        folder: Where the file goes: `.newsletter/`.

    Yields:
        None where no lock can be had, or none that would prove anything.
    """
    found = _make(folder)
    if found is None:
        yield None
        return
    path, file, owner = found
    try:
        yield owner
        _remove(path, file)
    finally:
        os.close(file)
    _clean(folder)


def dead_owners(owners: Iterable[str], folder: Path) -> list[str]:
    """Return which of these owners certainly no longer hold their locks.

    Args:
        owners: As `hold` yielded them, on whatever machine.
        folder: Where their files are, if they are of this machine.
    """
    return [owner for owner in owners if _is_gone(owner, folder)]


def _is_gone(owner: str, folder: Path) -> bool:
    name = owner.partition(" ")[0]
    if not _NAME.fullmatch(name):
        return False
    try:
        file = os.open(folder / name, PRIVATE_FLAGS)
    except OSError:
        return False
    try:
        if _owner(name, file) != owner:
            return False
        # Shared, so that two processes that look do not take each other for the sender.
        lock_file(file, shared=True)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(file)


def _make(folder: Path) -> tuple[Path, int, str] | None:
    """Make a file and lock it; return its path, its descriptor and its owner's name."""
    if machine_since_boot() is None:
        return None
    try:
        make_private(folder)
        for _ in range(_TRIES):
            path = folder / f"sender-{secrets.token_hex(16)}.lock"
            file = os.open(path, PRIVATE_FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                lock_file(file)
                owner = _owner(path.name, file)
            except OSError:
                owner = None
            # The removal of old files may have been faster, if the clock was set meanwhile.
            if owner and _is_at(path, file):
                return path, file, owner
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(file)
    except (OSError, NewsletterError):
        return None
    return None


def _owner(name: str, file: int) -> str | None:
    """Return the owner's name of an open file, or None where its lock would prove nothing."""
    machine = machine_since_boot()
    if machine is None or file_system(file) not in _RELIABLE:
        return None
    status = os.fstat(file)
    return f"{name} {machine} {status.st_dev} {status.st_ino}"


def _is_at(path: Path, file: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    opened = os.fstat(file)
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)


def _remove(path: Path, file: int) -> None:
    """Remove a file whose lock is held, unless another one is in its place."""
    with contextlib.suppress(OSError):
        if _is_at(path, file):
            path.unlink()


def _clean(folder: Path) -> None:
    """Remove old files of dead senders; never one that a sender holds."""
    until = time.time() - _KEPT_SECONDS
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < until:
                with contextlib.suppress(OSError):
                    _remove_if_free(Path(entry.path))


def _remove_if_free(path: Path) -> None:
    file = os.open(path, PRIVATE_FLAGS)
    try:
        lock_file(file)
        _remove(path, file)
    finally:
        os.close(file)
