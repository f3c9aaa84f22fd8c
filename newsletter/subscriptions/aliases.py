"""Addresses that differ but belong to one mailbox: why a person may get a letter twice.

What follows a plus sign is a label at nearly every mail service (RFC 5233); some services are known
to ignore other signs as well. Labels after other signs, and domains that only look similar, too
often belong to different people. All such addresses stay separate subscribers, because only their
mail service knows who owns them: nothing is merged, and nobody is kept off the list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.store import subscriber_history, subscribers

if TYPE_CHECKING:
    from newsletter.model import Subscriber
    from newsletter.store import Connection


class _Service(NamedTuple):
    """Domains that mean the same to their mail service, and signs that it ignores before the @."""

    domains: tuple[str, ...] = ()
    signs: str = ""
    called: str = ""


_SERVICES: Final = (
    # support.google.com/mail/answer/7436150; googlemail.com is the older name of gmail.com.
    _Service(("gmail.com", "googlemail.com"), ".", "dots"),
    # proton.me/support/addresses-and-aliases; its own web client leaves out the same signs.
    _Service(
        ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        ".-_",
        "dots, hyphens and underscores",
    ),
    # support.apple.com/118230: an address at an older domain works at the newer ones as well.
    _Service(("icloud.com", "me.com", "mac.com")),
)


# These rules only limit how many notices one mailbox gets. They are not used to show possible
# duplicates, because there an alias may belong to another person.
# At Yahoo what follows a hyphen names a disposable address; no ordinary name there contains one
# (help.yahoo.com, "disposable addresses").
_YAHOO: Final = ("ymail.com", "rocketmail.com")
# At a subdomain, mail for any name goes to the account that the subdomain names:
# www.fastmail.help/hc/en-us/articles/360060591053.
_SUBDOMAINS: Final = ("fastmail.com", "fastmail.fm")
# yandex.com/support/yandex-360/customers/mail/en/web/preferences/aliases: dots and hyphens mean
# the same, and so do the domains.
_YANDEX: Final = ("ya.ru", "yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua")


def mailbox(key: str) -> str:
    """Return one name for all addresses that certainly belong to one mailbox.

    An attacker who floods a mailbox can vary its address freely. Notices that another person may
    have requested are therefore limited by this name as well.

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
    """A subscriber who may have the same mailbox as another one.

    Attributes:
        subscriber: The other subscriber.
        why: Why the two addresses may be the same, in words.
        issues: Issues that the provider accepted for both, the oldest first.
    """

    subscriber: Subscriber
    why: str
    issues: tuple[str, ...]


def find_look_alikes(connection: Connection, key: str, id_: int | None) -> list[LookAlike]:
    """Return the other subscribers who may have the mailbox of an address.

    Args:
        connection: Any connection.
        key: The address, as `Address.key` has it.
        id_: The row number of its subscriber, or None if it is not on the list.
    """
    local, domain, service = _parts(key)
    plain = local.translate(dict.fromkeys(map(ord, service.signs)))
    domains = service.domains or (domain,)
    variants = subscribers.find_address_variants(connection, plain, domains, service.signs)
    found = [one for one in variants if one.id != id_]
    ids = [one.id for one in found]
    issues = subscriber_history.issues_accepted(connection, [*ids, *([id_] if id_ else [])])
    own = issues.get(id_ or 0, set())
    return [
        LookAlike(one, _why(key, one.email_key), tuple(sorted(own & issues[one.id])))
        for one in found
    ]


def _parts(key: str) -> tuple[str, str, _Service]:
    """Return the local part without its label, the domain, and the mail service of the domain."""
    local, _, domain = key.rpartition("@")
    name = local.partition("+")[0]
    known = (service for service in _SERVICES if domain in service.domains)
    return name or local, domain, next(known, _Service())


def _label(key: str) -> str:
    return key.rpartition("@")[0].partition("+")[2]


def _why(key: str, other: str) -> str:
    """Return in words how two addresses of one mailbox differ."""
    (local, domain, service), (other_local, other_domain, _) = _parts(key), _parts(other)
    reasons = []
    if domain != other_domain:
        reasons.append(f"{domain} and {other_domain} are one")
    if local != other_local:
        reasons.append(f"{service.called} do not count there")
    if _label(key) != _label(other):
        reasons.append("what follows + is a label")
    return ", ".join(reasons)
