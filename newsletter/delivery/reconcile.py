"""Reconcile: find out what became of unknown deliveries.

A provider that knows a request by its key gets the same bytes again. One that lists what it took is
searched. With any other, unknown deliveries wait for events or a person.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from newsletter.delivery.rate_limit import Idle, Seconds
from newsletter.model import MailingState
from newsletter.store import mailings, recovery, unresolved
from newsletter.store.database import now

if TYPE_CHECKING:
    from datetime import timedelta

    from newsletter.delivery.context import Context
    from newsletter.delivery.rate_limit import Wait
    from newsletter.model import Mailing
    from newsletter.providers.base import Capabilities
    from newsletter.store import Connection
    from newsletter.store.claims import Claim

_SAFE_PART: Final = 0.8
"""The part of a key's life in which a replay is safe: clocks may disagree."""
_REPLAY_AFTER: Final = (0.0, 1.0, 5.0)
"""Seconds before each repetition of a request whose answer was lost, within one run."""


def replay_window(capabilities: Capabilities) -> timedelta:
    """Return for how long after its claim a batch may be sent again under its key."""
    return capabilities.replay * _SAFE_PART


def can_settle(connection: Connection, mailing_id: int, can: Capabilities, own: str | None) -> bool:
    """Return whether some unknown deliveries can be settled without a person.

    Args:
        connection: Any.
        mailing_id: The mailing.
        can: What the provider can do.
        own: Fingerprint of the account that would be asked.
    """
    return recovery.can_replay(
        connection, mailing_id, replay_window(can), own
    ) or unresolved.can_search(connection, mailing_id, can.search, own)


class Reconciler:
    """Finds out what became of the unknown deliveries of one mailing.

    Args:
        context: What the run works with.
        mailing: The mailing.
    """

    def __init__(self, context: Context, mailing: Mailing) -> None:
        self._store = context.store
        self._provider = context.provider
        self._can = context.capabilities
        self._mailing = mailing
        self._own = context.account_id
        self._replays: dict[int, tuple[int, float]] = {}
        self.may_have_unknown = True
        """Whether there may be unknown deliveries: at the start, and after an unknown outcome."""

    def next_replay(self, connection: Connection, owner: str | None) -> Claim | None:
        """Take over a request whose answer was lost, in this process or another."""
        recovery.expire_leases(connection, self._mailing.id)
        if not self._can.replay:
            return None
        now = time.monotonic()
        # A provider that gave no answer so often gives none just now.
        spent = [batch for batch, (count, _) in self._replays.items() if count < 0]
        early = [batch for batch, (_, moment) in self._replays.items() if moment > now]
        claim = recovery.replay(
            connection,
            self._mailing.id,
            lease=self._can.lease,
            window=replay_window(self._can),
            account=self._own,
            owner=owner,
            but={*spent, *early},
        )
        if claim:
            count = self._replays.get(claim.batch_id, (0, 0.0))[0] + 1
            last = count >= len(_REPLAY_AFTER)
            waits = (-1, 0.0) if last else (count, now + _REPLAY_AFTER[count])
            self._replays[claim.batch_id] = waits
        return claim

    def wait(self, now: float) -> Wait:
        """Return in how many seconds a request may be repeated, if one waits for that."""
        waiting = [moment - now for _, moment in self._replays.values() if moment > now]
        return Seconds(min(waiting)) if waiting else Idle.NOTHING

    def search(self) -> int:
        """Search for all that can be found now; return how many letters may be sent again.

        The provider is asked outside any transaction.
        """
        search = self._can.search
        if search is None or self._can.replay:
            return 0
        with self._store.write() as connection:
            recovery.expire_leases(connection, self._mailing.id)
            found = unresolved.find_searchable(connection, self._mailing.id, search, self._own)
        missing = 0
        for request in found:
            with self._store.read() as connection:
                began = now(connection)
            findings = self._provider.search(request)
            with self._store.write() as connection:
                # Another process may have completed the mailing while this one searched.
                state = mailings.lock(connection, self._mailing.id).state
                again = unresolved.record_search(connection, request, findings, search, began=began)
                if again and state is MailingState.COMPLETED_WITH_UNKNOWN:
                    mailings.change_state(connection, self._mailing.id, MailingState.SENDING)
                elif not again and state is MailingState.COMPLETED_WITH_UNKNOWN:
                    mailings.complete_if_done(connection, self._mailing.id)
            missing += again
        return missing
