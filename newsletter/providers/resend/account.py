"""What Resend says of an account: its domains, its webhooks, and the plan.

https://resend.com/docs/api-reference/domains/list-domains, .../domains/get-domain and
.../webhooks/list-webhooks; the errors of keys: https://resend.com/docs/api-reference/errors. A key
with *Sending access* may see none of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.config import NO_DOMAIN
from newsletter.model import AccountReport, DnsRecord
from newsletter.providers import base, base_account, responses
from newsletter.providers.account_client import open_account_client
from newsletter.providers.account_webhook import Endpoint, WebhookNeeds, is_same, webhook_url
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
    unknown,
    unseen,
    warning,
)
from newsletter.providers.resend.events import EVENTS, KINDS
from newsletter.providers.resend.send import BASE
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Diagnosis
    from newsletter.providers.account_client import AccountClient, Answer

_WHO: Final = "Resend"
_PER_PAGE: Final = 100
_IRELAND: Final = "eu-west-1"
_RESTRICTED: Final = "restricted_api_key"
_INVALID: Final = re.compile(r"api key is (invalid|missing)|missing api key", re.IGNORECASE)
_KEY_STATUSES: Final = frozenset({400, 401, 403})
_VERIFIED: Final = "verified"
# What a letter needs of a domain; the others are for receiving and tracking.
_NEEDED: Final = frozenset({"SPF", "DKIM"})
_DKIM_NAME: Final = re.compile(r"([\w-]+)\._domainkey(?:\.(.+))?", re.IGNORECASE)
# Only an account on the free plan gets this header, which counts the letters of today:
# https://resend.com/docs/api-reference/rate-limit
_USED_TODAY: Final = "x-resend-daily-quota"
_FREE_A_DAY: Final = 100
_DOMAINS: Final = "at resend.com under Domains"
_NEEDS: Final = WebhookNeeds(EVENTS, tuple(KINDS), KINDS, "at resend.com under Webhooks")


class ResendAccount(ProviderAccount):
    """The domains and webhooks of an account, as far as its key may see them."""

    name = "resend"

    def ask(self, settings: Settings, audience: int) -> AccountReport:
        """Return what Resend says."""
        key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
        url = base.base_url(settings, BASE)
        headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        with open_account_client(_WHO, url, headers, key) as client:
            domains = _list(client, "domains")
            domain = _domain(client, domains, settings.domain)
            webhooks = _list(client, "webhooks")
            ours = webhook_url(settings, self.name)
            endpoints = [_endpoint(client, entry, ours) for entry in webhooks.items("data")]
        return AccountReport(
            (
                _diagnose_key(domains),
                _diagnose_domain(settings, domains, domain),
                _diagnose_tracking(settings.domain, domains, domain),
                unseen(WEBHOOK, webhooks, "the webhooks", f"Look {_NEEDS.look}")
                if webhooks.why
                else _NEEDS.diagnose(settings, endpoints),
                ok(UNSUBSCRIBE, "Resend adds no List-Unsubscribe and keeps ours"),
                _diagnose_region(settings.domain, domains, domain),
                _diagnose_limits(domains, audience),
            ),
            *_records(domain, settings.domain),
        )


ACCOUNT: Final = ResendAccount()


def _list(client: AccountClient, what: str) -> Answer:
    def following(answer: Answer) -> str:
        entries = answer.items("data")
        last = text(entries[-1], "id") if entries else ""
        query = urlencode({"limit": str(_PER_PAGE), "after": last})
        return f"{what}?{query}" if last and answer.said.get("has_more") is True else ""

    return client.list_all(f"{what}?limit={_PER_PAGE}", "data", following)


def _domain(client: AccountClient, domains: Answer, name: str) -> Mapping[str, Any]:
    """Return all that Resend says of a domain; what the list has, if it says no more."""
    listed = (one for one in domains.items("data") if text(one, "name").lower() == name.lower())
    found = next(listed, None)
    if not found:
        return {}
    said = client.ask(f"domains/{quote(text(found, 'id'), safe='')}")
    return found if said.why else {**found, **said.said}


def _endpoint(client: AccountClient, entry: Mapping[str, Any], ours: str) -> Endpoint:
    """Return a webhook, with its secret if it is ours: the list does not have that."""
    url, events = text(entry, "endpoint"), entry.get("events")
    said: Mapping[str, Any] = {}
    if is_same(url, ours):
        said = client.ask(f"webhooks/{quote(text(entry, 'id'), safe='')}").said
    return Endpoint(
        url=url,
        events=frozenset(str(name) for name in events) if isinstance(events, list) else frozenset(),
        enabled=text(entry, "status") != "disabled",
        secret=text(said, "signing_secret"),
    )


def _diagnose_key(domains: Answer) -> Diagnosis:
    if not domains.why:
        return ok(KEY, "the key is valid and has full access")
    if text(domains.said, "name") == _RESTRICTED:
        return ok(KEY, "the key is valid and may only send")
    invalid = _INVALID.search(text(domains.said, "message"))
    if invalid and domains.status in _KEY_STATUSES:
        fix = "Make a key at resend.com and put it into the environment as RESEND_API_KEY"
        return failure(KEY, "Resend knows no such key: it was deleted, or copied in part", fix)
    return unknown(KEY, f"the key could not be checked: {domains.why}", base_account.AGAIN)


def _diagnose_domain(settings: Settings, domains: Answer, domain: Mapping[str, Any]) -> Diagnosis:
    name = settings.domain
    if domains.why:
        look = f"Look {_DOMAINS}: {name} must be verified"
        return unseen(DOMAIN, domains, "the domains of the account", look)
    if name == NO_DOMAIN:
        return base_account.without_domain(DOMAIN, name)
    if not domain:
        fix = f"Add {name} {_DOMAINS}, or write a sender at a domain that is there"
        return failure(DOMAIN, f"Resend does not have the domain {name} of the sender", fix)
    if text(domain, "capabilities", "sending") == "disabled":
        return failure(DOMAIN, f"sending is disabled for {name}", f"Enable it {_DOMAINS}")
    return _diagnose_records(name, domain)


def _diagnose_records(name: str, domain: Mapping[str, Any]) -> Diagnosis:
    records = [one for one in responses.objects(domain.get("records")) if _is_needed(one)]
    waiting = [one for one in records if text(one, "status") != _VERIFIED]
    status = text(domain, "status")
    if status == _VERIFIED or (status == "partially_verified" and records and not waiting):
        return ok(DOMAIN, f"{name} is verified")
    names = [f"{text(one, 'type')} {text(one, 'name')}" for one in waiting]
    fix = f"Put its records into your DNS, then verify it {_DOMAINS}"
    return base_account.unverified(name, status, names, fix)


def _diagnose_tracking(name: str, domains: Answer, domain: Mapping[str, Any]) -> Diagnosis:
    if domains.why:
        look = f"Look {_DOMAINS}: open and click tracking must be off"
        return unseen(TRACKING, domains, "whether tracking is off", look)
    if not domain:
        return base_account.without_domain(TRACKING, name)
    opens, clicks = domain.get("open_tracking"), domain.get("click_tracking")
    return base_account.tracking("the domain", opens, clicks, _DOMAINS)


def _diagnose_region(name: str, domains: Answer, domain: Mapping[str, Any]) -> Diagnosis:
    look = f"Look {_DOMAINS}: {_IRELAND} is in the European Union"
    if domains.why:
        return unseen(REGION, domains, "the region of the domain", look)
    if not domain:
        return base_account.without_domain(REGION, name)
    region = text(domain, "region")
    if not re.fullmatch(r"[a-z0-9-]{1,30}", region):
        return unknown(REGION, "Resend does not say from which region letters leave", look)
    if region.startswith("eu-"):
        return ok(REGION, f"letters leave from {region}, in the European Union")
    message = f"letters leave from {region}, outside the European Union"
    return warning(
        REGION, message, f"Add the domain again in {_IRELAND}, or say so in your privacy statement"
    )


def _diagnose_limits(domains: Answer, audience: int) -> Diagnosis:
    if domains.why:
        look = "Look at resend.com under Settings, Usage: the free plan takes 100 letters a day"
        return unseen(LIMITS, domains, "the plan", look)
    free = _USED_TODAY in (domains.headers or {})
    more = "Choose a plan without a daily quota before the list has more subscribers than that"
    return base_account.limits(audience, _FREE_A_DAY if free else None, "a day", more)


def _records(domain: Mapping[str, Any], name: str) -> tuple[tuple[DnsRecord, ...], tuple[str, ...]]:
    """Return the records that letters need, and the selectors of DKIM."""
    needed = [one for one in responses.objects(domain.get("records")) if _is_needed(one)]
    keys = [found for one in needed if (found := _DKIM_NAME.fullmatch(text(one, "name")))]
    zone = _zone(keys, name)
    records = [_record(one, name, zone) for one in needed if text(one, "name")]
    return tuple(records), tuple(dict.fromkeys(found[1].lower() for found in keys))


def _zone(keys: Sequence[re.Match[str]], name: str) -> str:
    """Return the domain to which the names of records are relative.

    A DKIM record is at `SELECTOR._domainkey.DOMAIN`: what its name has of the domain is not of the
    zone.
    """
    inside = next((found[2] for found in keys if found[2]), "")
    return name.removeprefix(f"{inside}.") if inside and inside != name else name


def _record(entry: Mapping[str, Any], domain: str, zone: str) -> DnsRecord:
    name, kind, value = text(entry, "name"), text(entry, "type"), text(entry, "value")
    priority = entry.get("priority")
    if kind == "MX" and isinstance(priority, int):
        value = f"{priority} {value}"
    full = name == domain or name.endswith((f".{domain}", f".{zone}"))
    return DnsRecord(name if full else f"{name}.{zone}", kind, value)


def _is_needed(record: Mapping[str, Any]) -> bool:
    return text(record, "record") in _NEEDED
