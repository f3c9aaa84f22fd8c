"""Confirming a sign-up, by the link in a letter: the one way onto the list, and back onto it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from newsletter import tokens
from newsletter.addresses import address_hash
from newsletter.model import SubscriberStatus
from newsletter.store import signups, subscribers, suppressions
from newsletter.store.database import now
from newsletter.subscriptions.signup import CONFIRM_WITHIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from newsletter.store import Store
    from newsletter.store.signups import ClientInfo, Signup


class LinkState(StrEnum):
    """What a link that confirms is good for."""

    OPEN = "open"
    HERE = "here"
    """Its reader is on the list."""
    LATE = "late"
    """Its time has passed, or its reader left after he had asked: he must ask again."""
    NOTHING = "nothing"
    """What it confirmed is not kept any more, and neither is its reader."""


def signup_of_link(keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the sign-up that a link confirms, or None if it is no link.

    Args:
        keys: All keys of the list, newest first.
        token: Whatever stood in the URL.
    """
    return tokens.read_confirm_token(keys, token)


def link_state(store: Store, public_id: str) -> LinkState:
    """Tell what a link is good for; nothing changes.

    Raises:
        NewsletterError: The database cannot be used.
    """
    with store.read() as connection:
        return _link_state(signups.find(connection, public_id), now(connection))


def confirm(store: Store, public_id: str, origin: ClientInfo) -> LinkState:
    """Make the reader of an open sign-up active; it is committed when this returns.

    Args:
        store: The list.
        public_id: Of the sign-up.
        origin: Whence he confirms.

    Returns:
        `LinkState.HERE` also when it had been done before.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.write() as connection:
        found = signups.find(connection, public_id, for_update=True)
        moment = now(connection)
        stands = _link_state(found, moment)
        if found and stands is LinkState.HERE:
            # Their own act all the same: undoing an import takes nobody off who confirmed.
            subscribers.touch(connection, [found.subscriber_id])
        if found is None or stands is not LinkState.OPEN:
            return stands
        digest = address_hash(suppressions.hash_key(connection), found.email_key)
        signups.confirm(connection, found, digest, origin, moment)
    return LinkState.HERE


def _link_state(found: Signup | None, moment: datetime) -> LinkState:
    if found is None:
        return LinkState.NOTHING
    if found.status is SubscriberStatus.ACTIVE:
        return LinkState.HERE
    used = found.confirmed_at is not None
    left = found.left_at is not None and found.left_at > found.requested_at
    late = moment > found.requested_at + CONFIRM_WITHIN
    return LinkState.LATE if used or left or late else LinkState.OPEN
