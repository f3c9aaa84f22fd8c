"""Finds a provider by its name, which `config.PROVIDERS` lists, in the folder of that name.

`NAME/capabilities.py` has its `CAPABILITIES`, `NAME/send.py` its `PROVIDER`; `NAME/events.py`, if
it reports events, its `EVENTS`; and `NAME/account.py`, if it can be asked about the account, its
`ACCOUNT`. They are imported when they are first needed: the libraries of the network are slow to
import, and only the capabilities do without them.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Final

from newsletter.config import PROVIDERS
from newsletter.providers.base import BaseProvider, Capabilities
from newsletter.providers.base_account import ProviderAccount
from newsletter.providers.base_events import ProviderEvents

if TYPE_CHECKING:
    from types import ModuleType

    from newsletter.config import Settings
    from newsletter.providers.base import Provider

OUTBOX: Final = "outbox"
"""The provider through which issues are rehearsed."""

_PACKAGE: Final = "newsletter.providers"


def open_provider(settings: Settings) -> Provider:
    """Return the provider that the settings name; its caller closes it.

    Raises:
        NewsletterError: Its key is missing, or would travel unencrypted.
    """
    return _provider(settings.provider).open(settings)


def capabilities_of(settings: Settings) -> Capabilities:
    """Return what the provider that the settings name can do; needs no key."""
    found: object = _module(settings.provider, "capabilities").CAPABILITIES
    if not isinstance(found, Capabilities):
        raise TypeError(f"CAPABILITIES of {settings.provider} is no Capabilities")
    return found


def events_of(name: str) -> ProviderEvents | None:
    """Return the events of a provider; None if it reports none, or is no provider."""
    found = _optional(name, "events", "EVENTS")
    if found is not None and not isinstance(found, ProviderEvents):
        raise TypeError(f"EVENTS of {name} is no ProviderEvents")
    return found


def account_of(settings: Settings) -> ProviderAccount | None:
    """Return what asks the provider about the account; None if it cannot be asked."""
    found = _optional(settings.provider, "account", "ACCOUNT")
    if found is not None and not isinstance(found, ProviderAccount):
        raise TypeError(f"ACCOUNT of {settings.provider} is no ProviderAccount")
    return found


def remove_suppression(settings: Settings, email: str) -> str:
    """Take an address off the provider's own list; return why it stays there, if it does."""
    events = events_of(settings.provider)
    return events.remove_suppression(settings, email) if events else ""


def _provider(name: str) -> type[BaseProvider]:
    found: object = _module(name, "send").PROVIDER
    if not (isinstance(found, type) and issubclass(found, BaseProvider)):
        raise TypeError(f"PROVIDER of {name} is no BaseProvider")
    return found


def _module(name: str, module: str) -> ModuleType:
    return importlib.import_module(f"{_PACKAGE}.{name}.{module}")


def _optional(name: str, module: str, attribute: str) -> object:
    """Return what a provider has in a module that not every provider has; None if it has none."""
    where = f"{_PACKAGE}.{name}.{module}"
    if name not in PROVIDERS or not importlib.util.find_spec(where):
        return None
    found: object = getattr(importlib.import_module(where), attribute)
    return found
