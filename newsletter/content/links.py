"""Where links and images may lead."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import nh3

from newsletter.content.findings import quote_text
from newsletter.content.hosts import is_private
from newsletter.content.merge_tags import MERGE_TAGS

if TYPE_CHECKING:
    from newsletter.content.findings import FindingCollector

SCHEMES: Final = frozenset({"https", "http", "mailto"})
_SANITISER = nh3.Cleaner(
    tags={"strong", "em", "code", "br", "a"},
    attributes={"a": {"href"}, "*": set()},
    link_rel=None,
    url_schemes=set(SCHEMES),
)
_ELEMENTS: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "big",
        "blockquote",
        "body",
        "br",
        "button",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "li",
        "link",
        "main",
        "mark",
        "meta",
        "nav",
        "nobr",
        "object",
        "ol",
        "option",
        "p",
        "picture",
        "pre",
        "q",
        "s",
        "script",
        "section",
        "select",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "tt",
        "u",
        "ul",
        "video",
        "wbr",
    ]
)
_BACKSTAGE: Final = re.compile(
    r"/wp-admin/|[?&]preview(?:_id|_nonce)?=|/ghost/#|docs\.google\.com/.*/edit|/wp-login",
    re.IGNORECASE,
)
_WHOLE = "Write the whole address, beginning with https:// (or mailto: for an email address)"


def clean(html: str) -> str:
    """Return inline HTML with nothing in it but what a letter's prose may hold."""
    return _SANITISER.clean(html)


def is_element(tag: str) -> bool:
    """Tell whether something between < and > is an element or comment of HTML, not a word."""
    name = re.match(r"</?([A-Za-z][A-Za-z0-9]*)", tag)
    return not name or name[1].lower() in _ELEMENTS or "=" in tag


def check_link(url: str, line: int, problems: FindingCollector) -> None:
    """Note what is wrong with the address of a link, if anything."""
    problem = problem_with(url)
    if problem:
        problems.error(line, "link-address", problem, _WHOLE)
        return
    if problems.is_own(url):  # as public_url is, which has checks of its own
        return
    if scheme_of(url) == "http":
        problems.warning(
            line,
            "link-insecure",
            f'the link to "{quoted_url(url)}" is not secure',
            "Write https:// if the site has it",
        )
    judge_reach(url, line, problems)


def judge_reach(url: str, line: int, problems: FindingCollector) -> None:
    """Note an address that nobody but the author can open, or that is not filled in yet."""
    parts = urlsplit(url)
    mail = parts.scheme == "mailto"
    host = unquote(parts.path).rpartition("@")[2] if mail else parts.hostname or ""
    if is_private(host):
        problem = f'"{quoted_url(host)}" is an address that only you can open'
    elif _BACKSTAGE.search(f"{parts.path}?{parts.query}"):
        problem = "this is the address of a preview or an editor, which only you can open"
    elif any(mark.search(unquote(url)) for mark in MERGE_TAGS):
        tag = MERGE_TAGS[0]
        problems.warning(line, tag.rule, tag.problem, tag.fix)
        return
    else:
        return
    problems.warning(line, "private-address", problem, "Write the address that is public")


def is_link(url: str) -> bool:
    """Tell whether a link may lead there."""
    return not problem_with(url)


def problem_with(url: str) -> str:
    """Return what is wrong with the address of a link; empty if nothing is."""
    scheme = scheme_of(url)
    if scheme == "mailto":
        return _wrong_with_mail(url)
    if scheme in SCHEMES:
        return "" if _has_host(url) else f'"{quoted_url(url)}" is not an address a browser can open'
    if not url:
        return "a link has no address"
    if "@" in url:
        return "a link leads to an email address without mailto:"
    if scheme:
        return f'a link may not begin with "{quote_text(scheme)}:"'
    return f'the link to "{quoted_url(url)}" leads nowhere from an email'


def _wrong_with_mail(url: str) -> str:
    parts = urlsplit(url)
    # Without an address it asks for one: "forward this letter" (RFC 6068, section 2).
    if not parts.path and parse_qsl(parts.query):
        return ""
    for address in unquote(parts.path).split(","):
        name, _, domain = address.strip().partition("@")
        if not (name and domain):
            return "a mailto: link has no email address"
    return ""


def scheme_of(url: str) -> str:
    """Return the scheme of an address in small letters; empty if it has none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return url.partition(":")[0].lower()


def _has_host(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    # The sanitiser parses addresses as browsers do, and drops those that have no meaning.
    return bool(host) and "href" in clean(f'<a href="{escape(url)}">x</a>')


def quoted_url(url: str) -> str:
    """Return an address for a message, without what may be a person's email address."""
    return "…" if "@" in unquote(url) else quote_text(unquote(url))
