"""Resend's events: webhooks signed as Svix does, and its list of suppressed addresses.

Signatures: https://docs.svix.com/receiving/verifying-payloads/how-manual. What it tells:
https://resend.com/docs/dashboard/webhooks/event-types and the description of its API.
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.errors import NewsletterError
from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers import base, pagination, responses, webhooks
from newsletter.providers.bounces import HINTS, FailedDelivery, classify
from newsletter.providers.http import HttpClient
from newsletter.providers.pagination import Page
from newsletter.providers.resend import send
from newsletter.providers.webhooks import InvalidSignature, WebhookVerifier, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Cause
    from newsletter.providers.webhooks import WebhookRequest

SECRET: Final = "RESEND_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

REACH: Final = timedelta(days=365)
"""How far back it is asked when it was never asked before."""

_WHO: Final = "Resend"
_PER_PAGE: Final = 100
# The 32 bytes of a signature, among others that are separated by spaces.
_SIGNATURE: Final = re.compile(r"(?<!\S)v1,([A-Za-z0-9+/]{43}=)(?!\S)")
_LONGEST_HEADER: Final = 2_000
_PREFIX: Final = "whsec_"
_KINDS: Final = {
    "email.sent": EventKind.ACCEPTED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.delivered": EventKind.DELIVERED,
    "email.failed": EventKind.FAILED,
    "email.suppressed": EventKind.SUPPRESSED,
    "email.bounced": EventKind.SOFT_BOUNCE,
    "email.complained": EventKind.COMPLAINT,
}
_TYPES: Final = {"Permanent": True, "Transient": False}
_LISTED: Final = frozenset({"Suppressed", "OnAccountSuppressionList"})
_REASONS: Final = {
    "previous_bounce": EventKind.HARD_BOUNCE,
    "previous_complaint": EventKind.COMPLAINT,
}
# Who was put on its list by hand asked somebody for it.
_ORIGINS: Final = {
    "bounce": EventKind.HARD_BOUNCE,
    "complaint": EventKind.COMPLAINT,
    "manual": EventKind.UNSUBSCRIBE,
}


def open_gate(settings: Settings) -> WebhookVerifier:
    """Return what admits Resend's webhooks.

    Raises:
        NewsletterError: A secret is not one of Resend's.
    """
    keys = [_key(secret) for secret in webhooks.secrets(settings, SECRET)]
    return WebhookVerifier(partial(_admit, keys))


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise NewsletterError(
            f"{SECRET} is no webhook secret of Resend, which begins with whsec_",
            hint="Copy it from the webhook's page at resend.com",
        )
    return key


def _admit(keys: Sequence[bytes], hook: WebhookRequest) -> str:
    name, moment, signed = (
        hook.headers.get(f"svix-{part}", "") for part in ("id", "timestamp", "signature")
    )
    signatures = list(islice(_SIGNATURE.finditer(signed[:_LONGEST_HEADER]), webhooks.HANDFUL))
    if not name or not signatures:
        raise InvalidSignature("no good signature")
    webhooks.check_time(hook, moment)
    content = b".".join((name.encode(), moment.encode(), hook.body))
    if not webhooks.signed_by(keys, content, (base64.b64decode(one[1]) for one in signatures)):
        raise InvalidSignature("no good signature")
    return webhooks.name(name, hook)


def read(said: dict[str, Any], received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    told = webhooks.parse_kind(_KINDS, text(said, "type"), said.get("created_at"), received)
    if not told:
        return told
    kind, at = told
    data = said.get("data")
    because, cause = _REASONS.get(text(data, "suppressed", "reason")), None
    if kind is EventKind.SOFT_BOUNCE:
        kind, because, cause = _bounce(data)
    email = webhooks.first_text(webhooks.at(data, "to"))
    return (
        Event(
            kind=kind,
            at=at,
            ref=webhooks.reference(webhooks.at(data, "tags", "delivery")),
            provider_id=responses.name(webhooks.at(data, "email_id")),
            email=email,
            detail=webhooks.words(
                webhooks.first_text(webhooks.at(data, "bounce", "diagnosticCode")),
                webhooks.at(data, "bounce", "message"),
                webhooks.at(data, "suppressed", "message"),
                webhooks.at(data, "failed", "reason"),
                email=email,
            ),
            because=because,
            cause=cause,
        ),
    )


def _bounce(data: object) -> tuple[EventKind, EventKind | None, Cause | None]:
    """Return what a bounce is, why the letter was not even tried, and whose failure it is."""
    sub_type = text(data, "bounce", "subType")
    if sub_type in _LISTED:
        return EventKind.SUPPRESSED, EventKind.HARD_BOUNCE, None
    failure = FailedDelivery(
        permanent=_TYPES.get(text(data, "bounce", "type")),
        text=_server_words(data),
        hint=HINTS.get(sub_type),
    )
    kind, cause = classify(failure)
    return kind, None, cause


def _server_words(data: object) -> str:
    """Return what the server said; where Resend does not pass that on, its own words."""
    said = webhooks.first_text(webhooks.at(data, "bounce", "diagnosticCode"))
    return said or text(data, "bounce", "message")


def pull(settings: Settings, begin: datetime) -> Iterator[Page]:
    """Yield the suppressed addresses: all that Resend lists of what became of letters.

    It does list letters with what happened to them last, but neither their tags, by which they are
    known for ours, nor whether a bounce is one for good.
    """
    began, headers, query = datetime.now(UTC), _headers(settings), {"limit": str(_PER_PAGE)}
    with closing(HttpClient(deadline=pagination.DEADLINE)) as wire:
        get = partial(wire.get, headers=headers)
        for _ in range(pagination.PAGES):
            where = f"{_list(settings)}?{urlencode(query)}"
            entries, said = pagination.read(get, where, "data", _WHO, headers.values())
            found = [one for entry in entries if (one := _suppressed(entry))]
            last = text(entries[-1], "id") if entries else ""
            more = said.get("has_more") is True and last and not _is_older(found, begin)
            yield Page(suppressed=tuple(found), until=None if more else began)
            if not more:
                return
            query["after"] = last


def lift(settings: Settings, email: str) -> str:
    """Take an address off Resend's list, if it is there."""
    headers = _headers(settings)
    with closing(HttpClient(deadline=pagination.DEADLINE)) as wire:
        delete = partial(wire.delete, headers=headers)
        where = f"{_list(settings)}/{quote(email, safe='')}"
        pagination.remove(delete, where, _WHO, (email, *headers.values()))
    return ""


def _list(settings: Settings) -> str:
    return f"{base.base_url(settings, send.BASE)}/suppressions"


def _is_older(found: Sequence[ProviderSuppression], begin: datetime) -> bool:
    """Tell whether what follows is older; if a list is not newest first, nobody can tell."""
    moments = [one.at for one in found]
    return bool(moments) and moments == sorted(moments, reverse=True) and moments[-1] < begin


def _headers(settings: Settings) -> Mapping[str, str]:
    key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
    return {"Authorization": f"Bearer {key}", "Accept": "application/json"}


def _suppressed(entry: Mapping[str, Any]) -> ProviderSuppression | None:
    because, at = _ORIGINS.get(text(entry, "origin")), webhooks.moment(entry.get("created_at"))
    return ProviderSuppression(text(entry, "email"), because, at) if because and at else None
