"""Who confirms is welcomed once, with the latest issue if the author wants that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.model import NoticeKind
from newsletter.store import issue_notices
from newsletter.subscriptions.notices import queue_to

if TYPE_CHECKING:
    from datetime import datetime

    from newsletter.store import Connection
    from newsletter.store.notices import ProviderAccount

NOT_AGAIN_WITHIN: Final = timedelta(days=30)
"""Who left and comes back within this time is not welcomed a second time."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a person gets who confirms.

    Attributes:
        account: The provider account that takes it.
        with_latest: Also the latest issue that was sent.
    """

    account: ProviderAccount
    with_latest: bool = False


def queue_welcome(
    connection: Connection,
    welcome: Welcome,
    to: tuple[int, str],
    *,
    left_at: datetime | None,
    is_known: bool,
    moment: datetime,
) -> None:
    """Queue the welcome letter, in the transaction that made its subscriber active.

    Args:
        connection: That transaction.
        welcome: What they get.
        to: The subscriber's number, and their address as it is compared.
        left_at: When they had left, if they had.
        is_known: False if they were erased: whether they were welcomed is then not known.
        moment: Now.
    """
    subscriber_id, _ = to
    welcomed = not is_known or issue_notices.welcomed_at(connection, subscriber_id) is not None
    if welcomed and left_at and left_at > moment - NOT_AGAIN_WITHIN:
        return
    issue_notices.set_welcomed(connection, subscriber_id, moment)
    queue_to(connection, welcome.account, NoticeKind.WELCOME, to)
    latest = issue_notices.latest_slug(connection) if welcome.with_latest else None
    if latest and issue_notices.take(connection, subscriber_id, latest):
        queue_to(connection, welcome.account, NoticeKind.ISSUE, to, issues=[latest])
