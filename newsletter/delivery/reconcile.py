"""What one process does about requests of which nobody knows what became of them.

Where the provider knows a request by its key, it is asked again with the same bytes. Where it lists
what it took, it is searched. Where it does neither, what is unknown waits for events or a person.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from newsletter.model import MailingState
from newsletter.providers.base import account_id
from newsletter.store import mailings, recovery, unresolved
from newsletter.store.database import now

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Mailing
    from newsletter.providers.base import Capabilities, Provider
    from newsletter.store import Store
    from newsletter.store.claims import Claim

_SAFE_PART: Final = 0.8
"""Of a key's life at the provider; in the rest of it, clocks may disagree."""
_REPLAY_AFTER: Final = (0.0, 1.0, 5.0)
"""Seconds before each repetition of a request whose answer was lost, within one run."""


def replay_window(capabilities: Capabilities) -> timedelta:
    """Return for how long after its claim a batch may be sent again under its key."""
    return capabilities.replay * _SAFE_PART


def can_settle(
    connection: Connection, mailing_id: int, settings: Settings, can: Capabilities
) -> bool:
    """Tell whether something of what is unknown can be settled without a person."""
    own = account_id(settings, can)
    return recovery.can_replay(
        connection, mailing_id, replay_window(can), own
    ) or unresolved.can_search(connection, mailing_id, can.search, own)


class Reconciler:
    """The doubts about one mailing, as one process clears them up.

    Args:
        store: The ledger.
        provider: Who is asked.
        mailing: Whose letters.
        own: Fingerprint of the account that is asked: it knows nothing of what another took.
    """

    def __init__(self, store: Store, provider: Provider, mailing: Mailing, own: str | None) -> None:
        self._store = store
        self._provider = provider
        self._can = provider.capabilities
        self._mailing = mailing
        self._own = own
        self._replays: dict[int, tuple[int, float]] = {}
        self.arisen = True
        """Whether there may be some: looked for at first, at the end, and when they arise."""

    def again(self, connection: Connection, owner: str | None) -> Claim | None:
        """Take over a request whose answer was lost, here or with another process."""
        recovery.expire_leases(connection, self._mailing.id)
        if not self._can.replay:
            return None
        now = time.monotonic()
        # A provider that gave no answer so often has none just now.
        spent = [batch for batch, (count, _) in self._replays.items() if count < 0]
        early = [batch for batch, (_, moment) in self._replays.items() if moment > now]
        again = recovery.replay(
            connection,
            self._mailing.id,
            lease=self._can.lease,
            window=replay_window(self._can),
            account=self._own,
            owner=owner,
            but={*spent, *early},
        )
        if again:
            count = self._replays.get(again.batch_id, (0, 0.0))[0] + 1
            last = count >= len(_REPLAY_AFTER)
            waits = (-1, 0.0) if last else (count, now + _REPLAY_AFTER[count])
            self._replays[again.batch_id] = waits
        return again

    def next_at(self, now: float) -> float | None:
        """Return in how many seconds a request may be asked again, if one waits for that."""
        waiting = [moment - now for _, moment in self._replays.values() if moment > now]
        return min(waiting, default=None)

    def search(self) -> int:
        """Search for all that may be found now; return how many letters may be sent again.

        The provider is asked outside any transaction.
        """
        search = self._can.search
        if search is None or self._can.replay:
            return 0
        with self._store.write() as connection:
            recovery.expire_leases(connection, self._mailing.id)
            found = unresolved.find_searchable(connection, self._mailing.id, search, self._own)
        missing = 0
        for doubt in found:
            with self._store.read() as connection:
                began = now(connection)
            findings = self._provider.search(doubt)
            with self._store.write() as connection:
                # Another process may have concluded the mailing while this one searched.
                state = mailings.lock(connection, self._mailing.id).state
                again = unresolved.record_search(connection, doubt, findings, search, began=began)
                if again and state is MailingState.COMPLETED_WITH_UNKNOWN:
                    mailings.change_state(connection, self._mailing.id, MailingState.SENDING)
                elif not again and state is MailingState.COMPLETED_WITH_UNKNOWN:
                    mailings.complete_if_done(connection, self._mailing.id)
            missing += again
        return missing
