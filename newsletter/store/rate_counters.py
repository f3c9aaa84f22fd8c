"""Queries about rate counters: how often something happened within a clock hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from newsletter.store.schema import rate_counters

CLOSED: Final = "closed"
"""What is counted when the form has closed itself."""

CLOSED_LATELY: Final = timedelta(days=7)
"""For how long that is told."""

PREFERENCES_LINKS: Final = "links to preferences"
"""What is counted when somebody asks for his."""

_COUNT: Final = sa.text(
    "INSERT INTO rate_counters (what, hour, count) VALUES (:what, :hour, 1)"
    " ON CONFLICT (what, hour) DO UPDATE SET count = rate_counters.count + 1"
).bindparams(sa.bindparam("hour", type_=rate_counters.c.hour.type))


def count(connection: sa.Connection, what: str, moment: datetime) -> None:
    """Count something in the hour of a moment."""
    connection.execute(_COUNT, {"what": what, "hour": _hour(moment)})


def get_count(connection: sa.Connection, what: str, moment: datetime) -> int:
    """Return how often something was counted in the hour of a moment."""
    query = sa.select(rate_counters.c.count).where(
        rate_counters.c.what == what, rate_counters.c.hour == _hour(moment)
    )
    return connection.scalar(query) or 0


def last_counted(connection: sa.Connection, what: str, *, since: datetime) -> datetime | None:
    """Return the last hour since a moment in which something was counted, if there was one."""
    hour: datetime | None = connection.scalar(
        sa.select(sa.func.max(rate_counters.c.hour)).where(
            rate_counters.c.what == what, rate_counters.c.hour >= since
        )
    )
    return hour


def delete_old(connection: sa.Connection, moment: datetime) -> int:
    """Forget what was counted in earlier hours, for it limits nothing any more; return how much.

    Whoever has the database's key can tell which networks those were. That the form had closed
    itself is of nobody, and stays for who asks lately.
    """
    over = sa.or_(rate_counters.c.what != CLOSED, rate_counters.c.hour < moment - CLOSED_LATELY)
    earlier = rate_counters.delete().where(rate_counters.c.hour < _hour(moment), over)
    return connection.execute(earlier).rowcount


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
