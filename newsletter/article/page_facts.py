"""What a page says about its article: title, address, day, name of the site, language."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final

from newsletter.article.page_links import Addresses, is_same_site
from newsletter.article.page_tree import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selectolax.lexbor import LexborHTMLParser, LexborNode

_ARTICLES: Final = re.compile(r"Article|Posting|BlogPost|WebPage")
_SUFFIX: Final = re.compile(r" [|–—·•»-] [^|–—·•»]{1,60}$")
_SAVED: Final = re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+)\s*-->", re.IGNORECASE)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?=$|[-_])")
_WORDS: Final = re.compile(r"\w+")
_DATES: Final = (
    "[itemprop~=datePublished]",
    "time.published",
    "time.dt-published",
    "header time[datetime]",
    "article time[datetime]",
    "time[datetime]",
)


class PageFacts:
    """What a page says about its article.

    Args:
        page: The page.
        markup: Its markup.
        url: Where it was found; "" where that is unknown.
    """

    def __init__(self, page: LexborHTMLParser, markup: str, url: str) -> None:
        self._page = page
        self._data = list(_linked_data(page))
        self.url = self._find_url(url, markup)
        self.addresses = Addresses(self._find_base(url or self.url))
        self.site_name = self._find_site_name()
        self.heading = self._find_heading()
        self.title = self._find_title()
        self.published = self._find_day()
        self.language = self._find_language()
        self.description = self._meta("description") or self._meta("og:description")

    def _meta(self, name: str) -> str:
        for css in (f'meta[property="{name}"]', f'meta[name="{name}"]', f'meta[itemprop="{name}"]'):
            for node in self._page.css(css):
                if content := " ".join((node.attributes.get("content") or "").split()):
                    return content
        return ""

    def _of_article(self, key: str) -> str:
        """Return what the linked data says of the article, before what it says of the page."""
        kinds = [one for one in self._data if _ARTICLES.search(str(one.get("@type", "")))]
        kinds.sort(key=lambda one: "WebPage" in str(one.get("@type", "")))
        return next((value for one in kinds if isinstance(value := one.get(key), str)), "")

    def _find_url(self, url: str, markup: str) -> str:
        """Return the canonical address; one of another site is not believed."""
        nodes = self._page.css("link[rel~=canonical]")
        found = [node.attributes.get("href") or "" for node in nodes]
        whole = (Addresses(url).complete(one) for one in (*found, self._meta("og:url")))
        saved = _SAVED.search(markup[:2000])
        known = url or (saved[1] if saved else "")
        for one in whole:
            if one and (not known or is_same_site(one, known)):
                return one
        return Addresses("").complete(known)

    def _find_base(self, url: str) -> str:
        base = self._page.css_first("base[href]")
        href = (base.attributes.get("href") or "") if base else ""
        return Addresses(url).complete(href) or url

    def _find_site_name(self) -> str:
        if name := self._meta("og:site_name"):
            return name
        for one in self._data:
            publisher = one.get("publisher")
            if isinstance(publisher, dict) and isinstance(publisher.get("name"), str):
                return str(publisher["name"]).strip()
            if "WebSite" in str(one.get("@type", "")) and isinstance(one.get("name"), str):
                return str(one["name"]).strip()
        named = self._page.css_first(".site-title, #site-title, [class*=site-name]")
        return text_of(named) if named else ""

    def _claims(self) -> list[str]:
        """Return what the page's head says the title is, the likeliest first."""
        head = self._page.css_first("head title, title")
        named = text_of(head) if head else ""
        claims = (self._of_article("headline"), self._meta("og:title"), named)
        return [one for one in claims if _flat(one) and _flat(one) != _flat(self.site_name)]

    def _find_heading(self) -> LexborNode | None:
        """Return the article's heading: it says what the page's head says, and no site's name."""
        site = _flat(self.site_name)
        claims = [_flat(one) for one in self._claims()]
        named = [
            (node, text)
            for tag in ("h1", "h2", "h3")
            for node in self._page.css(tag)
            if (text := _flat(text_of(node))) and text != site
        ]
        same = (node for node, text in named if text in claims)
        like = (node for node, text in named if any(_begins(one, text) for one in claims))
        first = (node for node, _ in named if node.tag == "h1")
        return next((node for found in (same, like, first) for node in found), None)

    def _find_title(self) -> str:
        if self.heading:
            return text_of(self.heading)
        for claim in (" ".join(one.split()) for one in self._claims()):
            site = self.site_name
            bare = claim.removesuffix(site).rstrip(" |–—·•»-") if site else _SUFFIX.sub("", claim)
            if bare:
                return bare
        return ""

    def _find_day(self) -> dt.date | None:
        found = [self._of_article("datePublished"), self._meta("article:published_time")]
        found += [self._meta("datePublished")]
        found += [
            node.attributes.get(name) or ""
            for css in _DATES
            for node in self._page.css(css)
            for name in ("datetime", "content", "title")
        ]
        return next((day for one in found if (day := _day(one))), None)

    def _find_language(self) -> str:
        root = self._page.css_first("html")
        said = (root.attributes.get("lang") or "") if root else ""
        found = _LANGUAGE.match((said or self._meta("og:locale")).strip().lower())
        return found[0] if found else ""


def _linked_data(page: LexborHTMLParser) -> Iterator[dict[str, Any]]:
    """Yield the objects of the page's linked data; what is malformed is left out."""
    for script in page.css('script[type="application/ld+json"]'):
        try:
            value = json.loads(script.text())
        except (ValueError, RecursionError):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield one
                graph = one.get("@graph")
                parts = graph if isinstance(graph, list) else []
                yield from (part for part in parts if isinstance(part, dict))


def _flat(text: str) -> str:
    return " ".join(_WORDS.findall(text.casefold()))


def _begins(claim: str, text: str) -> bool:
    return f"{claim} ".startswith(f"{text} ") or f" {claim}".endswith(f" {text}")


def _day(text: str) -> dt.date | None:
    found = _DAY.match(text.strip())
    try:
        return dt.date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
