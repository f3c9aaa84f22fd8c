"""Resend's events: webhooks signed as Svix does, and its list of suppressed addresses.

Signatures: https://docs.svix.com/receiving/verifying-payloads/how-manual. What it tells:
https://resend.com/docs/dashboard/webhooks/event-types and the description of its API.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from newsletter.errors import NewsletterError
from newsletter.model import Event, EventKind
from newsletter.providers import events
from newsletter.providers.events import Untrusted, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.providers.events import Admit, Hook

SECRET: Final = "RESEND_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

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
_PERMANENT: Final = "Permanent"
_REASONS: Final = {
    "previous_bounce": EventKind.HARD_BOUNCE,
    "previous_complaint": EventKind.COMPLAINT,
}


def open_gate(settings: Settings) -> Admit:
    """Return what admits Resend's webhooks.

    Raises:
        NewsletterError: A secret is not one of Resend's.
    """
    return partial(_admit, [_key(secret) for secret in events.secrets(settings, SECRET)])


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise NewsletterError(
            "is no webhook secret of Resend, which begins with whsec_",
            where=SECRET,
            hint="Copy it from the webhook's page at resend.com",
        )
    return key


def _admit(keys: Sequence[bytes], hook: Hook) -> str:
    name, moment, signed = (
        hook.headers.get(f"svix-{part}", "") for part in ("id", "timestamp", "signature")
    )
    signatures = [
        found
        for one in signed.split()
        if one.startswith("v1,") and (found := _decoded(one.removeprefix("v1,")))
    ]
    content = b".".join((name.encode(), moment.encode(), hook.body))
    if not name or not events.signed_by(keys, content, signatures):
        raise Untrusted("no good signature")
    events.refuse_stale(hook, moment)
    return events.name(name, hook)


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""


def read(said: dict[str, Any]) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    kind = _KINDS.get(text(said, "type"))
    at = events.moment(said.get("created_at"))
    if not text(said, "type") or (kind and at is None):
        return None
    if kind is None or at is None:
        return ()
    data = said.get("data")
    if text(data, "bounce", "type") == _PERMANENT:
        kind = EventKind.HARD_BOUNCE
    to = events.at(data, "to")
    return (
        Event(
            kind=kind,
            at=at,
            ref=events.reference(events.at(data, "tags", "delivery")),
            provider_id=text(data, "email_id"),
            email=to[0] if isinstance(to, list) and to and isinstance(to[0], str) else "",
            detail=events.words(
                events.at(data, "bounce", "message"),
                events.at(data, "suppressed", "message"),
                events.at(data, "failed", "reason"),
            ),
            because=_REASONS.get(text(data, "suppressed", "reason")),
        ),
    )
