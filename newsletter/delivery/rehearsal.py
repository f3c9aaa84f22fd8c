"""`rehearse`: everyone's own letter into the outbox, whatever the provider; nobody is mailed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from newsletter.delivery.send import send_issue
from newsletter.delivery.sender import unheard
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

    `provider_url` then names the real provider, if one is set: the links of such letters work for
    nobody (`Mailing.for_nobody`), so that a letter which is passed on takes no subscriber away.
    """
    real = "" if settings.provider == OUTBOX else settings.provider
    return replace(settings, provider=OUTBOX, provider_url=real)


def rehearse_issue(
    store: Store,
    settings: Settings,
    order: SendRequest,
    *,
    stop: Event,
    progress: Callable[[int, int], None],
    note: Callable[[str], None] = unheard,
) -> SendResult:
    """Write everyone's own letter into the outbox, as it would leave now.

    Repeated, all letters are made anew if the text or the list has changed since.

    Args:
        store: The ledger.
        settings: The newsletter's.
        order: What a person asked; the time of the issue does not matter.
        stop: Set from outside to finish what is under way and write no more.
        progress: Called with the letters done and the audience.
        note: Called with a line for whoever watches, when it has to wait for others.

    Raises:
        NewsletterError: There is no such issue, it has errors, or nobody is on the list.
        TryAgain: Another process is writing an older rehearsal of it.
    """
    there = rehearsal_settings(settings)
    # A rehearsal that took long ago more time than it should have owes nobody anything.
    free = replace(order, late=True)
    return send_issue(
        store, there, open_provider(there), free, stop=stop, progress=progress, note=note
    )
