"""What every command that sends does around it: events first, notices along, a stop in between."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from newsletter import delivery
from newsletter.cli.output import note, warn
from newsletter.errors import NewsletterError
from newsletter.providers.pagination import ListingDenied
from newsletter.store.keys import recorded_fingerprints
from newsletter.subscriptions import events as telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli.app import App
    from newsletter.providers.base import Provider

_SHORT_KEY = 16  # characters
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


def pull_events_first(app: App) -> None:
    """Take in what is known of earlier letters, before it is decided who gets the next one.

    What cannot be learned is a remark: who left by our own pages is known in any case. Before the
    first letter leaves there is nothing to learn, so then nothing is said.
    """
    app.store.refuse_closed()
    try:
        telling.apply_waiting(app.store)
        telling.pull(app.store, app.settings)
    except ListingDenied:
        pass  # its webhooks tell
    except NewsletterError as error:
        with app.store.read() as connection:
            some_left = bool(recorded_fingerprints(connection))
        if some_left:
            warn(f"not all is known of what became of earlier letters: {error}")


def warn_of_short_keys(app: App) -> None:
    """Warn of a key that can be guessed, for it signs what a subscriber clicks on."""
    if any(len(key) < _SHORT_KEY for key in app.settings.secret_keys):
        warn(
            "NEWSLETTER_SECRET_KEY holds a short key, which can be guessed. "
            "Make a longer one with: openssl rand -hex 32"
        )
