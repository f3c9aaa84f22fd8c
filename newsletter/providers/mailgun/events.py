"""Mailgun's events: webhooks that are signed inside their body, and the list of all events.

Below https://documentation.mailgun.com/docs/mailgun/user-manual/: signatures at
webhooks/securing-webhooks, events at webhooks/webhook-payloads and events.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.model import Cause, Event, EventKind
from newsletter.providers import webhooks
from newsletter.providers.base_events import (
    InvalidSignature,
    Page,
    ProviderEvents,
    WebhookVerifier,
)
from newsletter.providers.bounces import FailedDelivery, classify
from newsletter.providers.mailgun import responses, search
from newsletter.providers.mailgun.send import Mailgun
from newsletter.providers.pagination import Listing
from newsletter.providers.webhooks import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.providers.base_events import WebhookRequest

_WHO: Final = "Mailgun"
_PER_PAGE: Final = 300
_LISTS: Final = ("bounces", "complaints", "unsubscribes")
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
_SIGNATURE_NAME: Final = b'"signature"'
_SIGNATURE_OBJECT: Final = re.compile(rb"\s{0,9}:\s{0,9}(\{[^{}]{1,500}\})")
_LONGEST_SIGNATURE: Final = 520
_STOP: Final = 406
"""With this status Mailgun does not try again."""

_KINDS: Final = {
    "accepted": EventKind.ACCEPTED,
    "rejected": EventKind.FAILED,
    "delivered": EventKind.DELIVERED,
    "complained": EventKind.COMPLAINT,
    "unsubscribed": EventKind.UNSUBSCRIBE,
    "failed": EventKind.HARD_BOUNCE,
}
_REASONS: Final = {
    "suppress-bounce": EventKind.HARD_BOUNCE,
    "suppress-complaint": EventKind.COMPLAINT,
    "suppress-unsubscribe": EventKind.UNSUBSCRIBE,
}
# Its own codes for what it did not try to deliver.
_UNTRIED: Final = {
    605: EventKind.HARD_BOUNCE,
    606: EventKind.UNSUBSCRIBE,
    607: EventKind.COMPLAINT,
}
# Given up for a temporary reason or because of the sender, which says nothing of the address.
_PASSING: Final = frozenset({"old", "espblock", "greylisted"})
_HINTS: Final = {"espblock": Cause.POLICY, "greylisted": Cause.POLICY}


class MailgunEvents(ProviderEvents):
    """Webhooks that are signed inside their body, and the list of all events."""

    name = "mailgun"
    secret = "MAILGUN_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
    reach = timedelta(days=3)  # the shortest time for which it keeps events
    # Its signature covers a token and a time, and nothing of what a webhook reports.
    signs_content = False

    def open_verifier(self, settings: Settings) -> WebhookVerifier:
        """Return the verifier of Mailgun's webhooks."""
        keys = [secret.encode() for secret in webhooks.secrets(settings, self.secret)]
        return WebhookVerifier(self, partial(_check, keys))

    def read(self, said: dict[str, Any], received: datetime | None) -> tuple[Event, ...] | None:
        """Return what a webhook reports of letters."""
        data = said.get("event-data")
        return _read(data, received) if isinstance(data, dict) else None

    def list_since(self, settings: Settings, begin: datetime) -> Iterator[Page]:
        """Yield all events since a moment, in their order."""
        now = datetime.now(UTC)
        query = {"begin": f"{begin.timestamp():.0f}", "ascending": "yes", "limit": str(_PER_PAGE)}
        with closing(Mailgun.open(settings)) as mailgun:
            listing = Listing(_WHO, mailgun.get, mailgun.delete, mailgun.hide)
            path = f"events?{urlencode(query)}"
            for items, more in listing.pages(path, "items", _following):
                found = tuple(event for item in items for event in _read(item) or ())
                last = max((event.at for event in found), default=None)
                yield Page(found, until=last if more else now)

    def delete_suppression(self, settings: Settings, email: str) -> str:
        """Take an address off all of Mailgun's lists."""
        with closing(Mailgun.open(settings)) as mailgun:
            listing = Listing(_WHO, mailgun.get, mailgun.delete, mailgun.hide)
            for one in _LISTS:
                listing.remove(f"{one}/{quote(email, safe='')}", email)
        return ""


EVENTS: Final = MailgunEvents()


def _following(items: Sequence[object], said: Mapping[str, object]) -> str:
    # Every page names a next one; an empty page is the end.
    return search.following(said) if items else ""


def _check(keys: Sequence[bytes], request: WebhookRequest) -> tuple[str, object]:
    """Return the token of a webhook, which is valid once: the signature covers nothing else.

    The signature is somewhere in the body. It is found there as text, and nothing else is parsed
    before it is verified.
    """
    stale: InvalidSignature | None = None
    for said in _signatures(request.body):
        moment = text(said, "timestamp") or str(webhooks.at(said, "timestamp"))
        token, signature = text(said, "token"), text(said, "signature")
        if not token or not _SIGNATURE.fullmatch(signature):
            continue
        if not webhooks.signed_by(keys, (moment + token).encode(), [bytes.fromhex(signature)]):
            continue
        try:
            webhooks.check_time(request, moment, within=webhooks.RETRY_WINDOW)
        except InvalidSignature as refusal:
            stale = InvalidSignature(str(refusal), _STOP)
        else:
            return webhooks.name(token, request), None
    raise stale or InvalidSignature(webhooks.NO_SIGNATURE)


def _signatures(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield what may be the signature in a body: the first few objects of that name."""
    place = 0
    for _ in range(webhooks.MOST_SIGNATURES):
        place = body.find(_SIGNATURE_NAME, place)
        if place < 0:
            return
        place += len(_SIGNATURE_NAME)
        if found := _SIGNATURE_OBJECT.match(body, place, place + _LONGEST_SIGNATURE):
            yield webhooks.decoded(found[1])


def _read(data: dict[str, Any], received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what an event reports; it has the same form in a webhook and in a list."""
    parsed = webhooks.parse_kind(_KINDS, text(data, "event"), data.get("timestamp"), received)
    if not parsed:
        return parsed
    kind, at = parsed
    because, cause = None, None
    if kind is EventKind.HARD_BOUNCE:
        kind, because, cause = _failure(data)
    status, email = data.get("delivery-status"), text(data, "recipient")
    return (
        Event(
            kind=kind,
            at=at,
            ref=webhooks.reference(webhooks.at(data, "user-variables", "delivery")),
            provider_id=responses.message_id(text(data, "message", "headers", "message-id")),
            email=email,
            detail=webhooks.words(
                _server_words(status), webhooks.at(data, "reject", "reason"), email=email
            ),
            because=because,
            cause=cause,
        ),
    )


def _failure(data: dict[str, Any]) -> tuple[EventKind, EventKind | None, Cause | None]:
    """Return what a failure is, why delivery was not tried, and what caused it."""
    if text(data, "severity") == "temporary":
        return EventKind.DEFERRED, None, None
    reason, status = text(data, "reason"), data.get("delivery-status")
    reply = webhooks.at(status, "code")
    reply = reply if isinstance(reply, int) else 0
    if because := _REASONS.get(reason) or _UNTRIED.get(reply):
        return EventKind.SUPPRESSED, because, None
    passing = reason in _PASSING or text(status, "bounce-type") == "soft"
    failure = FailedDelivery(
        permanent=not passing,
        text=_server_words(status),
        code=text(status, "enhanced-code"),
        reply=reply,
        hint=_HINTS.get(reason),
    )
    kind, cause = classify(failure)
    return kind, None, cause


def _server_words(status: object) -> str:
    return text(status, "message") or text(status, "description")
