"""Atom (RFC 4287), JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/) and the sitemap.

The id of an issue is a tag (RFC 4151) of the sender's domain, so that it stays the same wherever
the archive is published.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from newsletter.archive import paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import PublishedIssue

_ATOM: Final = "http://www.w3.org/2005/Atom"
_SITEMAP: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What XML 1.0 cannot hold, also as an entity: https://www.w3.org/TR/xml/#charsets.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An issue in a feed.

    Attributes:
        html: All of it; every address in it is absolute.
        picture: The address of a picture that stands for it; empty for none.
    """

    issue: PublishedIssue
    html: str
    picture: str


def atom(settings: Settings, items: Sequence[FeedItem]) -> bytes:
    """Return the Atom feed."""
    feed = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": settings.language})
    _add(feed, "id", _tag(settings, "2026", "letters"))
    _add(feed, "title", settings.name)
    if settings.description:
        _add(feed, "subtitle", " ".join(settings.description.split()))
    _add(feed, "updated", _moment(max((item.issue.edition.at for item in items), default=_NEVER)))
    _add(_add(feed, "author"), "name", _author(settings))
    own, index = paths.address(settings, paths.ATOM), paths.address(settings, paths.INDEX)
    _add(feed, "link", rel="self", type="application/atom+xml", href=own)
    _add(feed, "link", rel="alternate", type="text/html", href=index)
    for item in items:
        edition = item.issue.edition
        entry = _add(feed, "entry")
        _add(entry, "id", _issue_id(settings, item.issue))
        _add(entry, "title", edition.subject)
        _add(entry, "link", rel="alternate", type="text/html", href=_address(settings, item.issue))
        _add(entry, "published", _moment(item.issue.published_at))
        _add(entry, "updated", _moment(edition.at))
        for theme in edition.themes:
            _add(entry, "category", term=theme)
        if edition.preheader:
            _add(entry, "summary", edition.preheader)
        _add(entry, "content", item.html, type="html")
    return _xml(feed)


def json_feed(settings: Settings, items: Sequence[FeedItem]) -> bytes:
    """Return the JSON Feed."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": settings.name,
        "home_page_url": paths.address(settings, paths.INDEX),
        "feed_url": paths.address(settings, paths.JSON),
        "description": " ".join(settings.description.split()),
        "language": settings.language,
        "authors": [{"name": _author(settings)}],
    }
    document = {**_filled(feed), "items": [_json_item(settings, item) for item in items]}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _json_item(settings: Settings, item: FeedItem) -> dict[str, object]:
    edition = item.issue.edition
    values = {
        "id": _issue_id(settings, item.issue),
        "url": _address(settings, item.issue),
        "title": edition.subject,
        "summary": edition.preheader,
        "image": item.picture,
        "date_published": _moment(item.issue.published_at),
        "date_modified": _moment(edition.at),
        "tags": list(edition.themes),
    }
    return {**_filled(values), "content_html": item.html}


def sitemap(settings: Settings, pages: Sequence[str], changed: Mapping[str, datetime]) -> bytes:
    """Return the sitemap: https://www.sitemaps.org/protocol.html.

    Args:
        pages: The paths of the pages.
        changed: When a page was last changed, of those of which that is known.
    """
    root = ET.Element("urlset", xmlns=_SITEMAP)
    for path in pages:
        url = _add(root, "url")
        _add(url, "loc", paths.address(settings, path))
        if path in changed:
            _add(url, "lastmod", _moment(changed[path]))
    return _xml(root)


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    clean = {key: _NO_XML.sub("", value) for key, value in attributes.items()}
    child = ET.SubElement(parent, name, clean)
    child.text = _NO_XML.sub("", text) or None
    return child


def _xml(root: ET.Element) -> bytes:
    ET.indent(root, space=" ")
    return b"".join((ET.tostring(root, encoding="utf-8", xml_declaration=True), b"\n"))


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}


def _address(settings: Settings, issue: PublishedIssue) -> str:
    return paths.address(settings, paths.issue_path(issue.slug))


def _issue_id(settings: Settings, issue: PublishedIssue) -> str:
    return _tag(settings, issue.edition.day.isoformat(), f"issues/{issue.slug}")


def _tag(settings: Settings, day: str, name: str) -> str:
    return f"tag:{settings.domain},{day}:{name}"


def _author(settings: Settings) -> str:
    return parseaddr(settings.sender)[0] or settings.name


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
