"""A folder per provider. The layers above know capabilities and outcomes, and no provider."""

from newsletter.providers.registry import OUTBOX, account_of, capabilities_of, open_provider

__all__ = ["OUTBOX", "account_of", "capabilities_of", "open_provider"]
