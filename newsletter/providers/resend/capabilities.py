"""What Resend can do, known without a library of the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsletter.providers.base import DEADLINE, Capabilities

CAPABILITIES: Final = Capabilities(
    name="resend",
    rehearsal=False,
    max_messages=100,
    # The longest that a request may take; the deadline does not cover the DNS lookup.
    lease=timedelta(seconds=DEADLINE + 30),
    # https://resend.com/docs/dashboard/emails/idempotency-keys
    replay=timedelta(hours=24),
    in_flight=10,
    account_variable="RESEND_API_KEY",
)
