"""Leaving by the link in a letter: one click, at once, as often as one likes."""

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
    """Return the public id of the reader whose leave link this is, or None if it is no link.

    A good signature does not mean that they are still on the list; `tokens.RESERVED_ID` never was.

    Args:
        keys: All keys of the list, newest first.
        token: Whatever stood in the URL.
    """
    found = tokens.read_unsubscribe_token(keys, token)
    return found[0] if found else None


def unsubscribe_many(
    store: Store,
    public_ids: Collection[str],
    others: Callable[[], Collection[str]] = frozenset,
) -> int:
    """Let readers leave; it is committed when this returns, or nothing has changed.

    Who has left already, in whatever way, stays as he is: a complaint is worth more than a click.
    Who was erased, and `tokens.RESERVED_ID`, are strangers: there is nothing to do for them.

    A delivery that is not yet claimed is skipped when its turn comes, for a claim asks again; what
    an unsettled batch kept of these readers is forgotten, so that it cannot be replayed.

    Args:
        store: The list.
        public_ids: Of these readers: many who leave at once share one transaction.
        others: Returns who asked while this waited for its turn to write; they leave as well.

    Returns:
        How many were still there.

    Raises:
        NewsletterError: The database cannot be used, or another one has taken its place.
    """
    with store.read() as connection:
        # Where the list was moved to, somebody who had left may have come back: writing is refused.
        known = subscribers.find_present(
            connection, public_ids
        ) or subscribers.find_removed_by_import(connection, public_ids)
        if not is_closed(connection) and not known:
            return 0
    with store.write() as connection:
        asked = {*public_ids, *others()}
        here = subscribers.find_present(connection, asked, for_update=True)
        subscribers.touch(connection, subscribers.find_removed_by_import(connection, asked))
        moment = now(connection)
        subscribers.mark_left(
            connection, dict.fromkeys(here, (SubscriberStatus.UNSUBSCRIBED, moment))
        )
    return len(here)
