"""What the fake of Resend knows of the account: its domains, its webhooks, and a key's rights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from newsletter.providers.resend.events import KINDS
from tests.support.providers.fake_accounts import DOMAIN, PER_PAGE, PUBLIC_URL, RESEND_SECRET

if TYPE_CHECKING:
    from tests.support.providers.fake_server import Request


class ResendAccount:
    """`/domains` and `/webhooks`; a key that may only send sees neither."""

    def __init__(self) -> None:
        self.permission = "full_access"
        """Or `sending_access`, or `none` for a key that was deleted."""
        self.domains = [resend_domain(DOMAIN)]
        self.webhooks = [resend_webhook(f"{PUBLIC_URL}/webhooks/resend")]

    def respond(self, request: Request, path: str) -> tuple[int, bytes] | None:
        """Return the answer to a question about the account; None if it is another request."""
        where = urlsplit(path)
        what, _, item = where.path.strip("/").partition("/")
        if request.method != "GET" or what not in {"domains", "webhooks"}:
            return None
        if self.permission != "full_access":
            return self._refuse()
        query = dict(parse_qsl(where.query))
        listed: list[dict[str, Any]] = getattr(self, what)
        if item:
            found = next((one for one in listed if one["id"] == unquote(item)), None)
            return (200, json.dumps(found).encode()) if found else _resend_error(404, "not_found")
        if not 1 <= int(query.get("limit", "20")) <= 100:
            return _resend_error(422, "validation_error")
        ids = [one["id"] for one in listed]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        page = [
            {
                name: value
                for name, value in one.items()
                if name not in {"records", "signing_secret"}
            }
            for one in listed[start : start + PER_PAGE]
        ]
        more = start + PER_PAGE < len(listed)
        return 200, json.dumps({"object": "list", "has_more": more, "data": page}).encode()

    def _refuse(self) -> tuple[int, bytes]:
        if self.permission == "sending_access":
            words = "This API key is restricted to only send emails"
            return _resend_error(401, "restricted_api_key", words)
        return _resend_error(400, "validation_error", "API key is invalid")


def resend_domain(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a domain that is verified; the names of its records are relative to `example.org`."""
    inside = name.removesuffix("example.org").rstrip(".")
    inside = f".{inside}" if inside else ""
    return {
        "object": "domain",
        "id": f"d-{name}",
        "name": name,
        "status": "verified",
        "created_at": "2026-04-26 20:21:26.347412+00",
        "region": "eu-west-1",
        "open_tracking": False,
        "click_tracking": False,
        "capabilities": {"sending": "enabled", "receiving": "disabled"},
        "records": [
            resend_record("SPF", "MX", f"send{inside}", "feedback-smtp.eu-west-1.amazonses.com")
            | {"priority": 10},
            resend_record("SPF", "TXT", f"send{inside}", "v=spf1 include:amazonses.com ~all"),
            resend_record("DKIM", "TXT", f"resend._domainkey{inside}", "p=MIGfMA0GCSqGSIb3DQEB"),
        ],
    } | more


def resend_record(record: str, kind: str, name: str, value: str) -> dict[str, Any]:
    """Return a record of a domain that was seen in the DNS."""
    return {
        "record": record,
        "name": name,
        "type": kind,
        "ttl": "Auto",
        "status": "verified",
        "value": value,
    }


def resend_webhook(endpoint: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a webhook that reports all that it must."""
    return {
        "object": "webhook",
        "id": "479e3145-dd38-476b-932c-529ceb705947",
        "endpoint": endpoint,
        "events": list(KINDS),
        "status": "enabled",
        "created_at": "2026-10-06 23:47:56.678+00",
        "signing_secret": RESEND_SECRET,
    } | more


def _resend_error(status: int, name: str, message: str = "it is so") -> tuple[int, bytes]:
    return status, json.dumps({"statusCode": status, "name": name, "message": message}).encode()
