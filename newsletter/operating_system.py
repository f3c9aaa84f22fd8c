"""What differs between operating systems, and what they alone know; no other module asks for one.

Each function says what it does where the system has no such thing. The program is tested on Linux;
on macOS and Windows a sender has no lock of its own, and its lease decides.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
MACHINE: Final = Path("/etc/machine-id")

PRIVATE_FLAGS: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
"""Opens a file for this process alone, and follows no link, as far as the system can."""


@contextlib.contextmanager
def on_stop_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call a function during the block when the process is asked to stop, in place of ending it.

    That is Ctrl-C, a request of the system, or the end of the terminal or console. What is ignored
    stays ignored: under nohup, a lost terminal must change nothing.
    """

    def ask(_signal: int, _frame: object) -> None:
        stop()

    before = {}
    for number in stop_signals():
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_signals() -> tuple[int, ...]:
    """Return the signals that ask to stop; Windows has no SIGHUP, the others no SIGBREAK."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def has_file_modes() -> bool:
    """Return whether a file's mode says who may read it; on Windows an access list does."""
    return sys.platform != "win32"


def is_root() -> bool:
    """Return whether this process may do everything; Windows has no such user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def move_new(part: Path, path: Path) -> None:
    """Give a complete file its name, unless another file has it; `part` is gone in any case.

    Raises:
        FileExistsError: There is a file of that name.
        OSError: It cannot be moved.
    """
    try:
        if sys.platform == "win32":
            part.rename(path)  # which fails there when the name is taken
        else:
            path.hardlink_to(part)  # a rename would replace it
    finally:
        part.unlink(missing_ok=True)


def share_no_port(listener: socket.socket) -> None:
    """Let a server listen again at once after its end, and no other process beside it.

    On Windows SO_REUSEADDR would let another process take the port over.
    """
    import socket  # noqa: PLC0415 - slow to import, and of use to servers alone

    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def file_limits() -> tuple[int, int] | None:
    """Return how many files this process may open, now and at most.

    Each is negative where it is endless. None where the system has no such limit: on Windows.
    """
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - there is none on Windows

    return resource.getrlimit(resource.RLIMIT_NOFILE)


def set_file_limit(soft: int, hard: int) -> None:
    """Let this process open so many files, where there is such a limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - as above

        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def lock_file(file: int, *, shared: bool = False) -> None:
    """Lock an open file until it is closed, if that is possible at once.

    The lock is flock's, which belongs to the open file: no other part of the process can lose it by
    closing the file, as with POSIX record locks, and it is never unlocked, only closed, so that a
    forked child which still has it keeps it (man7.org/linux/man-pages/man2/flock.2.html).

    Args:
        file: Its descriptor.
        shared: Others may have such a lock too, but none that is not shared.

    Raises:
        OSError: Another process has it, or the system has no such lock.
    """
    if sys.platform == "win32":
        raise OSError("Windows has no flock")
    import fcntl  # noqa: PLC0415 - there is none on Windows

    fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


@functools.cache
def machine_since_boot() -> str | None:
    """Return what identifies this machine since its last boot; None where only Linux would know.

    A cloned machine has the same machine id, but boots by itself. A machine id must not be shown,
    so both go into a hash (man7.org/linux/man-pages/man5/machine-id.5.html).
    """
    if sys.platform != "linux":
        return None
    try:
        boot = BOOT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not boot:
        return None
    try:
        machine = MACHINE.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""  # as in many containers
    return hashlib.sha256(f"{machine}\0{boot}".encode()).hexdigest()[:32]


def file_system(file: int) -> int | None:
    """Return the number that Linux gives to the kind of file system that an open file is on."""
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - most commands need none of it

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        status = ctypes.create_string_buffer(512)
        if libc.fstatfs(file, status):
            return None
    except (OSError, AttributeError):
        return None
    # The first word of struct statfs. Where it is not a long, no number is recognised.
    return ctypes.c_ulong.from_buffer(status).value
