"""A file per provider. What is above this layer knows capabilities and outcomes, no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.providers.outbox import Outbox

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Provider


def open_provider(settings: Settings) -> Provider:
    """Return the provider that the settings name; `config` has refused those we do not have."""
    return Outbox(settings.state / "outbox")
