"""The database of the web app: opened when it can be, so that the app may start before it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from newsletter.errors import NewsletterError
from newsletter.store import open_store
from newsletter.store.database import ledger_id

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.store import Store

_PAUSE: Final = 1.0
"""For how many seconds a failure to open answers all requests: each try costs a thread."""


class Database:
    """Opens the store with the first request that needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = threading.Lock()
        self._store: Store | None = None
        self._trouble: NewsletterError | None = None
        self._tried_at = 0.0

    def store(self) -> Store:
        """Return the open store.

        Raises:
            NewsletterError: It cannot be opened, or could not a moment ago.
        """
        with self._opening:
            if self._store is None:
                if self._trouble and time.monotonic() < self._tried_at + _PAUSE:
                    again = self._trouble
                    raise type(again)(again.problem, where=again.where, hint=again.hint)
                try:
                    self._store = self._open_store()
                except NewsletterError as error:
                    self._trouble, self._tried_at = error, time.monotonic()
                    raise
            return self._store

    def _open_store(self) -> Store:
        store = open_store(self._settings)
        with store.read() as connection:
            ledger = ledger_id(connection)
        if self._settings.ledger in {"", ledger}:
            return store
        store.close()
        # In an empty database everyone would seem to have unsubscribed already.
        raise NewsletterError(
            f"this database is ledger {ledger}, and the settings name another",
            where=self._settings.origin,
            hint="Point NEWSLETTER_DATABASE_URL at the database that sends your letters",
        )

    def close(self) -> None:
        """Close the store, if it is open."""
        if self._store:
            self._store.close()
