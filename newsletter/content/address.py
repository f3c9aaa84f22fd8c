"""Where links and images may lead."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import nh3

from newsletter.content.problems import shown

if TYPE_CHECKING:
    from newsletter.content.problems import Problems

SCHEMES: Final = frozenset({"https", "http", "mailto"})
_SANITISER = nh3.Cleaner(
    tags={"strong", "em", "code", "br", "a"},
    attributes={"a": {"href"}, "*": set()},
    link_rel=None,
    url_schemes=set(SCHEMES),
)
_WHOLE = "Write the whole address, beginning with https:// (or mailto: for an email address)"
_ONLINE = "Put the image online first (on your site, say), then write its https:// address"


def clean(html: str) -> str:
    """Return inline HTML with nothing in it but what a letter's prose may hold."""
    return _SANITISER.clean(html)


def judge_link(url: str, line: int, problems: Problems) -> None:
    """Note what is wrong with the address of a link, if anything."""
    problem = _wrong_with(url)
    if problem:
        problems.error(line, "link-address", problem, _WHOLE)
    elif _scheme(url) == "http":
        problems.warning(
            line,
            "link-insecure",
            f'the link to "{_quoted(url)}" is not secure',
            "Write https:// if the site has it",
        )


def judge_image(url: str, line: int, problems: Problems) -> None:
    """Note what is wrong with the address of an image, if anything."""
    scheme = _scheme(url)
    if scheme == "https":
        problem = _wrong_with(url)
    elif scheme == "http":
        problem = "the image is at an http:// address, which many mail programs do not show"
    elif scheme == "data":
        problem = "the image is written out in the file (data:), which mail programs drop"
    elif not url:
        problem = "the image has no address"
    else:
        problem = f'the image "{_quoted(url)}" is not online, so readers cannot see it'
    if problem:
        problems.error(line, "image-address", problem, _ONLINE)


def is_link(url: str) -> bool:
    """Tell whether a link may lead there."""
    return not _wrong_with(url)


def is_image(url: str) -> bool:
    """Tell whether an image may be there."""
    return _scheme(url) == "https" and is_link(url)


def _wrong_with(url: str) -> str:
    scheme = _scheme(url)
    if scheme == "mailto":
        name, _, domain = urlsplit(url).path.partition("@")
        return "" if name and domain else "a mailto: link has no email address"
    if scheme in SCHEMES:
        return "" if _has_host(url) else f'"{_quoted(url)}" is not an address a browser can open'
    if not url:
        return "a link has no address"
    if "@" in url:
        return "a link leads to an email address without mailto:"
    if scheme:
        return f'a link may not begin with "{shown(scheme)}:"'
    return f'the link to "{_quoted(url)}" leads nowhere from an email'


def _scheme(url: str) -> str:
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


def _quoted(url: str) -> str:
    """Return an address for a message, without what may be a person's email address."""
    return "…" if "@" in url else shown(unquote(url))
