"""Resend's events: webhooks signed as Svix does, and its list of suppressed addresses.

Signatures: https://docs.svix.com/receiving/verifying-payloads/how-manual. Events:
https://resend.com/docs/dashboard/webhooks/event-types and the description of its API.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.errors import NewsletterError
from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers import base, responses, webhooks
from newsletter.providers.base_events import (
    InvalidSignature,
    Page,
    ProviderEvents,
    WebhookVerifier,
)
from newsletter.providers.bounces import HINTS, FailedDelivery, classify
from newsletter.providers.pagination import open_listing
from newsletter.providers.resend.send import BASE
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Cause
    from newsletter.providers.base_events import WebhookRequest

_SECRET: Final = "RESEND_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_WHO: Final = "Resend"
_PER_PAGE: Final = 100
# A signature of 32 bytes; several are separated by spaces.
_SIGNATURE: Final = re.compile(r"(?<!\S)v1,([A-Za-z0-9+/]{43}=)(?!\S)")
_LONGEST_HEADER: Final = 2_000
_PREFIX: Final = "whsec_"
KINDS: Final = {
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
# An address that was added by hand: its owner asked for that.
_ORIGINS: Final = {
    "bounce": EventKind.HARD_BOUNCE,
    "complaint": EventKind.COMPLAINT,
    "manual": EventKind.UNSUBSCRIBE,
}


class ResendEvents(ProviderEvents):
    """Webhooks signed as Svix does, and the list of suppressed addresses."""

    name = "resend"
    secret = _SECRET
    reach = timedelta(days=365)

    def open_verifier(self, settings: Settings) -> WebhookVerifier:
        """Return the verifier of Resend's webhooks."""
        keys = [_key(secret) for secret in webhooks.secrets(settings, _SECRET)]
        return WebhookVerifier(self, partial(_check, keys))

    def read(self, said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
        """Return what a webhook reports of letters."""
        return _read(said, received)

    def list_since(self, settings: Settings, begin: datetime) -> Iterator[Page]:
        """Yield the suppressed addresses: all that Resend lists of what became of letters.

        It does list letters with their last event, but neither their tags, by which ours are known,
        nor whether a bounce is permanent.
        """
        began, where = datetime.now(UTC), _suppressions(settings)

        def following(entries: Sequence[Mapping[str, Any]], said: Mapping[str, Any]) -> str:
            last = text(entries[-1], "id") if entries else ""
            query = urlencode({"limit": str(_PER_PAGE), "after": last})
            return f"{where}?{query}" if last and said.get("has_more") is True else ""

        with open_listing(_WHO, _headers(settings)) as listing:
            first = f"{where}?{urlencode({'limit': str(_PER_PAGE)})}"
            for entries, following_page in listing.pages(first, "data", following):
                found = [one for entry in entries if (one := _suppressed(entry))]
                more = following_page and not _is_older(found, begin)
                yield Page(suppressed=tuple(found), until=None if more else began)
                if not more:
                    return

    def delete_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off Resend's list, if it is there."""
        with open_listing(_WHO, _headers(settings)) as listing:
            listing.remove(f"{_suppressions(settings)}/{quote(email, safe='')}", email)
        return ""


EVENTS: Final = ResendEvents()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise NewsletterError(
            f"{_SECRET} is not a webhook secret of Resend, which begins with whsec_",
            hint="Copy it from the webhook's page at resend.com",
        )
    return key


def _check(keys: Sequence[bytes], request: WebhookRequest) -> tuple[str, object]:
    name, moment, signed = (
        request.headers.get(f"svix-{part}", "") for part in ("id", "timestamp", "signature")
    )
    signatures = list(
        islice(_SIGNATURE.finditer(signed[:_LONGEST_HEADER]), webhooks.MOST_SIGNATURES)
    )
    if not name or not signatures:
        raise InvalidSignature(webhooks.NO_SIGNATURE)
    webhooks.check_time(request, moment)
    content = b".".join((name.encode(), moment.encode(), request.body))
    if not webhooks.signed_by(keys, content, (base64.b64decode(one[1]) for one in signatures)):
        raise InvalidSignature(webhooks.NO_SIGNATURE)
    return webhooks.name(name, request), None


def _read(said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
    parsed = webhooks.parse_kind(KINDS, text(said, "type"), said.get("created_at"), received)
    if not parsed:
        return parsed
    kind, at = parsed
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
    """Return what a bounce is, why delivery was not tried, and what caused it."""
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
    """Return the text of the mail server, or that of Resend where it does not pass that on."""
    said = webhooks.first_text(webhooks.at(data, "bounce", "diagnosticCode"))
    return said or text(data, "bounce", "message")


def _suppressions(settings: Settings) -> str:
    return f"{base.base_url(settings, BASE)}/suppressions"


def _is_older(found: Sequence[ProviderSuppression], begin: datetime) -> bool:
    """Return whether what follows is older; unknown, so False, if the list is not newest first."""
    moments = [one.at for one in found]
    return bool(moments) and moments == sorted(moments, reverse=True) and moments[-1] < begin


def _headers(settings: Settings) -> Mapping[str, str]:
    key = base.credential(settings, "RESEND_API_KEY", "Make a key at resend.com")
    return {"Authorization": f"Bearer {key}", "Accept": "application/json"}


def _suppressed(entry: Mapping[str, Any]) -> ProviderSuppression | None:
    because, at = _ORIGINS.get(text(entry, "origin")), webhooks.moment(entry.get("created_at"))
    return ProviderSuppression(text(entry, "email"), because, at) if because and at else None
