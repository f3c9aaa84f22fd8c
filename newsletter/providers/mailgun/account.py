"""What Mailgun says of an account: the sending domain, its tracking, its webhooks, limits.

Below https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/: domains,
domain-tracking, domain-webhooks, account-management, keys. A *domain sending key* may see none of
it, and an unknown key gets the same answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from newsletter.config import NO_DOMAIN
from newsletter.model import AccountReport, DnsRecord, EventKind
from newsletter.providers import base, base_account, responses, webhooks
from newsletter.providers.account_client import open_account_client
from newsletter.providers.account_webhook import Endpoint, WebhookNeeds
from newsletter.providers.base_account import (
    DOMAIN,
    KEY,
    LIMITS,
    REGION,
    TRACKING,
    UNSUBSCRIBE,
    WEBHOOK,
    ProviderAccount,
    failure,
    ok,
    shown,
    unknown,
    unseen,
    warning,
)
from newsletter.providers.mailgun import send
from newsletter.providers.mailgun.events import EVENTS
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.providers.account_client import Answer

_WHO: Final = "Mailgun"
_UNITED_STATES: Final = "api.mailgun.net"
_EUROPE: Final = "api.eu.mailgun.net"
_DOMAIN_SETTINGS: Final = "at app.mailgun.com under Sending, Domain settings"
_KEYS: Final = "at app.mailgun.com under API keys"
_SHORTEST_ID: Final = 8
_DKIM_NAME: Final = re.compile(r"([\w-]+)\._domainkey\..+", re.IGNORECASE)
# Older answers have words in the place of true and false.
_SWITCHES: Final[Mapping[object, bool]] = {"yes": True, "htmlonly": True, "no": False}
_PERIODS: Final = {"h": "more this hour", "d": "more today", "m": "more this month"}
_KINDS: Final = {
    "accepted": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "permanent_fail": EventKind.HARD_BOUNCE,
    "temporary_fail": EventKind.DEFERRED,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBE,
}
"""The names of its webhooks, which are not those of the events in them."""
_NEEDS: Final = WebhookNeeds(
    EVENTS, tuple(_KINDS), _KINDS, "at app.mailgun.com under Sending, Webhooks"
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a key shows.

    Attributes:
        name: Of the domain that sends.
        domain: That domain and its records.
        tracking: Its tracking.
        webhooks: Its webhooks.
        signing_key: With what they are signed.
        limit: How much the account allows itself; missing where it has no such limit.
        keys: The keys of the account.
    """

    name: str
    domain: Answer
    tracking: Answer
    webhooks: Answer
    signing_key: Answer
    limit: Answer
    keys: Answer


class MailgunAccount(ProviderAccount):
    """The domain that sends and the account that it belongs to."""

    name = "mailgun"

    def ask(self, settings: Settings, audience: int) -> AccountReport:
        """Return what Mailgun says."""
        key, name = send.credentials(settings)
        url = base.base_url(settings, send.BASE)
        with open_account_client(_WHO, url, send.headers(key), key) as client:
            seen = _Seen(
                name=name,
                domain=client.ask(f"v4/domains/{name}"),
                tracking=client.ask(f"v3/domains/{name}/tracking"),
                webhooks=client.ask(f"v3/domains/{name}/webhooks"),
                signing_key=client.ask("v5/accounts/http_signing_key"),
                limit=client.ask("v5/accounts/limit/custom/monthly"),
                keys=client.ask("v1/keys?kind=user"),
            )
        return AccountReport(
            (
                _diagnose_key(seen, key),
                _diagnose_domain(seen, settings.domain),
                _diagnose_tracking(seen),
                _diagnose_webhook(seen, settings),
                _diagnose_unsubscribe(seen),
                diagnose_region(url),
                _diagnose_limits(seen, audience),
            ),
            *_records(seen),
        )


ACCOUNT: Final = MailgunAccount()


def _diagnose_key(seen: _Seen, key: str) -> Diagnosis:
    domain = seen.domain
    if domain.denied:
        message = f"the key is unknown to Mailgun, or may only send ({domain.status})"
        fix = f"Look {_KEYS}; `newsletter proof` shows whether it may send"
        return unknown(KEY, message, fix)
    if domain.why and not domain.missing:
        return unknown(KEY, f"the key could not be checked: {domain.why}", base_account.AGAIN)
    # The id of a key is its end.
    ours = (one for one in seen.keys.items("items") if _ends(key, text(one, "id")))
    role = text(next(ours, {}), "role")
    if role == "admin":
        fix = f"Make one with the role Developer {_KEYS}"
        return warning(KEY, "the key is valid, and may do everything in the account", fix)
    return ok(KEY, f"the key is valid, with the role {shown(role)}" if role else "the key is valid")


def _ends(key: str, name: str) -> bool:
    return len(name) >= _SHORTEST_ID and key.endswith(name)


def _diagnose_domain(seen: _Seen, sender: str) -> Diagnosis:
    name = seen.name
    if seen.domain.missing:
        fix = (
            f"Correct MAILGUN_DOMAIN, or provider_url: a domain in the United States is at "
            f"https://{_UNITED_STATES}"
        )
        return failure(DOMAIN, f"Mailgun does not have the domain {name} in this region", fix)
    if seen.domain.why:
        look = f"Look {_DOMAIN_SETTINGS}: {name} must be verified"
        return unseen(DOMAIN, seen.domain, "the domain", look)
    return _unverified(seen) or _unaligned(name, sender) or ok(DOMAIN, f"{name} is verified")


def _unverified(seen: _Seen) -> Diagnosis | None:
    state = text(seen.domain.said, "domain", "state")
    gone = [
        shown(f"{text(one, 'record_type')} {text(one, 'name')}")
        for one in _needed(seen)
        if text(one, "valid").lower() == "invalid"
    ]
    fix = f"Put its records into your DNS, then verify it {_DOMAIN_SETTINGS}"
    if state not in {"active", "disabled"}:
        return base_account.unverified(seen.name, state, gone, fix)
    if gone:
        message = f"{seen.name} was verified, but these records are not seen now: {', '.join(gone)}"
        return warning(DOMAIN, message, fix)
    return None


def _unaligned(name: str, sender: str) -> Diagnosis | None:
    if sender == NO_DOMAIN:
        return base_account.without_domain(DOMAIN, sender)
    if _is_aligned(sender, name):
        return None
    message = f"the sender is at {sender}, and letters are signed by {name}: DMARC fails"
    return failure(DOMAIN, message, f"Write a sender at {name}, or set MAILGUN_DOMAIN to yours")


def _is_aligned(sender: str, signer: str) -> bool:
    """Return whether two domains may belong together; the check of the DNS knows for sure."""
    return sender.lower().split(".")[-2:] == signer.lower().split(".")[-2:]


def _diagnose_tracking(seen: _Seen) -> Diagnosis:
    if seen.tracking.why:
        look = f"Look {_DOMAIN_SETTINGS}, Tracking: clicks and opens must be off"
        return unseen(TRACKING, seen.tracking, "whether tracking is off", look)
    opens, clicks = _switch(seen.tracking, "open"), _switch(seen.tracking, "click")
    return base_account.tracking(f"the domain {seen.name}", opens, clicks, _DOMAIN_SETTINGS)


def _switch(tracking: Answer, kind: str) -> object:
    found = webhooks.at(tracking.said, "tracking", kind, "active")
    return _SWITCHES.get(found, found) if isinstance(found, str) else found


def _diagnose_unsubscribe(seen: _Seen) -> Diagnosis:
    look = f"Look {_DOMAIN_SETTINGS}, Tracking: unsubscribes must be off"
    if seen.tracking.why:
        return unseen(UNSUBSCRIBE, seen.tracking, "whose List-Unsubscribe it adds", look)
    on = _switch(seen.tracking, "unsubscribe")
    if on is True:
        message = f"the domain {seen.name} adds a List-Unsubscribe and a footer of its own"
        return failure(UNSUBSCRIBE, message, f"Switch that off {_DOMAIN_SETTINGS}, Tracking")
    if on is not False:
        message = "Mailgun does not say whether it adds a List-Unsubscribe of its own"
        return unknown(UNSUBSCRIBE, message, look)
    return ok(UNSUBSCRIBE, "Mailgun adds no List-Unsubscribe and keeps ours")


def _diagnose_webhook(seen: _Seen, settings: Settings) -> Diagnosis:
    found, look = seen.webhooks.said.get("webhooks"), f"Look {_NEEDS.look}"
    if seen.webhooks.why:
        return unseen(WEBHOOK, seen.webhooks, "the webhooks of the domain", look)
    if not isinstance(found, dict):
        return unknown(WEBHOOK, "Mailgun does not say which webhooks the domain has", look)
    events: dict[str, set[str]] = defaultdict(set)
    for name, one in found.items():
        urls = webhooks.at(one, "urls")
        for url in urls if isinstance(urls, list) else ():
            if isinstance(url, str):
                events[url].add(name)
    secret = text(seen.signing_key.said, "http_signing_key")
    endpoints = [Endpoint(url, frozenset(names), secret=secret) for url, names in events.items()]
    return _NEEDS.diagnose(settings, endpoints)


def diagnose_region(url: str) -> Diagnosis:
    """Return whether a base URL is that of the European Union."""
    host = urlsplit(url).hostname or ""
    if host == _UNITED_STATES:
        message = "letters, events and addresses are kept in the United States"
        fix = f"Make the domain again in the EU region ({_EUROPE}), or say so to subscribers"
        return warning(REGION, message, fix)
    if host == _EUROPE:
        return ok(REGION, "letters, events and addresses are kept in the European Union")
    return ok(REGION, f"requests go to {host}, as provider_url says")


def _diagnose_limits(seen: _Seen, audience: int) -> Diagnosis:
    if seen.domain.why:
        look = f"Look {_DOMAIN_SETTINGS}: the domain must be active, and no sandbox"
        return unseen(LIMITS, seen.domain, "whether the domain may send", look)
    return _blocked(seen) or _limit(seen.limit, audience)


def _blocked(seen: _Seen) -> Diagnosis | None:
    """Return why the domain mails nobody; None if it does."""
    domain = seen.domain.said.get("domain")
    if text(domain, "type") == "sandbox":
        message = f"{seen.name} is a sandbox, which mails only addresses that you authorized"
        return failure(LIMITS, message, f"Add a domain of your own {_DOMAIN_SETTINGS}")
    if webhooks.at(domain, "is_disabled") is True or text(domain, "state") == "disabled":
        reason = responses.quote(webhooks.at(domain, "disabled", "reason"))
        message = f"Mailgun has disabled {seen.name}" + (f": {reason}" if reason else "")
        return failure(LIMITS, message, "Ask its support")
    return None


def _limit(limit: Answer, audience: int) -> Diagnosis:
    """Return whether a letter to everyone is within what the account allows itself."""
    look = "Look at app.mailgun.com under Account settings: the custom message limit"
    if limit.missing:
        return base_account.limits(audience, None, "", "")
    if limit.why:
        return unseen(LIMITS, limit, "the limit of the account", look)
    most, used = (base_account.whole(limit.said.get(name)) for name in ("limit", "current"))
    if most is None or used is None:
        return unknown(LIMITS, "Mailgun does not say how much the account may send", look)
    period = _PERIODS.get(text(limit.said, "period")[-1:], "more in this period")
    more = "Raise the custom message limit at app.mailgun.com under Account settings"
    return base_account.limits(audience, max(0, most - used), period, more)


def _needed(seen: _Seen) -> list[dict[str, Any]]:
    """Return the records that letters need: all but that for tracking."""
    return [
        one
        for one in seen.domain.items("sending_dns_records")
        if text(one, "record_type") != "CNAME" or _DKIM_NAME.fullmatch(text(one, "name"))
    ]


def _records(seen: _Seen) -> tuple[tuple[DnsRecord, ...], tuple[str, ...]]:
    """Return the records that letters need, and the selectors of DKIM."""
    records = tuple(
        DnsRecord(text(one, "name"), text(one, "record_type"), text(one, "value"))
        for one in _needed(seen)
        if text(one, "name") and one.get("is_active") is not False
    )
    found = [_DKIM_NAME.fullmatch(record.name) for record in records]
    return records, tuple(dict.fromkeys(one[1].lower() for one in found if one))
