"""What every command that sends shares: how it is asked to stop, and what it takes along."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from newsletter import delivery
from newsletter.cli.output import note, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli import App
    from newsletter.providers.base import Provider

# Windows has no SIGHUP, which a lost connection sends.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into a wish to stop after what is in flight."""
    stop = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        stop.set()

    before = {}
    for number in _SIGNALS:
        # Under nohup a lost connection is to change nothing.
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def send_notices(app: App, provider: Provider, stop: threading.Event) -> None:
    """Take along what waits for single people; whatever comes of it, the issue is sent."""
    found = delivery.send_notices(app.store, app.settings, provider, stop)
    if found.accepted:
        note(f"{found.accepted:,} notice{'s' * (found.accepted != 1)} left as well.")
    if found.trouble:
        warn(str(found.trouble))
