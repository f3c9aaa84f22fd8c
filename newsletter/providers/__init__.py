"""A file per provider. What is above this layer knows capabilities and outcomes, no provider."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Capabilities, Provider

OUTBOX: Final = "outbox"
"""The provider through which issues are rehearsed."""


def open_provider(settings: Settings) -> Provider:
    """Return the provider that the settings name; `config` has refused those we do not have.

    Raises:
        NewsletterError: Its key is missing, or its address would show the key to others.
    """
    opened: Provider = _module(settings).open_provider(settings)
    return opened


def capabilities_of(settings: Settings) -> Capabilities:
    """Return what the provider that the settings name can do; needs no key."""
    found: Capabilities = _module(settings).CAPABILITIES
    return found


def _module(settings: Settings) -> Any:  # noqa: ANN401 - a module of this package
    # Imported when it is asked for: the network is slow to import, and seldom needed.
    return importlib.import_module(f"{__name__}.{settings.provider}.send")
