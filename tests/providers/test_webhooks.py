"""Which webhooks are believed, and what their words mean, for every provider that sends them."""

from __future__ import annotations

import dataclasses
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lettermint.webhook import Webhook as LettermintWebhook
from mailgun.security import SecurityGuard
from standardwebhooks.webhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as Svix

from newsletter.config import Settings
from newsletter.errors import NewsletterError
from newsletter.model import EventKind
from newsletter.providers import webhooks
from newsletter.providers.base_events import (
    InvalidSignature,
    ParsedWebhook,
    WebhookRequest,
    WebhookVerifier,
)
from newsletter.providers.registry import events_of
from newsletter.providers.ses import sns
from newsletter.providers.ses.events import SesEvents
from tests.support.providers.sns import CERTIFICATE, HOST, SES_WORDS, TOPIC, Signer, ses
from tests.support.providers.webhooks import (
    LETTERMINT,
    MAILGUN,
    MAILGUN_SECRET,
    RESEND,
    RESEND_SECRET,
    ReportedEvent,
    Sender,
    parse,
    read,
    source,
    svix_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.model import Event

REF = "0123456789abcdef" * 2
NOW = 1_790_000_000.0
HOUR = 3600.0
AMAZON = Signer()
SENDERS = (RESEND, LETTERMINT, MAILGUN, ses(AMAZON))
ANOTHER_SECRET = {
    "resend": "whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg==",
    "lettermint": "whsec_another",
    "mailgun": "another-key",
    "ses": "arn:aws:sns:eu-west-1:999999999999:letters",
}
FIRST_SIGNATURE_STAYS = {"mailgun", "ses"}


@pytest.fixture(params=SENDERS, ids=lambda sender: sender.name)
def sender(request: pytest.FixtureRequest) -> Sender:
    one: Sender = request.param
    return one


@pytest.fixture(autouse=True)
def _certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the certificate be got from here, as `sns.Topics` takes it from whoever makes it."""
    monkeypatch.setattr(
        SesEvents,
        "open_verifier",
        lambda self, settings: WebhookVerifier(
            self, topics(settings.credentials["SES_TOPIC_ARN"]).check
        ),
    )


def topics(arns: str = TOPIC, served: dict[str, bytes] | None = None) -> sns.Topics:
    served = {CERTIFICATE: AMAZON.pem} if served is None else served
    return sns.Topics(
        tuple(arns.split(",")), lambda url: served.get(url, b""), where="SES_TOPIC_ARN"
    )


def gate(sender: Sender, secret: str = "") -> Callable[[WebhookRequest], str]:
    settings = Settings(
        root=None,  # type: ignore[arg-type] - no file is looked at
        credentials={sender.secret[0]: secret or sender.secret[1]},
    )
    found = source(sender.name).verifier(settings)
    assert found
    return lambda request: found.verify(request).name


def refused(
    sender: Sender, body: bytes, headers: dict[str, str], *, at: float = NOW
) -> InvalidSignature:
    with pytest.raises(InvalidSignature) as caught:
        gate(sender)(WebhookRequest(headers, body, at))
    return caught.value


def one(sender: Sender, kind: str, at: float) -> Event:
    body, _ = sender.webhook(ReportedEvent(kind, REF, at=at))
    found = read(sender.name, body)
    assert found
    (event,) = found
    return event


# Which are believed


def test_a_genuine_webhook_is_known_by_a_name(sender: Sender) -> None:
    first, second = (sender.webhook(ReportedEvent("delivered", REF), at=NOW) for _ in range(2))
    admit = gate(sender)
    names = {admit(WebhookRequest(headers, body, NOW)) for body, headers in (first, first, second)}
    assert len(names) == 2
    assert all(name.isprintable() and len(name) <= 200 for name in names)


def test_what_is_changed_on_the_way_is_refused(sender: Sender) -> None:
    body, headers = sender.webhook(ReportedEvent("delivered", REF), at=NOW)
    if sender is MAILGUN:
        # Its signature covers nothing but itself: see the test of tokens.
        said = json.loads(body)
        said["signature"]["token"] += "0"
        assert refused(sender, json.dumps(said).encode(), headers).status == 401
        return
    for place in range(0, len(body), 7):
        changed = bytearray(body)
        changed[place] ^= 1
        assert refused(sender, bytes(changed), headers).status == 401


def test_what_another_secret_signed_is_refused(sender: Sender) -> None:
    body, headers = sender.webhook(
        ReportedEvent("delivered", REF), secret=ANOTHER_SECRET[sender.name], at=NOW
    )
    assert refused(sender, body, headers).status == 401


def test_during_a_rotation_both_secrets_are_valid(sender: Sender) -> None:
    other = ANOTHER_SECRET[sender.name]
    admit = gate(sender, f"{other},{sender.secret[1]}")
    for secret in (other, sender.secret[1]):
        body, headers = sender.webhook(ReportedEvent("delivered", REF), secret=secret, at=NOW)
        assert admit(WebhookRequest(headers, body, NOW))


@pytest.mark.parametrize("late", [301.0, 8 * HOUR + 60])
def test_what_was_signed_too_long_ago_is_refused(late: float, sender: Sender) -> None:
    """Two of them repeat a webhook for hours with the signature that it had at first."""
    body, headers = sender.webhook(ReportedEvent("delivered", REF), at=NOW)
    if late < HOUR and sender.name in FIRST_SIGNATURE_STAYS:
        assert gate(sender)(WebhookRequest(headers, body, NOW + late))
        return
    refusal = refused(sender, body, headers, at=NOW + late)
    assert "expired" in str(refusal)
    # Mailgun would come with it again and again.
    assert refusal.status == (406 if sender is MAILGUN else 401)


def test_what_was_signed_in_the_future_is_refused(sender: Sender) -> None:
    body, headers = sender.webhook(ReportedEvent("delivered", REF), at=NOW + 310)
    assert refused(sender, body, headers).status in {401, 406}
    assert gate(sender)(WebhookRequest(headers, body, NOW + 20))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"signature":7}'),
        *(b"[" * 100_000, b'{"a":' * 9000, b'{"signature":{"token":"\\ud800"}}'),
    ],
    ids=[
        *("empty", "{}", "[]", "null", "no UTF-8", "a number"),
        *("nested lists", "nested objects", "half a character"),
    ],
)
def test_what_is_no_webhook_at_all_is_refused(body: bytes, sender: Sender) -> None:
    _, headers = sender.webhook(ReportedEvent("delivered", REF), at=NOW)
    for given in ({}, headers, dict.fromkeys(headers, ""), dict.fromkeys(headers, "é,=;v1 t=x")):
        assert refused(sender, body, given).status == 401


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("resend", "whsec_=="),
        ("resend", "re_1234567890"),
        ("resend", "whsec_%%%"),
        ("lettermint", "whsec_a,"),
        ("mailgun", ","),
        ("ses", "letters"),
        ("ses", "arn:aws-cn:sns:cn-north-1:123456789012:letters"),
        ("ses", f"{TOPIC}/../x"),
    ],
)
def test_a_malformed_secret_is_an_error_before_any_webhook_is_read(name: str, secret: str) -> None:
    sender = next(one for one in SENDERS if one.name == name)
    with pytest.raises(NewsletterError) as caught:
        gate(sender, secret)
    assert str(caught.value).startswith(f"{sender.secret[0]} ")
    assert secret not in str(caught.value) or secret == ","


def test_a_provider_without_a_secret_has_no_verifier(tmp_path: Path, sender: Sender) -> None:
    assert source(sender.name).verifier(Settings(root=tmp_path)) is None
    assert events_of("outbox") is None


# What a stranger can make of it


def made(monkeypatch: pytest.MonkeyPatch, sender: Sender, body: bytes, headers: Any) -> int:  # noqa: ANN401 - a mapping
    """Return how many signatures a refused webhook makes us compute over its body."""
    sizes: list[int] = []

    def digest(key: bytes, text: bytes, name: Any) -> bytes:  # noqa: ANN401 - as in hmac
        sizes.append(len(text))
        return hmac.new(key, text, name).digest()

    with monkeypatch.context() as patch:
        patch.setattr(webhooks.hmac, "digest", digest)
        refused(sender, body, headers)
    return len(sizes)


@pytest.mark.parametrize("sender", SENDERS[:3], ids=lambda sender: sender.name)
def test_only_one_signature_is_computed_for_any_number_of_given_ones(
    monkeypatch: pytest.MonkeyPatch, sender: Sender
) -> None:
    body, headers = sender.webhook(
        ReportedEvent("delivered", REF), secret=ANOTHER_SECRET[sender.name], at=NOW
    )
    assert made(monkeypatch, sender, body, headers) == 1
    svix, mint = headers.get("svix-signature", ""), headers.get("x-lettermint-signature", "")
    many = {
        "svix-signature": " ".join([svix] * 2000),
        "x-lettermint-signature": mint + ("," + mint.partition(",")[2]) * 2000,
    }
    several = body if headers else b"[" + b",".join([body] * 50) + b"]"
    most = 1 if headers else webhooks.MOST_SIGNATURES
    assert made(monkeypatch, sender, several, headers | many) <= most
    # What is no signature, or comes too late, is not even computed.
    nonsense = dict.fromkeys(headers, "v1,AA== " * 2000)
    assert made(monkeypatch, sender, b"{}", headers | nonsense) == 0
    if headers:
        old = sender.webhook(ReportedEvent("delivered", REF), at=NOW - HOUR)
        assert made(monkeypatch, sender, *old) == 0


def test_mailguns_signature_is_found_anywhere_in_the_body_and_nothing_else_is_read() -> None:
    body, _ = MAILGUN.webhook(ReportedEvent("delivered", REF), at=NOW)
    said = json.loads(body)
    admit = gate(MAILGUN)
    token = said["signature"]["token"]
    last = {"event-data": said["event-data"], "signature": said["signature"]}
    other = {"signature": {"timestamp": "1", "token": "t", "signature": "0" * 64}}
    quoted = {"subject": '"signature":{"token":"x"}'}
    for document in (last, other | {"b": said}, {"a": quoted, "b": other, "c": said}, [said]):
        for indent in (None, 2):
            text = json.dumps(document, indent=indent).encode()
            if document is not last and isinstance(document, dict) and "b" in document:
                text = text.replace(b'"b": ', b'"b":')
            assert admit(WebhookRequest({}, text, NOW)) == token
    broken = b'{"signature":' + json.dumps(said["signature"]).encode() + b', "event-data": [[['
    assert admit(WebhookRequest({}, broken, NOW)) == token
    flood = b'"signature":{' * 20_000
    assert refused(MAILGUN, flood, {}).status == 401


def test_json_for_an_unknown_topic_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []
    decoded = webhooks.decoded
    monkeypatch.setattr(webhooks, "decoded", lambda body: read.append(len(body)) or decoded(body))
    assert refused(ses(AMAZON), b"[]," * 100_000, {}).status == 401
    message = AMAZON.message(TopicArn=TOPIC.replace("letters", "another"))
    assert refused(ses(AMAZON), json.dumps(message).encode(), {}).status == 401
    assert read == []


def test_the_number_of_fetched_certificates_is_limited() -> None:
    asked: list[str] = []
    served = {CERTIFICATE: AMAZON.pem}

    def fetch(url: str) -> bytes:
        asked.append(url)
        return served.get(url, b"")

    found = sns.Topics((TOPIC,), fetch, where="")
    genuine = WebhookRequest({}, json.dumps(AMAZON.message()).encode(), time.time())
    assert found.check(genuine)
    statuses = []
    for number in range(50):
        url = CERTIFICATE.replace("Service-", f"Service-{number}")
        message = json.dumps(AMAZON.message(SigningCertURL=url)).encode()
        with pytest.raises(InvalidSignature) as caught:
            found.check(WebhookRequest({}, message, time.time()))
        statuses.append(caught.value.status)
    assert len(asked) <= 10
    assert statuses[0] == 401
    # Amazon would come again, should one of them have been its own.
    assert statuses[-1] == 503
    assert found.check(genuine)
    old = WebhookRequest({}, json.dumps(AMAZON.message()).encode(), time.time() + 9 * HOUR)
    with pytest.raises(InvalidSignature):
        sns.Topics((TOPIC,), fetch, where="").check(old)
    assert len(asked) <= 10


# Against the providers' own libraries


def test_svix_and_standard_webhooks_agree_about_resend() -> None:
    body, headers = RESEND.webhook(ReportedEvent("delivered", REF))
    Svix(RESEND_SECRET).verify(body, headers)
    renamed = {name.replace("svix", "webhook"): value for name, value in headers.items()}
    assert StandardWebhook(RESEND_SECRET).verify(body, renamed)["type"] == "email.delivered"
    assert gate(RESEND)(WebhookRequest(headers, body, time.time())) == headers["svix-id"]


def test_one_good_signature_among_several_is_enough() -> None:
    body, headers = RESEND.webhook(ReportedEvent("delivered", REF), at=NOW)
    good = headers["svix-signature"]
    for several in (f"v1,AAAA {good}", f"{good} v1,AAAA", f"v1a,QQ== nonsense {good}"):
        assert gate(RESEND)(WebhookRequest(headers | {"svix-signature": several}, body, NOW))
    other = svix_headers(body, "msg_other", RESEND_SECRET, NOW)["svix-signature"]
    assert refused(RESEND, body, headers | {"svix-signature": other})


def test_lettermints_library_agrees() -> None:
    body, headers = LETTERMINT.webhook(ReportedEvent("hard bounce", REF))
    said = LettermintWebhook(LETTERMINT.secret[1]).verify(body, headers)
    assert gate(LETTERMINT)(WebhookRequest(headers, body, time.time())) == said["id"]


@pytest.mark.parametrize(
    "change",
    [
        {"x-lettermint-delivery": str(int(NOW) - 1)},
        {"x-lettermint-delivery": ""},
        {"x-lettermint-signature": ""},
        {"x-lettermint-signature": f"t={int(NOW)},t={int(NOW)},v1={'0' * 64}"},
        {"x-lettermint-signature": f"t={int(NOW)},v1=zz"},
    ],
)
def test_lettermints_headers_must_agree(change: dict[str, str]) -> None:
    body, headers = LETTERMINT.webhook(ReportedEvent("delivered", REF), at=NOW)
    assert refused(LETTERMINT, body, headers | change).status == 401


def test_mailguns_library_agrees() -> None:
    body, _ = MAILGUN.webhook(ReportedEvent("delivered", REF))
    said = json.loads(body)["signature"]
    assert SecurityGuard.verify_webhook(
        MAILGUN_SECRET, said["token"], said["timestamp"], said["signature"]
    )
    assert gate(MAILGUN)(WebhookRequest({}, body, time.time())) == said["token"]


def test_mailguns_signature_is_good_for_one_webhook() -> None:
    """It covers no content; so its token is the webhook's name, of which there is one only."""
    body, _ = MAILGUN.webhook(ReportedEvent("delivered", REF), at=NOW)
    forged = json.loads(body)
    forged["event-data"] = MAILGUN.say(ReportedEvent("complaint", REF))["event-data"]
    admit = gate(MAILGUN)
    assert admit(WebhookRequest({}, body, NOW)) == admit(
        WebhookRequest({}, json.dumps(forged).encode(), NOW)
    )


# What they say


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_is_understood(kind: EventKind, sender: Sender) -> None:
    if kind.value not in sender.words:
        return
    at = time.time()
    event = one(sender, kind.value, at=at)
    assert event.kind is kind
    assert abs(event.at.timestamp() - at) < 0.001
    assert event.ref == REF
    assert event.provider_id == f"id-{REF}"
    assert event.email == "lezer0@example.org"
    assert event.because is (EventKind.COMPLAINT if kind is EventKind.SUPPRESSED else None)
    assert "@" not in event.detail
    if kind is EventKind.HARD_BOUNCE:
        assert "exist" in event.detail or "unknown" in event.detail


def test_events_of_other_kinds_are_ignored(sender: Sender) -> None:
    for word in (
        *("email.opened", "email.clicked", "contact.created", "domain.updated"),
        *("message.opened", "message.clicked", "suppression.added", "webhook.test"),
        *("opened", "clicked", "stored", "Open", "Click"),
    ):
        body, _ = sender.webhook(ReportedEvent(word, REF))
        assert read(sender.name, body) == ()


def test_a_reference_that_is_not_ours_is_none(sender: Sender) -> None:
    for ref in ("%recipient.r%", "7", REF.upper(), f"{REF}0", f"{REF}\n", "../../x"):
        body, _ = sender.webhook(ReportedEvent("delivered", ref))
        found = read(sender.name, body)
        assert found
        assert found[0].ref == ""


def test_an_unreadable_time_is_not_guessed(sender: Sender) -> None:
    body, _ = sender.webhook(ReportedEvent("delivered", REF))
    said = json.loads(body)
    for moment in (
        "yesterday",
        "0001-01-01T00:00:00Z",
        1e300,
        -1,
        None,
        [],
        "9999-12-31T23:59:59Z",
    ):
        for name in ("created_at", "timestamp"):
            said[name] = moment
            said.get("event-data", {})[name] = moment
        if sender.name == "ses":
            reported = json.loads(said["Message"])
            reported["delivery"]["timestamp"] = reported["mail"]["timestamp"] = moment
            said["Message"] = json.dumps(reported)
        assert read(sender.name, json.dumps(said).encode()) is None


@pytest.mark.parametrize(
    "moment",
    [
        *("yesterday", "", None, [], {}, -1, 1e300, 10**400, "9" * 5000, True),
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    ],
    ids=str,
)
def test_an_event_without_a_time_gets_the_time_of_arrival(moment: object, sender: Sender) -> None:
    received = datetime(2026, 11, 29, 8, tzinfo=UTC)
    (event,) = read(sender.name, with_moment(sender, moment), received) or ()
    assert (event.at, event.ref, event.kind) == (received, REF, EventKind.COMPLAINT)


MOMENT = datetime(2026, 11, 29, 8, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [
        *("1795939262", "1795939262.0", 1795939262, 1795939262.0, 1795939262000, "1795939262000"),
        *(1795939262000000, 1795939262000000000, " 1795939262 "),
        *("Sun, 29 Nov 2026 08:01:02 +0000", "Sun, 29 Nov 2026 08:01:02 GMT"),
        *("29 Nov 2026 09:01:02 +0100", "2026-11-29T08:01:02Z", "2026-11-29 08:01:02"),
        *("2026-11-29T09:01:02+01:00", "2026-11-29T08:01:02.000000Z", "20261129T080102Z"),
    ],
)
def test_a_moment_is_read_in_every_form(moment: object, sender: Sender) -> None:
    (event,) = read(sender.name, with_moment(sender, moment)) or ()
    assert event.at == MOMENT


def with_moment(sender: Sender, moment: object) -> bytes:
    """Return a webhook that says when it happened in these words."""
    body, _ = sender.webhook(ReportedEvent("complaint", REF))
    said = json.loads(body)
    if sender.name == "ses":
        reported = json.loads(said["Message"])
        reported["complaint"]["timestamp"] = moment
        del reported["mail"]["timestamp"]
        said["Message"] = json.dumps(reported)
    for name in ("created_at", "timestamp"):
        if name in said:
            said[name] = moment
        if name in said.get("event-data", {}):
            said["event-data"][name] = moment
    return json.dumps(said).encode()


def test_a_list_of_events_is_read_and_other_content_is_reported() -> None:
    first, second = (RESEND.say(ReportedEvent(kind, REF)) for kind in ("delivered", "complaint"))
    found = parse("resend", json.dumps([first, second]).encode())
    assert [event.kind for event in found.events] == [EventKind.DELIVERED, EventKind.COMPLAINT]
    assert found.whole
    for broken in ([first, {}], [first, 7], [first, [second]], [first, {"type": ""}]):
        found = parse("resend", json.dumps(broken).encode())
        assert [event.kind for event in found.events] == [EventKind.DELIVERED]
        assert not found.whole
    for nothing in ("[]", "[[]]", "7", "null", "{", "", '{"a":' * 9000, "[{}]"):
        assert parse("resend", nothing.encode()) == ParsedWebhook((), whole=False)
    many = json.dumps([first] * 1001).encode()
    assert not parse("resend", many).whole
    # A number that Python does not read is in the way of nothing else.
    huge = json.dumps(first).replace("{", '{"n":' + "9" * 5000 + ",", 1)
    assert parse("resend", huge.encode()).whole


def test_a_truncated_event_of_ses_is_reported() -> None:
    cut = json.dumps({"Type": "Notification", "Message": '{"eventType":"Complaint"'}).encode()
    assert not parse("ses", cut).whole
    unnamed = json.dumps({"Type": "Notification", "Message": '{"mail":{}}'}).encode()
    assert not parse("ses", unnamed).whole


def test_random_events_never_crash(sender: Sender) -> None:
    """Every value of a webhook in turn is another thing than it should be.

    Of what no database holds (NUL, half a character) nothing goes on.
    """
    body, _ = sender.webhook(ReportedEvent("hard bounce", REF))
    for wrong in (None, 7, -1.5, True, "", "a\0\ud800", [], [7], {}, {"a": [{}]}, [[]]):
        for changed in variants(json.loads(body), wrong):
            found = read(sender.name, json.dumps(changed).encode())
            assert found is None or all(map(can_be_kept, found))
        if sender.name == "ses":
            for changed in variants(json.loads(json.loads(body)["Message"]), wrong):
                outer = json.dumps({"Type": "Notification", "Message": json.dumps(changed)})
                found = read(sender.name, outer.encode())
                assert found is None or all(map(can_be_kept, found))


def can_be_kept(event: Event) -> bool:
    said = event.ref + event.provider_id + event.detail
    return bool(event.at.tzinfo) and said.isprintable()


def variants(said: Any, wrong: object) -> list[Any]:  # noqa: ANN401 - whatever JSON holds
    """Return copies of a document, in each of which another value is replaced."""
    found: list[Any] = [wrong]
    if isinstance(said, dict):
        for name, value in said.items():
            found += [said | {name: other} for other in variants(value, wrong)]
    if isinstance(said, list):
        for place, value in enumerate(said):
            found += [
                [*said[:place], other, *said[place + 1 :]] for other in variants(value, wrong)
            ]
    return found


def test_resend_and_ses_say_which_list_an_address_is_on() -> None:
    said = RESEND.say(ReportedEvent("suppressed", REF))
    said["data"]["suppressed"]["reason"] = "previous_bounce"
    (event,) = read("resend", json.dumps(said).encode()) or ()
    assert (event.kind, event.because) == (EventKind.SUPPRESSED, EventKind.HARD_BOUNCE)


@pytest.mark.parametrize(
    ("bounce", "sub_type", "kind", "because"),
    [
        ("Permanent", "General", EventKind.HARD_BOUNCE, None),
        ("Permanent", "OnAccountSuppressionList", EventKind.SUPPRESSED, EventKind.HARD_BOUNCE),
        ("Permanent", "Suppressed", EventKind.SUPPRESSED, EventKind.HARD_BOUNCE),
        ("Permanent", "UnsubscribedRecipient", EventKind.SUPPRESSED, EventKind.UNSUBSCRIBE),
        ("Transient", "General", EventKind.SOFT_BOUNCE, None),
        ("Undetermined", "Undetermined", EventKind.SOFT_BOUNCE, None),
    ],
)
def test_the_bounces_of_ses(
    bounce: str, sub_type: str, kind: EventKind, because: EventKind | None
) -> None:
    sender = ses(AMAZON)
    said = sender.say(ReportedEvent("hard bounce", REF))
    said["bounce"] |= {"bounceType": bounce, "bounceSubType": sub_type}
    body, _ = sender.sign(said, TOPIC, NOW)
    (event,) = read("ses", body) or ()
    assert (event.kind, event.because) == (kind, because)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"severity": "temporary", "reason": "greylisted"}, EventKind.DEFERRED),
        ({"reason": "old"}, EventKind.SOFT_BOUNCE),
        ({"reason": "espblock"}, EventKind.SOFT_BOUNCE),
        ({"delivery-status": {"bounce-type": "soft"}}, EventKind.SOFT_BOUNCE),
        ({"delivery-status": None}, EventKind.HARD_BOUNCE),
        ({"reason": "suppress-bounce"}, EventKind.SUPPRESSED),
        ({"reason": "suppress-unsubscribe"}, EventKind.SUPPRESSED),
    ],
)
def test_the_failures_of_mailgun(change: dict[str, Any], kind: EventKind) -> None:
    said = MAILGUN.say(ReportedEvent("hard bounce", REF))
    said["event-data"] |= change
    (event,) = read("mailgun", json.dumps(said).encode()) or ()
    assert event.kind is kind


# Amazon SNS


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_good(version: str) -> None:
    body, headers = ses(AMAZON, version).webhook(ReportedEvent("delivered", REF), at=NOW)
    assert topics().check(WebhookRequest(headers, body, NOW))
    other = json.loads(body) | {"SignatureVersion": "1" if version == "2" else "2"}
    assert refused(ses(AMAZON), json.dumps(other).encode(), headers)
    unknown = json.loads(body) | {"SignatureVersion": "3"}
    assert refused(ses(AMAZON), json.dumps(unknown).encode(), headers)


@pytest.mark.parametrize(
    "url",
    [
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.replace("eu-west-1", "us-east-1"),
        CERTIFICATE.replace("amazonaws.com", "amazonaws.com.cn"),
        CERTIFICATE.replace("amazonaws.com", "amazonaws.com.example.org"),
        CERTIFICATE.replace(HOST, f"example.org#{HOST}"),
        CERTIFICATE.replace(HOST, f"{HOST}@example.org"),
        CERTIFICATE.replace(HOST, f"a@{HOST}"),
        CERTIFICATE.replace(HOST, f"{HOST}:8443"),
        f"https://{HOST}/?x=/SimpleNotificationService-00.pem",
        f"https://{HOST}/bucket/SimpleNotificationService-00.pem",
        f"https://{HOST}/SimpleNotificationService-00.pem/../../evil.pem",
        "https://[",
        "",
    ],
)
def test_a_certificate_from_another_host_is_not_fetched(url: str) -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return AMAZON.pem

    message = AMAZON.message(SigningCertURL=url)
    hook = WebhookRequest({}, json.dumps(message).encode(), time.time())
    with pytest.raises(InvalidSignature):
        sns.Topics((TOPIC,), fetch, where="").check(hook)
    assert asked == []


def test_for_an_unknown_topic_no_certificate_is_fetched() -> None:
    message = AMAZON.message(TopicArn="arn:aws:sns:eu-west-1:123456789012:another")
    asked: list[str] = []
    with pytest.raises(InvalidSignature):
        sns.Topics((TOPIC,), lambda url: asked.append(url) or b"", where="").check(  # type: ignore[func-returns-value]
            WebhookRequest({}, json.dumps(message).encode(), time.time())
        )
    assert asked == []


def test_a_certificate_is_fetched_once_and_asked_for_again_when_it_could_not_be_had() -> None:
    answers = [b"", b"not found", AMAZON.pem]
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return answers[min(len(asked), len(answers)) - 1]

    gate_ = sns.Topics((TOPIC,), fetch, where="")
    hook = WebhookRequest({}, json.dumps(AMAZON.message()).encode(), time.time())
    for _ in range(2):
        with pytest.raises(InvalidSignature):
            gate_.check(hook)
    for _ in range(5):
        assert gate_.check(hook)
    assert asked == [CERTIFICATE] * 3


def test_a_certificate_that_has_expired_is_not_believed() -> None:
    old = Signer(valid_until=datetime.now(UTC) - timedelta(days=1))
    hook = WebhookRequest({}, json.dumps(old.message()).encode(), time.time())
    with pytest.raises(InvalidSignature):
        topics(served={CERTIFICATE: old.pem}).check(hook)


def test_the_sovereign_cloud_has_its_own_host() -> None:
    topic = "arn:aws-eusc:sns:eusc-de-east-1:123456789012:letters"
    url = "https://sns.eusc-de-east-1.amazonaws.eu/SimpleNotificationService-00.pem"
    message = AMAZON.message(TopicArn=topic, SigningCertURL=url)
    hook = WebhookRequest({}, json.dumps(message).encode(), time.time())
    assert topics(topic, {url: AMAZON.pem}).check(hook)


def confirmation(url: str, topic: str = TOPIC) -> WebhookRequest:
    message = AMAZON.message(
        Type="SubscriptionConfirmation", SubscribeURL=url, Token="t" * 20, TopicArn=topic
    )
    return WebhookRequest({}, json.dumps(message).encode(), time.time())


def test_a_subscription_is_confirmed_only_for_our_topic_at_its_own_host() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return AMAZON.pem if url == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"

    gate_ = sns.Topics((TOPIC,), fetch, where="")
    good = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=tttt"
    assert gate_.check(confirmation(good))
    assert asked == [CERTIFICATE, good]
    assert read("ses", confirmation(good).body) == ()
    for url in ("http://169.254.169.254/", "https://example.org/", good.replace("https", "http")):
        with pytest.raises(InvalidSignature) as caught:
            gate_.check(confirmation(url))
        assert caught.value.status == 503
    with pytest.raises(InvalidSignature):
        gate_.check(confirmation(good, "arn:aws:sns:eu-west-1:123456789012:another"))
    assert asked == [CERTIFICATE, good]


def test_a_confirmation_that_fails_is_asked_for_again() -> None:
    hook = confirmation(f"https://{HOST}/?Action=ConfirmSubscription")
    with pytest.raises(InvalidSignature) as caught:
        topics().check(hook)
    assert caught.value.status == 503


def test_messages_of_sns_about_itself_are_no_events() -> None:
    message = AMAZON.message(
        Message="Successfully validated SNS topic for Amazon SES event publishing."
    )
    assert read("ses", json.dumps(message).encode()) == ()
    assert set(SES_WORDS) == {kind.value for kind in EventKind} - {EventKind.NOTE.value}
    assert dataclasses.is_dataclass(WebhookRequest)
