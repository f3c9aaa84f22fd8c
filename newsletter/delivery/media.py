"""Stores the pictures of a letter before anybody is sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import pictures
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import media

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Issue, Letter
    from newsletter.store import Connection, Store


def store_pictures(store: Store, settings: Settings, issue: Issue) -> None:
    """Store copies of all pictures of an issue's letter; those that are stored are not read.

    Raises:
        NewsletterError: A file is damaged, gone, or another one than when the issue was read.
        TryAgain: Another process deleted one meanwhile.
    """
    needed = {one.name: one for one in pictures.list_pictures(issue, settings)}
    if not needed:
        return
    with store.read() as connection:
        stored = media.find_stored(connection, needed)
    # Outside the transaction: a large photo takes a second.
    copies = {
        name: pictures.copy_picture(one) for name, one in needed.items() if name not in stored
    }
    with store.write() as connection:
        if media.store(connection, needed, copies):
            raise TryAgain("a picture was deleted from the database meanwhile", hint="Run it again")


def keep_pictures(connection: Connection, letter: Letter) -> None:
    """Keep the pictures of a letter that mails people for good.

    Raises:
        NewsletterError: One is not stored, so that nobody would see it.
    """
    if letter.pictures and media.mark_sent(connection, letter.pictures):
        raise NewsletterError(
            "a picture of this letter is not in the database",
            hint="Run it again, so that it is stored",
        )
