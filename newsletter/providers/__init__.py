"""A file per provider. What is above this layer knows capabilities and outcomes, no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.providers.outbox import Outbox

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Capabilities, Provider


def open_provider(settings: Settings) -> Provider:
    """Return the provider that the settings name; `config` has refused those we do not have.

    Raises:
        NewsletterError: Its key is missing, or its address would show the key to others.
    """
    if settings.provider == "resend":
        from newsletter.providers import resend  # noqa: PLC0415 - the network is slow to import

        return resend.open_resend(settings)
    return Outbox(settings.state / "outbox")


def capabilities_of(settings: Settings) -> Capabilities:
    """Return what the provider that the settings name can do; needs no key."""
    if settings.provider == "resend":
        from newsletter.providers import resend  # noqa: PLC0415 - the network is slow to import

        return resend.CAPABILITIES
    return Outbox.capabilities
