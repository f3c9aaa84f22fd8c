"""Whom an issue goes to: everyone, or with a digest those who get one letter a month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from newsletter.archive_links import archived_slugs
from newsletter.errors import NewsletterError
from newsletter.store import audiences, editions
from newsletter.store.audiences import Audience
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from newsletter.config import Settings
    from newsletter.model import Draft, Issue
    from newsletter.store import Connection, Store


@dataclass(frozen=True, slots=True)
class MissingDigest:
    """A month, such as 2026-11, of which subscribers who get one letter a month got nothing."""

    month: str
    subscribers: int


def audience_of(
    connection: Connection, settings: Settings, issue: Issue, *, rehearsal: bool
) -> Audience:
    """Return whom an issue is for.

    Args:
        connection: The ledger.
        settings: The settings of the newsletter.
        issue: The issue; a digest lists the issues whose pages it links to.
        rehearsal: Whether rehearsed issues have pages too.

    Raises:
        NewsletterError: It is a digest and lists no issue that was sent, or a withdrawn one.
    """
    if not issue.monthly:
        return Audience(issue.slug)
    linked = archived_slugs(issue.blocks, settings.public_url)
    if gone := [slug for slug in linked if editions.is_withdrawn(connection, slug)]:
        raise NewsletterError(
            f"this digest lists {gone[0]}, which was withdrawn from the archive",
            where=issue.path,
            hint="Take its title, text and link out of the file",
        )
    found = editions.published(connection, rehearsals=rehearsal, slugs=linked)
    digest = tuple(sorted(one.slug for one in found if not one.monthly))
    if not digest:
        raise NewsletterError(
            "this digest lists no issue that was sent",
            where=issue.path,
            hint="Link to the pages of the month's issues; newsletter new --digest YYYY-MM "
            "writes a digest that does",
        )
    return Audience(issue.slug, issue.monthly, digest)


def count_audience(connection: Connection, audience: Audience) -> int:
    """Return how many subscribers there are to mail.

    Raises:
        NewsletterError: There are none.
    """
    if count := audiences.count(connection, audience):
        return count
    raise NewsletterError(
        f"there is nobody to send to: {_nobody(connection, audience)}",
        hint="Wait until a subscriber chooses one letter a month, or say in the file: draft: yes"
        if audience.monthly
        else "Add one: newsletter subscribers add EMAIL --consent TEXT",
    )


def _nobody(connection: Connection, audience: Audience) -> str:
    """Return who is missing in an empty audience."""
    if audience.monthly:
        return "nobody who gets one letter a month lacks these issues"
    if audiences.count_mailable(connection):
        return "no active subscriber gets every letter"
    return "no active subscribers"


def find_missing_digest(
    store: Store, settings: Settings, drafts: Iterable[Draft]
) -> MissingDigest | None:
    """Return the last month if its digest is due: some wait for it, and no file is to be sent.

    Args:
        store: The ledger.
        settings: The settings of the newsletter.
        drafts: The files in `issues/`.
    """
    with store.read() as connection:
        today = now(connection).astimezone(settings.zone).date()
        if any(one.monthly and one.send_at and one.send_at.date() >= today for one in drafts):
            return None
        month = f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
        slugs = audiences.slugs_without_digest(connection, month)
        waiting = audiences.count(connection, Audience("", monthly=True, digest=slugs))
    return MissingDigest(month, waiting) if slugs and waiting else None
