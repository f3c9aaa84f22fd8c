"""How a reader goes while letters are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.store import people
from newsletter.store.schema import subscribers
from newsletter.subscriptions.people import unsubscribe

if TYPE_CHECKING:
    from newsletter.store import Store


def leave(store: Store, email: str) -> None:
    assert unsubscribe(store, email)


def erase(store: Store, email: str) -> None:
    """Do to the ledger what erasing somebody does to it."""
    with store.write() as connection:
        known = people.find(connection, [email])[email]
        people.forget_snapshots(connection, [known.id])
        connection.execute(subscribers.delete().where(subscribers.c.id == known.id))


GOING = {"leaver": leave, "erased": erase}
