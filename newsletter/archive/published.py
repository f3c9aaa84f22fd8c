"""The archive as the database has it now."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from newsletter import pictures
from newsletter.archive.analysis import analyse
from newsletter.archive.site import Site
from newsletter.errors import NewsletterError
from newsletter.store import editions, media

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from newsletter.archive.analysis import SearchDocument, WordUse
    from newsletter.config import Settings
    from newsletter.model import Picture, PublishedIssue
    from newsletter.store import Store

_REMEMBERED: Final = 1000  # issues

remembered = functools.lru_cache(maxsize=_REMEMBERED)(analyse)


def read_site(
    settings: Settings,
    store: Store,
    *,
    files: bool = False,
    analysis: Callable[[SearchDocument], Sequence[WordUse]] = remembered,
) -> Site:
    """Return the archive; rehearsals are in it only where nobody is mailed.

    Args:
        settings: The newsletter's.
        store: Where its issues are.
        files: As of `Site`.
        analysis: The same; by default, this process remembers the words of issues.

    Raises:
        NewsletterError: The logo of the settings cannot be used, for `files`.
    """
    logo = _read_logo(settings, required=files)
    issues = read_issues(settings, store)
    with store.read() as connection:
        stored = media.find_stored(connection, [logo.name] if logo else [])
    return Site(settings, issues, files=files, logo=next(iter(stored), ""), analysis=analysis)


def _read_logo(settings: Settings, *, required: bool) -> Picture | None:
    try:
        return pictures.read_setting(settings, "logo")
    except NewsletterError:
        if required:
            raise
        return None  # the app may be where the author's files are not


def read_issues(settings: Settings, store: Store) -> list[PublishedIssue]:
    """Return the issues in the archive, newest first; rehearsals only where nobody is mailed."""
    with store.read() as connection:
        return editions.published(connection, rehearsals=settings.provider == "outbox")
