"""What Mailgun can do, known without a library of the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsletter.model import Search
from newsletter.providers.base import DEADLINE, Capabilities

# A page of events is complete when its youngest is half an hour old. They are kept for a day on the
# free plan, and longer on every other; clocks may differ.
SEARCH: Final = Search(lag=timedelta(minutes=30), retention=timedelta(hours=23))
"""What a search can report."""

CAPABILITIES: Final = Capabilities(
    name="mailgun",
    rehearsal=False,
    max_messages=1000,
    # The longest that a request may take; the deadline does not cover the DNS lookup.
    lease=timedelta(seconds=DEADLINE + 30),
    in_flight=8,
    search=SEARCH,
    substitution=True,
    # Events are listed by domain, for every key that may read them.
    account_variable="MAILGUN_DOMAIN",
)
