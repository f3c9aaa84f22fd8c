"""What Amazon SES says of an account: keys, the identity, the configuration set, the quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.validate import ParamValidator

from newsletter.model import DiagnosisState, DnsRecord
from newsletter.providers.base_account import CHECKS, DOMAIN, KEY, LIMITS, REGION, TRACKING, WEBHOOK
from tests.support.providers.accounts import diagnosis, inspect, states
from tests.support.providers.cases import SES
from tests.support.providers.fake_account_ses import EVENTS, TOKENS, ses_destination, ses_identity
from tests.support.providers.fake_accounts import CONFIGURATION_SET
from tests.support.providers.fake_server import error
from tests.support.providers.fake_ses import FAULTS, model
from tests.support.providers.sigv4 import KEY_ID, SECRET
from tests.support.providers.sigv4 import REGION as HERE

if TYPE_CHECKING:
    from tests.support.providers.fake_ses import FakeSes

OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN
FAILURE, WARNING = DiagnosisState.FAILURE, DiagnosisState.WARNING
SUBDOMAIN = "Gerrit <gerrit@brief.example.org>"
ACCOUNT = "/v2/email/account"


def test_a_good_set_up_is_ok(fake: FakeSes) -> None:
    assert states(inspect(SES, fake)) == dict.fromkeys(CHECKS, OK)
    where = "/v2/email/configuration-sets/newsletter"
    assert [request.path for request in fake.requests] == [
        ACCOUNT,
        "/v2/email/identities/example.org",
        where,
        f"{where}/event-destinations",
    ]


def test_keys_that_may_only_send_are_good_and_hide_the_rest(fake: FakeSes) -> None:
    fake.may_ask, fake.resources.may_see = False, False
    report = inspect(SES, fake)
    found = states(report)
    assert [found.pop(check) for check in (KEY, "provider-unsubscribe", REGION)] == [OK, OK, OK]
    assert set(found.values()) == {UNKNOWN}
    assert "docs/providers.md has the policy" in diagnosis(report, DOMAIN).fix
    assert "123456789012" not in diagnosis(report, DOMAIN).message


def test_the_policy_of_the_documents_is_enough_for_sending_and_says_so(fake: FakeSes) -> None:
    fake.resources.may_see = False
    found = states(inspect(SES, fake))
    assert (found[KEY], found[LIMITS], found[DOMAIN]) == (OK, OK, UNKNOWN)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unknown-key", "does not accept these keys (UnrecognizedClientException)"),
        ("bad-key", "does not accept these keys (InvalidClientTokenId)"),
        ("bad-signature", "does not accept these keys (SignatureDoesNotMatch)"),
        ("expired", "AWS_SESSION_TOKEN has expired"),
        ("slow-clock", "the clock of this machine is wrong"),
        ("fast-clock", "the clock of this machine is wrong"),
        ("skewed", "the clock of this machine is wrong"),
    ],
)
def test_keys_that_aws_refuses_are_a_failure(fake: FakeSes, name: str, words: str) -> None:
    fake.reading = FAULTS[name]
    report = inspect(SES, fake)
    assert diagnosis(report, KEY).state is FAILURE
    assert words in diagnosis(report, KEY).message
    others = {one.state for one in report.diagnoses if one.check != KEY}
    assert others == {OK, UNKNOWN}


def test_another_secret_key_is_refused_over_the_wire(fake: FakeSes) -> None:
    fake.key = "another/secret+key/of+this+account"
    assert states(inspect(SES, fake))[KEY] is FAILURE


@pytest.mark.parametrize("name", ["rate", "rate-400", "day-400"])
def test_throttling_says_nothing_of_the_account(fake: FakeSes, name: str) -> None:
    fake.reading = FAULTS[name]
    found = states(inspect(SES, fake))
    assert (found[KEY], found[DOMAIN]) == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (
            {"VerifiedForSendingStatus": False, "VerificationStatus": "PENDING"},
            FAILURE,
            f"(PENDING): these records are not seen yet: CNAME {TOKENS[0]}._domainkey.example.org",
        ),
        ({"DkimAttributes": {"SigningEnabled": False, "Status": "SUCCESS"}}, FAILURE, "(SUCCESS)"),
        ({"DkimAttributes": {"SigningEnabled": True, "Status": "FAILED"}}, FAILURE, "(FAILED)"),
        ({"DkimAttributes": None}, FAILURE, "(switched off)"),
        (
            {
                "MailFromAttributes": {
                    "MailFromDomain": "bounce.example.org",
                    "MailFromDomainStatus": "FAILED",
                }
            },
            WARNING,
            "MAIL FROM domain bounce.example.org",
        ),
    ],
)
def test_the_identity_is_verified_and_signed(
    fake: FakeSes, change: dict[str, Any], state: DiagnosisState, words: str
) -> None:
    fake.resources.identities["example.org"] |= change
    found = diagnosis(inspect(SES, fake), DOMAIN)
    assert found.state is state
    assert words in found.message


def test_a_domain_is_verified_with_the_one_that_it_is_a_part_of(fake: FakeSes) -> None:
    report = inspect(SES, fake, sender=SUBDOMAIN)
    assert diagnosis(report, DOMAIN).message.startswith("example.org is verified")
    assert report.records[0].name == f"{TOKENS[0]}._domainkey.example.org"


def test_an_identity_of_its_own_comes_first(fake: FakeSes) -> None:
    fake.resources.identities["brief.example.org"] = ses_identity(VerifiedForSendingStatus=False)
    assert states(inspect(SES, fake, sender=SUBDOMAIN))[DOMAIN] is FAILURE


def test_a_domain_of_another_region_is_a_failure(fake: FakeSes) -> None:
    fake.resources.identities.clear()
    found = diagnosis(inspect(SES, fake, sender=SUBDOMAIN), DOMAIN)
    assert found.state is FAILURE
    assert found.message == "there is no identity brief.example.org in eu-west-1"


def test_another_server_without_identities_is_unknown(fake: FakeSes) -> None:
    for fault in (FAULTS["404-page"], error(404, "RouteNotFound")):
        fake.reading = fault
        assert states(inspect(SES, fake))[DOMAIN] is UNKNOWN
    fake.reading = FAULTS["no-set"]
    assert states(inspect(SES, fake))[DOMAIN] is FAILURE


def test_without_a_sender_its_domain_is_not_known(fake: FakeSes) -> None:
    assert states(inspect(SES, fake, sender=""))[DOMAIN] is UNKNOWN


def test_the_records_that_it_asks_for_and_the_selectors(fake: FakeSes) -> None:
    report = inspect(SES, fake)
    assert report.dkim_selectors == TOKENS
    assert report.records == (
        *(
            DnsRecord(f"{token}._domainkey.example.org", "CNAME", f"{token}.dkim.amazonses.com")
            for token in TOKENS
        ),
        DnsRecord("bounce.example.org", "MX", "10 feedback-smtp.eu-west-1.amazonses.com"),
        DnsRecord("bounce.example.org", "TXT", "v=spf1 include:amazonses.com ~all"),
    )


def test_keys_can_be_in_another_zone_or_be_the_domains_own(fake: FakeSes) -> None:
    dkim = fake.resources.identities["example.org"]["DkimAttributes"]
    dkim["SigningHostedZone"] = "dkim.eu.amazonses.com"
    assert inspect(SES, fake).records[0].value == f"{TOKENS[0]}.dkim.eu.amazonses.com"
    dkim |= {"SigningAttributesOrigin": "EXTERNAL", "Tokens": ["mine"]}
    report = inspect(SES, fake)
    assert report.dkim_selectors == ("mine",)
    assert [record.name for record in report.records] == ["bounce.example.org"] * 2


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"MatchingEventTypes": ["OPEN"]}, FAILURE, "configuration set newsletter tracks opens"),
        ({"MatchingEventTypes": ["CLICK"]}, FAILURE, "configuration set newsletter tracks clicks"),
        ({}, FAILURE, "opens and clicks"),
        ({"Enabled": False}, OK, "neither"),
    ],
)
def test_no_event_destination_asks_for_tracking(
    fake: FakeSes, change: dict[str, Any], state: DiagnosisState, words: str
) -> None:
    other = {"Name": "other", "Enabled": True, "MatchingEventTypes": ["OPEN", "CLICK"]}
    fake.resources.destinations[CONFIGURATION_SET].append(other | change)
    found = diagnosis(inspect(SES, fake), TRACKING)
    assert found.state is state
    assert words in found.message


def test_the_deliverability_manager_does_not_track(fake: FakeSes) -> None:
    on, off = ({"EngagementMetrics": state} for state in ("ENABLED", "DISABLED"))
    fake.account["VdmAttributes"] = {"VdmEnabled": "ENABLED", "DashboardAttributes": on}
    assert states(inspect(SES, fake))[TRACKING] is FAILURE
    vdm = {"VdmOptions": {"DashboardOptions": off}}
    fake.resources.sets[CONFIGURATION_SET] |= vdm
    assert states(inspect(SES, fake))[TRACKING] is OK


def test_the_configuration_set_of_the_identity_applies_without_another(fake: FakeSes) -> None:
    fake.resources.identities["example.org"]["ConfigurationSetName"] = CONFIGURATION_SET
    found = states(inspect(SES, fake, SES_CONFIGURATION_SET="-"))
    assert (found[TRACKING], found[WEBHOOK]) == (OK, OK)


@pytest.mark.parametrize(
    ("destinations", "state", "words"),
    [
        ([], FAILURE, "no webhook reports"),
        ([{"Name": "log", "Enabled": True, "CloudWatchDestination": {}}], FAILURE, "no webhook"),
        ([ses_destination("arn:aws:sns:eu-west-1:123456789012:other")], FAILURE, "another topic"),
        ([ses_destination(Enabled=False)], FAILURE, "switched off"),
        ([ses_destination(MatchingEventTypes=["SEND"])], FAILURE, "BOUNCE, COMPLAINT"),
        (
            [ses_destination(MatchingEventTypes=[one for one in EVENTS if one != "SEND"])],
            WARNING,
            "SEND",
        ),
    ],
)
def test_the_configuration_set_reports_to_our_topic(
    fake: FakeSes, destinations: list[dict[str, Any]], state: DiagnosisState, words: str
) -> None:
    fake.resources.destinations[CONFIGURATION_SET] = destinations
    found = diagnosis(inspect(SES, fake), WEBHOOK)
    assert found.state is state
    assert words in found.message
    assert "123456789012" not in found.message + found.fix


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"SES_CONFIGURATION_SET": "-"}, FAILURE),
        ({"SES_CONFIGURATION_SET": "-", "SES_TOPIC_ARN": "-"}, WARNING),
        ({"SES_CONFIGURATION_SET": "another"}, FAILURE),
        ({"SES_TOPIC_ARN": "-"}, WARNING),
        ({"SES_TOPIC_ARN": "newsletter"}, FAILURE),
    ],
)
def test_configuration_set_and_topic_are_named_here(
    fake: FakeSes, more: dict[str, str], state: DiagnosisState
) -> None:
    assert states(inspect(SES, fake, **more))[WEBHOOK] is state


@pytest.mark.parametrize(("mode", "state"), [("GLOBAL", WARNING), ("REGIONAL", OK)])
def test_letters_that_may_leave_from_another_continent_are_a_warning(
    fake: FakeSes, mode: str, state: DiagnosisState
) -> None:
    fake.account["DeliveryAttributes"] = {"SharedPoolDeliveryMode": mode}
    assert states(inspect(SES, fake))[REGION] is state


@pytest.mark.parametrize(
    ("change", "audience", "state", "words"),
    [
        ({"ProductionAccessEnabled": False}, 0, FAILURE, "sandbox"),
        ({"SendingEnabled": False}, 0, FAILURE, "paused"),
        ({"EnforcementStatus": "SHUTDOWN"}, 0, FAILURE, "paused"),
        ({"EnforcementStatus": "PROBATION"}, 0, WARNING, "under review"),
        ({"SendQuota": {"Max24HourSend": 200.0}}, 200, OK, "200 letters in 24 hours"),
        ({"SendQuota": {"Max24HourSend": 200.0}}, 201, WARNING, "201 subscribers"),
        ({"SendQuota": {"Max24HourSend": -1.0}}, 10**6, OK, "no limit"),
        ({"SendQuota": None}, 1, UNKNOWN, "does not say"),
    ],
)
def test_the_account_may_send_a_letter_to_everyone(
    fake: FakeSes, change: dict[str, Any], audience: int, state: DiagnosisState, words: str
) -> None:
    fake.account |= change
    found = diagnosis(inspect(SES, fake, audience=audience), LIMITS)
    assert found.state is state
    assert words in found.message


def test_a_configuration_set_whose_sending_is_paused_is_a_failure(fake: FakeSes) -> None:
    fake.resources.sets[CONFIGURATION_SET]["SendingOptions"] = {"SendingEnabled": False}
    assert states(inspect(SES, fake))[LIMITS] is FAILURE


def test_the_sdk_of_aws_asks_the_same_and_its_model_knows_the_answers(fake: FakeSes) -> None:
    inspect(SES, fake)
    ours = [(request.method, urlsplit(request.path).path) for request in fake.requests]
    fake.requests.clear()
    client: Any = boto3.client(
        "sesv2",
        region_name=HERE,
        endpoint_url=fake.url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    name = {"ConfigurationSetName": CONFIGURATION_SET}
    asked = {
        "GetAccount": client.get_account(),
        "GetEmailIdentity": client.get_email_identity(EmailIdentity="example.org"),
        "GetConfigurationSet": client.get_configuration_set(**name),
        "GetConfigurationSetEventDestinations": (
            client.get_configuration_set_event_destinations(**name)
        ),
    }
    assert [(request.method, urlsplit(request.path).path) for request in fake.requests] == ours
    for operation, said in asked.items():
        shape = model().operation_model(operation).output_shape
        said.pop("ResponseMetadata")
        assert said
        report = ParamValidator().validate(said, shape)
        assert not report.has_errors(), report.generate_report()
