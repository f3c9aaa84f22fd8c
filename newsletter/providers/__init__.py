"""A folder per provider. The layers above know capabilities and outcomes, and no provider."""

from newsletter.providers.registry import OUTBOX, capabilities_of, open_provider

__all__ = ["OUTBOX", "capabilities_of", "open_provider"]
