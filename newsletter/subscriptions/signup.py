"""Sign-ups: how often a visitor may request one, and confirming it by the link in a notice.

Every visitor gets the same answer after the same work, whichever address they enter: a row that is
not needed is not written, but the statement that would write it runs. So neither the answer nor its
time reveals who is on the list. The notice is queued in the same transaction, and `delivery` sends
it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from newsletter import tokens
from newsletter.addresses import address_hash
from newsletter.model import NoticeKind, SubscriberStatus
from newsletter.store import consents, notices, rate_counters, signups, subscribers, suppressions
from newsletter.store.database import Lock, lock, now
from newsletter.subscriptions import networks as client_networks
from newsletter.subscriptions import slow_flood
from newsletter.subscriptions.aliases import mailbox
from newsletter.subscriptions.welcome import queue_welcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from newsletter.addresses import Address
    from newsletter.store import Connection, Store
    from newsletter.store.notices import ProviderAccount
    from newsletter.store.signups import ClientInfo, Signup
    from newsletter.subscriptions.slow_flood import SlowFlood
    from newsletter.subscriptions.welcome import Welcome

CONFIRM_WITHIN: Final = timedelta(hours=72)
"""For how long the link in a confirmation works."""
NOTICE_LIFETIME: Final = timedelta(hours=48)
"""For how long a notice may wait for its provider: a link about to expire is useless."""

_UNKNOWN: Final = ""
"""The name under which requests are counted when the network of the client is not known."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# For one address: a span, and how many notices it may get within it.
_PER_ADDRESS: Final = ((_DAY, 1), (30 * _DAY, 3))


@dataclass(frozen=True, slots=True)
class SignupLimits:
    """How many sign-ups are accepted."""

    letters_per_hour: int = 200
    """How many notices sign-ups may cause within an hour before the form closes itself."""
    requests_per_hour: int = 20
    """How many the smallest network may request within an hour: an IPv4 address or an IPv6 /64."""
    unconfirmed_per_day: int = 30
    """From how many sign-ups a day, of which nearly none is confirmed, the form slows down; and how
    many letters a day it sends all the same."""


@dataclass(frozen=True, slots=True)
class SignupRequest:
    """A sign-up as a visitor requests it."""

    address: Address
    first_name: str | None
    wording: str
    """The text that they agree to."""
    form: str
    """The page or site with the form."""
    client: ClientInfo
    """Its IP address is None where it cannot be distinguished from that of others."""
    source: str | None = None
    """What `?van=` said of where the link to the form was."""


class SignupResult(StrEnum):
    """The answer to a visitor; it does not depend on the address that they entered."""

    ACCEPTED = "accepted"
    SLOWED = "accepted, and perhaps deferred"
    """Nobody learns which: whether a letter leaves depends on who asked for it before."""
    RATE_LIMITED = "too many from one network"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FormState:
    """Whether the sign-up form has closed itself, and in which hour it last did, if recently.

    ``flood`` is what slows it, if anything does.
    """

    closed: bool
    last_closed_at: datetime | None
    flood: SlowFlood | None = None


class LinkState(StrEnum):
    """What the link of a confirmation can still do."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    """Its subscriber is on the list."""
    EXPIRED = "expired"
    """It is too old, or its subscriber left after the sign-up: they must sign up again."""
    NOTHING = "nothing"
    """The sign-up is no longer kept, and neither is its subscriber."""


def request_signup(
    store: Store,
    request: SignupRequest,
    account: ProviderAccount,
    limits: SignupLimits = SignupLimits(),
) -> SignupResult:
    """Record a sign-up and queue its notice; both are committed when this returns.

    Args:
        store: The list.
        request: The sign-up.
        account: The provider account that sends the notice.
        limits: How many sign-ups are accepted.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.read() as connection:
        moment = now(connection)
        secret = suppressions.hash_key(connection)
        most, ip = limits.requests_per_hour, request.client.ip
        networks = client_networks.limits(secret, ip, most, what="network")
        counts = rate_counters.get_counts(connection, (*networks, rate_counters.CLOSED), moment)
        result = _result(connection, networks, counts, limits, moment)
        recorded = counts.get(rate_counters.CLOSED, 0) > 0
    if result is SignupResult.RATE_LIMITED or (result is SignupResult.CLOSED and recorded):
        return result  # a flood costs no write
    with store.write() as connection:
        lock(connection, Lock.LIST)
        moment = now(connection)
        counts = rate_counters.get_counts(connection, networks, moment)
        result = _result(connection, networks, counts, limits, moment)
        rate_counters.delete_old(connection, moment)
        for network in networks or (_UNKNOWN,):
            rate_counters.count(connection, network, moment)
        if result is SignupResult.CLOSED:
            rate_counters.count(connection, rate_counters.CLOSED, moment)
        elif result is SignupResult.ACCEPTED:
            flood = slow_flood.find_flood(connection, moment, limits.unconfirmed_per_day)
            if flood:
                _record_slowly(connection, request, account, secret, moment, flood=flood)
                return SignupResult.SLOWED
            _record(connection, request, account, secret, moment)
    return result


def form_state(store: Store, limits: SignupLimits = SignupLimits()) -> FormState:
    """Return whether the form is open."""
    with store.read() as connection:
        moment = now(connection)
        lately = moment - rate_counters.CLOSED_LATELY
        last = rate_counters.last_counted(connection, rate_counters.CLOSED, since=lately)
        flood = slow_flood.find_flood(connection, moment, limits.unconfirmed_per_day)
        return FormState(_is_closed(connection, limits, moment), last, flood)


def _record_slowly(
    connection: Connection,
    request: SignupRequest,
    account: ProviderAccount,
    secret: bytes,
    moment: datetime,
    *,
    flood: SlowFlood,
) -> None:
    """Do the same while a flood slows the form: of an address without room only a hash is kept."""
    digest = address_hash(secret, request.address.key)
    again = slow_flood.asked_before(connection, digest, moment)
    room = slow_flood.has_room(connection, flood, moment, again=again)
    queued = _record(connection, request, account, secret, moment, wanted=room)
    slow_flood.note(connection, digest, moment, again=again, queued=queued, room=room)


def _record(
    connection: Connection,
    request: SignupRequest,
    account: ProviderAccount,
    secret: bytes,
    moment: datetime,
    *,
    wanted: bool = True,
) -> bool:
    """Add a visitor to the list as pending and queue a notice, each only if that is allowed.

    Return whether a notice was queued.
    """
    address = request.address
    digest = address_hash(secret, address.key)
    mailbox_digest = address_hash(secret, mailbox(address.key))
    hashes = (digest, mailbox_digest)
    since = [moment - span for span, _ in _PER_ADDRESS]
    sent = notices.count_queued_to(connection, hashes, signups.SIGNUP_NOTICES, moments=since)
    rejected = notices.bounced_or_complained(connection, hashes, bounced_since=min(since))
    within = all(count < most for count, (_, most) in zip(sent, _PER_ADDRESS, strict=True))
    allowed = wanted and within and not rejected
    subscriber, status = subscribers.get_or_create(
        connection, address.given, address.key, moment, wanted=wanted
    )
    is_active = status is SubscriberStatus.ACTIVE
    signup = signups.record(
        connection,
        subscriber,
        wording_id=consents.wording(connection, request.wording),
        first_name=request.first_name,
        form=request.form,
        source=request.source,
        origin=request.client,
        moment=moment,
        wanted=allowed and not is_active,
    )
    notices.queue(
        connection,
        account,
        NoticeKind.ALREADY_HERE if is_active else NoticeKind.CONFIRMATION,
        subscriber_id=subscriber,
        address_hash=digest,
        mailbox_hash=mailbox_digest,
        moment=moment,
        keep=NOTICE_LIFETIME,
        signup_id=signup,
        wanted=allowed,
    )
    return allowed


def _result(
    connection: Connection,
    networks: Mapping[str, int],
    counts: Mapping[str, int],
    limits: SignupLimits,
    moment: datetime,
) -> SignupResult:
    if any(counts.get(name, 0) >= most for name, most in networks.items()):
        return SignupResult.RATE_LIMITED
    if _is_closed(connection, limits, moment):
        return SignupResult.CLOSED
    return SignupResult.ACCEPTED


def _is_closed(connection: Connection, limits: SignupLimits, moment: datetime) -> bool:
    letters = notices.count_queued(connection, signups.SIGNUP_NOTICES, moment=moment - _HOUR)
    deferred = slow_flood.deferred_this_hour(connection, moment)
    return letters + deferred >= limits.letters_per_hour


def signup_of_link(keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the sign-up that a link confirms, or None if it is not valid."""
    return tokens.read_confirm_token(keys, token)


def link_state(store: Store, public_id: str) -> LinkState:
    """Return what the link of a sign-up can still do, without changing anything."""
    with store.read() as connection:
        return _link_state(signups.find(connection, public_id), now(connection))


def confirm(
    store: Store, public_id: str, client: ClientInfo, welcome: Welcome | None = None
) -> LinkState:
    """Make the subscriber of an open sign-up active; it is committed when this returns.

    Args:
        store: The list.
        public_id: Of the sign-up.
        client: The client that confirms.
        welcome: What they get then, if anything.

    Returns:
        `LinkState.CONFIRMED` also when it had been confirmed before.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.write() as connection:
        found = signups.find(connection, public_id, for_update=True)
        moment = now(connection)
        state = _link_state(found, moment)
        if found and state is LinkState.CONFIRMED:
            # An act of their own all the same: undoing an import removes nobody who confirmed.
            subscribers.touch(connection, [found.subscriber_id])
        if found is None or state is not LinkState.OPEN:
            return state
        digest = address_hash(suppressions.hash_key(connection), found.email_key)
        suppressed = signups.confirm(connection, found, digest, client, moment)
        if welcome:
            queue_welcome(
                connection,
                welcome,
                (found.subscriber_id, found.email_key),
                left_at=suppressed.at if suppressed else found.left_at,
                is_known=suppressed is None,
                moment=moment,
            )
    return LinkState.CONFIRMED


def _link_state(found: Signup | None, moment: datetime) -> LinkState:
    if found is None:
        return LinkState.NOTHING
    if found.status is SubscriberStatus.ACTIVE:
        return LinkState.CONFIRMED
    used = found.confirmed_at is not None
    left = found.left_at is not None and found.left_at > found.requested_at
    late = moment > found.requested_at + CONFIRM_WITHIN
    return LinkState.EXPIRED if used or left or late else LinkState.OPEN
