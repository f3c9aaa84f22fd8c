"""Unsubscribing by the link in a letter: one click, at once, as often as someone likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import tokens
from newsletter.model import SubscriberStatus
from newsletter.store import subscribers
from newsletter.store.database import is_closed, now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from newsletter.store import Store


def subscriber_of_link(keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the subscriber of an unsubscribe link, or None if no key signed it.

    They need not be on the list any more; `tokens.RESERVED_ID` never was.
    """
    found = tokens.read_unsubscribe_token(keys, token)
    return found[0] if found else None


def unsubscribe_many(
    store: Store,
    public_ids: Collection[str],
    others: Callable[[], Collection[str]] = frozenset,
) -> int:
    """Unsubscribe these subscribers; it is committed when this returns, or nothing has changed.

    Subscribers who have already left, in any way, keep their status: a complaint counts more than
    a click. Ids of erased subscribers, and `tokens.RESERVED_ID`, are unknown and change nothing.

    A delivery that is not yet claimed is skipped when its turn comes, because a claim looks again;
    what an unsettled batch kept of these subscribers is dropped, so that it cannot be replayed.

    Args:
        store: The list.
        public_ids: Of the subscribers, who share one transaction.
        others: Returns who asked while this waited for its turn to write; they unsubscribe as well.

    Returns:
        How many were on the list.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.read() as connection:
        present = subscribers.find_present(connection, public_ids)
        known = present or subscribers.find_removed_by_import(connection, public_ids)
        # Where the list was moved to, an unsubscribed person may have come back: writing fails.
        if not is_closed(connection) and not known:
            return 0
    with store.write() as connection:
        asked = {*public_ids, *others()}
        present = subscribers.find_present(connection, asked, for_update=True)
        subscribers.touch(connection, subscribers.find_removed_by_import(connection, asked))
        left = (SubscriberStatus.UNSUBSCRIBED, now(connection))
        subscribers.mark_left(connection, dict.fromkeys(present, left))
    return len(present)
