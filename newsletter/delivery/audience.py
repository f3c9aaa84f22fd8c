"""Whom an issue goes to: everyone, or with a digest those who get one letter a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.archive_links import archived_slugs
from newsletter.errors import NewsletterError
from newsletter.store import audiences, editions
from newsletter.store.audiences import Audience

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.model import Issue
    from newsletter.store import Connection


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
