"""Erasing a person: at once, from everything that is kept, also while letters are being sent.

What remains is a keyed hash of the address, with a date and the reason (GDPR, articles 17(3) and
21(3)): without it, the next import would add them again. The provider is not notified: it removes
what it keeps by its own terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.addresses import address_hash
from newsletter.providers.outbox.send import withdraw
from newsletter.store import erasure, suppressions
from newsletter.store.database import now
from newsletter.subscriptions.admin import check_erased, parse_bare_address
from newsletter.subscriptions.event_effects import key_of

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Subscriber
    from newsletter.store import Store


def erase(store: Store, settings: Settings, email: str) -> bool:
    """Erase the person who has an address; running it again completes what was interrupted.

    Returns:
        Whether they were on the list; False if they had been erased before.

    Raises:
        NewsletterError: The address is not valid, unknown, or no longer that of a subscriber; or a
            copy cannot be removed.
        TryAgain: They are erased, but a log of the database that others read still holds a copy.
    """
    address = parse_bare_address(email)
    erased = erase_subscriber(store, settings, address.key)
    if erased is None:
        with store.read() as connection:
            check_erased(connection, address)
        store.drop_copies(address.key, "")
        return False
    person, others = erased
    store.drop_copies(address.key, person.public_id, others)
    return True


def erase_subscriber(
    store: Store, settings: Settings, who: str
) -> tuple[Subscriber, frozenset[str]] | None:
    """Erase a subscriber; it is committed when this returns, and nothing is sent to them any more.

    The caller then removes the copies that remain: `Store.drop_copies`.

    Args:
        store: The list.
        settings: Name the folder of the outbox.
        who: Their address as it is compared, or their public id.

    Returns:
        Who was erased, with the addresses that they had or asked for; None if they are not on the
        list: then nothing has changed.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.write() as connection:
        found = erasure.find_and_lock(connection, who)
        if found is None:
            return None
        secret = suppressions.hash_key(connection)
        others = erasure.addresses_of_changes(connection, found.id)
        keys = {found.email_key, *map(key_of, others)} - {""}
        hashes = {key: address_hash(secret, key) for key in keys}
        refs = erasure.erase(connection, found, hashes, now(connection))
        withdraw(settings.state / "outbox", refs)
    return found, others
