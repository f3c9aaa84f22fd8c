"""Addresses in a page: made whole, and without what counts clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

_COUNTERS: Final = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_[ce]id|_hs(?:enc|mi)|mkt_tok|vero_\w+"
    r"|ck_subscriber_id|sfnsn|ref_src)"
)
_NOWHERE: Final = re.compile(r"#.*|(?:https?:)?//+|https?:", re.IGNORECASE | re.DOTALL)
_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes the addresses of one page whole.

    Attributes:
        base: What relative addresses are relative to; "" if that is unknown.
    """

    base: str

    def complete(self, href: str) -> str:
        """Return an address with all its parts; "" for one that leads to no other page."""
        href = href.strip()
        if not href or _NOWHERE.fullmatch(href):
            return ""
        try:
            parts = urlsplit(urljoin(self.base, href))
        except ValueError:
            return ""
        if parts.scheme not in _SCHEMES or not parts.netloc:
            return ""
        return drop_counters(parts)


def drop_counters(parts: SplitResult) -> str:
    """Return an address without the parameters that only count clicks, and all others as is."""
    query = "&".join(
        one for one in parts.query.split("&") if not _COUNTERS.fullmatch(one.partition("=")[0])
    )
    return urlunsplit(parts._replace(query=query))


def is_same_site(one: str, other: str) -> bool:
    """Tell whether two addresses have one host; `www.` makes no difference."""
    return _host(one) == _host(other) != ""


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.lower().removeprefix("www.")
