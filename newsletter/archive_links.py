"""Links of an issue to the pages of earlier ones in the archive."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from newsletter.model import Image, Link, RichText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from newsletter.model import Block

_HREF: Final = re.compile(r'<a href="([^"]*)">')


def issue_address(public_url: str, slug: str) -> str:
    """Return the address of an issue's page, as letters have it."""
    return f"{public_url.rstrip('/')}/issues/{slug}"


def archived_slugs(blocks: Iterable[Block], public_url: str) -> tuple[str, ...]:
    """Return the slugs of the pages below `public_url` that blocks link to, each once, in order."""
    page = re.compile(re.escape(issue_address(public_url, "")) + r"([^/?#]+)/?(?:[?#].*)?")
    found = (page.fullmatch(url) for url in _addresses(tuple(blocks)))
    return tuple(dict.fromkeys(match[1] for match in found if match))


def _addresses(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a block holds
    if isinstance(value, RichText):
        yield from map(unescape, _HREF.findall(value.html))
    elif isinstance(value, Link):
        yield value.url
    elif isinstance(value, Image):
        yield value.link
    elif isinstance(value, tuple):
        for part in value:
            yield from _addresses(part)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _addresses(getattr(value, one.name))
