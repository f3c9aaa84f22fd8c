"""What tests of events share: a newsletter whose letters have left, and reports of them."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from newsletter.store.schema import deliveries, mailings, subscribers
from newsletter.subscriptions.admin import SubscriberHistory, load_history
from newsletter.subscriptions.events import apply_waiting
from tests.support.newsletter import FakeProvider, Newsletter, write_issue
from tests.support.providers.webhooks import RESEND, ReportedEvent, Sender, keep
from tests.support.subscribers import sql

if TYPE_CHECKING:
    from pathlib import Path


_NUMBERS = itertools.count(1)


class Letters:
    """A newsletter of which an issue has left, and the events of its letters.

    Args:
        newsletter: The newsletter.
        ledger: Where its stand-in for a provider notes what it takes.
    """

    def __init__(self, newsletter: Newsletter, ledger: Path) -> None:
        self.newsletter = newsletter
        self.provider = FakeProvider(ledger)

    def send(self, name: str = "rust") -> str:
        """Send another issue to everybody; return its slug."""
        slug = write_issue(self.newsletter.root, name=name, days=6 + next(_NUMBERS))
        self.newsletter.send(self.provider, slug)
        return slug

    def ref(self, subscriber: int = 0, slug: str = "") -> str:
        """Return the reference of a subscriber's letter, by default of the last issue."""
        query = (
            sa.select(deliveries.c.ref)
            .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
            .join(mailings, mailings.c.id == deliveries.c.mailing_id)
            .where(subscribers.c.email == email(subscriber))
            .order_by(deliveries.c.id.desc())
        )
        if slug:
            query = query.where(mailings.c.slug == slug)
        with self.newsletter.store.read() as connection:
            found: str = connection.scalars(query.limit(1)).one()
        return found

    def event(
        self, kind: str, subscriber: int = 0, *, ago: float = 0.0, slug: str = ""
    ) -> ReportedEvent:
        """Return what a provider reports of a subscriber's letter, so many seconds ago."""
        return ReportedEvent(
            kind, self.ref(subscriber, slug), email(subscriber), at=time.time() - ago
        )

    def receive(self, *reported: ReportedEvent, sender: Sender = RESEND) -> int:
        """Let webhooks come; return how many were applied."""
        webhooks = [
            (sender.name, f"name-{next(_NUMBERS)}", sender.webhook(one)[0]) for one in reported
        ]
        keep(self.newsletter.store, webhooks)
        return apply_waiting(self.newsletter.store)

    def status(self, subscriber: int = 0) -> str:
        return self.history(subscriber).subscriber.status.value

    def history(self, subscriber: int = 0) -> SubscriberHistory:
        found = load_history(self.newsletter.store, email(subscriber))
        assert isinstance(found, SubscriberHistory)
        return found

    def kinds(self, subscriber: int = 0) -> list[str]:
        return sorted(event.kind.value for event in self.history(subscriber).events)

    def standing(self, subscriber: int = 0) -> object:
        query = "SELECT strongest_event FROM deliveries WHERE ref = ?"
        return sql(self.newsletter.store, query, self.ref(subscriber))[0][0]

    def confirm(self, subscriber: int = 0, *, ago: float = 0.0) -> None:
        """Let a subscriber sign up (again), so many seconds ago."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        with self.newsletter.store.write() as connection:
            connection.execute(
                subscribers.update()
                .where(subscribers.c.email == email(subscriber))
                .values(status="active", confirmed_at=at)
            )


def email(subscriber: int) -> str:
    return f"lezer{subscriber}@example.org"
