"""Slow floods of the sign-up form: many new addresses a day, from many networks, nobody confirms.

No limit for each network or hour notices them. What gives them away is that nearly none confirms.
Then the form slows down to some letters a day. Unlike such a flood, a person asks again later: a
part of these letters is for those who do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.store import notices, rate_counters, signups

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.store import Connection

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_USUAL_DAYS: Final = 28
"""Over how many days the confirmed sign-ups of a usual day are counted."""
_USUAL_TIMES: Final = 3
"""How many letters a slowed form sends a day, in sign-ups of a usual day."""
_CONFIRMED: Final = 0.2
"""The share of confirmed sign-ups below which the form slows down."""
_CONFIRMED_AGAIN: Final = 0.4
"""The share from which it is not slowed any more: so it does not open and slow by turns."""
_FOR_RETURNING: Final = 1 / 3
"""The part of a slowed form's letters that is for those who ask again: a usual day's."""


@dataclass(frozen=True, slots=True)
class SlowFlood:
    """A flood that slows the form, as the last 24 hours have it.

    Attributes:
        asked: How many asked.
        written: How many of these got a letter to confirm by.
        confirmed: How many of those did so.
        letters_a_day: How many letters the form sends a day while it is slowed.
    """

    asked: int
    written: int
    confirmed: int
    letters_a_day: int


def find_flood(connection: Connection, moment: datetime, least: int) -> SlowFlood | None:
    """Return the flood that slows the form, if there is one.

    Args:
        connection: Of any transaction.
        moment: Now.
        least: From how many sign-ups a day it may be one, and how many letters leave all the same.
    """
    since = moment - _DAY
    written, confirmed = signups.count_since(connection, since)
    deferred = rate_counters.count_since(connection, rate_counters.DEFERRED, since)
    share = _CONFIRMED_AGAIN if deferred else _CONFIRMED
    if written + deferred < least or confirmed >= share * written:
        return None
    usual = signups.count_confirmed(connection, moment - _USUAL_DAYS * _DAY) / _USUAL_DAYS
    letters = max(least, math.ceil(_USUAL_TIMES * usual))
    return SlowFlood(written + deferred, written, confirmed, letters)


def deferred_this_hour(connection: Connection, moment: datetime) -> int:
    """Return how many sign-ups of the last hour got no letter because the form is slowed."""
    return rate_counters.count_since(connection, rate_counters.DEFERRED, moment - _HOUR)


def asked_before(connection: Connection, digest: str, moment: datetime) -> bool:
    """Return whether an address was entered in an earlier hour of the last 24, while slowed."""
    name = rate_counters.ASKED + digest
    return rate_counters.was_counted_earlier(connection, name, moment, since=moment - _DAY)


def has_room(connection: Connection, flood: SlowFlood, moment: datetime, *, again: bool) -> bool:
    """Return whether one more letter may leave.

    Args:
        connection: Of the transaction that queues it.
        flood: What slows the form.
        moment: Now.
        again: Whether this address asked before.
    """
    kept = round(flood.letters_a_day * _FOR_RETURNING)
    kinds = signups.SIGNUP_NOTICES
    today = notices.count_queued(connection, kinds, moment=moment - _DAY)
    lately = notices.count_queued(connection, kinds, moment=moment - _HOUR)
    returned = rate_counters.count_since(connection, rate_counters.RETURNED, moment - _DAY)
    if again:
        return returned < kept or today < flood.letters_a_day
    others = flood.letters_a_day - kept
    return today < others and lately < math.ceil(others / 24)


def note(
    connection: Connection, digest: str, moment: datetime, *, again: bool, queued: bool, room: bool
) -> None:
    """Count a sign-up while the form is slowed; the same statements run for everyone.

    Args:
        connection: The transaction that recorded it.
        digest: The hash of its address.
        moment: Now.
        again: Whether this address asked before.
        queued: Whether a letter was queued.
        room: Whether one more letter could leave.
    """
    rate_counters.count(connection, rate_counters.ASKED + digest, moment)
    admitted = rate_counters.RETURNED if again and queued else rate_counters.ADMITTED
    rate_counters.count(connection, admitted if room else rate_counters.DEFERRED, moment)
