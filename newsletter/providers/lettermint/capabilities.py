"""What Lettermint can do, known without a library of the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsletter.providers.base import DEADLINE, Capabilities, UnsubscribeHeader

CAPABILITIES: Final = Capabilities(
    name="lettermint",
    rehearsal=False,
    # Its limits are 500 and 25 MB: with this many, the longest possible letter uses half of that.
    max_messages=100,
    # The longest that a request may take; the deadline does not cover the DNS lookup.
    lease=timedelta(seconds=DEADLINE + 30),
    # https://lettermint.co/docs/platform/emails/idempotency
    replay=timedelta(hours=24),
    in_flight=8,
    # https://docs.lettermint.co/platform/projects-and-routes/routes
    unsubscribe_header=UnsubscribeHeader.BY_PERMISSION,
    account_variable="LETTERMINT_API_TOKEN",
)
