"""Processes that hold a sender's lock, for tests to kill: each says by which name."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from newsletter.store import sender_locks


def hold() -> None:
    """Hold it until the standard input ends."""
    with sender_locks.hold(Path(sys.argv[1])) as owner:
        _say(owner)
        sys.stdin.read()


def leave_to_child() -> None:
    """Leave it to a child, in a process group of their own, whose number stands after the name."""
    os.setsid()
    with sender_locks.hold(Path(sys.argv[1])) as owner:
        if os.fork() == 0:
            os.close(1)
            time.sleep(60)
            os._exit(0)
        _say(f"{owner} {os.getpgid(0)}")
        os._exit(0)


def _say(text: str | None) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
