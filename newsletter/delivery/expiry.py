"""An issue that missed its window: recorded once, so that it is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.delivery import preflight
from newsletter.delivery.planning import REPLACEABLE
from newsletter.store import freezing, mailings

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.config import Settings
    from newsletter.model import Draft, Mailing
    from newsletter.providers.base import Provider
    from newsletter.store import Store


def expire(
    store: Store, settings: Settings, provider: Provider, draft: Draft, send_at: datetime
) -> Mailing | None:
    """Record that an issue missed its window.

    Returns:
        Its mailing, *expired*; or the real mailing that has its slug, slot or text, so that it was
        not missed; or None if this is known, or another process has just started it.

    Raises:
        NewsletterError: This database is not the ledger: in another one everything looks missed.
    """
    preflight.check_ledger(store, settings, provider.capabilities)
    with store.write() as connection:
        freezing.lock_freezing(connection)
        if mailings.find_cancelled_or_expired(connection, draft.slug, send_at, rehearsal=False):
            return None
        if draft.issue and (rival := mailings.find_conflicting(connection, draft.issue)):
            return rival
        older = mailings.find(connection, draft.slug, rehearsal=False)
        if older and older.state not in REPLACEABLE:
            return None
        return freezing.record_expired(
            connection,
            draft,
            send_at,
            provider=provider.capabilities.name,
            provider_url=settings.provider_url,
            rehearsal=False,
        )
