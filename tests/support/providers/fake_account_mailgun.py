"""What the fake of Mailgun knows of an account: its domain, tracking, webhooks, keys, limits."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.support.providers.fake_accounts import MAILGUN_SECRET, PUBLIC_URL

if TYPE_CHECKING:
    from tests.support.providers.fake_server import Request

DOMAIN = "brief.example.org"
EVENTS = (
    *("accepted", "delivered", "permanent_fail", "temporary_fail"),
    *("complained", "unsubscribed"),
)
OF_A_DOMAIN = re.compile(r"/v4/domains/([^/]+)|/v3/domains/([^/]+)/(tracking|webhooks)")
OF_THE_ACCOUNT = re.compile(r"/v5/accounts/(http_signing_key|limit/custom/monthly)|/v1/(keys)")


class MailgunAccount:
    """One domain that may send; tracks nothing, and reports everything to the web app.

    Args:
        domains: Those that the account has.
    """

    def __init__(self, domains: set[str]) -> None:
        self._domains = domains
        self.role = "developer"
        """Of every key: `sending` sees nothing, and `basic` nothing of the account."""
        self.domain: dict[str, Any] = mailgun_domain()
        self.records = mailgun_records()
        self.tracking: dict[str, Any] = {
            "open": {"active": False, "place_at_the_top": False},
            "click": {"active": False},
            "unsubscribe": {"active": False, "html_footer": "", "text_footer": ""},
            "web_scheme": "https",
        }
        self.webhooks = {name: {"urls": [f"{PUBLIC_URL}/webhooks/mailgun"]} for name in EVENTS}
        self.signing_key = MAILGUN_SECRET
        self.limit: dict[str, Any] | None = None
        self.keys: list[dict[str, Any]] = [mailgun_key("e2153fd0-e0277777", "developer")]

    def respond(self, request: Request, path: str, *, known: bool) -> tuple[int, bytes] | None:
        """Return the answer to a question about the account; None if it is another request."""
        domain, account = OF_A_DOMAIN.fullmatch(path), OF_THE_ACCOUNT.fullmatch(path)
        if request.method != "GET" or not (domain or account):
            return None
        if not known or self.role == "sending":
            return 401, b"Forbidden"
        if domain and (domain[1] or domain[2]) not in self._domains:
            return _says(404, {"message": "Domain not found"})
        if account:
            return self._of_the_account(account[1] or account[2])
        if domain and domain[3]:
            return _says(200, {domain[3]: getattr(self, domain[3])})
        sending = {"sending_dns_records": self.records, "receiving_dns_records": []}
        return _says(200, {"domain": self.domain, **sending})

    def _of_the_account(self, what: str) -> tuple[int, bytes]:
        if self.role == "basic":
            return _says(403, {"message": "Incompatible key for this endpoint"})
        if what == "keys":
            return _says(200, {"total_count": len(self.keys), "items": self.keys})
        if what == "http_signing_key":
            return _says(200, {"message": "success", "http_signing_key": self.signing_key})
        if self.limit is None:
            return _says(404, {"message": "No threshold for account"})
        return _says(200, self.limit)


def mailgun_domain(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a domain that is verified."""
    return {
        "created_at": "Thu, 13 Oct 2011 18:02:00 GMT",
        "id": "123456789012345678901234",
        "is_disabled": False,
        "name": DOMAIN,
        "require_tls": False,
        "skip_verification": False,
        "smtp_login": f"postmaster@{DOMAIN}",
        "spam_action": "disabled",
        "state": "active",
        "type": "custom",
        "use_automatic_sender_security": False,
        "web_prefix": "email",
        "web_scheme": "https",
        "wildcard": False,
        "encrypt_incoming_message": False,
        "message_ttl": 259_200,
    } | more


def mailgun_records() -> list[dict[str, Any]]:
    """Return the records for sending, of which the last is for tracking."""
    records = [
        ("TXT", DOMAIN, "v=spf1 include:mailgun.org ~all"),
        ("TXT", f"mx._domainkey.{DOMAIN}", "k=rsa; p=MIGfMA0"),
        ("CNAME", f"email.{DOMAIN}", "eu.mailgun.org"),
    ]
    return [
        {
            "is_active": True,
            "cached": [value],
            "name": name,
            "record_type": kind,
            "valid": "valid",
            "value": value,
        }
        for kind, name, value in records
    ]


def mailgun_key(name: str, role: str) -> dict[str, Any]:
    """Return a key as the account lists it."""
    return {
        "id": name,
        "description": "newsletter",
        "kind": "user",
        "role": role,
        "created_at": "2026-01-23T10:16:00",
        "updated_at": "2026-01-23T10:16:00",
        "is_disabled": False,
        "domain_name": None,
        "requestor": "gerrit@example.org",
        "user_name": "Gerrit",
    }


def _says(status: int, said: object) -> tuple[int, bytes]:
    return status, json.dumps(said).encode()
