"""What the outbox can do, known without a library of the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsletter.providers.base import Capabilities

_FOREVER: Final = timedelta(days=36_500)

CAPABILITIES: Final = Capabilities(
    name="outbox",
    rehearsal=True,
    max_messages=100,
    lease=timedelta(seconds=10),
    replay=_FOREVER,
)
