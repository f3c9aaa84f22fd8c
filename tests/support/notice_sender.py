"""A process that sends what is due, for tests to kill: ROOT LEDGER REPLAY_HOURS WHERE.

WHERE is the step at which it kills itself, the second time that it comes there: a module and
function of the program and "call" or "return", such as `notice_claims.seal:return`; or `submit`
for the provider, which takes the letter and kills its caller, or `refuse`, which kills it before.
Everything is done from outside the program, by a profile hook and by the provider.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.delivery.notices import NoticeSender
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from types import FrameType

    from newsletter.model import Batch


def _die(_batch: Batch | None = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hook(module: str, function: str, moment: str) -> None:
    seen = 0

    def watch(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal seen
        code = frame.f_code
        if event == moment and code.co_name == function and Path(code.co_filename).stem == module:
            seen += 1
            if seen > 1:
                _die()

    sys.setprofile(watch)


def main() -> None:
    root, ledger, hours, where = sys.argv[1:]
    newsletter = Newsletter(Path(root), readers=0, slug="none")
    provider = FakeProvider(Path(ledger), replay=timedelta(hours=float(hours)))
    if where == "submit":
        provider.answer = lambda batch: _die(batch) if provider.calls > 1 else None
    elif where == "refuse":
        _hook("newsletter", "submit", "call")
    elif where != "nowhere":
        place, moment = where.split(":")
        _hook(*place.split("."), moment)
    NoticeSender(newsletter.settings, provider).send_due(newsletter.store, threading.Event())


if __name__ == "__main__":
    main()
