"""Letters that mailbox providers refused for a reason that the author can change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from newsletter.store import events, webhooks
from newsletter.store.database import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from newsletter.model import Cause
    from newsletter.store import Store
    from newsletter.store.events import Refusal

LATELY: Final = timedelta(days=30)

OTHERS: Final = "other domains"
"""All that are not large mailbox providers: the name of a domain can be that of a person."""

# Brands with an address in many countries: hotmail.nl, yahoo.co.uk.
_BRANDS: Final = {
    **dict.fromkeys(("hotmail", "outlook", "live", "msn", "windowslive"), "Outlook and Hotmail"),
    **dict.fromkeys(("gmail", "googlemail"), "Gmail"),
    **dict.fromkeys(("yahoo", "ymail", "rocketmail", "aol"), "Yahoo and AOL"),
    "gmx": "GMX and WEB.DE",
}
_BRAND: Final = re.compile(r"([a-z]{3,12})\.(?:com?\.)?[a-z]{2,3}")
_DOMAINS: Final = {
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), "iCloud"),
    **dict.fromkeys(
        (
            *("kpnmail.nl", "kpnplanet.nl", "planet.nl", "hetnet.nl", "xs4all.nl", "telfort.nl"),
            *("freeler.nl", "12move.nl", "wxs.nl", "hccnet.nl"),
        ),
        "KPN",
    ),
    **dict.fromkeys(
        (
            *("ziggo.nl", "home.nl", "chello.nl", "upcmail.nl", "casema.nl", "quicknet.nl"),
            *("multiweb.nl", "zinders.nl", "zonnet.nl", "ziggomail.nl"),
        ),
        "Ziggo",
    ),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), "Proton"),
    **dict.fromkeys(("skynet.be", "proximus.be"), "Proximus"),
    "telenet.be": "Telenet",
    "web.de": "GMX and WEB.DE",
    "t-online.de": "T-Online",
}
# Servers that receive mail for domains of others name themselves in their replies.
_HOSTS: Final = (
    (("outlook.com", "microsoft.com"), "Microsoft 365"),
    (("google.com", "gsmtp"), "Google Workspace"),
)


@dataclass(frozen=True, slots=True)
class RefusalSummary:
    """Letters that one mailbox provider refused, for one cause.

    Attributes:
        cause: Why.
        mailbox_provider: Its name, as the author sees it.
        subscribers: How many missed a letter and have got no other since.
        first_at: When the first letter was refused.
        last_at: When the last letter was refused.
        says: The words of a server, without any address.
    """

    cause: Cause
    mailbox_provider: str
    subscribers: int
    first_at: datetime
    last_at: datetime
    says: str


def refused_lately(store: Store) -> list[RefusalSummary]:
    """Return recent refusals that are not solved yet, those of the most subscribers first."""
    with store.read() as connection:
        found = events.refusals_since(connection, now(connection) - LATELY)
    groups: dict[tuple[Cause, str], list[Refusal]] = {}
    for one in found:
        groups.setdefault((one.cause, mailbox_provider(one.domain, one.says)), []).append(one)
    together = [_summarize(cause, name, some) for (cause, name), some in groups.items()]
    return sorted(together, key=lambda one: (-one.subscribers, one.mailbox_provider))


def unreadable_webhooks(store: Store) -> int:
    """Return how many genuine webhooks wait because they could not be parsed as a whole."""
    with store.read() as connection:
        return webhooks.count_unreadable(connection)


def mailbox_provider(domain: str, says: str) -> str:
    """Return who receives the mail of a domain, as far as its name or its servers show."""
    domain = domain.lower()
    brand = _BRAND.fullmatch(domain)
    name = _DOMAINS.get(domain) or (_BRANDS.get(brand[1]) if brand else None)
    words = says.lower()
    hosts = (host for signs, host in _HOSTS if any(sign in words for sign in signs))
    return name or next(hosts, OTHERS)


def _summarize(cause: Cause, name: str, some: Sequence[Refusal]) -> RefusalSummary:
    last = max(some, key=lambda one: (one.last_at, one.says))
    return RefusalSummary(
        cause=cause,
        mailbox_provider=name,
        subscribers=sum(one.subscribers for one in some),
        first_at=min(one.first_at for one in some),
        last_at=last.last_at,
        says=last.says,
    )
