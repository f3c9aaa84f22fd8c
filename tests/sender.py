"""A process that sends an issue, for tests to kill: sender.py ROOT LEDGER REPLAY_HOURS WHERE.

WHERE is the step at which it kills itself: a module and function of the program and "call" or
"return", such as `batches.seal:return`; or `submit` for the provider, which takes the letters and
kills its caller, or `refuse`, which kills it before it takes them.
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

from house import House, Provider

from newsletter import delivery, desk
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from types import FrameType

    from newsletter.model import Batch

ROUNDS_BEFORE = 2
"""Steps that happen once a batch are hit in the third batch, so that some have been settled."""


def _die(_batch: Batch | None = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hook(module: str, function: str, moment: str) -> None:
    """Die when a function of a module is entered or left: at once, or in the third batch."""
    seen = 0
    once = function in {"freeze", "audience"}

    def watch(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal seen
        code = frame.f_code
        if event == moment and code.co_name == function and Path(code.co_filename).stem == module:
            seen += 1
            if once or seen > ROUNDS_BEFORE:
                _die()

    sys.setprofile(watch)
    threading.setprofile(watch)


def told(_done: int, _total: int) -> None:
    """Nothing is to be told; but this is called when an outcome has been committed."""


def main() -> int:
    root, ledger, hours, where = sys.argv[1:]
    slug = next((Path(root) / "issues").glob("*.md")).stem
    house = House(Path(root), readers=0, slug=slug)
    settings, store = house.settings, house.store
    provider = Provider(Path(ledger), replay=timedelta(hours=float(hours)))
    if where == "submit":
        provider.answer = lambda batch: _die(batch) if provider.calls > ROUNDS_BEFORE else None
    elif where == "refuse":
        _hook("house", "submit", "call")
    elif where != "nowhere":
        place, moment = where.split(":")
        _hook(*place.split("."), moment)
    slug, draft = desk.draft_if_there(settings, slug)
    try:
        report = delivery.send(
            store,
            settings,
            provider,
            delivery.Order(slug, draft, preflight=False),
            stop=threading.Event(),
            progress=told,
        )
    except NewsletterError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return report.trouble.exit_code if report.trouble else 0


if __name__ == "__main__":
    sys.exit(main())
