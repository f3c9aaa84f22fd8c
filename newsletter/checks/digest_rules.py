"""Digests: what needs the address of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.archive_links import archived_slugs, issue_address
from newsletter.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.config import Settings
    from newsletter.model import Draft


def check_digest(draft: Draft, settings: Settings) -> Iterator[Finding]:
    """Yield a finding where a digest links to no issue: nobody could have had all of them."""
    if draft.monthly and not archived_slugs(draft.blocks, settings.public_url):
        yield Finding(
            draft.path,
            draft.entries["audience"].line,
            "digest-empty",
            Severity.ERROR,
            "this issue is for those who get one letter a month, and links to no earlier issue",
            f"Link to the month's issues: {issue_address(settings.public_url, '…')}; "
            "newsletter new --digest YYYY-MM writes it",
        )
