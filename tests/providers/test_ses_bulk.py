"""Fifty subscribers in a request to Amazon SES: the template, and whose an answer is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter import personalize
from newsletter.model import Accepted, RecipientRejected, RequestRefused, RetryLater, Unknown
from newsletter.providers.ses.send import SesBulk
from tests.providers.test_contract import outcomes, submit
from tests.providers.test_ses import account, wire_bytes
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_server import answer
from tests.support.providers.fake_ses import OTHER_BRACES, VARIABLE, FakeSes, fill
from tests.support.providers.ses_requests import bulk

if TYPE_CHECKING:
    from newsletter.model import Batch, Letter
    from newsletter.providers.ses.send import Ses

THREE = ("anna@example.org", "bert@example.org", "carla@example.org")
BRACED = st.text(st.sampled_from("{}\\ab #/&<🌱é\"'"), max_size=30) | st.sampled_from(
    [
        "{{Greeting}}",
        "{{{UnsubscribeUrl}}}",
        "{{Brace}}",
        "{{#if x}}",
        "}}",
        "\\{{x}}",
        "\\\\{{",
        "{",
    ]
)


@pytest.mark.parametrize("configuration_set", ["", "letters"])
@pytest.mark.parametrize("reply_to", ["", "zoe@example.org"])
def test_a_request_has_the_letter_and_the_recipients_as_documented(
    configuration_set: str, reply_to: str
) -> None:
    of = letter(subject='Over "rust" 🌱', prose="é & <b>", reply_to=reply_to)
    sent = batch(*THREE, of=of, name='Zoë "O\'Brien" <b> & \\ 🌱 {{x}}')
    assert wire_bytes(SesBulk(account(), configuration_set).build(sent)) == bulk(
        sent, configuration_set
    )


def rendered(sent: Batch) -> list[tuple[str, str, str]]:
    """Return subject, HTML and text of each subscriber, filled in as Amazon SES does."""
    asked = wire_bytes(SesBulk(account()).build(sent))
    parts = asked["DefaultContent"]["Template"]["TemplateContent"]
    for part in parts.values():
        assert not OTHER_BRACES.search(VARIABLE.sub("\0", part))
    found = []
    for entry in asked["BulkEmailEntries"]:
        content = entry["ReplacementEmailContent"]["ReplacementTemplate"]
        data = json.loads(content["ReplacementTemplateData"])
        found.append(tuple(fill(parts[name], data) for name in ("Subject", "Html", "Text")))
    return found


@given(subject=BRACED, prose=BRACED, name=BRACED, before=BRACED, after=BRACED)
def test_braces_and_backslashes_arrive_as_they_were_written(
    subject: str, prose: str, name: str, before: str, after: str
) -> None:
    plain = letter(subject=subject or "Over rust", prose=prose)
    of = _beside_the_slots(plain, before, after)
    sent = batch(*THREE, of=of, name=name)
    wanted = [personalize.message(sent, subscriber) for subscriber in sent.recipients]
    assert rendered(sent) == [(of.subject, one.html, one.text) for one in wanted]


def _beside_the_slots(of: Letter, before: str, after: str) -> Letter:
    import dataclasses  # noqa: PLC0415 - for this alone

    safe = {"html": before.encode("ascii", "xmlcharrefreplace").decode(), "text": before}
    safe_after = {"html": after.encode("ascii", "xmlcharrefreplace").decode(), "text": after}
    parts: dict[str, Any] = {}
    for name in ("html", "text"):
        cut = getattr(personalize.letter_template(of), name)
        joined = getattr(of, name)
        for slot in cut[1::2]:
            mark = {"html": f"&#57344;{slot}&#57345;", "text": f"\ue000{slot}\ue001"}[name]
            joined = joined.replace(mark, safe[name] + mark + safe_after[name])
        parts[name] = joined
    return dataclasses.replace(of, **parts)


def test_a_whole_letter_with_its_style_sheet_is_a_template_that_is_taken() -> None:
    from newsletter import render  # noqa: PLC0415 - the same
    from tests.support.issues import SETTINGS, every_block  # noqa: PLC0415 - the slow renderer

    of = render.letter(every_block("{{x}} {{{y}}} \\"), SETTINGS)
    sent = batch(*THREE, of=of)
    wanted = [personalize.message(sent, subscriber) for subscriber in sent.recipients]
    assert rendered(sent) == [(of.subject, one.html, one.text) for one in wanted]
    assert SesBulk(account()).unsupported(of) == ""


STATUSES: dict[str, type] = {
    "ACCOUNT_THROTTLED": RetryLater,
    "TRANSIENT_FAILURE": RetryLater,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": RetryLater,
    "ACCOUNT_SUSPENDED": RequestRefused,
    "ACCOUNT_SENDING_PAUSED": RequestRefused,
    "CONFIGURATION_SET_SENDING_PAUSED": RequestRefused,
    "CONFIGURATION_SET_NOT_FOUND": RequestRefused,
    "CONFIGURATION_SET_DOES_NOT_EXIST": RequestRefused,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": RequestRefused,
    "TEMPLATE_NOT_FOUND": RequestRefused,
    "TEMPLATE_DOES_NOT_EXIST": RequestRefused,
    "INVALID_SENDING_POOL_NAME": RequestRefused,
    "MESSAGE_REJECTED": RecipientRejected,
    "INVALID_PARAMETER": RecipientRejected,
    "FAILED": RecipientRejected,
    "SOMETHING_NEW": Unknown,
    "success": Unknown,
    "": Unknown,
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_is_about_one_delivery_and_no_other(
    fake: FakeSes, provider: Ses, status: str
) -> None:
    fake.statuses = {THREE[1]: (status, "it is so")}
    said = outcomes(provider, batch(*THREE))
    assert [type(one) for one in said] == [Accepted, STATUSES[status], Accepted]
    assert [entry["to"] for entry in fake.taken()] == [THREE[0], THREE[2]]
    assert [said[0], said[2]] == [Accepted(entry["id"]) for entry in fake.taken()]
    if isinstance(said[1], RetryLater):
        assert said[1].after == (3600 if "QUOTA" in status else None)


def test_the_model_of_the_api_knows_no_status_that_we_do_not() -> None:
    from tests.support.providers.fake_ses import model  # noqa: PLC0415 - the model of AWS, which is large

    known = model().shape_for("BulkEmailStatus").enum
    assert set(known) <= {*STATUSES, "SUCCESS"}


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_that_all_letters_of_a_request_share_rejects_none_of_them(
    fake: FakeSes, provider: Ses, status: str
) -> None:
    fake.statuses = dict.fromkeys(THREE, (status, "it is so"))
    said = outcomes(provider, batch(*THREE))
    assert said == [said[0]] * 3
    if STATUSES[status] is RecipientRejected:
        assert isinstance(said[0], RequestRefused)
        assert said[0].divisible
    else:
        assert type(said[0]) is STATUSES[status]
        assert not getattr(said[0], "divisible", False)
    assert fake.taken() == []


def test_letters_that_are_refused_for_different_reasons_are_each_rejected(
    fake: FakeSes, provider: Ses
) -> None:
    fake.statuses = {
        THREE[0]: ("INVALID_PARAMETER", f"not an address: {THREE[0]}"),
        THREE[1]: ("MESSAGE_REJECTED", ""),
    }
    assert outcomes(provider, batch(*THREE[:2])) == [
        RecipientRejected("Amazon SES refuses it (INVALID_PARAMETER: not an address: …)"),
        RecipientRejected("Amazon SES refuses it (MESSAGE_REJECTED)"),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"Status": "FAILED", "MessageId": "a"},
        {"Status": "ACCOUNT_THROTTLED", "MessageId": "a"},
        {"Status": "SUCCESS"},
        {"Status": "SUCCESS", "MessageId": None},
        {"Status": "SUCCESS", "MessageId": "a b\n"},
        {"Status": None, "MessageId": "a"},
        {"Status": ["SUCCESS"], "MessageId": "a"},
        {"MessageId": "a"},
    ],
)
def test_an_entry_that_contradicts_itself_says_nothing_of_its_letter(
    fake: FakeSes, provider: Ses, entry: dict[str, object]
) -> None:
    results = [entry, {"Status": "SUCCESS", "MessageId": "b"}]
    fake.faults[1] = answer(json.dumps({"BulkEmailEntryResults": results}).encode())
    said = submit(provider, batch(*THREE[:2]))
    assert list(map(type, said.outcomes.values())) == [Unknown, Accepted]
    assert said.surplus == 0


def test_those_beyond_the_quota_wait_and_those_within_it_have_their_letter(
    fake: FakeSes, provider: Ses
) -> None:
    fake.account["SendQuota"] = {"Max24HourSend": 2.0, "SentLast24Hours": 0.0, "MaxSendRate": 1.0}
    said = outcomes(provider, batch(*THREE))
    assert [type(one) for one in said] == [Accepted, Accepted, RetryLater]
    assert isinstance(said[2], RetryLater)
    assert said[2].after == 3600
