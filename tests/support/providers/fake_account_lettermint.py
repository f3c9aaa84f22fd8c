"""What the fake of Lettermint knows of a team: domains, projects, routes, webhooks, the plan."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.providers.fake_accounts import DOMAIN, PER_PAGE, PUBLIC_URL

if TYPE_CHECKING:
    from tests.support.providers.fake_server import Request

EVENTS = (
    *("message.sent", "message.delivered", "message.soft_bounced", "message.hard_bounced"),
    *("message.spam_complaint", "message.unsubscribed", "message.suppressed"),
    *("message.failed", "message.policy_rejected"),
)
OURS = "p-1"
LISTS = re.compile(r"domains|webhooks|projects/[^/]+/routes")
ITEMS = re.compile(r"(domains|projects|routes)/([^/]+)")


class LettermintAccount:
    """One team with one project, whose route `broadcast` has hosted unsubscribe off."""

    def __init__(self) -> None:
        self.knows_token = True
        self.knows_team_token = True
        self.domains = [lettermint_domain(DOMAIN)]
        self.projects = [{"id": OURS, "name": "Brief", "delivery_mode": "live"}]
        self.routes = [lettermint_route("transactional"), lettermint_route("broadcast")]
        self.webhooks = [lettermint_webhook(f"{PUBLIC_URL}/webhooks/lettermint")]
        self.team: dict[str, Any] = {
            "id": "t-1",
            "name": "Gerrit",
            "plan": "starter",
            "included_volume": 10_000,
            "verified_at": "2026-05-01T10:00:00Z",
        }
        self.used = 300

    def respond(self, request: Request, path: str) -> tuple[int, bytes] | None:
        """Return the answer to a question about the account; None if it is another request."""
        if request.method != "GET":
            return None
        where = urlsplit(path)
        what = where.path.strip("/")
        if what == "ping":
            known = self.knows_token and request.headers.get("x-lettermint-token")
            return (200, b"pong") if known else _refused(401, "Unauthenticated.")
        if not request.headers.get("authorization", "").startswith("Bearer lm_team_"):
            return _refused(401, "Unauthenticated.")
        if not self.knows_team_token:
            return _refused(403, "This token may not do that.")
        said = self._answer(what, dict(parse_qsl(where.query)))
        return _refused(404, "Not found.") if said is None else (200, json.dumps(said).encode())

    def _answer(self, what: str, query: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        if what == "team":
            return self.team
        if what == "team/usage":
            return {"current_period": {"usage": self.used}, "historical_usage": []}
        if LISTS.fullmatch(what):
            return self._list(what, query)
        if found := ITEMS.fullmatch(what):
            included = {"dnsRecords": "dns_records", "projects": "projects"}
            hidden = {
                name
                for asked, name in included.items()
                if found[1] == "domains" and asked not in query.get("include", "").split(",")
            }
            listed: list[dict[str, Any]] = getattr(self, found[1])
            ones = (one for one in listed if one["id"] == unquote(found[2]))
            one = next(ones, None)
            return one and {name: one[name] for name in one if name not in hidden | {"status"}}
        return None

    def _list(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        kind = what.rpartition("/")[2]
        listed: list[dict[str, Any]] = getattr(self, kind)
        if kind == "routes":
            listed = [one for one in listed if one["project_id"] == what.split("/")[1]]
        if "filter[domain]" in query:
            listed = [one for one in listed if query["filter[domain]"] in one["domain"].lower()]
        start = int(query.get("cursor" if kind == "webhooks" else "page[cursor]", "0"))
        end = start + min(PER_PAGE, int(query.get("page[size]", "30")))
        short = {"settings", "dns_records", "projects"}
        page = [{name: one[name] for name in one if name not in short} for one in listed]
        following = str(end) if end < len(listed) else None
        return {"data": page[start:end], "next_cursor": following, "per_page": PER_PAGE}


def lettermint_domain(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a domain of which every record was seen."""
    records = [
        ("CNAME", f"lm-bounces.{name}", "bounces.lmta.net", "return_path", True),
        ("TXT", f"lettermint._domainkey.{name}", "v=DKIM1; k=rsa; p=MIIB", "dkim_legacy", True),
        ("TXT", f"_dmarc.{name}", "v=DMARC1; p=none", "dmarc", False),
    ]
    return {
        "id": f"d-{name}",
        "domain": name,
        "status": "verified",
        "dkim_mode": "legacy_txt",
        "projects": [{"id": OURS, "name": "Brief"}],
        "dns_records": [
            {
                "id": f"r-{place}",
                "type": kind,
                "hostname": fqdn.removesuffix(f".{name}"),
                "fqdn": fqdn,
                "content": content,
                "status": "active",
                "purpose": purpose,
                "verification_scope": "required" if required else "recommended",
                "required_for_verification": required,
            }
            for place, (kind, fqdn, content, purpose, required) in enumerate(records)
        ],
    } | more


def lettermint_route(slug: str, project: str = OURS, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a route that tracks nothing and adds no link of its own."""
    return {
        "id": f"{project}-{slug}",
        "project_id": project,
        "slug": slug,
        "name": slug.title(),
        "route_type": slug,
        "settings": {
            "disable_hosted_unsubscribe": True,
            "track_opens": False,
            "track_clicks": False,
        },
    } | more


def lettermint_webhook(url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a webhook of the project that reports all that it must."""
    return {
        "id": "w-1",
        "scope": "project",
        "project_ids": [OURS],
        "route_ids": [],
        "route_id": None,
        "name": "Web app",
        "url": url,
        "has_basic_auth": False,
        "events": list(EVENTS),
        "enabled": True,
        "delivery_mode_filter": "live",
    } | more


def _refused(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"message": message}).encode()
