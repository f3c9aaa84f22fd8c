"""What Amazon SES can do, known without a library of the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsletter.providers.base import DEADLINE, Capabilities

CAPABILITIES: Final = Capabilities(
    name="ses",
    rehearsal=False,
    max_messages=1,
    # The longest that a request may take; the deadline does not cover the DNS lookup.
    lease=timedelta(seconds=DEADLINE + 30),
    in_flight=16,
)
"""For a small audience."""
