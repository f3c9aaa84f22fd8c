"""The steps of a send at which a process is killed, all of them hit from outside the program.

Those of the network are a fault of the fake provider, which kills its caller (`fake_server.py`).
For the others the process that is to die has a profile hook (`sys.setprofile`), which sees each
function of the program begin and end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import newsletter

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from types import FrameType

HOOKED: Final[Mapping[str, tuple[str, str, str]]] = {
    # In the transaction that freezes, and after it.
    "audience-uncommitted": ("freezing", "freeze_audience", "return"),
    "freeze-uncommitted": ("freezing", "freeze", "return"),
    "frozen": ("planning", "freeze", "return"),
    # Before the claim, in its transaction, and after it; in the one that lets it leave.
    "claiming": ("claims", "claim", "call"),
    "claim-uncommitted": ("claims", "claim", "return"),
    "seal-uncommitted": ("claims", "record_payload", "return"),
    "claimed": ("sender", "_step", "return"),
    # In the thread that carries the request: before its first byte, and between its parts.
    "leaving": ("requests", "submit", "call"),
    "writing": ("deadline", "write", "return"),
    # Before the answer is recorded, in that transaction, and after it.
    "settling": ("settlement", "settle", "call"),
    "settle-uncommitted": ("settlement", "settle", "return"),
    "settled": ("sender_process", "note_progress", "call"),
    "conclude-uncommitted": ("mailings", "complete_if_done", "return"),
    # At any transaction at all: just before its end, and just after it.
    "committing": ("base", "_commit_impl", "call"),
    "committed": ("base", "_commit_impl", "return"),
}
"""Module, function, and whether it begins or ends."""

IN_RECOVERY: Final[Mapping[str, tuple[str, str, str]]] = {
    "takeover-uncommitted": ("leases", "end_dead_leases", "return"),
    "lease-uncommitted": ("recovery", "expire_leases", "return"),
    "replay-uncommitted": ("recovery", "replay", "return"),
    "search-uncommitted": ("unresolved", "record_search", "return"),
}
"""The same, in the process that finds what another one left."""

AT_THE_PROVIDER: Final = ("kill-reading", "kill-untaken", "kill-taken", "kill-answering")
SEARCHING: Final = "kill-searching"
"""When it asks the provider what became of a request."""

AFTER_ACCEPTANCE: Final = ("kill-taken", "kill-answering", "settling", "settle-uncommitted")
"""Those at which the provider has letters of which the ledger does not know that they left."""

ANYWHERE: Final = "anywhere"
"""At the beginning or end of any function of the program."""

NOWHERE: Final = "nowhere"
ONCE: Final = frozenset(
    {"audience-uncommitted", "freeze-uncommitted", "frozen", "conclude-uncommitted"}
)
"""Those that a process comes to only once."""

STEPS: Final = (*HOOKED, *IN_RECOVERY, *AT_THE_PROVIDER, SEARCHING, ANYWHERE)
_PACKAGE: Final = str(Path(newsletter.__file__).parent)


_OFTEN: Final[Mapping[str, int]] = {
    "committing": 8,
    "committed": 8,
    "writing": 6,
    "claimed": 4,
    ANYWHERE: 2500,
}


def nth(step: str, chance: random.Random) -> int:
    """Return at which of its visits to a step a process is killed."""
    return 1 if step in ONCE else chance.randint(1, _OFTEN.get(step, 2))


def die_at(step: str, nth: int) -> None:
    """Let this process be killed when it comes to a step for the nth time."""
    if step in {NOWHERE, SEARCHING, *AT_THE_PROVIDER}:
        return
    module, function, moment = {**HOOKED, **IN_RECOVERY}.get(step, ("", "", ""))
    seen = 0

    def watch(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal seen
        code = frame.f_code
        if event not in {"call", "return"}:
            return
        if (
            code.co_filename.startswith(_PACKAGE)
            if step == ANYWHERE
            else event == moment
            and code.co_name == function
            and Path(code.co_filename).stem == module
        ):
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)
