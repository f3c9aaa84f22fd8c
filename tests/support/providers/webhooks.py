"""Webhooks as providers send them: their words, and their signatures, made by their own libraries.

Where a library only verifies, the signature is made as documented, and a test lets the library
verify it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from svix.webhooks import Webhook as Svix

from newsletter.providers.base_events import ParsedWebhook, VerifiedWebhook, decode
from newsletter.providers.registry import events_of
from newsletter.subscriptions import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from newsletter.model import Event
    from newsletter.providers.base_events import ProviderEvents
    from newsletter.store import Store
    from newsletter.subscriptions.events import StoredWebhooks

RESEND_SECRET = "whsec_bm90IGEgc2VjcmV0IG9mIGFueWJvZHk="
LETTERMINT_SECRET = "whsec_of_these_tests"
MAILGUN_SECRET = "signing-key-of-these-tests"


def source(provider: str) -> ProviderEvents:
    """Return the events of a provider that has some."""
    found = events_of(provider)
    assert found
    return found


def parse(provider: str, body: bytes, received: datetime | None = None) -> ParsedWebhook:
    """Return what a genuine webhook reports."""
    return source(provider).parse(decode(body), received)


def read(provider: str, body: bytes, received: datetime | None = None) -> tuple[Event, ...] | None:
    """Return the events of a genuine webhook; None if nothing of it can be parsed."""
    found = parse(provider, body, received)
    return found.events if found.events or found.whole else None


def keep(store: Store, genuine: Iterable[tuple[str, str, bytes]]) -> StoredWebhooks:
    """Store genuine webhooks, each by its provider, its name and its body."""
    return events.store_webhooks(
        store, [VerifiedWebhook(source(provider), name, body) for provider, name, body in genuine]
    )


@dataclass(frozen=True)
class ReportedEvent:
    """What a provider reports; `kind` is a word of ours, or one of the provider's own."""

    kind: str
    ref: str
    email: str = "lezer0@example.org"
    at: float = 0.0
    provider_id: str = ""

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at or time.time(), UTC)

    @property
    def iso(self) -> str:
        return self.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Sender:
    """A provider that reports events.

    Attributes:
        name: As in the settings.
        secret: The variable that holds its secret, and what it holds here.
        say: Puts an event into its own words.
        sign: Returns a body as it leaves, which one of them changes, and its headers.
        words: What it calls each kind that it knows.
    """

    name: str
    secret: tuple[str, str]
    say: Callable[[ReportedEvent], dict[str, Any]]
    sign: Callable[[dict[str, Any], str, float], tuple[bytes, dict[str, str]]]
    words: Mapping[str, str]

    def webhook(
        self, reported: ReportedEvent, *, secret: str = "", at: float = 0.0
    ) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of a webhook, signed at a moment, which is now by default."""
        return self.sign(self.say(reported), secret or self.secret[1], at or time.time())


def _bytes(said: dict[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


RESEND_WORDS = {
    "accepted": "email.sent",
    "deferred": "email.delivery_delayed",
    "delivered": "email.delivered",
    "failed": "email.failed",
    "suppressed": "email.suppressed",
    "soft bounce": "email.bounced",
    "hard bounce": "email.bounced",
    "complaint": "email.complained",
}


def say_resend(reported: ReportedEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "email_id": reported.provider_id or f"id-{reported.ref}",
        "created_at": reported.iso,
        "from": "Gerrit <gerrit@example.org>",
        "to": [reported.email],
        "subject": "Over rust",
    }
    if reported.ref:
        data["tags"] = {"delivery": reported.ref}
    if reported.kind.endswith("bounce"):
        data["bounce"] = {
            "diagnosticCode": [f"smtp; 550 5.1.1 <{reported.email}> user unknown"],
            "message": f"The mailbox of {reported.email} does not exist",
            "subType": "General",
            "type": "Permanent" if reported.kind == "hard bounce" else "Transient",
        }
    if reported.kind == "suppressed":
        data["suppressed"] = {
            "diagnosticCode": [],
            "message": "On the suppression list",
            "reason": "previous_complaint",
            "type": "OnAccountSuppressionList",
        }
    if reported.kind == "failed":
        data["failed"] = {"reason": "reached_daily_quota"}
    kind = RESEND_WORDS.get(reported.kind, reported.kind)
    return {"type": kind, "created_at": reported.iso, "data": data}


def sign_resend(said: dict[str, Any], secret: str, at: float) -> tuple[bytes, dict[str, str]]:
    body, name = _bytes(said), f"msg_{secrets.token_hex(12)}"
    return body, svix_headers(body, name, secret, at)


def svix_headers(body: bytes, name: str, secret: str, at: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(int(at), UTC)
    return {
        "svix-id": name,
        "svix-timestamp": str(int(at)),
        "svix-signature": Svix(secret).sign(name, moment, body.decode()),
    }


LETTERMINT_WORDS = {
    "accepted": "message.sent",
    "delivered": "message.delivered",
    "failed": "message.failed",
    "suppressed": "message.suppressed",
    "soft bounce": "message.soft_bounced",
    "hard bounce": "message.hard_bounced",
    "unsubscribe": "message.unsubscribed",
    "complaint": "message.spam_complaint",
}


def say_lettermint(reported: ReportedEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "message_id": reported.provider_id or f"id-{reported.ref}",
        "subject": "Over rust",
        # PHP, in which it is written, writes an empty dictionary as an empty list.
        "metadata": {"delivery": reported.ref} if reported.ref else [],
        "tag": None,
        "recipient": reported.email,
    }
    if reported.kind.endswith("bounce"):
        data["response"] = {
            "status_code": 550 if reported.kind == "hard bounce" else 450,
            "enhanced_status_code": "5.1.1",
            "content": f"<{reported.email}>: user unknown",
        }
    if reported.kind == "suppressed":
        data["reason"] = "spam_complaint"
    kind = LETTERMINT_WORDS.get(reported.kind, reported.kind)
    return {
        "id": secrets.token_hex(13),
        "event": kind,
        "timestamp": reported.iso,
        "context": {"scope": "project"},
        "data": data,
    }


def sign_lettermint(said: dict[str, Any], secret: str, at: float) -> tuple[bytes, dict[str, str]]:
    body, moment = _bytes(said), str(int(at))
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {
        "x-lettermint-event": str(said["event"]),
        "x-lettermint-delivery": moment,
        "x-lettermint-signature": f"t={moment},v1={digest}",
    }


MAILGUN_WORDS = {
    "accepted": "accepted",
    "deferred": "failed",
    "delivered": "delivered",
    "failed": "rejected",
    "suppressed": "failed",
    "soft bounce": "failed",
    "hard bounce": "failed",
    "unsubscribe": "unsubscribed",
    "complaint": "complained",
}


def say_mailgun(reported: ReportedEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event": MAILGUN_WORDS.get(reported.kind, reported.kind),
        "id": secrets.token_urlsafe(16),
        "timestamp": reported.moment.timestamp(),
        "recipient": reported.email,
        "message": {"headers": {"message-id": reported.provider_id or f"id-{reported.ref}"}},
        "user-variables": {"delivery": reported.ref} if reported.ref else [],
        "tags": ["newsletterbatch001"],
    }
    status = {
        "code": 550,
        "message": f"5.1.1 <{reported.email}> unknown",
        "description": None,
        "bounce-type": "hard",
    }
    more: dict[str, dict[str, Any]] = {
        "deferred": {"severity": "temporary", "reason": "generic"},
        "hard bounce": {"severity": "permanent", "reason": "bounce", "delivery-status": status},
        "soft bounce": {"severity": "permanent", "reason": "old"},
        "suppressed": {"severity": "permanent", "reason": "suppress-complaint"},
        "failed": {"reject": {"reason": "Sandbox subdomains are for test purposes only"}},
    }
    return {"event-data": data | more.get(reported.kind, {})}


def sign_mailgun(said: dict[str, Any], secret: str, at: float) -> tuple[bytes, dict[str, str]]:
    token, moment = secrets.token_hex(25), str(int(at))
    digest = hmac.new(secret.encode(), f"{moment}{token}".encode(), hashlib.sha256).hexdigest()
    signature = {"timestamp": moment, "token": token, "signature": digest}
    return _bytes({"signature": signature} | said), {}


RESEND = Sender(
    "resend", ("RESEND_WEBHOOK_SECRET", RESEND_SECRET), say_resend, sign_resend, RESEND_WORDS
)
LETTERMINT = Sender(
    "lettermint",
    ("LETTERMINT_WEBHOOK_SECRET", LETTERMINT_SECRET),
    say_lettermint,
    sign_lettermint,
    LETTERMINT_WORDS,
)
MAILGUN = Sender(
    "mailgun", ("MAILGUN_WEBHOOK_SECRET", MAILGUN_SECRET), say_mailgun, sign_mailgun, MAILGUN_WORDS
)
