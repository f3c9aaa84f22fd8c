"""What we say to Amazon SES, a letter a request, and what its answers mean; regions and quota."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import Credentials

from newsletter import config, mime, providers
from newsletter.errors import NewsletterError
from newsletter.model import Accepted, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.providers.base import Quota
from newsletter.providers.http import HttpClient
from newsletter.providers.ses.client import REGIONS, Account
from newsletter.providers.ses.send import Ses, SesBulk
from tests.providers.test_contract import outcomes
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_server import Fault, answer
from tests.support.providers.fake_ses import FAULTS, FakeSes
from tests.support.providers.ses_requests import single
from tests.support.providers.sigv4 import KEY_ID, REGION, SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from newsletter.model import Outcome
    from newsletter.providers.base import Payload

ONE = ("anna@example.org",)
TOKEN = "s3ss10n/token=="
KEYS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


def account(
    url: str = "https://x.example",
    *,
    deadline: float = 1,
    **changed: Any,  # noqa: ANN401 - keys
) -> Account:
    keys = {"access_key": KEY_ID, "secret_key": SECRET, **changed}
    return Account(Credentials(**keys), REGION, url, HttpClient(deadline=deadline))


def wire_bytes(payload: Payload) -> Any:  # noqa: ANN401 - JSON
    return json.loads(b"".join(payload.parts))


def outcome_of(provider: Ses) -> Outcome:
    (said,) = outcomes(provider, batch(*ONE))
    return said


def settings(root: Path, environment: Mapping[str, str]) -> config.Settings:
    return config.load(root, {"NEWSLETTER_PROVIDER": "ses", **environment})


# What leaves.


@pytest.mark.parametrize("configuration_set", ["", "letters"])
@pytest.mark.parametrize("reply_to", ["", '"Zoë, van" <zoe@example.org>'])
def test_a_request_names_the_configuration_set_and_the_reply_address_if_there_are_any(
    configuration_set: str, reply_to: str
) -> None:
    sent = batch(*ONE, of=letter(reply_to=reply_to))
    asked = wire_bytes(Ses(account(), configuration_set).build(sent))
    assert asked == single(sent, configuration_set)
    assert ("ConfigurationSetName" in asked) is bool(configuration_set)
    assert ("ReplyToAddresses" in asked) is bool(reply_to)


def test_tracking_is_off_and_the_delivery_is_known_whatever_the_account_has_switched_on(
    fake: FakeSes, provider: Ses
) -> None:
    assert isinstance(outcome_of(provider), Accepted)
    (request,) = fake.requests
    asked = json.loads(request.body)
    assert set(asked["ConfigurationOverrides"]["Tracking"].values()) == {"DISABLED"}
    assert asked["EmailTags"] == [{"Name": "delivery", "Value": "0" * 32}]
    assert (request.method, request.path) == ("POST", "/v2/email/outbound-emails")


def test_a_subject_that_looks_like_an_encoded_word_arrives_as_it_was_written() -> None:
    of = letter(subject="=?utf-8?q?Rust?= en =?x")
    subject = wire_bytes(Ses(account()).build(batch(*ONE, of=of)))["Content"]["Simple"]["Subject"]
    assert "=?utf-8?q?Rust?=" not in subject["Data"]
    assert subject["Data"].isascii()
    assert subject["Data"] == "".join(mime.header_value("Subject", of.subject).splitlines())


@pytest.mark.parametrize("way", [Ses, SesBulk])
def test_what_does_not_fit_into_a_header_or_a_template_is_refused_beforehand(
    way: type[Ses],
) -> None:
    def unsupported(**of: str) -> str:
        return way(account()).unsupported(letter(**of))

    assert unsupported() == ""
    assert unsupported(list_id="Rust " * 190 + "<rust.example.org>") == ""
    assert "List-Id" in unsupported(list_id="Rust " * 200 + "<rust.example.org>")
    assert "List-Id" in unsupported(list_id="🌱" * 150 + " <rust.example.org>")
    far = dataclasses.replace(letter(), unsubscribe_url=f"https://{'x' * 900}.example.org/u/")
    assert "List-Unsubscribe" in way(account()).unsupported(far)
    assert unsupported(prose="x" * 300_000) == ""
    assert "larger" in unsupported(prose="x" * 500_000)
    assert "larger" in unsupported(prose="{" * 20_000)


def test_many_subscribers_get_their_letters_fifty_a_request() -> None:
    small = Ses(account())
    assert small.for_audience(5000) is small
    large = small.for_audience(5001)
    assert (large.capabilities.max_messages, large.capabilities.substitution) == (50, True)
    assert large.for_audience(1).capabilities == large.capabilities


# The signature.


def test_a_session_token_is_sent_signed_and_shown_nowhere(
    fake: FakeSes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    # A handler of its own: that of `caplog` listens to what is kept from every log as well.
    log = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(log)])
    logging.getLogger("rust").debug("it listens")
    fake.token = TOKEN
    ours, without = Ses(account(fake.url, token=TOKEN)), Ses(account(fake.url))
    assert isinstance(outcome_of(ours), Accepted)
    assert isinstance(outcome_of(without), RequestRefused)
    assert "x-amz-security-token" in fake.requests[0].headers["authorization"]
    fake.faults[3] = FAULTS["bad-signature"]
    fake.faults[3] = dataclasses.replace(fake.faults[3], message=f"{TOKEN} of {KEY_ID} {SECRET}")
    said = f"{outcome_of(ours)}{ours!r}{log.getvalue()}"
    assert "it listens" in said
    for secret in (TOKEN, KEY_ID, SECRET):
        assert secret not in said
    ours.close()
    without.close()


@pytest.mark.parametrize("changed", [{"secret_key": "another"}, {"access_key": "AKIASTRANGER"}])
def test_wrong_keys_are_refused_and_nothing_is_accepted(
    fake: FakeSes, changed: dict[str, str]
) -> None:
    stranger = Ses(account(fake.url, **changed))
    assert isinstance(outcome_of(stranger), RequestRefused)
    assert (fake.count, fake.taken()) == (1, [])
    stranger.close()


def test_the_signature_is_of_the_very_bytes_that_leave(fake: FakeSes, provider: Ses) -> None:
    sent = batch(*ONE)
    built = provider.build(sent)
    other = dataclasses.replace(built, parts=(*built.parts[:-1], built.parts[-1] + b" "))
    (said,) = provider.submit(sent, other).outcomes.values()
    assert isinstance(said, RequestRefused)
    assert fake.taken() == []


# What an answer means.

MEANINGS: dict[str, tuple[type, str]] = {
    "rate": (RetryLater, "accepts nothing now"),
    "rate-400": (RetryLater, "accepts nothing now"),
    "rate-500": (Unknown, ""),
    "day": (RetryLater, "quota"),
    "day-400": (RetryLater, "quota"),
    "limit": (RetryLater, "quota"),
    "suspended": (RequestRefused, "shut this account down"),
    "paused": (RequestRefused, "paused"),
    "no-mail-from": (RequestRefused, "MAIL FROM"),
    "no-set": (RequestRefused, "SES_CONFIGURATION_SET"),
    "expired": (RetryLater, "AWS_SESSION_TOKEN"),
    "unknown-key": (RequestRefused, "UnrecognizedClientException"),
    "bad-key": (RequestRefused, "InvalidClientTokenId"),
    "bad-signature": (RequestRefused, "SignatureDoesNotMatch"),
    "slow-clock": (RequestRefused, "the clock of this machine is wrong"),
    "fast-clock": (RequestRefused, "the clock of this machine is wrong"),
    "skewed": (RequestRefused, "the clock of this machine is wrong"),
}
AN_HOUR = ("day", "day-400", "limit", "expired")


@pytest.mark.parametrize("name", MEANINGS)
def test_an_error_says_what_a_person_or_a_later_run_must_know(
    fake: FakeSes, provider: Ses, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcome_of(provider)
    kind, words = MEANINGS[name]
    assert type(said) is kind
    assert words in said.reason
    if isinstance(said, RetryLater):
        assert said.after == (3600 if name in AN_HOUR else None)
    if isinstance(said, RequestRefused):
        assert not said.divisible
    assert fake.taken() == []


@pytest.mark.parametrize("name", ["rejected", "bad-request", "400"])
def test_an_error_of_a_letter_is_no_error_of_the_account(
    fake: FakeSes, provider: Ses, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcome_of(provider)
    assert isinstance(said, RequestRefused)
    assert said.divisible


@pytest.mark.parametrize("way", ["ses", "ses_bulk"])
def test_an_account_in_the_sandbox_is_distinguished_from_an_unverified_sender(
    fake: FakeSes, provider: Ses, way: str
) -> None:
    ours = provider.for_audience(5001) if way == "ses_bulk" else provider
    sent = batch("anna@elders.example", of=letter(sender="Gerrit <g@example.org>"))
    fake.sandbox = True
    (said,) = outcomes(ours, sent)
    assert isinstance(said, RequestRefused)
    assert "sandbox" in said.reason
    assert "production access" in said.reason
    assert not said.divisible
    fake.verified.clear()
    (said,) = outcomes(ours, sent)
    assert isinstance(said, RequestRefused)
    assert "sandbox" not in said.reason
    assert "has not verified the sender" in said.reason
    assert fake.taken() == []


@pytest.mark.parametrize(
    "said", [{}, [], None, 7, {"MessageId": None}, {"MessageId": ""}, {"MessageId": "a b\n"}]
)
def test_an_answer_without_a_name_says_nothing(fake: FakeSes, provider: Ses, said: object) -> None:
    fake.faults[1] = answer(json.dumps(said).encode())
    assert isinstance(outcome_of(provider), Unknown)


# What the account may send.

LIMITS = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 49_990.5}


@pytest.mark.parametrize(
    ("said", "quota"),
    [
        ({"SendQuota": LIMITS}, Quota(14, 9)),
        ({"SendQuota": LIMITS | {"Max24HourSend": -1.0}}, Quota(14, None)),
        ({"SendQuota": LIMITS | {"MaxSendRate": -1.0}}, Quota(None, 9)),
        ({"SendQuota": LIMITS | {"Max24HourSend": 200.0, "MaxSendRate": 1.0}}, Quota(1, 0)),
        ({"SendQuota": {"MaxSendRate": True, "Max24HourSend": "many"}}, Quota()),
        ({"SendQuota": {"Max24HourSend": math.inf, "MaxSendRate": math.nan}}, Quota()),
        ({"SendQuota": {"Max24HourSend": 200}}, Quota(None, 200)),
        ({"SendQuota": 7}, Quota()),
        ({"SendQuota": []}, Quota()),
        ({}, Quota()),
    ],
)
def test_the_quota_is_asked_for_and_minus_one_is_no_limit(
    fake: FakeSes, provider: Ses, said: dict[str, Any], quota: Quota
) -> None:
    fake.account = {"SendingEnabled": True, "EnforcementStatus": "PROBATION", **said}
    assert provider.quota() == quota
    (request,) = fake.requests
    assert (request.method, request.path) == ("GET", "/v2/email/account")


@pytest.mark.parametrize("stopped", [{"SendingEnabled": False}, {"EnforcementStatus": "SHUTDOWN"}])
def test_an_account_that_may_send_nothing_says_so(
    fake: FakeSes, provider: Ses, stopped: dict[str, object]
) -> None:
    fake.account |= stopped
    assert "stopped" in provider.quota().blocked


def test_without_permission_or_an_answer_the_quota_is_not_known(
    fake: FakeSes, provider: Ses
) -> None:
    fake.may_ask = False
    assert provider.quota() == Quota()
    fake.__exit__(None, None, None)
    assert provider.quota() == Quota()


# What is opened.


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_of_the_union_has_its_address_and_its_signature(
    tmp_path: Path, region: str
) -> None:
    opened: Any = providers.open_provider(settings(tmp_path, KEYS | {"AWS_REGION": region}))
    cloud = "eu" if region == "eusc-de-east-1" else "com"
    assert opened._account._url == f"https://email.{region}.amazonaws.{cloud}"  # noqa: SLF001 - nothing else shows it


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2", "eu-central-2", "eu", "EU-WEST-1"])
def test_a_region_outside_the_union_is_refused_and_those_inside_are_named(
    tmp_path: Path, name: str, region: str
) -> None:
    environment = {key: value for key, value in KEYS.items() if key != "AWS_REGION"}
    for url in ({}, {"NEWSLETTER_PROVIDER_URL": "http://127.0.0.1:1"}):
        with pytest.raises(NewsletterError, match=region) as caught:
            providers.open_provider(settings(tmp_path, environment | url | {name: region}))
        assert caught.value.exit_code == 1
        assert caught.value.where == name
        for known in REGIONS:
            assert known in str(caught.value)


def test_one_of_the_two_variables_is_enough_and_the_shorter_name_wins(tmp_path: Path) -> None:
    environment = {key: value for key, value in KEYS.items() if key != "AWS_REGION"}
    environment["AWS_DEFAULT_REGION"] = "eu-north-1"
    assert providers.open_provider(settings(tmp_path, environment))
    with pytest.raises(NewsletterError, match="AWS_REGION"):
        providers.open_provider(settings(tmp_path, environment | {"AWS_REGION": "us-east-1"}))


def test_the_configuration_set_of_the_environment_is_named_in_a_request(
    tmp_path: Path, fake: FakeSes
) -> None:
    named = {"SES_CONFIGURATION_SET": "letters", "NEWSLETTER_PROVIDER_URL": fake.url}
    opened: Any = providers.open_provider(settings(tmp_path, KEYS | named))
    assert isinstance(outcome_of(opened), Accepted)
    assert json.loads(fake.requests[0].body)["ConfigurationSetName"] == "letters"
    opened.close()


def test_retry_after_is_listened_to_where_something_on_the_way_sends_it(
    fake: FakeSes, provider: Ses
) -> None:
    fake.faults[1] = dataclasses.replace(FAULTS["rate-400"], headers={"retry-after": "7"})
    said = outcome_of(provider)
    assert isinstance(said, RetryLater)
    assert said.after == 7
    fake.faults[2] = Fault(status=400, body=b"[]")
    assert isinstance(outcome_of(provider), RequestRefused)
    assert not isinstance(outcome_of(provider), RecipientRejected)
