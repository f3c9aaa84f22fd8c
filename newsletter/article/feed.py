"""Reads RSS, Atom and JSON Feed into entries."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import feedparser
import nh3

from newsletter.article.charset import decode
from newsletter.article.page_tree import parse_html
from newsletter.errors import NewsletterError
from newsletter.model.web_address import web_address

if TYPE_CHECKING:
    from time import struct_time

_HEAD: Final = 4096
_ROOT: Final = re.compile(
    r"<(?:\w+:)?(rss|feed|rdf)[\s>]|<(?:html|body|!doctype\s+html)\b", re.IGNORECASE
)
_JSON_FEED: Final = "jsonfeed.org/version/"
_FEED_TYPES: Final = {"application/rss+xml", "application/atom+xml", "application/feed+json"}
# What a program that cuts a text off writes behind it: the summary ends within a sentence.
_CUT_OFF: Final = re.compile(r"(\[?(…|\.\.\.)\]?|\[(…|\.\.\.)\])\W*$")
_NAMES_PAGE: Final = re.compile(
    r"\b(?:The post .{1,200}? appeared first on|Het bericht .{1,200}? verscheen eerst op)\b"
)
_END: Final = 500
_FIRST_YEAR: Final = 1990  # an earlier date is a mistake of the program that wrote it
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One article of a feed.

    Attributes:
        url: Its address; empty if the feed has none.
        title: Its title as plain text.
        published: The day of its publication, where it was published.
        summary: What the feed says about it, as plain text; empty if that is cut off.
        markup: Its text, or what the feed has of it, as HTML.
        is_whole: The feed gives it as the whole text, and it is not cut off.
        is_cut_off: It ends within a sentence, or with the name of its page.
    """

    url: str
    title: str
    published: date | None
    summary: str
    markup: str
    is_whole: bool = False
    is_cut_off: bool = False


def is_feed(body: bytes, content_type: str = "") -> bool:
    """Tell whether bytes are a feed, whatever the server calls them."""
    head = decode(body, content_type)[:_HEAD].lstrip()
    if head.startswith("{"):
        return _JSON_FEED in head.replace("\\/", "/")
    root = _ROOT.search(head)
    return bool(root and root[1])


def read_feed(body: bytes, content_type: str = "", *, url: str = "") -> tuple[FeedEntry, ...]:
    """Return the entries of a feed, the newest first; those without a date are last.

    Args:
        body: The feed.
        content_type: What the server says of it.
        url: Where it is: links may be relative to it.

    Raises:
        NewsletterError: It is no feed, or has no entries.
    """
    text = decode(body, content_type)
    if not is_feed(body, content_type):
        raise _no_feed(text, url)
    dated = _read_json(text, url) if text.lstrip().startswith("{") else _read_xml(text, url)
    if not dated:
        raise NewsletterError(
            "the feed has no entries", where=url, hint="Give the address of the article itself"
        )
    oldest = datetime.min.replace(tzinfo=UTC)
    newest_first = sorted(dated, key=lambda one: one[0] or oldest, reverse=True)
    return tuple(entry for _, entry in newest_first)


def find_feed_links(markup: str, url: str = "") -> tuple[str, ...]:
    """Return the addresses of the feeds that a web page names; none without a host."""
    nodes = parse_html(markup, url).css("link[rel~=alternate i][href]")
    links = (
        node.attributes.get("href") or ""
        for node in nodes
        if (node.attributes.get("type") or "").lower() in _FEED_TYPES
    )
    whole = (web_address(_join(url, link.strip())) for link in links)
    return tuple(dict.fromkeys(one for one in whole if one))


def say_feed(url: str) -> str:
    """Return the command for a feed, in which a shell finds nothing to obey."""
    return f"newsletter new {shlex.quote(url)}"


def _join(url: str, link: str) -> str:
    try:
        return urljoin(url, link)
    except ValueError:
        return ""


def _no_feed(text: str, url: str) -> NewsletterError:
    links = find_feed_links(text, url)
    if links:
        return NewsletterError(
            "this is a web page, not a feed",
            where=url,
            hint=f"Give its feed: {say_feed(links[0])}",
        )
    return NewsletterError(
        "this is not a feed", where=url, hint="Give the address of the article itself"
    )


def _read_xml(text: str, url: str) -> list[tuple[datetime | None, FeedEntry]]:
    # A text would be taken for an address or a file name, and that be opened.
    parsed = feedparser.parse(
        io.BytesIO(text.encode("utf-8", "replace")),
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            "content-location": url,
        },
    )
    return [_xml_entry(dict(entry)) for entry in parsed.entries]


def _xml_entry(entry: dict[str, Any]) -> tuple[datetime | None, FeedEntry]:
    name = "published" if entry.get("published") else "updated"
    moment = _moment(entry.get(name, "")) or _moment_of(entry.get(f"{name}_parsed"))
    contents = [one.get("value", "") for one in entry.get("content", ())]
    summary = entry.get("summary", "")
    markup = max(contents, key=len, default="") or summary
    cut_off = _is_cut_off(markup)
    return moment, FeedEntry(
        url=entry.get("link", ""),
        title=_plain(entry.get("title", "")),
        published=moment.date() if moment else None,
        summary="" if markup == summary else _summary(_plain(summary)),
        markup=markup,
        is_whole=any(contents) and not cut_off,
        is_cut_off=cut_off,
    )


def _read_json(text: str, url: str) -> list[tuple[datetime | None, FeedEntry]]:
    try:
        feed = json.loads(text)
        items = feed["items"]
        return [_json_entry(item, url) for item in items if isinstance(item, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NewsletterError(
            "the feed is not what JSON Feed asks for, or was cut off",
            where=url,
            hint="Give the address of the article itself",
        ) from None


def _json_entry(item: dict[str, Any], url: str) -> tuple[datetime | None, FeedEntry]:
    def text(*names: str) -> str:
        found = next((v for name in names if isinstance(v := item.get(name), str) and v), "")
        return found.encode("utf-8", "replace").decode()  # JSON can name half a character

    moment = _moment(text("date_published", "date_modified"))
    paragraphs = text("content_text").split("\n\n")
    as_markup = "".join(f"<p>{html.escape(one.strip())}</p>" for one in paragraphs if one.strip())
    markup = text("content_html") or as_markup
    cut_off = _is_cut_off(markup)
    address = text("url") or text("external_url")
    return moment, FeedEntry(
        url=_join(url, address) if address else "",
        title=_plain(text("title")),
        published=moment.date() if moment else None,
        summary=_summary(_plain(text("summary"))),
        markup=markup,
        is_whole=bool(markup) and not cut_off,
        is_cut_off=cut_off,
    )


def _moment(text: str) -> datetime | None:
    """Return a date of RSS or Atom, with the offset that it has."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text.strip())
        except (ValueError, OverflowError):
            continue
        if found.year >= _FIRST_YEAR:
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _moment_of(parsed: struct_time | None) -> datetime | None:
    """Return a date that only feedparser understood, which gives it in UTC."""
    if parsed is None or parsed.tm_year < _FIRST_YEAR:
        return None
    return datetime(*parsed[:6], tzinfo=UTC)


def _plain(markup: str) -> str:
    return _SPACE.sub(" ", html.unescape(nh3.clean(markup, tags=set()))).strip()


def _is_cut_off(markup: str) -> bool:
    """Tell whether an entry is the beginning of a text only; WordPress names the page below it."""
    end = _plain(markup)[-_END:]
    return bool(_CUT_OFF.search(end) or _NAMES_PAGE.search(end))


def _summary(text: str) -> str:
    return "" if _CUT_OFF.search(text) else text
