"""The web app for subscribers: sign up, confirm, unsubscribe, preferences, issues and webhooks."""

from __future__ import annotations

from newsletter.web.context import Limits
from newsletter.web.server import listen, serve

__all__ = ["Limits", "listen", "serve"]
