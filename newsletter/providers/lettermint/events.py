"""Lettermint's events: signed webhooks, its list of messages and its list of suppressed addresses.

Neither is described in one place that can be read; what is known of them is in Lettermint's own
libraries: https://github.com/lettermint/lettermint-python (`webhook.py`) and
https://github.com/lettermint/lettermint-laravel (`src/Webhooks`).
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from newsletter.model import Event, EventKind, ProviderSuppression
from newsletter.providers import base, pagination, responses, webhooks
from newsletter.providers.bounces import FailedDelivery, classify
from newsletter.providers.http import HttpClient
from newsletter.providers.lettermint import send
from newsletter.providers.pagination import ListingDenied, Page
from newsletter.providers.webhooks import InvalidSignature, WebhookVerifier, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from newsletter.config import Settings
    from newsletter.model import Cause
    from newsletter.providers.webhooks import WebhookRequest

SECRET: Final = "LETTERMINT_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

REACH: Final = timedelta(days=14)
"""How far back it is asked when it was never asked before."""

_WHO: Final = "Lettermint"
_TOKEN: Final = "LETTERMINT_TEAM_TOKEN"  # noqa: S105 - the name of a variable
_PER_PAGE: Final = "100"
_REMOVED: Final = frozenset({"removed", ""})
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_HEADER: Final = 2_000
_KINDS: Final = {
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
# What a letter is at last, which is what happened to it last.
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
# Lists of projects and routes may be another's; what they keep from us is told of the letter.
_SCOPES: Final = frozenset({"global", "team"})
REASONS: Final = {
    "hard_bounce": EventKind.HARD_BOUNCE,
    "disposable_email": EventKind.HARD_BOUNCE,
    "spam_complaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBE,
    "manual": EventKind.UNSUBSCRIBE,
}
"""What put an address on its list; who is put there by hand asked somebody for it."""


def open_gate(settings: Settings) -> WebhookVerifier:
    """Return what admits Lettermint's webhooks."""
    keys = [secret.encode() for secret in webhooks.secrets(settings, SECRET)]
    return WebhookVerifier(partial(_admit, keys))


def _admit(keys: Sequence[bytes], hook: WebhookRequest) -> str:
    header = _header(hook, "signature")[:_LONGEST_HEADER]
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [
        bytes.fromhex(value)
        for name, _, value in parts
        if name == "v1" and _SIGNATURE.fullmatch(value)
    ]
    if len(moments) != 1 or _header(hook, "delivery") != moments[0] or not signatures:
        raise InvalidSignature("no good signature")
    webhooks.check_time(hook, moments[0])
    if not webhooks.signed_by(keys, moments[0].encode() + b"." + hook.body, signatures):
        raise InvalidSignature("no good signature")
    return webhooks.name(webhooks.at(webhooks.decoded(hook.body), "id"), hook)


def _header(hook: WebhookRequest, name: str) -> str:
    return hook.headers.get(f"x-lettermint-{name}", "").strip()


def read(said: dict[str, Any], received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    told = webhooks.parse_kind(_KINDS, text(said, "event"), said.get("timestamp"), received)
    if not told:
        return told
    kind, at = told
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


def pull(settings: Settings, begin: datetime) -> Iterator[Page]:
    """Yield what letters became since a moment, and the addresses that were suppressed since.

    A letter is known by Lettermint's name for it together with its address, for a list does not
    hold our own reference.
    """
    began = datetime.now(UTC)
    query = {"sort": "-status_changed_at", "filter[from_email]": settings.sender_address}
    for entries in _pages(settings, "messages", query):
        yield Page(events=tuple(event for entry in entries if (event := _letter(entry))))
        moments = [at for one in entries if (at := webhooks.moment(one.get("status_changed_at")))]
        if moments and moments[-1] < begin:
            break
    since = {"filter[startDate]": begin.isoformat(timespec="seconds")}
    for entries in _pages(settings, "suppressions", since):
        yield Page(suppressed=tuple(one for entry in entries if (one := _suppressed(entry))))
    yield Page(until=began)


def lift(settings: Settings, email: str) -> str:
    """Take an address off Lettermint's list; it may leave that to a person."""
    headers = _headers(settings)
    hide = (email, *headers.values())
    listed = [
        name
        for entries in _pages(settings, "suppressions", {"filter[value]": email})
        for one in entries
        if text(one, "value").lower() == email.lower() and (name := text(one, "id"))
    ]
    with closing(HttpClient(deadline=pagination.DEADLINE)) as wire:
        delete = partial(wire.delete, headers=headers)
        for name in listed:
            where = f"{_address(settings)}/suppressions/{quote(name, safe='')}"
            said = pagination.remove(delete, where, _WHO, hide)
            if text(said, "status") not in _REMOVED:
                return "Lettermint lets a person look at it before it mails this address again"
    return ""


def _pages(
    settings: Settings, what: str, query: Mapping[str, str]
) -> Iterator[list[dict[str, Any]]]:
    headers, asked = _headers(settings), {**query, "page[size]": _PER_PAGE}
    with closing(HttpClient(deadline=pagination.DEADLINE)) as wire:
        get = partial(wire.get, headers=headers)
        for _ in range(pagination.PAGES):
            where = f"{_address(settings)}/{what}?{urlencode(asked)}"
            entries, said = pagination.read(get, where, "data", _WHO, headers.values())
            yield entries
            following = text(said, "next_cursor")
            if not following:
                return
            asked["page[cursor]"] = following


def _address(settings: Settings) -> str:
    return base.base_url(settings, send.BASE)


def _headers(settings: Settings) -> Mapping[str, str]:
    token = settings.credentials.get(_TOKEN)
    if not token:
        raise ListingDenied(
            f"{_TOKEN} is not set, and with the token that sends nothing can be read",
            hint="Make a team token at lettermint.co, or let webhooks tell: docs/events.md",
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
