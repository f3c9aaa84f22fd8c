"""Queueing a notice to a subscriber, with the hashes that limits count by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.addresses import address_hash
from newsletter.store import notices, suppressions
from newsletter.store.database import now
from newsletter.subscriptions.aliases import mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.model import NoticeKind
    from newsletter.store import Connection
    from newsletter.store.notices import ProviderAccount

LIFETIME: Final = timedelta(hours=48)
"""For how long a notice may wait for its provider."""


def queue_to(
    connection: Connection,
    account: ProviderAccount,
    kind: NoticeKind,
    to: tuple[int, str],
    *,
    change: int | None = None,
    issues: Sequence[str] = (),
    wanted: bool = True,
) -> None:
    """Queue a notice to a subscriber, by row number, at an address, as it is compared.

    The other arguments are those of `store.notices.queue`.
    """
    subscriber_id, key = to
    secret = suppressions.hash_key(connection)
    notices.queue(
        connection,
        account,
        kind,
        subscriber_id=subscriber_id,
        address_hash=address_hash(secret, key),
        mailbox_hash=address_hash(secret, mailbox(key)),
        moment=now(connection),
        keep=LIFETIME,
        change_id=change,
        issues=issues,
        wanted=wanted,
    )
