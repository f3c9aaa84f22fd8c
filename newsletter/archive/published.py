"""The archive as the database has it now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter import pictures
from newsletter.archive.site import Site
from newsletter.store import editions, media

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.store import Store


def read_site(settings: Settings, store: Store, *, files: bool = False) -> Site:
    """Return the archive; rehearsals are in it only where nobody is mailed.

    Raises:
        NewsletterError: The logo of the settings cannot be used.
    """
    logo = pictures.read_setting(settings, "logo")
    with store.read() as connection:
        issues = editions.published(connection, rehearsals=settings.provider == "outbox")
        stored = media.find_stored(connection, [logo.name] if logo else [])
    return Site(settings, issues, files=files, logo=next(iter(stored), ""))
