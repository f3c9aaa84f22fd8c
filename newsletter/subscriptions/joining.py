"""Signing up: what a visitor may ask, how often, and what he must never learn from it.

Whoever asks for whichever address gets the same answer after the same work: a row that nobody
needs is not written, but the statement that would write it has run. The letter that follows is
queued in the same transaction, and is sent later by `delivery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from newsletter.model import NoticeKind, Status
from newsletter.store import consents, joining, notices, people
from newsletter.store.engine import Lock, exclude, now
from newsletter.subscriptions.addresses import Address, address_hash

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.store import Store
    from newsletter.store.joining import Origin
    from newsletter.store.notices import Via

CONFIRM_WITHIN: Final = timedelta(hours=72)
"""For how long the link in a confirmation is good."""
LETTER_WITHIN: Final = timedelta(hours=48)
"""For how long a letter may wait for its provider: a link that hardly works yet is of no use."""
LETTERS_AN_HOUR: Final = 200
"""How many letters sign-ups may cause within an hour; then the form closes itself."""
VISITS_AN_HOUR: Final = 20
"""How often one network may ask within a clock hour: an IPv4 /24, an IPv6 /64."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# To one address: the span, and how many letters within it.
_TO_ONE: Final = ((_DAY, 1), (30 * _DAY, 3))
_NOWHERE: Final = Address("", "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a visitor asks.

    Attributes:
        address: Where he wants letters; None if it only looks like an address.
        first_name: None if he gave none.
        wording: What he agrees to.
        form: On which page or site.
        origin: Whence; its address is None where nobody can tell it from that of others.
    """

    address: Address | None
    first_name: str | None
    wording: str
    form: str
    origin: Origin


class Reply(StrEnum):
    """What a visitor is told; none of it depends on the address that he typed."""

    TAKEN = "taken"
    CROWDED = "too many from one network"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FormState:
    """How the sign-up form is.

    Attributes:
        closed: It has closed itself, for an hour at the most.
        last_closed_at: The hour in which it last did, if that was lately.
    """

    closed: bool
    last_closed_at: datetime | None


def join(store: Store, wish: Wish, via: Via) -> Reply:
    """Take a visitor's wish; it is committed when this returns.

    Args:
        store: The list.
        wish: What he asks.
        via: Who takes the letter that follows.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.read() as connection:
        moment = now(connection)
        network = _network(connection, wish.origin.ip)
        reply = _reply(connection, network, moment)
        noted = joining.tallied(connection, joining.CLOSED, moment) > 0
    if reply is Reply.CROWDED or (reply is Reply.CLOSED and noted):
        return reply  # a flood costs no write
    with store.write() as connection:
        exclude(connection, Lock.LIST)
        moment = now(connection)
        reply = _reply(connection, network, moment)
        joining.drop_tallies(connection, moment)
        joining.tally(connection, network, moment)
        if reply is Reply.CLOSED:
            joining.tally(connection, joining.CLOSED, moment)
        elif reply is Reply.TAKEN:
            _take(connection, wish, via, moment)
    return reply


def form_state(store: Store) -> FormState:
    """Tell how the form is."""
    with store.read() as connection:
        moment = now(connection)
        last = joining.last_tallied(
            connection, joining.CLOSED, since=moment - joining.CLOSED_LATELY
        )
        return FormState(_is_closed(connection, moment), last)


def _take(connection: Connection, wish: Wish, via: Via, moment: datetime) -> None:
    """Put whoever asks on the list, if need be, and queue his letter, if he may have one.

    What only looks like an address has the same done for it, of which nothing comes.
    """
    address = wish.address or _NOWHERE
    digest = address_hash(people.suppression_key(connection), address.key)
    since = [moment - span for span, _ in _TO_ONE]
    sent = notices.queued_to(connection, digest, joining.KINDS, moments=since)
    spurned = notices.came_back(connection, digest, bounced_since=min(since))
    within = all(count < most for count, (_, most) in zip(sent, _TO_ONE, strict=True))
    real = wish.address is not None
    allowed = real and within and not spurned
    subscriber, status = joining.ensure(connection, address.given, address.key, moment, wanted=real)
    here = status is Status.ACTIVE
    signup = joining.record(
        connection,
        subscriber,
        wording_id=consents.wording(connection, wish.wording),
        first_name=wish.first_name,
        form=wish.form,
        origin=wish.origin,
        moment=moment,
        wanted=allowed and not here,
    )
    notices.queue(
        connection,
        via,
        NoticeKind.ALREADY_HERE if here else NoticeKind.CONFIRMATION,
        subscriber_id=subscriber,
        address_hash=digest,
        moment=moment,
        keep=LETTER_WITHIN,
        signup_id=signup,
        wanted=allowed,
    )


def _reply(connection: Connection, network: str, moment: datetime) -> Reply:
    visits = joining.tallied(connection, network, moment)
    if network and visits >= VISITS_AN_HOUR:
        return Reply.CROWDED
    return Reply.CLOSED if _is_closed(connection, moment) else Reply.TAKEN


def _is_closed(connection: Connection, moment: datetime) -> bool:
    letters = notices.queued_since(connection, joining.KINDS, moment=moment - _HOUR)
    return letters >= LETTERS_AN_HOUR


def _network(connection: Connection, ip: str | None) -> str:
    """Return a name for a network that gives nothing of it away; empty if it is not known."""
    secret = people.suppression_key(connection)
    if ip is None:
        return ""
    network = ip_network(f"{ip}/{64 if ':' in ip else 24}", strict=False)
    return f"network {address_hash(secret, str(network))}"
