"""When a notice leaves: at a moment that tells nobody whether there was one to send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from newsletter.delivery.notices import NoticeRun
from newsletter.web.notices import notices
from newsletter.web.troubles import TroubleLog

if TYPE_CHECKING:
    import threading


class Sender:
    """Stands for `delivery.Notices`, which this thread asks for nothing else."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def send_due(self, _store: object, _stop: threading.Event) -> NoticeRun:
        self.moments.append(time.monotonic())
        return NoticeRun()


class NoDatabase:
    def store(self) -> None:
        return None


def test_who_wakes_the_sender_learns_nothing_from_when_it_looks() -> None:
    after = []
    sender: Any = Sender()
    database: Any = NoDatabase()
    for _ in range(3):
        with notices(sender, database, print, TroubleLog(print)) as wake:
            began = time.monotonic()
            wake()
            wake()
            while not sender.moments:
                assert time.monotonic() < began + 60
                time.sleep(0.01)
            after.append(sender.moments.pop(0) - began)
            # However many asked, it looks once.
            time.sleep(0.1)
            assert sender.moments == []
    assert min(after) >= 1
    assert max(after) - min(after) > 0.001


def test_stopping_waits_for_no_such_moment() -> None:
    sender: Any = Sender()
    database: Any = NoDatabase()
    began = time.monotonic()
    with notices(sender, database, print, TroubleLog(print)) as wake:
        wake()
        time.sleep(0.05)
    assert time.monotonic() - began < 1
