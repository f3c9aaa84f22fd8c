"""Links: whether a subscriber can trust them, and know where they lead."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from newsletter.checks.prose import links
from newsletter.checks.redirectors import unwrap
from newsletter.checks.registry import Hit, rule
from newsletter.content.words import any_of, words
from newsletter.model import Severity
from newsletter.tracking_parameters import is_tracking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Draft

_ADDRESS: Final = re.compile(
    r"(?:https?://)?((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,})(?:[/?#]\S*)?", re.IGNORECASE
)
_SHORTENERS: Final = frozenset(
    ["bit.ly", "bitly.com", "t.co", "tinyurl.com", "ow.ly", "goo.gl", "is.gd", "v.gd", "buff.ly",
     "rebrand.ly", "cutt.ly", "shorturl.at", "tiny.cc", "rb.gy", "t.ly", "lnkd.in", "dlvr.it",
     "amzn.to", "youtu.be.com", "soo.gd", "s.id", "bl.ink", "short.io", "trib.al"]
)  # fmt: skip
_STAGING: Final = re.compile(
    r"(?:(?:staging|stage|acceptatie|accept|acc|preprod|preview|dev|test|uat)\d?[.-].+)"
    r"|.+\.(?:ngrok\.io|ngrok-free\.app|trycloudflare\.com|loca\.lt|wpstaging\.com"
    r"|stagingsite\.com|cloudwaysapps\.com|wpengine\.com|kinsta\.cloud)"
    r"|deploy-preview-\d+--.+|.+-git-.+\.vercel\.app",
    re.IGNORECASE,
)
_MAILING_TOOLS: Final = re.compile(
    r"(?:.+\.)?(?:list-manage\d?\.com|campaign-archive\d?\.com|mailchi\.mp|mlsend\.com"
    r"|mailerlite\.com|sendinblue\.com|brevo\.com|createsend\d?\.com|cmail\d+\.com|laposta\.nl"
    r"|mailpoet\.com|convertkit-mail\d?\.com|ck\.page|klclick\d?\.com|rs6\.net|constantcontact\.com)",
    re.IGNORECASE,
)
_LEAVING: Final = re.compile(
    r"/(?:unsubscribe|uitschrijven|afmelden|opt-?out)\b|[?&](?:unsubscribe|action=unsub\w*)\b",
    re.IGNORECASE,
)


@cache
def _vague() -> re.Pattern[str]:
    return re.compile(rf"\W*{any_of(words().vague_labels)}\W*", re.IGNORECASE)


def _host(url: str) -> str:
    """Return the host of a web address without www; nothing of another address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "").removeprefix("www.") if parts.scheme.startswith("http") else ""


@rule("link-label-vague", Severity.HINT)
def link_label_vague(draft: Draft) -> Iterator[Hit]:
    """A link says only "here" or "click here"."""
    for link in links(draft):
        if _vague().fullmatch(link.label):
            yield Hit(
                link.line,
                f'the words of this link are only "{link.label}"',
                "Let them say where it leads: subscribers skim a letter, or hear its links",
            )


@rule("link-label-address", Severity.WARNING)
def link_label_address(draft: Draft) -> Iterator[Hit]:
    """A link shows one site and leads to another, as phishing does."""
    for link in links(draft):
        shown = _ADDRESS.fullmatch(link.label)
        host = _host(link.url)
        if not shown or not host:
            continue
        name = shown[1].casefold().removeprefix("www.")
        if name != host and not host.endswith(f".{name}") and not name.endswith(f".{host}"):
            yield Hit(
                link.line,
                f"this link shows {name} and leads to {host}",
                "Show words in place of an address, or the address where it leads",
            )


@rule("link-repeated", Severity.HINT)
def link_repeated(draft: Draft) -> Iterator[Hit]:
    """Two buttons or links of a list lead to the same address."""
    seen: dict[str, str] = {}
    for link in links(draft):
        if link.alone and link.url in seen:
            yield Hit(
                link.line,
                f'"{link.label}" leads to the same address as "{seen[link.url]}"',
                "Keep one of them, or write the other address",
            )
        if link.alone:
            seen.setdefault(link.url, link.label)


@rule("article-not-linked", Severity.WARNING)
def article_not_linked(draft: Draft) -> Iterator[Hit]:
    """No link leads to the address of `article`."""
    entry = draft.entries.get("article")
    found = [link for link in links(draft) if _host(link.url)]
    if not entry or not _host(entry.value) or not found:
        return
    if all(_same_page(link.url) != _same_page(entry.value) for link in found):
        yield Hit(
            entry.line,
            "no link of the letter leads to the address of article",
            "Write the same address here and in the button",
        )


def _same_page(url: str) -> tuple[str, str, str]:
    """Return the parts of an address that make it a page of its own."""
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={value}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not is_tracking(name)
    )
    return _host(url), parts.path.rstrip("/"), query


@rule("tracking-parameters", Severity.WARNING)
def tracking_parameters(draft: Draft) -> Iterator[Hit]:
    """The address of a link has parameters that only track who opens it."""
    for link in links(draft):
        try:
            names = [
                name for name, _ in parse_qsl(urlsplit(link.url).query, keep_blank_values=True)
            ]
        except ValueError:
            continue
        tracking = [name for name in names if is_tracking(name)]
        if tracking and _host(link.url):
            yield Hit(
                link.line,
                f"this address has a parameter that tracks subscribers: {tracking[0]}",
                "Delete it and its value from the address",
            )


@rule("short-link", Severity.WARNING)
def short_link(draft: Draft) -> Iterator[Hit]:
    """A link hides its target behind a shortener, which filters distrust."""
    for link in links(draft):
        if _host(link.url) in _SHORTENERS:
            yield Hit(
                link.line,
                f"{_host(link.url)} hides where this link leads, and spam filters distrust it",
                "Write the address to which it leads",
            )


@rule("wrapped-link", Severity.WARNING)
def wrapped_link(draft: Draft) -> Iterator[Hit]:
    """A mail program or a site put an address of its own around that of a link."""
    for link in links(draft):
        target = unwrap(link.url)
        if target is not None:
            yield Hit(
                link.line,
                f"{_host(link.url)} follows who opens this link, and may refuse it later",
                f"Write {'the address in it' if target else 'where it leads: open it, and copy'}",
            )


@rule("staging-address", Severity.WARNING)
def staging_address(draft: Draft) -> Iterator[Hit]:
    """A link leads to a test version of a site."""
    for link in links(draft):
        if _STAGING.fullmatch(_host(link.url)):
            yield Hit(
                link.line,
                f"{_host(link.url)} looks like the test version of a site",
                "Write the address that subscribers can open",
            )


@rule("other-mailing-tool", Severity.WARNING)
def other_mailing_tool(draft: Draft) -> Iterator[Hit]:
    """A link to unsubscribe, or to a page of another mailing program."""
    for link in links(draft):
        host = _host(link.url)
        if host and (_MAILING_TOOLS.fullmatch(host) or _LEAVING.search(link.url)):
            yield Hit(
                link.line,
                "this link belongs to another mailing program, or unsubscribes from one",
                "Delete it: every letter has a link of its own to unsubscribe",
            )
