"""When a notice leaves: at a moment that does not reveal whether there was one to send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from newsletter.config import Settings
from newsletter.delivery.notices import NoticeRun
from newsletter.web import Limits
from newsletter.web.background import Background

if TYPE_CHECKING:
    import threading
    from pathlib import Path


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


def background(root: Path, sender: Sender) -> Background:
    """Return threads of which only the sender of notices does something."""
    database: Any = NoDatabase()
    asked: Any = sender
    limits = Limits(stop_seconds=0, chores_delay=3600)
    return Background(Settings(root=root), [], database, asked, limits)


def test_the_time_at_which_notices_are_sent_reveals_no_subscriber(tmp_path: Path) -> None:
    after = []
    sender = Sender()
    for _ in range(3):
        threads = background(tmp_path, sender)
        with threads.running():
            began = time.monotonic()
            threads.wake_notices()
            threads.wake_notices()
            while not sender.moments:
                assert time.monotonic() < began + 60
                time.sleep(0.01)
            after.append(sender.moments.pop(0) - began)
            # However many asked, it looks once.
            time.sleep(0.1)
            assert sender.moments == []
    assert min(after) >= 1
    assert max(after) - min(after) > 0.001


def test_stopping_waits_for_no_such_moment(tmp_path: Path) -> None:
    began = time.monotonic()
    with background(tmp_path, Sender()).running():
        time.sleep(0.05)
    assert time.monotonic() - began < 1
