"""What Resend says of an account: keys, domains, webhooks, the plan."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import resend

from newsletter.model import DiagnosisState, DnsRecord
from newsletter.providers.base_account import CHECKS, DOMAIN, KEY, LIMITS, REGION, TRACKING, WEBHOOK
from newsletter.providers.resend.events import KINDS
from tests.support.providers.accounts import diagnosis, inspect, states
from tests.support.providers.cases import RESEND
from tests.support.providers.fake_account_resend import resend_domain, resend_webhook
from tests.support.providers.fake_accounts import PUBLIC_URL, RESEND_SECRET
from tests.support.providers.fake_server import error

if TYPE_CHECKING:
    from tests.support.providers.fake_resend import FakeResend

EVENTS_PAGE = Path(__file__).parents[2] / "docs" / "events.md"
OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN
FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
OURS = f"{PUBLIC_URL}/webhooks/resend"
SUBDOMAIN = "Gerrit <gerrit@brief.example.org>"


def test_a_good_set_up_is_asked_in_few_requests(fake: FakeResend) -> None:
    fake.account.webhooks.append(resend_webhook("https://example.net/", id="w-2"))
    report = inspect(RESEND, fake)
    assert states(report) == dict.fromkeys(CHECKS, OK)
    assert [request.path for request in fake.requests] == [
        "/domains?limit=100",
        "/domains/d-example.org",
        "/webhooks?limit=100",
        f"/webhooks/{fake.account.webhooks[0]['id']}",
    ]


def test_a_key_that_may_only_send_is_good_and_hides_the_rest(fake: FakeResend) -> None:
    fake.account.permission = "sending_access"
    report = inspect(RESEND, fake)
    found = states(report)
    assert found.pop(KEY) is OK
    assert found.pop("provider-unsubscribe") is OK
    assert set(found.values()) == {UNKNOWN}
    assert "brief.example.org" not in diagnosis(report, DOMAIN).fix
    assert "example.org must be verified" in diagnosis(report, DOMAIN).fix
    assert diagnosis(report, DOMAIN).message == (
        "this key may not see the domains of the account"
        " (401: This API key is restricted to only send emails)"
    )


@pytest.mark.parametrize(
    ("status", "name", "message"),
    [
        (400, "validation_error", "API key is invalid"),
        (401, "validation_error", "API key is invalid"),
        (403, "invalid_api_key", "API key is invalid."),
        (401, "missing_api_key", "Missing API Key"),
    ],
)
def test_a_key_that_was_deleted_is_a_failure(
    fake: FakeResend, status: int, name: str, message: str
) -> None:
    fake.reading = error(status, name, message=message)
    report = inspect(RESEND, fake)
    found = states(report)
    assert found.pop(KEY) is FAILURE
    assert FAILURE not in found.values()
    assert diagnosis(report, DOMAIN).fix == "See provider-key"


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"name": "example.net"}, FAILURE, "does not have the domain example.org"),
        ({"status": "not_started"}, FAILURE, "not verified (not_started)"),
        ({"status": "failed"}, FAILURE, "not verified (failed)"),
        ({"status": "partially_verified"}, OK, "is verified"),
        ({"status": "partially_verified", "records": []}, FAILURE, "not verified"),
        ({"capabilities": {"sending": "disabled"}}, FAILURE, "sending is disabled"),
        ({"name": "EXAMPLE.org"}, OK, "is verified"),
    ],
)
def test_the_domain_of_the_sender_must_be_verified(
    fake: FakeResend, change: dict[str, Any], state: DiagnosisState, words: str
) -> None:
    fake.account.domains = [resend_domain("example.net"), resend_domain("example.org") | change]
    found = diagnosis(inspect(RESEND, fake), DOMAIN)
    assert found.state is state
    assert words in found.message


def test_a_record_that_is_not_seen_is_named(fake: FakeResend) -> None:
    (domain,) = fake.account.domains
    domain["status"] = "pending"
    domain["records"][2]["status"] = "failed"
    found = diagnosis(inspect(RESEND, fake), DOMAIN)
    assert found.state is FAILURE
    assert found.message.endswith("TXT resend._domainkey")


def test_a_domain_on_a_later_page_is_found(fake: FakeResend) -> None:
    others = [resend_domain(f"nr{number}.example.net") for number in range(5)]
    fake.account.domains = [*others, *fake.account.domains]
    assert states(inspect(RESEND, fake))[DOMAIN] is OK


def test_a_part_of_a_verified_domain_is_another_domain(fake: FakeResend) -> None:
    assert states(inspect(RESEND, fake, sender=SUBDOMAIN))[DOMAIN] is FAILURE


def test_without_a_sender_its_domain_is_not_known(fake: FakeResend) -> None:
    assert states(inspect(RESEND, fake, sender=""))[DOMAIN] is UNKNOWN


@pytest.mark.parametrize(
    ("sender", "domain", "ending"),
    [
        ("Gerrit <gerrit@example.org>", "example.org", "example.org"),
        (SUBDOMAIN, "brief.example.org", "brief.example.org"),
    ],
)
def test_records_have_whole_names(fake: FakeResend, sender: str, domain: str, ending: str) -> None:
    fake.account.domains = [resend_domain(domain)]
    fake.account.domains[0]["records"].append(
        {"record": "Tracking", "name": "links", "type": "CNAME", "value": "links1.resend-dns.com"}
    )
    report = inspect(RESEND, fake, sender=sender)
    assert report.dkim_selectors == ("resend",)
    assert report.records == (
        DnsRecord(f"send.{ending}", "MX", "10 feedback-smtp.eu-west-1.amazonses.com"),
        DnsRecord(f"send.{ending}", "TXT", "v=spf1 include:amazonses.com ~all"),
        DnsRecord(f"resend._domainkey.{ending}", "TXT", "p=MIGfMA0GCSqGSIb3DQEB"),
    )


def test_a_name_that_is_whole_stays_as_it_is(fake: FakeResend) -> None:
    fake.account.domains = [resend_domain("brief.example.org")]
    for record in fake.account.domains[0]["records"]:
        record["name"] += ".example.org"
    names = {record.name for record in inspect(RESEND, fake, sender=SUBDOMAIN).records}
    assert names == {"send.brief.example.org", "resend._domainkey.brief.example.org"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open_tracking": True}, "tracks opens"),
        ({"click_tracking": True}, "tracks clicks"),
        ({"open_tracking": True, "click_tracking": True}, "tracks opens and clicks"),
    ],
)
def test_tracking_that_is_on_is_a_failure(
    fake: FakeResend, change: dict[str, Any], words: str
) -> None:
    fake.account.domains[0] |= change
    found = diagnosis(inspect(RESEND, fake), TRACKING)
    assert found.state is FAILURE
    assert found.message.endswith(words)


def test_tracking_that_is_not_mentioned_is_unknown(fake: FakeResend) -> None:
    del fake.account.domains[0]["open_tracking"]
    assert states(inspect(RESEND, fake))[TRACKING] is UNKNOWN


@pytest.mark.parametrize(
    ("region", "state"), [("us-east-1", WARNING), ("eu-west-1", OK), ("", UNKNOWN)]
)
def test_a_region_outside_the_european_union_is_a_warning(
    fake: FakeResend, region: str, state: DiagnosisState
) -> None:
    fake.account.domains[0]["region"] = region
    assert states(inspect(RESEND, fake))[REGION] is state


@pytest.mark.parametrize(("audience", "state"), [(0, OK), (100, OK), (101, WARNING)])
def test_the_free_plan_is_too_small_for_a_larger_list(
    fake: FakeResend, audience: int, state: DiagnosisState
) -> None:
    assert states(inspect(RESEND, fake, audience=audience))[LIMITS] is OK
    fake.headers["x-resend-daily-quota"] = "3"
    assert states(inspect(RESEND, fake, audience=audience))[LIMITS] is state


@pytest.mark.parametrize(
    ("webhooks", "state", "words"),
    [
        ([], FAILURE, "no webhook reports"),
        ([{"endpoint": "https://old.example.org/webhooks/resend?key=abc"}], FAILURE, "instead"),
        ([{"endpoint": "https://x:abc@brief.example.org/webhooks/resend/"}], FAILURE, "instead"),
        ([{"endpoint": f"http{OURS[5:]}"}], FAILURE, "instead"),
        ([{"endpoint": OURS, "status": "disabled"}], FAILURE, "switched off"),
        ([{"endpoint": OURS, "events": ["email.sent"]}], FAILURE, "email.bounced"),
        ([{"endpoint": OURS, "events": None}], FAILURE, "email.bounced"),
        ([{"endpoint": OURS, "signing_secret": "whsec_b3RoZXI="}], FAILURE, "not the secret"),
        ([{"endpoint": "https://BRIEF.example.org/webhooks/resend"}], OK, "all events"),
        ([{"endpoint": OURS, "status": "disabled"}, {"endpoint": OURS}], OK, "all events"),
        ([{"status": "disabled"}, {"events": ["email.sent"]}], FAILURE, "email.bounced"),
        ([{"status": "disabled"}, {"signing_secret": "whsec_b3RoZXI="}], FAILURE, "not the secret"),
    ],
)
def test_a_webhook_reports_all_events_to_this_web_app(
    fake: FakeResend, webhooks: list[dict[str, Any]], state: DiagnosisState, words: str
) -> None:
    fake.account.webhooks = [
        resend_webhook(OURS, id=f"w-{number}") | one for number, one in enumerate(webhooks)
    ]
    found = diagnosis(inspect(RESEND, fake), WEBHOOK)
    assert found.state is state
    assert words in found.message
    assert "abc" not in found.message
    assert RESEND_SECRET not in found.message


def test_an_event_that_changes_no_list_is_only_a_warning(fake: FakeResend) -> None:
    fake.account.webhooks[0]["events"].remove("email.delivery_delayed")
    assert states(inspect(RESEND, fake))[WEBHOOK] is WARNING


def test_without_webhooks_and_secret_nothing_is_expected(fake: FakeResend) -> None:
    fake.account.webhooks = []
    report = inspect(RESEND, fake, RESEND_WEBHOOK_SECRET="-")
    assert states(report)[WEBHOOK] is WARNING


def test_a_webhook_whose_secret_is_not_set_here_is_a_warning(fake: FakeResend) -> None:
    found = diagnosis(inspect(RESEND, fake, RESEND_WEBHOOK_SECRET="-"), WEBHOOK)
    assert found.state is WARNING
    assert "RESEND_WEBHOOK_SECRET" in found.message


@pytest.mark.parametrize(
    ("secret", "state"),
    [(f"whsec_b3RoZXI=,{RESEND_SECRET}", OK), ("not-a-secret", FAILURE), ("whsec_b3I=", FAILURE)],
)
def test_one_of_the_secrets_here_is_that_of_the_webhook(
    fake: FakeResend, secret: str, state: DiagnosisState
) -> None:
    found = diagnosis(inspect(RESEND, fake, RESEND_WEBHOOK_SECRET=secret), WEBHOOK)
    assert found.state is state
    assert secret not in found.message


def test_the_sdk_of_resend_reads_the_same_account(
    fake: FakeResend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "api_url", fake.url)
    monkeypatch.setattr(resend, "api_key", "re_sdk")
    (listed,) = resend.Domains.list()["data"]
    assert resend.Domains.get(listed["id"])["status"] == "verified"
    (webhook,) = resend.Webhooks.list()["data"]
    assert resend.Webhooks.get(webhook["id"])["signing_secret"] == RESEND_SECRET
    theirs = {request.path.partition("?")[0] for request in fake.requests}
    fake.requests.clear()
    inspect(RESEND, fake)
    assert {request.path.partition("?")[0] for request in fake.requests} == theirs


def test_the_documents_list_the_events_that_are_asked_for() -> None:
    (line,) = re.findall(
        r"^- \*\*Resend\*\*(.*?)^- ", EVENTS_PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    listed = re.findall(r"`([\w.]+)`", line)
    kind = listed[0].partition(".")[0]
    whole = [f"{kind}{name}" if name.startswith(".") else name for name in listed]
    assert sorted(whole) == sorted(KINDS)
