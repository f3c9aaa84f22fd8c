"""Signing up: what a visitor may ask, how often, and what he must never learn from it.

Whoever asks for whichever address gets the same answer after the same work: a row that nobody
needs is not written, but the statement that would write it has run. The letter that follows is
queued in the same transaction, and is sent later by `delivery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from newsletter.addresses import address_hash
from newsletter.model import NoticeKind, SubscriberStatus
from newsletter.store import consents, notices, rate_counters, signups, subscribers, suppressions
from newsletter.store.database import Lock, lock, now
from newsletter.subscriptions.aliases import mailbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.addresses import Address
    from newsletter.store import Store
    from newsletter.store.notices import ProviderAccount
    from newsletter.store.signups import ClientInfo

CONFIRM_WITHIN: Final = timedelta(hours=72)
"""For how long the link in a confirmation is good."""
NOTICE_LIFETIME: Final = timedelta(hours=48)
"""For how long a letter may wait for its provider: a link that hardly works yet is of no use."""
LETTERS_PER_HOUR: Final = 200
"""How many letters sign-ups may cause within an hour; then the form closes itself."""
REQUESTS_PER_HOUR: Final = 20
"""How often the smallest network may ask within a clock hour: an IPv4 address, an IPv6 /64."""

_UNKNOWN: Final = ""
"""What is counted of who comes from nobody knows where."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# To one address: the span, and how many letters within it.
_TO_ONE: Final = ((_DAY, 1), (30 * _DAY, 3))
# How long the prefix of a network is, and how many times as often it may ask as the smallest. A
# home has an IPv6 /64, a /56 or a /48 (RFC 6177); each is far below the cap for all, so that no
# single network can close the form.
_NETWORKS: Final = {4: ((32, 1), (24, 2)), 6: ((64, 1), (56, 2), (48, 3))}


@dataclass(frozen=True, slots=True)
class SignupRequest:
    """What a visitor asks.

    Attributes:
        address: Where he wants letters.
        first_name: None if he gave none.
        wording: What he agrees to.
        form: On which page or site.
        origin: Whence; its address is None where nobody can tell it from that of others.
    """

    address: Address
    first_name: str | None
    wording: str
    form: str
    origin: ClientInfo


class SignupResult(StrEnum):
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


def request_signup(store: Store, wish: SignupRequest, via: ProviderAccount) -> SignupResult:
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
        networks = _networks(connection, wish.origin.ip)
        reply = _reply(connection, networks, moment)
        noted = rate_counters.get_count(connection, rate_counters.CLOSED, moment) > 0
    if reply is SignupResult.CROWDED or (reply is SignupResult.CLOSED and noted):
        return reply  # a flood costs no write
    with store.write() as connection:
        lock(connection, Lock.LIST)
        moment = now(connection)
        reply = _reply(connection, networks, moment)
        rate_counters.delete_old(connection, moment)
        for network in networks or (_UNKNOWN,):
            rate_counters.count(connection, network, moment)
        if reply is SignupResult.CLOSED:
            rate_counters.count(connection, rate_counters.CLOSED, moment)
        elif reply is SignupResult.TAKEN:
            _take(connection, wish, via, moment)
    return reply


def form_state(store: Store) -> FormState:
    """Tell how the form is."""
    with store.read() as connection:
        moment = now(connection)
        last = rate_counters.last_counted(
            connection, rate_counters.CLOSED, since=moment - rate_counters.CLOSED_LATELY
        )
        return FormState(_is_closed(connection, moment), last)


def _take(
    connection: Connection, wish: SignupRequest, via: ProviderAccount, moment: datetime
) -> None:
    """Put whoever asks on the list, if need be, and queue his letter, if he may have one."""
    address = wish.address
    secret = suppressions.hash_key(connection)
    digest = address_hash(secret, address.key)
    mailbox_digest = address_hash(secret, mailbox(address.key))
    whose = (digest, mailbox_digest)
    since = [moment - span for span, _ in _TO_ONE]
    sent = notices.count_queued_to(connection, whose, signups.SIGNUP_NOTICES, moments=since)
    spurned = notices.bounced_or_complained(connection, whose, bounced_since=min(since))
    within = all(count < most for count, (_, most) in zip(sent, _TO_ONE, strict=True))
    allowed = within and not spurned
    subscriber, status = subscribers.get_or_create(connection, address.given, address.key, moment)
    here = status is SubscriberStatus.ACTIVE
    signup = signups.record(
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
        mailbox_hash=mailbox_digest,
        moment=moment,
        keep=NOTICE_LIFETIME,
        signup_id=signup,
        wanted=allowed,
    )


def _reply(connection: Connection, networks: Mapping[str, int], moment: datetime) -> SignupResult:
    if any(
        rate_counters.get_count(connection, name, moment) >= networks[name] for name in networks
    ):
        return SignupResult.CROWDED
    return SignupResult.CLOSED if _is_closed(connection, moment) else SignupResult.TAKEN


def _is_closed(connection: Connection, moment: datetime) -> bool:
    letters = notices.count_queued(connection, signups.SIGNUP_NOTICES, moment=moment - _HOUR)
    return letters >= LETTERS_PER_HOUR


def _networks(connection: Connection, ip: str | None) -> dict[str, int]:
    """Return how often each network that an address is in may ask, the smallest first.

    Their names give nothing of them away. There are none if the address is not known.
    """
    secret = suppressions.hash_key(connection)
    if ip is None:
        return {}
    address = ip_address(ip)
    return {
        f"network {address_hash(secret, str(ip_network((ip, prefix), strict=False)))}": most
        * REQUESTS_PER_HOUR
        for prefix, most in _NETWORKS[address.version]
    }
