"""What a failed delivery says, by documented codes and by what real servers write.

The texts are of the kinds that servers send: their codes are facts, their sentences are invented.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model import Cause, EventKind
from newsletter.providers import bounces
from newsletter.providers.bounces import FailedDelivery, classify
from tests.support.providers.sns import TOPIC, Signer, ses
from tests.support.providers.webhooks import LETTERMINT, MAILGUN, RESEND, ReportedEvent, read

if TYPE_CHECKING:
    from newsletter.model import Event

REF = "0123456789abcdef" * 2
HARD, SOFT = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE
POLICY, SENDER, SIZE = Cause.POLICY, Cause.SENDER, Cause.SIZE
SES = ses(Signer())

DEAD = (
    "550 5.1.1 user unknown",
    "550-5.1.1 The account that you tried to reach is not here. 550 5.1.1 NoSuchUser",
    "smtp; 550 5.1.1 <x>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 #5.1.0 Address rejected.",
    "550 5.1.0 Other address status",
    "550 5.1.2 Host unknown",
    "553 5.1.3 bad address syntax",
    "550 5.1.4 ambiguous",
    "551 5.1.6 The user has moved",
    "556 5.1.10 This domain has a null MX",
    "550 5.2.0 mailbox status",
    "550-5.2.1 The account that you tried to reach is disabled. DisabledUser",
    "550 5.1.1 Mailbox [203.0.113.7] has no such user, mx-5.7.1 says",
    "550 5.1.1 unknown, see the block list of our policy",  # the code decides
    # Without a code, or with one that says nothing: the provider's own word.
    *("", "Unspecified", "550 Rejected", "550 5.0.0 something went wrong"),
    *("550 5.0.0 user unknown", "550 No such user here", "550 Unrouteable address"),
    *("550 Requested action not taken: mailbox unavailable", "550 Invalid recipient"),
    "554 30 Your letter cannot be delivered. This mailbox is disabled (554.30)",
    "554 delivery error: dd Nobody has this address - mta",
    "552 1 Requested mail action aborted, mailbox not found",
    "550 mailbox unavailable. For explanation visit https://example.org/errors?ip=203.0.113.7",
    "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550",
    "550 User not listed in public directory",
    *("550 Onbekende gebruiker", "550 Deze gebruiker bestaat niet", "550 Adres onbekend"),
    *("550 Benutzer unbekannt", "550 Empfänger existiert nicht", "550 Kein solcher Benutzer"),
    *("550 Utilisateur inconnu", "550 Adresse introuvable", "550 usuario desconocido"),
    *("550 Destinatario sconosciuto", "550 La cuenta no existe", "550 utente inesistente"),
)
OF_THE_SENDER = (
    # Outlook, Hotmail and Microsoft 365
    ("550 5.7.1 Part of the network of [203.0.113.7] is on our block list (S3150).", POLICY),
    ("550 5.7.1 Your letters were not sent, [203.0.113.7] (S3140)", POLICY),
    ("550 SC-001 (BAY004) Letters from 203.0.113.7 were not sent", POLICY),
    ("550 DY-001 the address is dynamic", POLICY),
    ("550 5.7.606 Access denied, banned sending IP [203.0.113.7]", POLICY),
    ("550 5.7.649 Access denied, banned sending IP [203.0.113.7]", POLICY),
    ("550 5.7.1 Client host [203.0.113.7] blocked using FBLW15; AS(1450)", POLICY),
    ("550 5.7.508 Access denied, [2001:db8::1] has exceeded permitted limits", POLICY),
    ("451 4.7.650 The mail server [203.0.113.7] has been rate limited. (S775)", POLICY),
    ("550 5.7.509 Access denied, example.org fails DMARC", SENDER),
    ("550 5.7.515 Access denied, EXAMPLE.ORG lacks the required authentication level", SENDER),
    # Gmail and Google Workspace
    ("550-5.7.26 Blocked because the 550-5.7.26 sender is unauthenticated. gsmtp", SENDER),
    ("550-5.7.1 [203.0.113.7 12] This is likely unsolicited mail. gsmtp", POLICY),
    ("550 5.7.1 The user or domain that you are sending to has a policy", POLICY),
    ("421-4.7.0 [203.0.113.7 15] An unusual rate of mail", POLICY),
    ("421-4.7.28 An unusual rate of mail with this link", POLICY),
    ("550-5.7.25 [203.0.113.7] has no PTR record", SENDER),
    ("550 5.7.27 SPF did not pass", SENDER),
    ("550 5.7.30 DKIM did not pass", SENDER),
    ("550 5.7.32 From is not aligned", SENDER),
    ("421 4.7.32 From is not aligned", SENDER),
    # Yahoo and AOL
    ("421 4.7.0 [TSS04] Letters from 203.0.113.7 deferred - 4.16.55.1; see https://x", POLICY),
    ("421 4.16.55 [TS02] Letters from 203.0.113.7 deferred", POLICY),
    ("554 5.7.9 Not accepted for policy reasons", POLICY),
    ("553 5.7.1 [BL21] Connections are not accepted from 203.0.113.7: in Spamhaus", POLICY),
    ("554 Not accepted for policy reasons. https://senders.example.org/error-codes", POLICY),
    ("521 5.2.1 : (CON:B1) https://postmaster.example.org/error-codes", POLICY),
    ("550 5.2.1 Mailbox unavailable. Your IP 192.0.2.7 is on a block list", POLICY),
    # iCloud
    ("554 5.7.1 [HM08] Rejected due to local policy", POLICY),
    ("550 5.7.0 [CS01] Rejected due to local policy.", POLICY),
    ("554 5.7.1 Rejected due to the DMARC policy of example.org", SENDER),
    # KPN, Ziggo, and others nearby
    ("550 5.7.1 [C03] RBL Restriction: see https://example.org", POLICY),
    ("554 5.7.1 Client host [203.0.113.7] blocked using zen.spamhaus.org", POLICY),
    ("421 Too many connections from your IP", POLICY),
    ("550 Dit bericht is geweigerd wegens spam", POLICY),
    ("554 Uw bericht is geweigerd", POLICY),
    ("554 IP=203.0.113.7 - A problem occurred, contact tosa@rx.example.org", POLICY),
    ("554-Nemesis ESMTP 554-No SMTP service 554-The address is block listed.", POLICY),
    # Filters and lists
    ("554 Blocked - see https://ipcheck.proofpoint.com/?ip=203.0.113.7", POLICY),
    ("550 5.7.0 Local Policy Violation", POLICY),
    ("550 Rejected by header based Anti-Spoofing policy: x", POLICY),
    ("554 Rejected due to security policies - https://community.mimecast.com/docs/x", POLICY),
    ("554 Client host [203.0.113.7] blocked using Barracuda Reputation", POLICY),
    ("550 JunkMail rejected - 203.0.113.7 is in an RBL on rbl.example.org", POLICY),
    ("550 5.0.0 blocked by SpamCop", POLICY),
    ("550 5.3.0 Mail from 203.0.113.7 refused, see dnsbl.example.org", POLICY),
    ("550 High probability of spam", POLICY),
    ("554 Message contains a virus", POLICY),
    ("550 Administrative prohibition", POLICY),
    ("550 The domain example.org has exceeded the most letters per hour", POLICY),
    ("450 4.2.0 Recipient address rejected: Greylisted", POLICY),
    ("451 4.7.1 Greylisting in action", POLICY),
    ("550 5.6.0 Invalid content", POLICY),
    ("550 5.2.0 Sender rejected, AUP#POL", SENDER),
    # The sender's address, and how it sends
    ("553 5.1.7 bad syntax of the sender", SENDER),
    ("550 5.1.8 Sender address rejected: Domain not found", SENDER),
    ("550 5.1.0 <x> sender rejected", SENDER),
    ("550 Sender verify failed", SENDER),
    ("530 5.7.0 Must issue a STARTTLS command first", SENDER),
    ("550 5.7.10 Encryption required", SENDER),
    ("550 5.7.23 SPF validation failed", SENDER),
    ("501 5.0.2 Mail rejected. DMARC check failed", SENDER),
    # The size
    ("552 5.3.4 Message size exceeds fixed limit", SIZE),
    ("552 5.2.3 Message too large", SIZE),
    ("552 Message size exceeds what is permitted", SIZE),
    ("550 Het bericht is te groot", SIZE),
)
PASSING = (
    "552-5.2.2 The account that you tried to reach is over quota",
    "552 5.2.2 OverQuotaPerm",
    "452 4.2.2 Mailbox full",
    "552 Quota exceeded (mailbox for user is full)",
    "550 Postbus vol",
    "550-5.2.1 The user you are trying to contact is receiving mail at a rate that is too high",
    "450 4.2.1 The user is receiving mail too quickly",
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
    "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)",
    "550 5.4.4 Host or domain name not found",
    "Unable to resolve the MX host: SERVFAIL",
    "550 5.4.6 Routing loop",
    "554 5.4.7 Delivery expired (message too old)",
    "550 4.4.7 Message expired",
    "554 5.7.1 <x>: Relay access denied",
    "550 5.7.1 Unable to relay",
    "550 relay not permitted",
    "553 sorry, that domain is not in my list of allowed rcpthosts (#5.7.1)",
    "550 5.7.1 <x>: Recipient address rejected: User unknown",
    "550 5.7.17 The mailbox has another owner",
    "451 5.1.1 try again, the directory is away",
    "550 5.5.1 Bad sequence of commands",
)


@pytest.mark.parametrize("text", DEAD)
def test_an_address_that_is_dead(text: str) -> None:
    assert classify(FailedDelivery(permanent=True, text=text)) == (HARD, None)


@pytest.mark.parametrize(("text", "cause"), OF_THE_SENDER)
def test_a_failure_that_says_nothing_of_the_address(text: str, cause: Cause) -> None:
    for permanent in (True, False, None):
        assert classify(FailedDelivery(permanent=permanent, text=text)) == (SOFT, cause)


@pytest.mark.parametrize("text", PASSING)
def test_a_failure_that_may_lie_with_the_address(text: str) -> None:
    assert classify(FailedDelivery(permanent=True, text=text)) == (SOFT, None)


@pytest.mark.parametrize("subject", range(1, 8))
def test_of_all_codes_these_mean_that_an_address_is_dead(subject: int) -> None:
    dead = {"1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.0", "2.1"}
    for detail in range(1000):
        code = f"5.{subject}.{detail}"
        for failure in (
            FailedDelivery(permanent=True, code=code),
            FailedDelivery(permanent=True, text=code),
        ):
            kind, cause = classify(failure)
            assert kind is (HARD if code[2:] in dead else SOFT), code
            assert cause is None or kind is SOFT
        assert classify(FailedDelivery(permanent=True, code=f"4{code[1:]}"))[0] is SOFT
    if subject == 7:
        assert classify(FailedDelivery(permanent=True, code="5.7.999")) == (SOFT, POLICY)


def test_a_temporary_bounce_ends_no_subscription_at_once() -> None:
    for text in DEAD:
        assert classify(FailedDelivery(permanent=False, text=text))[0] is SOFT


def test_a_bounce_without_a_reason_is_classified_by_its_code() -> None:
    assert classify(FailedDelivery(permanent=None, text="550 5.1.1 user unknown")) == (HARD, None)
    assert classify(FailedDelivery(permanent=None, text="550 user unknown")) == (SOFT, None)


def test_the_words_of_the_server_say_more_than_a_field_without_a_code() -> None:
    block = "550 5.7.1 on our block list (S3150)"
    for code in ("5.0.0", "", "5", "5.x.x", "unknown", "5.1.1"):
        assert classify(FailedDelivery(permanent=True, text=block, code=code)) == (SOFT, POLICY)
    assert classify(FailedDelivery(permanent=True, text="blocked (S3150)", code="5.0.0")) == (
        SOFT,
        POLICY,
    )
    assert classify(FailedDelivery(permanent=True, text="no, 203.0.113.7", code="5.1.1")) == (
        HARD,
        None,
    )


@given(st.text(max_size=3000), st.text(max_size=20), st.integers())
def test_whatever_a_server_says_it_is_one_of_two(text: str, code: str, reply: int) -> None:
    kind, cause = classify(FailedDelivery(permanent=True, text=text, code=code, reply=reply))
    assert kind in {HARD, SOFT}
    assert cause is None or kind is SOFT


# Each provider's own fields


def only(provider: str, said: dict[str, Any]) -> Event:
    body = json.dumps(said).encode()
    (event,) = read(provider, body) or ()
    return event


def of_resend(text: str, kind: str, sub_type: str = "General", *, codes: bool = True) -> Event:
    said = RESEND.say(ReportedEvent("hard bounce", REF))
    bounce = {"type": kind, "subType": sub_type, "message": text}
    said["data"]["bounce"] = bounce | {"diagnosticCode": [f"smtp; {text}"] if codes else []}
    return only("resend", said)


def of_ses(own: dict[str, Any], kind: str = "hard bounce", name: str = "bounce") -> Event:
    said = SES.say(ReportedEvent(kind, REF))
    said[name] |= own
    body, _ = SES.sign(said, TOPIC, datetime.now(UTC).timestamp())
    return only("ses", json.loads(body))


def of_lettermint(response: dict[str, Any], event: str = "message.hard_bounced") -> Event:
    said = LETTERMINT.say(ReportedEvent("hard bounce", REF)) | {"event": event}
    said["data"]["response"] = response
    return only("lettermint", said)


def of_mailgun(**own: object) -> Event:
    said = MAILGUN.say(ReportedEvent("hard bounce", REF))
    said["event-data"] |= own
    return only("mailgun", said)


@pytest.mark.parametrize(
    ("code", "text", "kind", "cause"),
    [
        ("5.1.1", "user unknown", HARD, None),
        ("5.7.1", "on our block list (S3150)", SOFT, POLICY),
        ("5.7.26", "unauthenticated", SOFT, SENDER),
        ("5.7.515", "authentication level", SOFT, SENDER),
        ("5.3.4", "too big", SOFT, SIZE),
        ("5.2.2", "mailbox full", SOFT, None),
        ("5.2.1", "disabled", HARD, None),
    ],
)
def test_all_four_providers_take_the_code_from_their_own_fields(
    code: str, text: str, kind: EventKind, cause: Cause | None
) -> None:
    line = f"550 {code} {text}"
    found = [
        of_resend(line, "Permanent"),
        of_resend(line, "Permanent", codes=False),
        of_ses(
            {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [{"status": code, "diagnosticCode": f"smtp; {line}"}],
            }
        ),
        of_ses({"bounceType": "Permanent", "bouncedRecipients": [{"status": code}]}),
        of_lettermint({"status_code": 550, "enhanced_status_code": code, "content": text}),
        of_lettermint({"content": line}),
        of_mailgun(**{"delivery-status": {"code": 550, "enhanced-code": code, "message": text}}),
        of_mailgun(**{"delivery-status": {"code": 550, "message": f"{code} {text}"}}),
        of_mailgun(**{"delivery-status": {"code": 550, "description": line, "message": ""}}),
    ]
    assert [(event.kind, event.cause) for event in found] == [(kind, cause)] * len(found)


@pytest.mark.parametrize(
    ("sub_type", "cause"),
    [
        ("General", None),
        ("MailboxFull", None),
        ("CustomTimeoutExceeded", None),
        ("MessageTooLarge", SIZE),
        ("ContentRejected", POLICY),
        ("AttachmentRejected", POLICY),
    ],
)
def test_the_temporary_bounces_of_ses_and_resend_are_soft(
    sub_type: str, cause: Cause | None
) -> None:
    own = {"bounceType": "Transient", "bounceSubType": sub_type, "bouncedRecipients": []}
    for event in (of_ses(own), of_resend("It came back", "Transient", sub_type)):
        assert (event.kind, event.cause) == (SOFT, cause)


@pytest.mark.parametrize("sub_type", ["Suppressed", "OnAccountSuppressionList"])
def test_a_bounce_of_resends_own_list_is_no_word_of_a_server(sub_type: str) -> None:
    event = of_resend("On the suppression list", "Permanent", sub_type)
    assert (event.kind, event.because) == (EventKind.SUPPRESSED, HARD)


@pytest.mark.parametrize(
    ("code", "because"),
    [(605, HARD), (606, EventKind.UNSUBSCRIBE), (607, EventKind.COMPLAINT)],
)
def test_mailguns_own_codes_for_what_it_did_not_try(code: int, because: EventKind) -> None:
    event = of_mailgun(reason="generic", **{"delivery-status": {"code": code, "message": ""}})
    assert (event.kind, event.because) == (EventKind.SUPPRESSED, because)


@pytest.mark.parametrize(
    ("reason", "cause"), [("old", None), ("espblock", POLICY), ("greylisted", POLICY)]
)
def test_mailguns_reasons(reason: str, cause: Cause | None) -> None:
    event = of_mailgun(reason=reason)
    assert (event.kind, event.cause) == (SOFT, cause)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("abuse", EventKind.COMPLAINT),
        ("fraud", EventKind.COMPLAINT),
        ("virus", EventKind.COMPLAINT),
        ("other", EventKind.COMPLAINT),
        (None, EventKind.COMPLAINT),
        (7, EventKind.COMPLAINT),
        ("not-spam", EventKind.NOTE),
        ("Not-Spam", EventKind.NOTE),
        ("auth-failure", EventKind.NOTE),
        ("opt-out", EventKind.UNSUBSCRIBE),
    ],
)
def test_a_report_is_a_complaint_unless_it_says_else(word: object, kind: EventKind) -> None:
    event = of_ses({"complaintFeedbackType": word}, "complaint", "complaint")
    assert event.kind is kind
    assert (str(word) in event.detail) is (kind is not EventKind.COMPLAINT)


def test_what_ses_did_not_try_after_a_complaint_stays_one() -> None:
    own = {"complaintSubType": "OnAccountSuppressionList", "complaintFeedbackType": "not-spam"}
    event = of_ses(own, "complaint", "complaint")
    assert (event.kind, event.because) == (EventKind.SUPPRESSED, EventKind.COMPLAINT)


def test_only_so_much_of_a_servers_words_is_read() -> None:
    assert classify(FailedDelivery(permanent=True, text="x " * 10_000 + "spamhaus")) == (HARD, None)
    assert bounces.HINTS.keys() == {"MessageTooLarge", "ContentRejected", "AttachmentRejected"}
