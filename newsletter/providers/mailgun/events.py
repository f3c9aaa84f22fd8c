"""Mailgun's events: webhooks that are signed inside their body, and the list of all events.

Below https://documentation.mailgun.com/docs/mailgun/user-manual/: signatures at
webhooks/securing-webhooks, what is told at webhooks/webhook-payloads and events.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.model import Cause, Event, EventKind
from newsletter.providers import pagination, webhooks
from newsletter.providers.bounces import FailedDelivery, classify
from newsletter.providers.mailgun import responses, search, send
from newsletter.providers.pagination import Page
from newsletter.providers.webhooks import InvalidSignature, WebhookVerifier, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.config import Settings
    from newsletter.providers.webhooks import WebhookRequest

SECRET: Final = "MAILGUN_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

REACH: Final = timedelta(days=3)
"""How far back it is asked when it was never asked before: so long it keeps events at least."""

_WHO: Final = "Mailgun"
_PER_PAGE: Final = 300
_LISTS: Final = ("bounces", "complaints", "unsubscribes")
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
_SIGNATURE_NAME: Final = b'"signature"'
_SIGNATURE_OBJECT: Final = re.compile(rb"\s{0,9}:\s{0,9}(\{[^{}]{1,500}\})")
_LONGEST_SIGNATURE: Final = 520
SIGNS_NO_CONTENT: Final = True
"""Its signature covers a token and a moment, and nothing of what a webhook tells."""

_STOP: Final = 406
"""With this answer Mailgun does not try again."""

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
# Codes of its own for what it did not even try.
_UNTRIED: Final = {
    605: EventKind.HARD_BOUNCE,
    606: EventKind.UNSUBSCRIBE,
    607: EventKind.COMPLAINT,
}
# Given up for what passes or for who sends, which says nothing of the address.
_PASSING: Final = frozenset({"old", "espblock", "greylisted"})
_HINTS: Final = {"espblock": Cause.POLICY, "greylisted": Cause.POLICY}


def open_gate(settings: Settings) -> WebhookVerifier:
    """Return what admits Mailgun's webhooks."""
    keys = [secret.encode() for secret in webhooks.secrets(settings, SECRET)]
    return WebhookVerifier(partial(_admit, keys))


def _admit(keys: Sequence[bytes], hook: WebhookRequest) -> str:
    """Believe a webhook for its token, which is good for one: the signature covers nothing else.

    The signature stands somewhere in the body. It is looked for there as text, and nothing else is
    read before it is proved.
    """
    stale: InvalidSignature | None = None
    for said in _signatures(hook.body):
        moment = text(said, "timestamp") or str(webhooks.at(said, "timestamp"))
        token, signature = text(said, "token"), text(said, "signature")
        if not token or not _SIGNATURE.fullmatch(signature):
            continue
        if not webhooks.signed_by(keys, (moment + token).encode(), [bytes.fromhex(signature)]):
            continue
        try:
            webhooks.check_time(hook, moment, within=webhooks.RETRY_WINDOW)
        except InvalidSignature as refusal:
            stale = InvalidSignature(str(refusal), _STOP)
        else:
            return webhooks.name(token, hook)
    raise stale or InvalidSignature("no good signature")


def _signatures(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield what may be the signature in a body: the first few objects of that name."""
    place = 0
    for _ in range(webhooks.HANDFUL):
        place = body.find(_SIGNATURE_NAME, place)
        if place < 0:
            return
        place += len(_SIGNATURE_NAME)
        if found := _SIGNATURE_OBJECT.match(body, place, place + _LONGEST_SIGNATURE):
            yield webhooks.decoded(found[1])


def read(said: dict[str, Any], received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    data = said.get("event-data")
    return read_one(data, received) if isinstance(data, dict) else None


def read_one(data: dict[str, Any], received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what an event tells, which looks the same in a webhook and in a list."""
    told = webhooks.parse_kind(_KINDS, text(data, "event"), data.get("timestamp"), received)
    if not told:
        return told
    kind, at = told
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
    """Return what a failure is, why the letter was not even tried, and whose failure it is."""
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


def pull(settings: Settings, begin: datetime) -> Iterator[Page]:
    """Yield all events since a moment, in their order."""
    now = datetime.now(UTC)
    query = {"begin": f"{begin.timestamp():.0f}", "ascending": "yes", "limit": str(_PER_PAGE)}
    path = f"events?{urlencode(query)}"
    with closing(send.open_provider(settings)) as account:
        for _ in range(pagination.PAGES):
            items, said = pagination.read(account.get, path, "items", _WHO, account.hide)
            found = tuple(event for item in items for event in read_one(item) or ())
            path = search.following(said)
            # Every page names a next one; an empty page is the end.
            if not items or not path:
                yield Page(found, until=now)
                return
            yield Page(found, until=max((event.at for event in found), default=None))


def lift(settings: Settings, email: str) -> str:
    """Take an address off all of Mailgun's lists."""
    with closing(send.open_provider(settings)) as account:
        for one in _LISTS:
            path = f"{one}/{quote(email, safe='')}"
            pagination.remove(account.delete, path, _WHO, (email, *account.hide))
    return ""
