"""Queries about rate counters: how often something happened within a clock hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from newsletter.store.schema import rate_counters

if TYPE_CHECKING:
    from collections.abc import Collection

CLOSED: Final = "closed"
"""The name of the counter of hours in which the form closed itself."""

CLOSED_LATELY: Final = timedelta(days=7)
"""How long `doctor` and `status` report that."""

PREFERENCES_LINKS: Final = "links to preferences"
"""The name of the counter of requests for a link to the preferences."""

# The counters of a form that is slowed: see `newsletter.subscriptions.slow_flood`.
ASKED: Final = "asked "
"""Begins the names of counters of addresses that asked; the hash of one follows."""
DEFERRED: Final = "deferred"
"""The name of the counter of sign-ups that got no letter."""
RETURNED: Final = "returned"
"""The name of the counter of letters to addresses that asked again."""
ADMITTED: Final = "admitted"
"""The name of the counter of all others."""

_A_DAY: Final = timedelta(hours=25)
"""How long counters of the last 24 hours are kept: the oldest hour began before these."""

_COUNT: Final = sa.text(
    "INSERT INTO rate_counters (what, hour, count) VALUES (:what, :hour, 1)"
    " ON CONFLICT (what, hour) DO UPDATE SET count = rate_counters.count + 1"
).bindparams(sa.bindparam("hour", type_=rate_counters.c.hour.type))


def count(connection: sa.Connection, what: str, moment: datetime) -> None:
    """Add one to a counter of the hour of a moment."""
    connection.execute(_COUNT, {"what": what, "hour": _hour(moment)})


def get_counts(
    connection: sa.Connection, names: Collection[str], moment: datetime
) -> dict[str, int]:
    """Return by name how often something was counted in the hour of a moment, if it was."""
    query = sa.select(rate_counters.c.what, rate_counters.c.count).where(
        rate_counters.c.what.in_(names), rate_counters.c.hour == _hour(moment)
    )
    return {row.what: row[1] for row in connection.execute(query)}


def count_since(connection: sa.Connection, what: str, since: datetime) -> int:
    """Return how often something was counted in the hours that began after a moment."""
    query = sa.select(sa.func.sum(rate_counters.c.count)).where(
        rate_counters.c.what == what, rate_counters.c.hour > since
    )
    return int(connection.scalar(query) or 0)


def was_counted_earlier(
    connection: sa.Connection, what: str, moment: datetime, *, since: datetime
) -> bool:
    """Return whether something was counted before the hour of a moment, and after another one."""
    query = sa.select(sa.func.count()).where(
        rate_counters.c.what == what,
        rate_counters.c.hour > since,
        rate_counters.c.hour < _hour(moment),
    )
    return bool(connection.scalar(query))


def last_counted(connection: sa.Connection, what: str, *, since: datetime) -> datetime | None:
    """Return the last hour since a moment that has this counter, if there is one."""
    hour: datetime | None = connection.scalar(
        sa.select(sa.func.max(rate_counters.c.hour)).where(
            rate_counters.c.what == what, rate_counters.c.hour >= since
        )
    )
    return hour


def delete_old(connection: sa.Connection, moment: datetime) -> int:
    """Delete counters of earlier hours, which limit nothing any more; return how many.

    With the key of the database they would reveal which networks those were. That the form closed
    itself says nothing about a person, and stays for `CLOSED_LATELY`. What slows it counts for a
    day.
    """
    what, hour = rate_counters.c.what, rate_counters.c.hour
    of_a_day = sa.or_(what.in_([DEFERRED, RETURNED]), what.startswith(ASKED))
    over = sa.case(
        (what == CLOSED, hour < moment - CLOSED_LATELY),
        (of_a_day, hour < moment - _A_DAY),
        else_=sa.true(),
    )
    earlier = rate_counters.delete().where(hour < _hour(moment), over)
    return connection.execute(earlier).rowcount


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
