"""Addresses that read differently and are one mailbox: why somebody may get a letter twice.

What follows a plus sign is a label at nearly every mail service (RFC 5233); what else does not
count is known of some. Labels after other signs, and domains that merely look alike, are too often
other people. All stay different people on the list, for only their mail service knows: nothing is
merged, and nobody is kept off it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.store import subscriber_history, subscribers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.model import Subscriber


class _Service(NamedTuple):
    """Domains of which one is as good as another, and what does not count before their @."""

    domains: tuple[str, ...] = ()
    signs: str = ""
    called: str = ""


_SERVICES: Final = (
    # support.google.com/mail/answer/7436150; googlemail.com is the older name of gmail.com.
    _Service(("gmail.com", "googlemail.com"), ".", "dots"),
    # proton.me/support/addresses-and-aliases; the signs: what its own web client leaves out.
    _Service(
        ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        ".-_",
        "dots, hyphens and underscores",
    ),
    # support.apple.com/118230: whoever has the older ones has the same at the newer ones.
    _Service(("icloud.com", "me.com", "mac.com")),
)


# What counts for one mailbox where letters are limited, and nowhere else: an alias may be another
# person's there, so nobody is told of it.
# At Yahoo what follows a hyphen names a disposable address; no name there holds one itself
# (help.yahoo.com, "disposable addresses").
_YAHOO: Final = ("ymail.com", "rocketmail.com")
# Whatever stands before the @ goes to who names the subdomain:
# www.fastmail.help/hc/en-us/articles/360060591053.
_SUBDOMAINS: Final = ("fastmail.com", "fastmail.fm")
# yandex.com/support/yandex-360/customers/mail/en/web/preferences/aliases: dots and hyphens are
# one, and so are the domains.
_YANDEX: Final = ("ya.ru", "yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua")


def mailbox(key: str) -> str:
    """Return one name for all the addresses that surely come into one mailbox.

    Whoever wants to flood a mailbox can vary its address freely; letters that somebody else may
    have asked for are therefore limited by this, too.

    Args:
        key: The address, as `Address.key` has it.
    """
    local, domain, service = _parts(key)
    if service.domains:
        bare = local.translate(dict.fromkeys(map(ord, service.signs)))
        return f"{bare or local}@{service.domains[0]}"
    if domain.startswith("yahoo.") or domain in _YAHOO:
        return f"{local.partition('-')[0] or local}@{domain}"
    if domain in _YANDEX:
        return f"{local.replace('-', '.')}@{_YANDEX[0]}"
    user, _, rest = domain.partition(".")
    return f"{user}@{rest}" if rest in _SUBDOMAINS else f"{local}@{domain}"


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Somebody whose letters may come into the same mailbox.

    Attributes:
        subscriber: Who.
        why: What makes the two addresses one, in words.
        issues: Of which letters both were taken by the provider, the first first.
    """

    subscriber: Subscriber
    why: str
    issues: tuple[str, ...]


def look_alikes(connection: Connection, key: str, id_: int | None) -> list[LookAlike]:
    """Return who else on the list may have the mailbox of an address.

    Args:
        connection: Any.
        key: The address, as `Address.key` has it.
        id_: Whose it is, or None for a stranger's.
    """
    local, domain, service = _parts(key)
    plain = local.translate(dict.fromkeys(map(ord, service.signs)))
    domains = service.domains or (domain,)
    alike = subscribers.find_address_variants(connection, plain, domains, service.signs)
    found = [one for one in alike if one[0] != id_]
    ids = [other_id for other_id, *_ in found]
    issues = subscriber_history.issues_accepted(connection, [*ids, *([id_] if id_ else [])])
    own = issues.get(id_ or 0, set())
    return [
        LookAlike(subscriber, _why(key, other_key), tuple(sorted(own & issues[other_id])))
        for other_id, other_key, subscriber in found
    ]


def _parts(key: str) -> tuple[str, str, _Service]:
    """Return what stands before the @, without a label; what stands after it; whose that is."""
    local, _, domain = key.rpartition("@")
    name = local.partition("+")[0]
    known = (service for service in _SERVICES if domain in service.domains)
    return name or local, domain, next(known, _Service())


def _label(key: str) -> str:
    return key.rpartition("@")[0].partition("+")[2]


def _why(key: str, other: str) -> str:
    """Say in what two addresses of one mailbox differ."""
    (local, domain, service), (other_local, other_domain, _) = _parts(key), _parts(other)
    reasons = []
    if domain != other_domain:
        reasons.append(f"{domain} and {other_domain} are one")
    if local != other_local:
        reasons.append(f"{service.called} do not count there")
    if _label(key) != _label(other):
        reasons.append("what follows + is a label")
    return ", ".join(reasons)
