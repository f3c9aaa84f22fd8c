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
from tests.support.changes import die_at
from tests.support.newsletter import FakeProvider, Newsletter

if TYPE_CHECKING:
    from newsletter.model import Batch


def _die(_batch: Batch | None = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    root, ledger, hours, where = sys.argv[1:]
    newsletter = Newsletter(Path(root), subscribers=0, slug="none")
    provider = FakeProvider(Path(ledger), replay=timedelta(hours=float(hours)))
    if where == "submit":
        provider.answer = lambda batch: _die(batch) if provider.calls > 1 else None
    elif where == "refuse":
        die_at("newsletter", "submit", "call", 2)
    elif where != "nowhere":
        place, moment = where.split(":")
        die_at(*place.split("."), moment, 2)
    NoticeSender(newsletter.settings, provider).send_due(newsletter.store, threading.Event())


if __name__ == "__main__":
    main()
