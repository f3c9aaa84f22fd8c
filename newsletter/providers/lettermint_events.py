"""Lettermint's events: signed webhooks, its list of messages and its list of suppressed addresses.

Neither is described in one place that can be read; what is known of them is in Lettermint's own
libraries: https://github.com/lettermint/lettermint-python (`webhook.py`) and
https://github.com/lettermint/lettermint-laravel (`src/Webhooks`).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from newsletter.model import Event, EventKind
from newsletter.providers import events
from newsletter.providers.events import Untrusted, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newsletter.config import Settings
    from newsletter.providers.events import Admit, Hook

SECRET: Final = "LETTERMINT_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{64}")
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
REASONS: Final = {
    "hard_bounce": EventKind.HARD_BOUNCE,
    "disposable_email": EventKind.HARD_BOUNCE,
    "spam_complaint": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBE,
    "manual": EventKind.UNSUBSCRIBE,
}
"""What put an address on its list; who is put there by hand asked somebody for it."""


def open_gate(settings: Settings) -> Admit:
    """Return what admits Lettermint's webhooks."""
    return partial(_admit, [secret.encode() for secret in events.secrets(settings, SECRET)])


def _admit(keys: Sequence[bytes], hook: Hook) -> str:
    parts = [part.strip().partition("=") for part in _header(hook, "signature").split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    signatures = [
        bytes.fromhex(value)
        for name, _, value in parts
        if name == "v1" and _SIGNATURE.fullmatch(value)
    ]
    if len(moments) != 1 or _header(hook, "delivery") != moments[0]:
        raise Untrusted("no good signature")
    if not events.signed_by(keys, moments[0].encode() + b"." + hook.body, signatures):
        raise Untrusted("no good signature")
    events.refuse_stale(hook, moments[0])
    return events.name(events.at(events.decoded(hook.body), "id"), hook)


def _header(hook: Hook, name: str) -> str:
    return hook.headers.get(f"x-lettermint-{name}", "").strip()


def read(said: dict[str, Any]) -> tuple[Event, ...] | None:
    """Return what a webhook tells; nothing of other things than letters."""
    kind = _KINDS.get(text(said, "event"))
    at = events.moment(said.get("timestamp"))
    if not text(said, "event") or (kind and at is None):
        return None
    if kind is None or at is None:
        return ()
    data = said.get("data")
    return (
        Event(
            kind=kind,
            at=at,
            ref=events.reference(events.at(data, "metadata", "delivery")),
            provider_id=text(data, "message_id"),
            email=text(data, "recipient"),
            detail=events.words(events.at(data, "reason"), events.at(data, "response", "content")),
            because=REASONS.get(text(data, "reason")),
        ),
    )
