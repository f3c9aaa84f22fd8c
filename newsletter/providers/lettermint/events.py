"""Lettermint's events: signed webhooks, its list of messages and its list of suppressed addresses.

They are not documented in one place; what is known of them is in Lettermint's own libraries:
https://github.com/lettermint/lettermint-python (`webhook.py`) and
https://github.com/lettermint/lettermint-laravel (`src/Webhooks`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers import base, responses, webhooks
from newsletter.providers.base_events import (
    InvalidSignature,
    ListingKeyMissing,
    Page,
    ProviderEvents,
    WebhookVerifier,
    decode,
)
from newsletter.providers.bounces import FailedDelivery, classify
from newsletter.providers.lettermint.send import BASE
from newsletter.providers.pagination import open_listing
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Cause
    from newsletter.providers.base_events import WebhookRequest
    from newsletter.providers.pagination import Listing

_WHO: Final = "Lettermint"
_PER_PAGE: Final = "100"
_REMOVED: Final = frozenset({"removed", ""})
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_HEADER: Final = 2_000
KINDS: Final = {
    "message.created": EventKind.ACCEPTED,
    "message.sent": EventKind.ACCEPTED,
    "message.delivered": EventKind.DELIVERED,
    "message.failed": EventKind.FAILED,
    "message.policy_rejected": EventKind.FAILED,
    "message.canceled": EventKind.FAILED,
    "message.suppressed": EventKind.SUPPRESSED,
    "message.soft_bounced": EventKind.SOFT_BOUNCE,
    "message.hard_bounced": EventKind.HARD_BOUNCE,
    "message.unsubscribed": EventKind.UNSUBSCRIBE,
    "message.spam_complaint": EventKind.COMPLAINT,
}
_BOUNCES: Final = frozenset({EventKind.SOFT_BOUNCE, EventKind.HARD_BOUNCE})
# The status of a letter: its last event.
_STATUSES: Final = {
    "processed": EventKind.ACCEPTED,
    **dict.fromkeys(("delivered", "opened", "clicked"), EventKind.DELIVERED),
    **dict.fromkeys(("failed", "blocked", "policy_rejected", "canceled"), EventKind.FAILED),
    "suppressed": EventKind.SUPPRESSED,
    "soft_bounced": EventKind.SOFT_BOUNCE,
    "hard_bounced": EventKind.HARD_BOUNCE,
    "unsubscribed": EventKind.UNSUBSCRIBE,
    "spam_complaint": EventKind.COMPLAINT,
}
# Lists of projects and routes may be another sender's; their effect is an event of the letter.
_SCOPES: Final = frozenset({"global", "team"})
TEAM_TOKEN: Final = "LETTERMINT_TEAM_TOKEN"  # noqa: S105 - the name of a variable
"""The variable of the token that reads; the one that sends cannot."""

REASONS: Final = {
    "hard_bounce": EventKind.HARD_BOUNCE,
    "disposable_email": EventKind.HARD_BOUNCE,
    "spam_complaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBE,
    "manual": EventKind.UNSUBSCRIBE,
}
"""Why an address is on its list; the owner of one that was added by hand asked for that."""


class LettermintEvents(ProviderEvents):
    """Signed webhooks, the list of messages and the list of suppressed addresses."""

    name = "lettermint"
    secret = "LETTERMINT_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
    reach = timedelta(days=14)

    def open_verifier(self, settings: Settings) -> WebhookVerifier:
        """Return the verifier of Lettermint's webhooks."""
        keys = [secret.encode() for secret in webhooks.secrets(settings, self.secret)]
        return WebhookVerifier(self, partial(_check, keys))

    def read(self, said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
        """Return what a webhook reports of letters."""
        return _read(said, received)

    def list_since(self, settings: Settings, begin: datetime) -> Iterator[Page]:
        """Yield the letters whose status changed since a moment, and newly suppressed addresses.

        A letter is known by Lettermint's id together with its address, because a list does not
        have our own reference.
        """
        began = datetime.now(UTC)
        query = {"sort": "-status_changed_at", "filter[from_email]": settings.sender_address}
        with open_listing(_WHO, _headers(settings)) as listing:
            for entries in _pages(listing, settings, "messages", query):
                yield Page(events=tuple(event for entry in entries if (event := _letter(entry))))
                times = [
                    at for one in entries if (at := webhooks.moment(one.get("status_changed_at")))
                ]
                if times and times[-1] < begin:
                    break
            since = {"filter[startDate]": begin.isoformat(timespec="seconds")}
            for entries in _pages(listing, settings, "suppressions", since):
                yield Page(
                    suppressed=tuple(one for entry in entries if (one := _suppressed(entry)))
                )
        yield Page(until=began)

    def delete_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off Lettermint's list; Lettermint may leave that to a person."""
        with open_listing(_WHO, _headers(settings)) as listing:
            listed = [
                name
                for entries in _pages(listing, settings, "suppressions", {"filter[value]": email})
                for one in entries
                if text(one, "value").lower() == email.lower() and (name := text(one, "id"))
            ]
            for name in listed:
                where = f"{base.base_url(settings, BASE)}/suppressions/{quote(name, safe='')}"
                if text(listing.remove(where, email), "status") not in _REMOVED:
                    return "a person at Lettermint decides whether it mails this address again"
        return ""


EVENTS: Final = LettermintEvents()


def _check(keys: Sequence[bytes], request: WebhookRequest) -> tuple[str, object]:
    header = _header(request, "signature")[:_LONGEST_HEADER]
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [
        bytes.fromhex(value)
        for name, _, value in parts
        if name == "v1" and _SIGNATURE.fullmatch(value)
    ]
    if len(moments) != 1 or _header(request, "delivery") != moments[0] or not signatures:
        raise InvalidSignature(webhooks.NO_SIGNATURE)
    webhooks.check_time(request, moments[0])
    if not webhooks.signed_by(keys, moments[0].encode() + b"." + request.body, signatures):
        raise InvalidSignature(webhooks.NO_SIGNATURE)
    said = decode(request.body)
    return webhooks.name(webhooks.at(said, "id"), request), said


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(f"x-lettermint-{name}", "").strip()


def _read(said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
    parsed = webhooks.parse_kind(KINDS, text(said, "event"), said.get("timestamp"), received)
    if not parsed:
        return parsed
    kind, at = parsed
    data = said.get("data")
    cause, email = None, text(data, "recipient")
    if kind in _BOUNCES:
        kind, cause = _bounce(data, permanent=kind is EventKind.HARD_BOUNCE)
    return (
        Event(
            kind=kind,
            at=at,
            ref=webhooks.reference(webhooks.at(data, "metadata", "delivery")),
            provider_id=responses.name(webhooks.at(data, "message_id")),
            email=email,
            detail=webhooks.words(
                webhooks.at(data, "reason"), webhooks.at(data, "response", "content"), email=email
            ),
            because=REASONS.get(text(data, "reason")),
            cause=cause,
        ),
    )


def _bounce(data: object, *, permanent: bool) -> tuple[EventKind, Cause | None]:
    reply = webhooks.at(data, "response", "status_code")
    failure = FailedDelivery(
        permanent=permanent,
        text=text(data, "response", "content") or text(data, "reason"),
        code=text(data, "response", "enhanced_status_code"),
        reply=reply if isinstance(reply, int) else 0,
    )
    return classify(failure)


def _pages(
    listing: Listing, settings: Settings, what: str, query: Mapping[str, str]
) -> Iterator[list[dict[str, Any]]]:
    address, query = base.base_url(settings, BASE), {**query, "page[size]": _PER_PAGE}

    def following(_entries: object, said: Mapping[str, Any]) -> str:
        cursor = text(said, "next_cursor")
        return f"{address}/{what}?{urlencode({**query, 'page[cursor]': cursor})}" if cursor else ""

    for entries, _ in listing.pages(f"{address}/{what}?{urlencode(query)}", "data", following):
        yield entries


def _headers(settings: Settings) -> Mapping[str, str]:
    token = settings.credentials.get(TEAM_TOKEN)
    if not token:
        raise ListingKeyMissing(
            f"{TEAM_TOKEN} is not set, and the token that sends cannot read lists",
            hint="Make a team token at lettermint.co, or use webhooks: docs/events.md",
        )
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _letter(entry: Mapping[str, Any]) -> Event | None:
    kind = _STATUSES.get(text(entry, "status"))
    at = webhooks.moment(entry.get("status_changed_at"))
    to = responses.objects(entry.get("to"))
    if not kind or not at or len(to) != 1:
        return None
    return Event(kind, at, "", responses.name(entry.get("id")), text(to[0], "email"))


def _suppressed(entry: Mapping[str, Any]) -> ProviderSuppression | None:
    because, at = REASONS.get(text(entry, "reason")), webhooks.moment(entry.get("created_at"))
    ours = text(entry, "type") == "email" and text(entry, "scope") in _SCOPES
    return (
        ProviderSuppression(text(entry, "value"), because, at) if ours and because and at else None
    )
