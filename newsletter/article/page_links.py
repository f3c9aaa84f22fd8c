"""Addresses in a page: made whole, and without what counts clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from newsletter.tracking_parameters import without_tracking

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
        return without_tracking(urlunsplit(parts))


def is_same_site(one: str, other: str) -> bool:
    """Tell whether two addresses have one host; `www.` makes no difference."""
    return _host(one) == _host(other) != ""


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.lower().removeprefix("www.")
