"""What happened and what is next: accounts that add up, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from newsletter import checks
from newsletter.errors import NewsletterError
from newsletter.model import Severity
from newsletter.schedule import Timing, timing
from newsletter.store import mailings
from newsletter.store.engine import now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from newsletter.config import Settings
    from newsletter.model import Draft, Mailing, Receipt
    from newsletter.store import Store


_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The issue that is next, for how many readers, and what stands in its way."""

    slug: str
    send_at: datetime
    audience: int
    blocked_by: tuple[str, ...]


def the_mailing(connection: Connection, slug: str) -> Mailing:
    """Return the real mailing of an issue, else its latest rehearsal.

    Raises:
        NewsletterError: It has neither.
    """
    found = mailings.find(connection, slug, rehearsal=False) or mailings.find(
        connection, slug, rehearsal=True
    )
    if found is None:
        raise NewsletterError(
            f"{slug} has not been sent or rehearsed", hint="See what there is: newsletter status"
        )
    return found


def receipt_of(store: Store, slug: str) -> Receipt | None:
    """Return the account of an issue's mailing, or None if it never had one."""
    with store.read() as connection:
        try:
            mailing = the_mailing(connection, slug)
        except NewsletterError:
            return None
        return mailings.receipt(connection, mailing)


def overview(store: Store, count: int = 5) -> list[Receipt]:
    """Return the accounts of the mailings that started last, newest first."""
    with store.read() as connection:
        return [
            mailings.receipt(connection, mailing) for mailing in mailings.latest(connection, count)
        ]


def upcoming(store: Store, settings: Settings, drafts: Iterable[Draft]) -> Upcoming | None:
    """Return the first issue that can still go out in time and has not, if there is one.

    A file with errors counts with the date in its name, so that it cannot be overlooked.
    """
    with store.read() as connection:
        sent = mailings.slugs_sent(connection)
        audience = mailings.audience(connection)
        moment = now(connection)
    waiting = sorted(
        (draft.send_at, draft.slug, draft)
        for draft in drafts
        if draft.slug not in sent
        and draft.send_at is not None
        and timing(draft.send_at, moment, settings.max_lateness_hours) is not Timing.LATE
    )
    if not waiting:
        return None
    send_at, slug, first = waiting[0]
    obstacles = _obstacles(first, audience)
    obstacles += [
        f"{other} has the same date and time" for when, other, _ in waiting[1:] if when == send_at
    ]
    return Upcoming(slug, send_at, audience, tuple(obstacles))


def missed(store: Store, settings: Settings, drafts: Iterable[Draft]) -> tuple[str, ...]:
    """Return the issues of the last week that were to go out and did not."""
    with store.read() as connection:
        sent = mailings.slugs_sent(connection)
        moment = now(connection)
    return tuple(
        draft.slug
        for draft in drafts
        if draft.slug not in sent
        and draft.send_at is not None
        and not (draft.issue and draft.issue.draft)
        and timing(draft.send_at, moment, settings.max_lateness_hours) is Timing.LATE
        and draft.send_at > moment - _RECENT
    )


def _obstacles(draft: Draft, audience: int) -> list[str]:
    found = []
    errors = sum(f.severity is Severity.ERROR for f in checks.check(draft))
    if errors:
        found.append(f"{errors} error{'s' * (errors > 1)}: newsletter check {draft.slug}")
    if draft.issue and draft.issue.draft:
        found.append("it is still a draft: remove that line when it is done")
    if not audience:
        found.append("there are no active subscribers")
    return found
