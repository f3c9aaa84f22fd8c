"""The themes of the archive: which spellings are one theme, and its name in addresses."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.model import PublishedIssue

_LONGEST: Final = 60
_DEVICE: Final = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")
"""What no file may be called on Windows, whatever its suffix."""
_SPACE: Final = re.compile(r"[\s\-‐-―_]+")


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme, and the issues that have it, newest first.

    Attributes:
        name: As its newest issue writes it.
        slug: Its name in addresses: small letters, digits and hyphens.
    """

    name: str
    slug: str
    issues: tuple[PublishedIssue, ...]


def theme_slug(name: str) -> str:
    """Return the name of a theme in addresses; it depends on nothing but the theme.

    Capitals, accents, spaces and hyphens make no other theme. What cannot stand in an address, or
    is too long for one, is replaced by a hash.
    """
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    key = _SPACE.sub("-", "".join(one for one in bare if not unicodedata.combining(one))).strip("-")
    slug = re.sub(r"[^a-z0-9]+", "-", key)[:_LONGEST].strip("-")
    if slug == key and slug and not _DEVICE.fullmatch(slug):
        return slug
    digest = hashlib.sha256((key or name).encode()).hexdigest()[:8]
    return f"{slug}-{digest}".lstrip("-")


def gather_themes(issues: Iterable[PublishedIssue]) -> tuple[Theme, ...]:
    """Return all themes: those of most issues first, then by name.

    Args:
        issues: Newest first.
    """
    names: dict[str, str] = {}
    found: dict[str, dict[str, PublishedIssue]] = {}
    for issue in issues:
        for name in issue.edition.themes:
            slug = theme_slug(name)
            names.setdefault(slug, name)
            found.setdefault(slug, {})[issue.slug] = issue
    themes = (Theme(names[slug], slug, tuple(having.values())) for slug, having in found.items())
    return tuple(sorted(themes, key=lambda one: (-len(one.issues), one.slug)))


def themes_of(issue: PublishedIssue, themes: Sequence[Theme]) -> tuple[Theme, ...]:
    """Return the themes of an issue, in its own order."""
    slugs = dict.fromkeys(map(theme_slug, issue.edition.themes))
    known = {theme.slug: theme for theme in themes}
    return tuple(known[slug] for slug in slugs)
