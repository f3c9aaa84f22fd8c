"""What Mailgun says of an account: keys, the domain, tracking, webhooks, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mailgun.client import Client

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
from newsletter.providers.mailgun.account import diagnose_region
from tests.support.providers.accounts import diagnosis, inspect, states
from tests.support.providers.cases import MAILGUN
from tests.support.providers.fake_account_mailgun import EVENTS, mailgun_key
from tests.support.providers.fake_accounts import PUBLIC_URL
from tests.support.providers.fake_server import answer

if TYPE_CHECKING:
    from tests.support.providers.fake_mailgun import FakeMailgun

OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN
FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
OURS = f"{PUBLIC_URL}/webhooks/mailgun"


def test_a_good_set_up_is_ok(fake: FakeMailgun) -> None:
    assert states(inspect(MAILGUN, fake)) == dict.fromkeys(CHECKS, OK)


@pytest.mark.parametrize("role", ["sending", "basic"])
def test_what_a_key_with_few_rights_may_not_see_is_unknown(fake: FakeMailgun, role: str) -> None:
    fake.account.role = role
    found = states(inspect(MAILGUN, fake))
    assert found.pop(REGION) is OK
    assert found.pop(LIMITS) is UNKNOWN
    assert set(found.values()) == ({UNKNOWN} if role == "sending" else {OK})


def test_an_unknown_key_looks_like_one_that_may_only_send(fake: FakeMailgun) -> None:
    fake.key = "another"
    found = diagnosis(inspect(MAILGUN, fake), KEY)
    assert found.state is UNKNOWN
    assert "newsletter proof" in found.fix


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        (mailgun_key("e2153fd0-e0277777", "admin"), OK),
        (mailgun_key("key-c4n4ry", "admin"), WARNING),
        (mailgun_key("key-c4n4ry", "developer"), OK),
        (mailgun_key("y", "admin"), OK),
    ],
)
def test_a_key_with_all_rights_is_a_warning(
    fake: FakeMailgun, listed: dict[str, Any], state: DiagnosisState
) -> None:
    fake.account.keys = [listed]
    found = diagnosis(inspect(MAILGUN, fake), KEY)
    assert found.state is state
    assert "c4n4ry" not in found.message


def test_a_domain_of_another_region_is_a_failure(fake: FakeMailgun) -> None:
    report = inspect(MAILGUN, fake, MAILGUN_DOMAIN="other.example.org")
    found = states(report)
    assert (found[KEY], found[DOMAIN]) == (OK, FAILURE)
    assert "https://api.mailgun.net" in diagnosis(report, DOMAIN).fix


def test_an_address_that_is_not_its_api_shows_nothing(fake: FakeMailgun) -> None:
    fake.reading = answer(b"Mailgun Magnificent API", kind="text/plain")
    found = states(inspect(MAILGUN, fake))
    assert found.pop(REGION) is OK
    assert set(found.values()) == {UNKNOWN}


@pytest.mark.parametrize(
    ("change", "check", "state", "words"),
    [
        ({"state": "unverified"}, DOMAIN, FAILURE, "not verified (unverified)"),
        ({"type": "sandbox"}, LIMITS, FAILURE, "is a sandbox"),
        ({"state": "disabled"}, LIMITS, FAILURE, "has disabled"),
        (
            {"is_disabled": True, "disabled": {"reason": "Ask gerrit@example.org why"}},
            LIMITS,
            FAILURE,
            "has disabled brief.example.org: Ask … why",
        ),
    ],
)
def test_the_domain_that_sends_must_be_verified_and_enabled(
    fake: FakeMailgun, change: dict[str, Any], check: str, state: DiagnosisState, words: str
) -> None:
    fake.account.domain |= change
    report = inspect(MAILGUN, fake)
    found = diagnosis(report, check)
    assert found.state is state
    assert words in found.message
    assert {one.state for one in report.diagnoses if one.check != check} == {OK}


def test_a_record_that_vanished_is_a_warning(fake: FakeMailgun) -> None:
    fake.account.records[1]["valid"] = "invalid"
    fake.account.records[2]["valid"] = "invalid"
    found = diagnosis(inspect(MAILGUN, fake), DOMAIN)
    assert found.state is WARNING
    assert found.message.endswith("TXT mx._domainkey.brief.example.org")


@pytest.mark.parametrize(
    ("sender", "state"),
    [
        ("gerrit@example.org", OK),
        ("gerrit@brief.example.org", OK),
        ("gerrit@Example.ORG", OK),
        ("gerrit@example.net", FAILURE),
        ("gerrit@gmail.com", FAILURE),
        ("", UNKNOWN),
    ],
)
def test_the_sender_belongs_to_the_domain_that_signs(
    fake: FakeMailgun, sender: str, state: DiagnosisState
) -> None:
    assert states(inspect(MAILGUN, fake, sender=sender))[DOMAIN] is state


def test_the_records_for_sending_and_their_selectors(fake: FakeMailgun) -> None:
    old = fake.account.records[1] | {"name": "old._domainkey.brief.example.org", "is_active": False}
    fake.account.records.append(old)
    report = inspect(MAILGUN, fake)
    assert report.dkim_selectors == ("mx",)
    assert report.records == (
        DnsRecord("brief.example.org", "TXT", "v=spf1 include:mailgun.org ~all"),
        DnsRecord("mx._domainkey.brief.example.org", "TXT", "k=rsa; p=MIGfMA0"),
    )


def test_automatic_sender_security_signs_by_other_names(fake: FakeMailgun) -> None:
    fake.account.records = [
        {
            "is_active": True,
            "cached": [],
            "name": f"pdk{number}._domainkey.brief.example.org",
            "record_type": "CNAME",
            "valid": "valid",
            "value": f"pdk{number}._domainkey.abc.dkim1.eu.mgsend.org",
        }
        for number in (1, 2)
    ]
    assert inspect(MAILGUN, fake).dkim_selectors == ("pdk1", "pdk2")


@pytest.mark.parametrize(
    ("kind", "active", "check", "state"),
    [
        ("open", True, TRACKING, FAILURE),
        ("click", True, TRACKING, FAILURE),
        ("click", "htmlonly", TRACKING, FAILURE),
        ("click", "no", TRACKING, OK),
        ("click", None, TRACKING, UNKNOWN),
        ("unsubscribe", True, UNSUBSCRIBE, FAILURE),
        ("unsubscribe", "yes", UNSUBSCRIBE, FAILURE),
        ("unsubscribe", None, UNSUBSCRIBE, UNKNOWN),
    ],
)
def test_the_domain_tracks_nothing_and_adds_no_link(
    fake: FakeMailgun, kind: str, active: object, check: str, state: DiagnosisState
) -> None:
    fake.account.tracking[kind]["active"] = active
    found = states(inspect(MAILGUN, fake))
    assert found.pop(check) is state
    assert set(found.values()) == {OK}


def test_a_region_is_known_by_its_address() -> None:
    assert diagnose_region("https://api.eu.mailgun.net").state is OK
    assert diagnose_region("https://api.mailgun.net").state is WARNING


@pytest.mark.parametrize(
    ("limit", "audience", "state"),
    [
        (None, 10**6, OK),
        ({"limit": 10_000, "current": 9_000, "period": "1m"}, 1_000, OK),
        ({"limit": 10_000, "current": 9_000, "period": "1m"}, 1_001, WARNING),
        ({"limit": 100, "current": 0, "period": "1h"}, 101, WARNING),
        ({"limit": 100, "current": 200, "period": "1d"}, 1, WARNING),
        ({"limit": 1e999, "current": 0, "period": "1d"}, 1, UNKNOWN),
        ({"message": "so"}, 1, UNKNOWN),
    ],
)
def test_the_limit_of_the_account_is_large_enough(
    fake: FakeMailgun, limit: dict[str, Any] | None, audience: int, state: DiagnosisState
) -> None:
    fake.account.limit = limit
    assert states(inspect(MAILGUN, fake, audience=audience))[LIMITS] is state


@pytest.mark.parametrize(
    ("webhooks", "state", "words"),
    [
        ({}, FAILURE, "no webhook reports"),
        ({"delivered": None}, FAILURE, "no webhook reports"),
        ({name: {"urls": ["https://example.net/"]} for name in EVENTS}, FAILURE, "no webhook"),
        ({"delivered": {"urls": ["https://example.net/", OURS]}}, FAILURE, "permanent_fail"),
        ({name: {"urls": [OURS]} for name in EVENTS[:3]}, FAILURE, "complained"),
        ({name: {"urls": [OURS]} for name in EVENTS if name != "accepted"}, WARNING, "accepted"),
        ({name: {"urls": ["https://example.net/", OURS]} for name in EVENTS}, OK, "all events"),
    ],
)
def test_each_webhook_reports_to_this_web_app(
    fake: FakeMailgun, webhooks: dict[str, Any], state: DiagnosisState, words: str
) -> None:
    fake.account.webhooks = webhooks
    found = diagnosis(inspect(MAILGUN, fake), WEBHOOK)
    assert found.state is state
    assert words in found.message


def test_a_signing_key_that_was_renewed_is_a_failure(fake: FakeMailgun) -> None:
    fake.account.signing_key = "key-renewed"
    found = diagnosis(inspect(MAILGUN, fake), WEBHOOK)
    assert found.state is FAILURE
    assert "MAILGUN_WEBHOOK_SECRET is not the secret" in found.message
    assert "renewed" not in found.message


def test_the_sdk_of_mailgun_asks_the_same(
    fake: FakeMailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only of the domain itself it asks an older version, which is not in the specification."""
    monkeypatch.setenv("no_proxy", "*")
    client = Client(auth=("api", "key-c4n4ry"), api_url=fake.url)
    tracking = client.domains_tracking.get(domain="brief.example.org").json()
    assert tracking["tracking"]["click"]["active"] is False
    webhooks = client.domains_webhooks.get(domain="brief.example.org").json()
    assert webhooks["webhooks"]["delivered"]["urls"] == [OURS]
    theirs = [request.path for request in fake.requests]
    fake.requests.clear()
    inspect(MAILGUN, fake)
    assert [request.path for request in fake.requests][1:3] == theirs
