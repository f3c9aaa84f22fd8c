"""Stand-ins for what providers list afterwards: pages of it, for the right key only.

They hold lists that a test fills, and know the requests that read them and that take an address
off. Each page is short, so that reading has to go on.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.providers.fake_server import FakeServer, Fault, Request
from tests.support.providers.sigv4 import KEY_ID, REGION, SECRET, Refusal, verify

if TYPE_CHECKING:
    from pathlib import Path

PER_PAGE = 2


class Lists(FakeServer):
    """What all of them share.

    Attributes:
        entries: By the name of a list: what stands in it, as the provider writes it.
        removed: What was taken off, by list.
        environment: What the command needs to ask here.
    """

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger)
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.removed: list[tuple[str, str]] = []
        self.environment: dict[str, str] = {}

    def counts(self, request: Request) -> bool:
        return bool(request)

    def error(self, fault: Fault) -> bytes:
        return json.dumps({"message": fault.message or fault.name}).encode()

    def respond(self, request: Request) -> tuple[int, bytes]:
        where = urlsplit(request.path)
        if not self.may(request):
            return 401, b'{"message":"This key is restricted to only send emails"}'
        name, _, item = where.path.strip("/").partition("/")
        query = dict(parse_qsl(where.query))
        status, said = self.answer(request.method, name, unquote(item), query)
        return status, json.dumps(said).encode()

    def may(self, request: Request) -> bool:
        return bool(request)

    def answer(
        self, method: str, name: str, item: str, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError

    def take_off(self, name: str, key: str, value: str) -> bool:
        """Remove the entries that have this value; say whether there were any."""
        before = self.entries.get(name, [])
        self.entries[name] = [one for one in before if one[key].lower() != value.lower()]
        self.removed.append((name, value))
        return len(self.entries[name]) < len(before)


class ResendLists(Lists):
    """`/suppressions`, newest first."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger)
        self.environment = {"RESEND_API_KEY": "re_full_access"}

    def may(self, request: Request) -> bool:
        return request.headers.get("authorization") == "Bearer re_full_access"

    def answer(
        self, method: str, name: str, item: str, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        assert name == "suppressions"
        if method == "DELETE":
            found = self.take_off(name, "email", item)
            return (200, {"deleted": True}) if found else (404, {"message": "Not found"})
        listed = self.entries.get(name, [])
        ids = [one["id"] for one in listed]
        start = ids.index(query["after"]) + 1 if "after" in query else 0
        page = listed[start : start + PER_PAGE]
        return 200, {"object": "list", "has_more": start + PER_PAGE < len(listed), "data": page}


class MailgunLists(Lists):
    """`/v3/DOMAIN/events` and the three lists of addresses."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger)
        self.environment = {
            "MAILGUN_API_KEY": "k3y-of-these-tests",
            "MAILGUN_DOMAIN": "brief.example.org",
        }

    def may(self, request: Request) -> bool:
        return request.headers.get("authorization", "").startswith("Basic ")

    def answer(
        self, method: str, name: str, item: str, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        assert name == "v3"
        domain, what, *more = item.split("/", 2)
        assert domain == "brief.example.org"
        if method == "DELETE":
            found = self.take_off(what, "address", more[0])
            return (200, {"message": "removed"}) if found else (404, {"message": "not found"})
        assert what == "events"
        if more:
            begin, start = (float(part) for part in more[0].split("-"))
        else:
            assert query["ascending"] == "yes"
            begin, start = float(query["begin"]), 0.0
        listed = [one for one in self.entries.get("events", []) if one["timestamp"] >= begin]
        page = listed[int(start) : int(start) + PER_PAGE]
        following = f"{self.url}/v3/{domain}/events/{begin:.0f}-{int(start) + len(page)}"
        return 200, {"items": page, "paging": {"next": following}}


class SesLists(Lists):
    """`/v2/email/suppression/addresses`, signed."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger)
        self.environment = {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
        }

    def may(self, request: Request) -> bool:
        try:
            verify(request, f"http://127.0.0.1:{self.port}", SECRET, "")
        except Refusal:
            return False
        return True

    def answer(
        self, method: str, name: str, item: str, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        assert name == "v2"
        what, _, address = item.removeprefix("email/suppression/").partition("/")
        assert what == "addresses"
        if method == "DELETE":
            found = self.take_off(what, "EmailAddress", address)
            return (200, {}) if found else (404, {"message": "does not exist"})
        since = datetime.fromisoformat(query["StartDate"]).timestamp()
        listed = [o for o in self.entries.get(what, []) if o["LastUpdateTime"] >= since]
        start = int(query.get("NextToken", "0"))
        said: dict[str, Any] = {"SuppressedDestinationSummaries": listed[start : start + PER_PAGE]}
        if start + PER_PAGE < len(listed):
            said["NextToken"] = str(start + PER_PAGE)
        return 200, said


class LettermintLists(Lists):
    """`/messages` and `/suppressions` of a team; `reviews` leaves removing to a person."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger)
        self.reviews = False
        self.environment = {
            "LETTERMINT_API_TOKEN": "lm_any",
            "LETTERMINT_TEAM_TOKEN": "lm_team_any",
        }

    def may(self, request: Request) -> bool:
        return request.headers.get("authorization") == "Bearer lm_team_any"

    def answer(
        self, method: str, name: str, item: str, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        assert name in {"messages", "suppressions"}
        if method == "DELETE":
            if self.reviews:
                return 202, {"success": True, "status": "in_review", "message": "A ticket"}
            found = self.take_off(name, "id", item)
            return (200, {"success": True, "status": "removed"}) if found else (404, {})
        listed = self.entries.get(name, [])
        if name == "messages":
            assert query["sort"] == "-status_changed_at"
            assert query["filter[from_email]"]
            listed = sorted(listed, key=lambda one: str(one["status_changed_at"]), reverse=True)
        value = query.get("filter[value]", "")
        listed = [one for one in listed if value in one.get("value", "")]
        start = int(query.get("page[cursor]", "0"))
        end = start + PER_PAGE
        following = str(end) if end < len(listed) else None
        return 200, {"data": listed[start:end], "next_cursor": following, "per_page": PER_PAGE}
