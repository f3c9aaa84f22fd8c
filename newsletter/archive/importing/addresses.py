"""Where the links of an old letter lead: for everyone, or only for one subscriber."""

from __future__ import annotations

from typing import Final

from newsletter.archive.importing.fields import field_in, is_of_program
from newsletter.archive.importing.furniture import leads_out, leads_to_program
from newsletter.article.page_links import Addresses
from newsletter.checks.redirectors import unwrap
from newsletter.content.links import is_link, scheme_of

LEAVING: Final = "about:leaving"
"""Stands for the address of a link by which a subscriber leaves: the whole line goes."""
PROGRAM: Final = "about:program"
"""Stands for another address that only the program has a use for: the link goes."""


def find_address(href: str) -> str:
    """Return the address of a link; "" where it leads nowhere."""
    href = href.strip()
    field = field_in(href)
    if leads_out(href) or (field and is_of_program(field)):
        return LEAVING
    if field or leads_to_program(href):
        return PROGRAM
    if scheme_of(href) == "mailto":
        return href if is_link(href) else ""
    url = Addresses("").complete(href)
    target = unwrap(url)
    url = url if target is None else Addresses("").complete(target)
    return url if is_link(url) else ""


def leads_on(url: str) -> bool:
    """Tell whether an address is one that a link may have."""
    return url not in {"", LEAVING, PROGRAM}
