"""`rehearse`: everyone's own letter into the outbox, whatever the provider; nobody is mailed."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from newsletter.delivery.context import Context
from newsletter.delivery.send import send_issue
from newsletter.providers import OUTBOX, open_provider

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from newsletter.config import Settings
    from newsletter.delivery.planning import SendRequest
    from newsletter.delivery.send import SendResult
    from newsletter.store import Store


def rehearsal_settings(settings: Settings) -> Settings:
    """Return the settings under which an issue is rehearsed, whatever provider they name.

    `provider_url` then names the real provider, if one is set: such letters have the reserved
    token (`Mailing.for_nobody`), so that a forwarded letter unsubscribes nobody.
    """
    real = "" if settings.provider == OUTBOX else settings.provider
    return replace(settings, provider=OUTBOX, provider_url=real)


def rehearse_issue(
    store: Store,
    settings: Settings,
    request: SendRequest,
    *,
    stop: Event,
    progress: Callable[[int, int], None],
) -> SendResult:
    """Write everyone's own letter into the outbox, as it would leave now.

    Repeated, all letters are made anew if the text or the list has changed since.

    Args:
        store: The ledger.
        settings: The settings, with whatever provider.
        request: What a person asked; the time of the issue does not matter.
        stop: Set from outside to finish what is in flight and write no more.
        progress: Called with the letters done and the audience.

    Raises:
        NewsletterError: There is no such issue, it has errors, or the list is empty.
        TryAgain: Another process is writing an older rehearsal of it.
    """
    settings = rehearsal_settings(settings)
    with contextlib.closing(open_provider(settings)) as provider:
        context = Context(store, settings, provider, stop)
        # A rehearsal has no time within which it must be finished.
        return send_issue(context, replace(request, late=True), progress=progress)
