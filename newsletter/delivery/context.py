"""What everything that sends works with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from newsletter.providers.base import account_id

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.mail_dns import Resolver
    from newsletter.model import Mailing
    from newsletter.providers.base import Capabilities, Provider
    from newsletter.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """What everything that sends works with; the store's clock is the time.

    Attributes:
        store: The ledger.
        settings: The settings.
        provider: Takes the letters.
        stop: Set from outside to claim nothing more and finish what is in flight.
        resolver: Asks the DNS of the sender's domain; without one, this machine's name servers.
    """

    store: Store
    settings: Settings
    provider: Provider
    stop: threading.Event = field(default_factory=threading.Event)
    resolver: Resolver | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do."""
        return self.provider.capabilities

    def is_provider_of(self, mailing: Mailing) -> bool:
        """Return whether a mailing belongs to this provider, at this base URL."""
        here = (self.capabilities.name, self.settings.provider_url)
        return (mailing.provider, mailing.provider_url) == here

    @property
    def account_id(self) -> str | None:
        """Fingerprint of the provider's account: it knows nothing of what another one took."""
        return account_id(self.settings, self.capabilities)
