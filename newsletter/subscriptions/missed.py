"""Who returns from a pause, or to weekly letters, learns once what they missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.model import NoticeKind
from newsletter.store import issue_notices, subscribers
from newsletter.store.database import now
from newsletter.store.freezing import lock_freezing
from newsletter.subscriptions.notices import queue_to

if TYPE_CHECKING:
    from newsletter.model import Subscriber
    from newsletter.store import Connection, Store
    from newsletter.store.notices import ProviderAccount

_AT_A_TIME: Final = 100


def tell_returned(store: Store, account: ProviderAccount) -> bool:
    """Tell everyone whose pause has ended by itself what they missed; return whether any has.

    Before an issue is frozen: what they get from then on they do not miss.

    Raises:
        NewsletterError: The database cannot be used.
    """
    any_has = False
    while True:
        with store.read() as connection:
            if not issue_notices.has_returned(connection):
                return any_has
        with store.write() as connection:
            lock_freezing(connection)
            ids = issue_notices.find_returned(connection, _AT_A_TIME)
            found = subscribers.find_by_ids(connection, ids, to_change=True)
            for subscriber in found.values():
                tell_missed(connection, account, subscriber)
        if not ids:  # another process has them
            return any_has
        any_has = True


def tell_missed(
    connection: Connection,
    account: ProviderAccount,
    subscriber: Subscriber,
    *,
    leaves_monthly: bool = False,
) -> None:
    """Queue what a subscriber missed, unless they pause now: then it waits for the end of that.

    Args:
        connection: The transaction in which they return, and in which `lock_freezing` was called:
            an issue's audience is with them, or what they missed is with it.
        account: The provider account that takes the notice.
        subscriber: As they were before; nobody else changes them.
        leaves_monthly: They get every letter from now on.
    """
    moment = now(connection)
    ends_monthly = subscriber.monthly_since if leaves_monthly else None
    since = min(filter(None, (subscriber.paused_at, ends_monthly)), default=None)
    if since is None:
        return
    if subscriber.paused_until and subscriber.paused_until > moment:
        issue_notices.set_paused_at(connection, subscriber.id, since)
        return
    issue_notices.set_paused_at(connection, subscriber.id, None)
    monthly = subscriber.preferences.monthly and not leaves_monthly
    slugs = issue_notices.find_missed(connection, subscriber.id, since, monthly=monthly)
    if slugs:
        to = (subscriber.id, subscriber.email_key)
        queue_to(connection, account, NoticeKind.MISSED, to, issues=slugs)
