"""What we say to Resend, and what each of its answers means for every letter of a request."""

from __future__ import annotations

import json
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.model import Accepted, Batch, Outcome, RecipientRejected, RetryLater, Unknown
from newsletter.providers.http import HttpClient
from newsletter.providers.resend.send import BASE, Resend
from tests.support.providers.batches import TOKEN, batch, letter
from tests.support.providers.fake_resend import FAULTS, FakeResend
from tests.support.providers.fake_server import Fault, answer

if TYPE_CHECKING:
    from newsletter.providers.base import Payload, SubmitResult

KEY = "re_c4n4ry"


def submit(provider: Resend, of: Batch | None = None) -> SubmitResult:
    of = of or batch()
    return provider.submit(of, provider.build(of))


def outcomes(provider: Resend, of: Batch | None = None) -> list[Outcome]:
    of = of or batch()
    said = submit(provider, of).outcomes
    assert set(said) == {subscriber.ref for subscriber in of.recipients}
    return [said[subscriber.ref] for subscriber in of.recipients]


def wire_bytes(payload: Payload) -> Any:  # noqa: ANN401 - JSON
    return json.loads(b"".join(payload.parts))


def builder() -> Resend:
    return Resend(KEY, BASE, HttpClient())


def test_a_request_is_what_the_documentation_asks_for(fake: FakeResend, provider: Resend) -> None:
    assert [type(one) for one in outcomes(provider)] == [Accepted, Accepted]
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/emails/batch")
    assert {
        name: request.headers[name]
        for name in ("authorization", "content-type", "idempotency-key", "x-batch-validation")
    } == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "idempotency-key": "k1",
        "x-batch-validation": "permissive",
    }
    first, second = json.loads(request.body)
    assert second["to"] == ["bert@example.org"]
    assert first == {
        "from": "Gerrit <gerrit@example.org>",
        "to": ["anna@example.org"],
        "subject": "Over rust",
        "headers": {
            "List-Id": "Jij en Loslaten <jij-en-loslaten.example.org>",
            "List-Unsubscribe": f"<https://brief.example.org/u/{TOKEN}00>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tags": [{"name": "delivery", "value": "0" * 32}],
        "html": "<p>Dag Anna,</p><p>Een rustige zin.</p>"
        f'<a href="https://brief.example.org/u/{TOKEN}00">Afmelden</a>',
        "text": "Dag Anna,\n\nEen rustige zin.\n\n"
        f"Afmelden: https://brief.example.org/u/{TOKEN}00\n",
    }


def test_the_name_of_a_list_travels_in_ascii_and_on_one_line() -> None:
    sent = batch(of=letter(list_id=f"{'Café Rust ' * 9}<rust.example.org>"))
    value = wire_bytes(builder().build(sent))[0]["headers"]["List-Id"]
    assert value.isascii()
    assert len(value.splitlines()) == 1
    assert str(make_header(decode_header(value))).split() == [
        *["Café", "Rust"] * 9,
        "<rust.example.org>",
    ]


@pytest.mark.parametrize(
    ("sender", "wanted"),
    [
        ('"Gerrit J. de Vries" <g@example.org>', "Gerrit J. de Vries <g@example.org>"),
        ('"Zoë B.V." <g@example.org>', "Zoë B.V. <g@example.org>"),
        ('"Vries, Gerrit" <g@example.org>', '"Vries, Gerrit" <g@example.org>'),
        ("g@example.org", "g@example.org"),
    ],
)
def test_a_name_has_quotation_marks_only_where_it_would_be_misread(
    sender: str, wanted: str
) -> None:
    (message, *_) = wire_bytes(builder().build(batch(of=letter(sender=sender))))
    assert message["from"] == wanted


def test_where_answers_go_is_in_encoded_words_instead_of_quotation_marks() -> None:
    of = letter(reply_to='"Vries, Zoë" <g@example.org>')
    (message, *_) = wire_bytes(builder().build(batch(of=of)))
    value = message["reply_to"]
    assert value.isascii()
    assert '"' not in value
    assert str(make_header(decode_header(value))) == "Vries, Zoë <g@example.org>"


@pytest.mark.parametrize("name", ["429-day", "429-month"])
def test_a_temporary_error_says_how_long_to_wait(
    fake: FakeResend, provider: Resend, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    (said, _) = outcomes(provider)
    assert isinstance(said, RetryLater)
    assert said.after == 3600
    assert fake.taken() == []


@pytest.mark.parametrize("name", ["409-other-body", "409-busy"])
def test_a_known_key_proves_nothing_of_its_first_request(
    fake: FakeResend, provider: Resend, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    assert {type(one) for one in outcomes(provider)} == {Unknown}


def test_the_limits_in_an_answer_are_passed_on(fake: FakeResend, provider: Resend) -> None:
    headers = {"ratelimit-remaining": "3", "ratelimit-reset": "1", "ratelimit-limit": "5"}
    fake.faults[1] = Fault(taken=True, headers=headers)
    fake.faults[2] = Fault(taken=True, headers={"ratelimit-remaining": "many"})
    said = submit(provider)
    assert (said.remaining, said.reset) == (3, 1)
    said = submit(provider)
    assert (said.remaining, said.reset) == (None, None)


def ids(*names: object) -> list[dict[str, object]]:
    return [{"id": name} for name in names]


@pytest.mark.parametrize(
    "said",
    [
        {},
        [],
        None,
        7,
        {"data": None},
        {"data": {}},
        {"data": ids("a", "b")},
        {"data": ids("a", "b", "c", "d")},
        {"data": ids("a", "b", "b")},
        {"data": ids("a", "b", "b", "c")},
        {"data": ids("a", "b", 3)},
        {"data": ids("a", "b", None)},
        {"data": ids("a", "b", "")},
        {"data": ids("a", "b", "c d\n")},
        {"data": ids("a", "b", "c" * 500)},
        {"data": [*ids("a", "b"), {"ident": "c"}]},
        {"data": [*ids("a", "b"), "c"]},
        {"data": ids("a", "b", "c"), "errors": {"index": 1}},
        {"data": ids("a", "b", "c"), "errors": [{"index": 1, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": 3, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": -1, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": "1", "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": True, "message": "no"}]},
        {"data": ids("a", "b"), "errors": [{"index": [1], "message": "no"}]},
        {"data": ids("a"), "errors": [{"index": 1}, {"index": 1}]},
        {"data": ids("a", "b"), "errors": [{"index": 1}, {"index": 1}]},
        {"errors": [{"index": 0}, {"index": 1}]},
    ],
)
def test_what_cannot_be_mapped_for_certain_is_unknown(
    fake: FakeResend, provider: Resend, said: object
) -> None:
    fake.faults[1] = answer(json.dumps(said).encode())
    three = outcomes(provider, batch("a@example.org", "b@example.org", "c@example.org"))
    assert {type(one) for one in three} == {Unknown}


def test_ids_and_errors_are_matched_to_letters_in_any_order(
    fake: FakeResend, provider: Resend
) -> None:
    errors = [{"index": 3, "message": "Invalid `to`: d@example.org"}, {"index": 0}]
    fake.faults[1] = answer(json.dumps({"data": ids("x", "y"), "errors": errors}).encode())
    said = outcomes(provider, batch(*(f"{one}@example.org" for one in "abcd")))
    assert said == [
        RecipientRejected("Resend refuses it: it does not say why"),
        Accepted("x"),
        Accepted("y"),
        RecipientRejected("Resend refuses it: Invalid `to`: …"),
    ]
