"""What Lettermint says of an account: tokens, domains, routes, webhooks, the plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import lettermint as sdk
import pytest

from newsletter.model import DiagnosisState, DnsRecord
from newsletter.providers.base_account import (
    CHECKS,
    DOMAIN,
    KEY,
    LIMITS,
    REGION,
    TRACKING,
    UNSUBSCRIBE,
    WEBHOOK,
)
from tests.support.providers.accounts import diagnosis, inspect, states
from tests.support.providers.cases import LETTERMINT
from tests.support.providers.fake_account_lettermint import (
    EVENTS,
    lettermint_domain,
    lettermint_route,
    lettermint_webhook,
)
from tests.support.providers.fake_accounts import PUBLIC_URL, TEAM_TOKEN

if TYPE_CHECKING:
    from tests.support.providers.fake_lettermint import FakeLettermint

EVENTS_PAGE = Path(__file__).parents[2] / "docs" / "events.md"
OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN
FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
OURS = f"{PUBLIC_URL}/webhooks/lettermint"
OTHER = "p-2"


def test_a_good_set_up_is_ok(fake: FakeLettermint) -> None:
    assert states(inspect(LETTERMINT, fake)) == dict.fromkeys(CHECKS, OK)


def test_each_token_goes_only_where_it_belongs(fake: FakeLettermint) -> None:
    inspect(LETTERMINT, fake)
    ping, *others = fake.requests
    assert ping.path == "/ping"
    assert ping.headers["x-lettermint-token"] == "lm_c4n4ry"
    assert "authorization" not in ping.headers
    assert {one.headers["authorization"] for one in others} == {f"Bearer {TEAM_TOKEN}"}
    assert not [one for one in others if "x-lettermint-token" in one.headers]


def test_without_a_team_token_only_the_key_is_asked_for(fake: FakeLettermint) -> None:
    report = inspect(LETTERMINT, fake, LETTERMINT_TEAM_TOKEN="-")
    found = states(report)
    assert (found.pop(KEY), found.pop(REGION)) == (OK, OK)
    assert set(found.values()) == {UNKNOWN}
    assert all("LETTERMINT_TEAM_TOKEN" in diagnosis(report, check).message for check in found)
    assert len(fake.requests) == 1


def test_a_team_token_without_rights_hides_all_else(fake: FakeLettermint) -> None:
    fake.account.knows_team_token = False
    found = states(inspect(LETTERMINT, fake))
    assert (found.pop(KEY), found.pop(REGION)) == (OK, OK)
    assert set(found.values()) == {UNKNOWN}


def test_a_token_that_was_replaced_is_a_failure(fake: FakeLettermint) -> None:
    fake.account.knows_token = False
    found = states(inspect(LETTERMINT, fake))
    assert found.pop(KEY) is FAILURE
    assert set(found.values()) == {OK}


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"domain": "example.net"}, FAILURE, "does not have the domain example.org"),
        ({"domain": "brief.example.org"}, FAILURE, "does not have the domain example.org"),
        ({"status": "pending_verification"}, FAILURE, "not verified (pending_verification)"),
        ({"status": "partially_verified"}, FAILURE, "not verified"),
        ({"projects": []}, FAILURE, "no project may send"),
        ({"domain": "Example.org"}, OK, "is verified"),
    ],
)
def test_the_domain_of_the_sender_must_be_verified(
    fake: FakeLettermint, change: dict[str, Any], state: DiagnosisState, words: str
) -> None:
    fake.account.domains = [lettermint_domain("example.org") | change]
    found = diagnosis(inspect(LETTERMINT, fake), DOMAIN)
    assert found.state is state
    assert words in found.message


def test_records_that_are_not_seen_are_named(fake: FakeLettermint) -> None:
    (domain,) = fake.account.domains
    domain["status"] = "failed_verification"
    for record in domain["dns_records"][1:]:
        record["status"] = "failed"
    found = diagnosis(inspect(LETTERMINT, fake), DOMAIN)
    assert found.message.endswith("not seen yet: TXT lettermint._domainkey.example.org")


def test_the_records_that_it_requires_and_their_selectors(fake: FakeLettermint) -> None:
    report = inspect(LETTERMINT, fake)
    assert report.dkim_selectors == ("lettermint",)
    assert report.records == (
        DnsRecord("lm-bounces.example.org", "CNAME", "bounces.lmta.net"),
        DnsRecord("lettermint._domainkey.example.org", "TXT", "v=DKIM1; k=rsa; p=MIIB"),
    )


def test_without_a_sender_its_domain_is_not_known(fake: FakeLettermint) -> None:
    assert states(inspect(LETTERMINT, fake, sender=""))[DOMAIN] is UNKNOWN


@pytest.mark.parametrize(
    ("settings", "check", "state"),
    [
        ({"track_opens": True}, TRACKING, FAILURE),
        ({"track_clicks": True}, TRACKING, FAILURE),
        ({"track_clicks": None}, TRACKING, UNKNOWN),
        ({"disable_hosted_unsubscribe": False}, UNSUBSCRIBE, FAILURE),
        ({"disable_hosted_unsubscribe": None}, UNSUBSCRIBE, UNKNOWN),
    ],
)
def test_the_broadcast_route_tracks_nothing_and_keeps_our_header(
    fake: FakeLettermint, settings: dict[str, Any], check: str, state: DiagnosisState
) -> None:
    fake.account.routes[0]["settings"] = {"track_opens": True, "track_clicks": True}
    fake.account.routes[1]["settings"] |= settings
    found = states(inspect(LETTERMINT, fake))
    assert found.pop(check) is state
    assert set(found.values()) == {OK}


def add_project(fake: FakeLettermint, mode: str = "live", **settings: bool) -> None:
    """Let another project send from the domain; its route tracks nothing unless `settings` do."""
    fake.account.domains[0]["projects"].append({"id": OTHER, "name": "Other"})
    fake.account.projects.append({"id": OTHER, "name": "Other", "delivery_mode": mode})
    good = {"track_opens": False, "track_clicks": False, "disable_hosted_unsubscribe": True}
    fake.account.routes.append(lettermint_route("broadcast", OTHER, settings=good | settings))


@pytest.mark.parametrize(
    ("settings", "check"),
    [({"track_opens": True}, TRACKING), ({"disable_hosted_unsubscribe": False}, UNSUBSCRIBE)],
)
def test_what_one_of_several_projects_does_is_no_failure(
    fake: FakeLettermint, settings: dict[str, bool], check: str
) -> None:
    add_project(fake, **settings)
    report = inspect(LETTERMINT, fake)
    found = states(report)
    assert found.pop(check) is UNKNOWN
    assert set(found.values()) == {OK}
    assert "in Other, the route Broadcast" in diagnosis(report, check).message
    fake.account.routes[1]["settings"] |= settings
    assert states(inspect(LETTERMINT, fake))[check] is FAILURE


def test_a_sandbox_beside_a_project_that_is_live_is_no_failure(fake: FakeLettermint) -> None:
    add_project(fake, "sandbox")
    report = inspect(LETTERMINT, fake)
    found = states(report)
    assert found.pop(LIMITS) is UNKNOWN
    assert set(found.values()) == {OK}
    assert "in Other, the project is a sandbox" in diagnosis(report, LIMITS).message
    fake.account.projects[0]["delivery_mode"] = "sandbox"
    assert states(inspect(LETTERMINT, fake))[LIMITS] is FAILURE


def test_a_project_without_a_broadcast_route_beside_a_sandbox_is_a_failure(
    fake: FakeLettermint,
) -> None:
    add_project(fake, "sandbox")
    del fake.account.routes[1]
    assert states(inspect(LETTERMINT, fake))[LIMITS] is FAILURE


def test_without_a_broadcast_route_nothing_can_be_sent(fake: FakeLettermint) -> None:
    fake.account.routes.pop()
    found = states(inspect(LETTERMINT, fake))
    assert found[LIMITS] is FAILURE
    assert (found[TRACKING], found[UNSUBSCRIBE]) == (UNKNOWN, UNKNOWN)


def test_a_broadcast_route_on_a_later_page_is_found(fake: FakeLettermint) -> None:
    others = [lettermint_route(f"route-{number}") for number in range(5)]
    fake.account.routes = [*others, *fake.account.routes]
    assert states(inspect(LETTERMINT, fake))[LIMITS] is OK


@pytest.mark.parametrize(
    ("change", "audience", "state"),
    [
        ({}, 9_700, OK),
        ({}, 9_701, WARNING),
        ({"included_volume": 100}, 0, OK),
        ({"included_volume": "many"}, 0, UNKNOWN),
        ({"verified_at": None}, 0, WARNING),
    ],
)
def test_the_plan_is_large_enough_for_the_list(
    fake: FakeLettermint, change: dict[str, Any], audience: int, state: DiagnosisState
) -> None:
    fake.account.team |= change
    assert states(inspect(LETTERMINT, fake, audience=audience))[LIMITS] is state


def test_a_sandbox_mails_nobody(fake: FakeLettermint) -> None:
    fake.account.projects[0]["delivery_mode"] = "sandbox"
    assert states(inspect(LETTERMINT, fake))[LIMITS] is FAILURE


@pytest.mark.parametrize(
    ("webhooks", "state", "words"),
    [
        ([], FAILURE, "no webhook reports"),
        ([{"url": "https://old.example.org/webhooks/lettermint"}], FAILURE, "instead"),
        ([{"enabled": False}], FAILURE, "switched off"),
        ([{"delivery_mode_filter": "sandbox"}], FAILURE, "switched off"),
        ([{"events": ["message.sent"]}], FAILURE, "message.hard_bounced"),
        ([{"project_ids": [OTHER]}], FAILURE, "no webhook reports"),
        ([{"project_ids": [OTHER], "scope": "team"}], OK, "all events"),
        ([{"scope": "route", "project_ids": [], "route_ids": ["p-1-broadcast"]}], OK, "all events"),
        ([{"url": "https://example.net/"}] * 5 + [{}], OK, "all events"),
    ],
)
def test_a_webhook_reports_all_events_to_this_web_app(
    fake: FakeLettermint, webhooks: list[dict[str, Any]], state: DiagnosisState, words: str
) -> None:
    fake.account.webhooks = [
        lettermint_webhook(OURS) | one | {"id": f"w-{number}"}
        for number, one in enumerate(webhooks)
    ]
    found = diagnosis(inspect(LETTERMINT, fake), WEBHOOK)
    assert found.state is state
    assert words in found.message


def test_a_webhook_without_a_secret_here_is_a_warning(fake: FakeLettermint) -> None:
    found = states(inspect(LETTERMINT, fake, LETTERMINT_WEBHOOK_SECRET="-"))
    assert found[WEBHOOK] is WARNING


def test_the_sdk_asks_the_same(fake: FakeLettermint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    inspect(LETTERMINT, fake)
    ours = [normalized(request.path) for request in fake.requests]
    fake.requests.clear()
    page: Any = {"page": {"size": 100}}
    with sdk.Lettermint(
        sending_token="lm_c4n4ry", team_token=TEAM_TOKEN, base_url=fake.url
    ) as client:
        assert client.emails.ping() == "pong"
        (domain,) = client.domains.list({"filter": {"domain": "example.org"}, **page})["data"]
        whole = client.domains.retrieve(domain["id"], {"include": ["dnsRecords", "projects"]})
        (project,) = whole["projects"]
        assert client.projects.retrieve(project["id"])["delivery_mode"] == "live"
        routes = client.routes.list(project["id"], page)["data"]
        (route,) = (one for one in routes if one["slug"] == "broadcast")
        found = client.routes.retrieve(route["id"])["settings"]
        assert found
        assert found["disable_hosted_unsubscribe"]
        assert client.webhooks.list(page)["data"][0]["enabled"]
        assert client.team.retrieve()["included_volume"] == 10_000
        assert client.team.usage()["current_period"]["usage"] == 300
    assert [normalized(request.path) for request in fake.requests] == ours


def normalized(path: str) -> tuple[str, str]:
    """Return a path with its query in any order, decoded."""
    where = urlsplit(path)
    return where.path, json.dumps(sorted(parse_qsl(where.query)))


def test_the_documents_list_the_events_that_are_asked_for() -> None:
    (line,) = re.findall(
        r"^- \*\*Lettermint\*\*(.*?)^- ", EVENTS_PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    listed = re.findall(r"`([\w.]+)`", line)
    kind = listed[0].partition(".")[0]
    whole = [f"{kind}{name}" if name.startswith(".") else name for name in listed]
    assert sorted(whole) == sorted(EVENTS)
