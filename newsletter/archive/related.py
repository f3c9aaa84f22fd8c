"""Which issues are related: by their themes and the words of their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.model import PublishedIssue


def find_related(issues: Sequence[PublishedIssue]) -> Mapping[str, tuple[PublishedIssue, ...]]:
    """Return the related issues of each issue, by its slug, best first."""
    return {issue.slug: () for issue in issues}
