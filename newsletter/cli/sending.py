"""Steps that all sending commands share: pull events, send notices, stop on a signal."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from newsletter import delivery
from newsletter.cli.output import counted, note, warn
from newsletter.delivery.notices import provider_account
from newsletter.errors import NewsletterError
from newsletter.operating_system import on_stop_signal
from newsletter.providers.base_events import ListingDenied, ListingKeyMissing
from newsletter.store.keys import recorded_fingerprints
from newsletter.subscriptions import events as subscription_events
from newsletter.subscriptions.missed import tell_returned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.cli.app import App
    from newsletter.providers.base import Provider

_SHORT_KEY = 16  # characters


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Yield an event that is set when the process is asked to stop, after what is in flight."""
    stop = threading.Event()
    with on_stop_signal(stop.set):
        yield stop


def send_notices(app: App, provider: Provider, stop: threading.Event) -> None:
    """Send the notices that wait; whatever the outcome, the issue is sent."""
    found = delivery.send_notices(app.store, app.settings, provider, stop)
    if found.accepted:
        note(f"{counted(found.accepted, 'notice')} sent as well.")
    for problem in filter(None, (found.refused, found.error)):
        warn(str(problem))


def pull_events_first(app: App) -> None:
    """Apply the events about earlier letters, before the audience of the next one is fixed.

    Who returns from a pause learns what they missed, which is what was sent before.

    A failure is a warning: who unsubscribed on our own pages is known in any case. Before the
    first letter is sent there are no events, so nothing is printed then.
    """
    app.store.refuse_closed()
    try:
        subscription_events.apply_waiting(app.store)
        subscription_events.pull_events(app.store, app.settings)
    except (ListingDenied, ListingKeyMissing):
        pass  # its webhooks report the events
    except NewsletterError as error:
        with app.store.read() as connection:
            has_sent = bool(recorded_fingerprints(connection))
        if has_sent:
            warn(f"some events of earlier letters are missing: {error}")
    tell_returned(app.store, provider_account(app.settings))


def warn_of_short_keys(app: App) -> None:
    """Warn of a key that can be guessed: it signs the links of subscribers."""
    if any(len(key) < _SHORT_KEY for key in app.settings.secret_keys):
        warn(
            "NEWSLETTER_SECRET_KEY holds a short key, which can be guessed. "
            "Make a longer one with: openssl rand -hex 32"
        )
