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

from newsletter.model import Event, EventKind
from newsletter.providers import events, lists, mailgun, mailgun_replies, mailgun_search
from newsletter.providers.events import Gate, Untrusted, text
from newsletter.providers.lists import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.config import Settings
    from newsletter.providers.events import Hook

SECRET: Final = "MAILGUN_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

REACH: Final = timedelta(days=3)
"""How far back it is asked when it was never asked before: so long it keeps events at least."""

_WHO: Final = "Mailgun"
_PER_PAGE: Final = 300
_LISTS: Final = ("bounces", "complaints", "unsubscribes")
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
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
# Given up for what passes or for who sends, which says nothing of the address.
_PASSING: Final = frozenset({"old", "espblock", "greylisted"})


def open_gate(settings: Settings) -> Gate:
    """Return what admits Mailgun's webhooks."""
    keys = [secret.encode() for secret in events.secrets(settings, SECRET)]
    return Gate(partial(_admit, keys))


def _admit(keys: Sequence[bytes], hook: Hook) -> str:
    """Believe a webhook for its token, which is good for one: the signature covers nothing else."""
    said = events.decoded(hook.body).get("signature")
    moment = text(said, "timestamp") or str(events.at(said, "timestamp"))
    token, signature = text(said, "token"), text(said, "signature")
    signatures = [bytes.fromhex(signature)] if _SIGNATURE.fullmatch(signature) else []
    if not token or not events.signed_by(keys, (moment + token).encode(), signatures):
        raise Untrusted("no good signature")
    try:
        events.refuse_stale(hook, moment, within=events.A_WORKING_DAY)
    except Untrusted as stale:
        raise Untrusted(str(stale), _STOP) from None
    return events.name(token, hook)


def read(said: dict[str, Any]) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    data = said.get("event-data")
    return read_one(data) if isinstance(data, dict) else None


def read_one(data: dict[str, Any]) -> tuple[Event, ...] | None:
    """Return what an event tells, which looks the same in a webhook and in a list."""
    told = events.told(_KINDS, text(data, "event"), data.get("timestamp"))
    if not told:
        return told
    kind, at = told
    reason = text(data, "reason")
    if kind is EventKind.HARD_BOUNCE:
        kind = _failure(data, reason)
    status = data.get("delivery-status")
    return (
        Event(
            kind=kind,
            at=at,
            ref=events.reference(events.at(data, "user-variables", "delivery")),
            provider_id=mailgun_replies.message_id(text(data, "message", "headers", "message-id")),
            email=text(data, "recipient"),
            detail=events.words(
                events.at(status, "message") or events.at(status, "description"),
                events.at(data, "reject", "reason"),
            ),
            because=_REASONS.get(reason),
        ),
    )


def _failure(data: dict[str, Any], reason: str) -> EventKind:
    if text(data, "severity") == "temporary":
        return EventKind.DEFERRED
    if reason in _REASONS:
        return EventKind.SUPPRESSED
    soft = reason in _PASSING or text(data, "delivery-status", "bounce-type") == "soft"
    return EventKind.SOFT_BOUNCE if soft else EventKind.HARD_BOUNCE


def pull(settings: Settings, begin: datetime) -> Iterator[Page]:
    """Yield all events since a moment, in their order."""
    now = datetime.now(UTC)
    query = {"begin": f"{begin.timestamp():.0f}", "ascending": "yes", "limit": str(_PER_PAGE)}
    path = f"events?{urlencode(query)}"
    with closing(mailgun.open_provider(settings)) as account:
        for _ in range(lists.PAGES):
            items, said = lists.read(account.get, path, "items", _WHO, account.hide)
            found = tuple(event for item in items for event in read_one(item) or ())
            path = mailgun_search.following(said)
            # Every page names a next one; an empty page is the end.
            if not items or not path:
                yield Page(found, until=now)
                return
            yield Page(found, until=max((event.at for event in found), default=None))


def lift(settings: Settings, email: str) -> str:
    """Take an address off all of Mailgun's lists."""
    with closing(mailgun.open_provider(settings)) as account:
        for one in _LISTS:
            path = f"{one}/{quote(email, safe='')}"
            lists.remove(account.delete, path, _WHO, (email, *account.hide))
    return ""
