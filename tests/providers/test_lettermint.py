"""What is Lettermint's own: keys for each message, batches that stop half-way, what is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.model import (
    Accepted,
    Batch,
    Outcome,
    RecipientRejected,
    RequestRefused,
    RetryLater,
    Unknown,
)
from newsletter.providers.http import HttpClient
from newsletter.providers.lettermint.send import Lettermint
from tests.support.newsletter import Newsletter
from tests.support.providers.batches import TOKEN, batch, letter
from tests.support.providers.fake_lettermint import FAULTS, LARGEST
from tests.support.providers.fake_server import answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.providers.fake_lettermint import FakeLettermint

THREE = ("anna@example.org", "bert@example.org", "carla@example.org")


def outcomes(provider: Lettermint, of: Batch | None = None) -> list[Outcome]:
    of = of or batch()
    said = provider.submit(of, provider.build(of)).outcomes
    return [said[subscriber.ref] for subscriber in of.recipients]


def test_a_request_is_what_its_documentation_and_its_sdk_ask_for(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    assert [type(one) for one in outcomes(provider)] == [Accepted, Accepted]
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/send/batch")
    assert {
        name: request.headers[name]
        for name in ("x-lettermint-token", "content-type", "accept", "idempotency-key")
    } == {
        "x-lettermint-token": "lm_c4n4ry",
        "content-type": "application/json",
        "accept": "application/json",
        "idempotency-key": "k1",
    }
    first, second = json.loads(request.body)
    assert second["to"] == ["bert@example.org"]
    assert first == {
        "route": "broadcast",
        "from": "Gerrit <gerrit@example.org>",
        "to": ["anna@example.org"],
        "subject": "Over rust",
        "headers": {
            "Message-ID": f"<{'0' * 32}@example.org>",
            "List-Id": "Jij en Loslaten <jij-en-loslaten.example.org>",
            "List-Unsubscribe": f"<https://brief.example.org/u/{TOKEN}00>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "X-LM-Preserve-Message-ID": "true",
        },
        "metadata": {"delivery": "0" * 32},
        "settings": {"track_opens": False, "track_clicks": False},
        "html": "<p>Dag Anna,</p><p>Een rustige zin.</p>"
        f'<a href="https://brief.example.org/u/{TOKEN}00">Afmelden</a>',
        "text": "Dag Anna,\n\nEen rustige zin.\n\n"
        f"Afmelden: https://brief.example.org/u/{TOKEN}00\n",
        "idempotency_key": "0" * 32,
    }


def test_headers_travel_as_plain_text_for_it_encodes_them_itself(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    outcomes(provider, batch(of=letter(list_id="Café Rust <rust.example.org>")))
    assert json.loads(fake.requests[0].body)[0]["headers"]["List-Id"] == (
        "Café Rust <rust.example.org>"
    )


def test_a_delivery_has_the_same_message_id_whenever_it_is_sent(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    outcomes(provider)
    for entry in fake.taken():
        found = [value for name, value in entry["message"]["headers"] if name == "Message-ID"]
        assert found == [f"<{entry['ref']}@example.org>"]
        assert "metadata" not in json.dumps(entry["message"])


# Keys for each message.


def test_a_message_that_was_accepted_is_not_sent_again_in_another_request(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    first = outcomes(provider, batch(*THREE[:2]))
    again = outcomes(provider, batch(*THREE, key="k2"))
    assert again[:2] == first
    assert [entry["to"] for entry in fake.taken()] == [*THREE]
    assert {outcome.provider_id for outcome in again if isinstance(outcome, Accepted)} == {
        entry["id"] for entry in fake.taken()
    }


def test_a_message_that_was_accepted_with_another_content_leaves_all_of_its_batch_unknown(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    outcomes(provider, batch(THREE[0]))
    said = outcomes(provider, batch(*THREE, of=letter(prose="Iets anders."), key="k2"))
    assert {type(one) for one in said} == {Unknown}
    assert len(fake.taken()) == 1


@pytest.mark.parametrize("name", ["409", "409-accepted"])
def test_a_conflict_proves_nothing_of_what_came_before(
    fake: FakeLettermint, provider: Lettermint, name: str
) -> None:
    fake.faults[1] = FAULTS[name]
    said = outcomes(provider)
    assert said == [Unknown("Lettermint has had a request with this key (409: it is so)")] * 2
    fake.faults[2] = answer(b"{}", status=409)
    assert outcomes(provider)[0] == Unknown("Lettermint has had a request with this key (409)")


# A batch that stops half-way.


def test_what_was_accepted_before_an_error_is_accepted_and_the_rest_is_what_the_error_says(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    said = outcomes(provider, batch(*THREE[:2], "stops@example.org", THREE[2]))
    assert said[:2] == [Accepted(entry["id"]) for entry in fake.taken()]
    assert (
        said[2]
        == said[3]
        == RequestRefused(
            "the provider refuses the request (422: Nothing goes on.)", divisible=True
        )
    )
    assert [entry["to"] for entry in fake.taken()] == [*THREE[:2]]


@pytest.mark.parametrize(
    ("status", "rest"), [(500, Unknown), (503, Unknown), (403, RequestRefused), (409, Unknown)]
)
def test_a_list_of_what_was_accepted_counts_whatever_the_error_is(
    fake: FakeLettermint, provider: Lettermint, status: int, rest: type
) -> None:
    fake.faults[1] = answer(stopped([entry(1, "b")]), status=status)
    said = outcomes(provider, batch(*THREE))
    assert [type(one) for one in said] == [rest, Accepted, rest]
    assert said[1] == Accepted("b")


def stopped(accepted: object) -> bytes:
    problem = {"code": "SEND_FAILED", "message": "", "details": {"accepted": accepted}}
    return json.dumps({"error": problem}).encode()


def entry(index: object, name: object) -> dict[str, object]:
    return {"index": index, "message_id": name}


@pytest.mark.parametrize(
    "accepted",
    [
        [entry(0, "a"), entry(0, "b")],
        [entry(0, "a"), entry(1, "a")],
        [entry(0, "a"), entry(3, "b")],
        [entry(-1, "a")],
        [entry("0", "a")],
        [entry(1.0, "a")],
        [entry(None, "a")],
        [entry(0, "")],
        [entry(0, 7)],
        [entry(0, "a b\n")],
        [{"message_id": "a"}],
        [7],
        7,
        {"0": "a"},
    ],
)
def test_a_list_that_cannot_be_read_to_its_end_leaves_all_unknown(
    fake: FakeLettermint, provider: Lettermint, accepted: object
) -> None:
    fake.faults[1] = answer(stopped(accepted), status=422)
    assert {type(one) for one in outcomes(provider, batch(*THREE))} == {Unknown}


@pytest.mark.parametrize("said", [b'{"error": 7}', b'{"error": {"details": 7}}', b"[]", b"7"])
def test_an_error_of_another_shape_lists_nobody(
    fake: FakeLettermint, provider: Lettermint, said: bytes
) -> None:
    fake.faults[1] = answer(said, status=422, taken=False)
    assert {type(one) for one in outcomes(provider)} == {RequestRefused}


def test_a_mailing_that_stops_half_way_goes_on_and_reaches_nobody_twice(
    root: Path,
    fake: FakeLettermint,
    provider: Any,  # noqa: ANN401
) -> None:
    newsletter = Newsletter(root, subscribers=250)
    newsletter.sql("UPDATE subscribers SET email = 'stops@example.org' WHERE id = 150")
    newsletter.send(provider)
    newsletter.sql("UPDATE subscribers SET email = 'goes.on@example.org' WHERE id = 150")
    newsletter.send(provider)
    taken = [entry["to"] for entry in fake.taken()]
    assert len(taken) == len(set(taken))
    accepted = newsletter.sql("SELECT count(*) FROM deliveries WHERE state = 'accepted'")
    assert accepted == [(len(taken),)]
    assert len(taken) >= 249


# What is refused.


@pytest.mark.parametrize(
    ("paths", "divisible"),
    [
        (["0.route", "1.route"], False),
        (["0.from"], False),
        (["0.html", "1.headers.List-Id"], False),
        (["1.to.0"], True),
        (["0.from", "1.to.0"], True),
        ([], True),
    ],
)
def test_only_an_error_that_one_address_may_have_caused_divides_the_request(
    fake: FakeLettermint, provider: Lettermint, paths: list[str], *, divisible: bool
) -> None:
    said = {"message": "It is not valid.", "errors": {path: ["It is not."] for path in paths}}
    fake.faults[1] = answer(json.dumps(said).encode(), status=422, taken=False)
    refused = RequestRefused(
        "the provider refuses the request (422: It is not valid.)", divisible=divisible
    )
    assert outcomes(provider) == [refused, refused]


def test_without_a_broadcast_route_the_error_says_so_and_nothing_is_sent(
    fake: FakeLettermint, provider: Lettermint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.providers.fake_lettermint.ROUTES", ("transactional",))
    (first, second) = outcomes(provider)
    assert first == second
    assert isinstance(first, RequestRefused)
    assert not first.divisible
    assert fake.taken() == []


def test_an_address_on_lettermints_own_list_is_rejected_alone(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    said = outcomes(provider, batch(THREE[0], "suppressed@example.org", THREE[1]))
    assert [type(one) for one in said] == [Accepted, RecipientRejected, Accepted]
    assert [entry["to"] for entry in fake.taken()] == [*THREE[:2]]


def test_the_longest_letter_still_fits_into_a_request(fake: FakeLettermint) -> None:
    provider = Lettermint("lm_c4n4ry", fake.url, HttpClient())  # such a request takes a while
    styled = '<td style="color:#222222">rust</td>' * 3_000
    longest = dataclasses.replace(letter(prose="rust " * 4_000), html=styled)
    sent = batch(*(f"lezer{number}@example.org" for number in range(100)), of=longest)
    assert len(longest.html) > 100_000
    assert {type(one) for one in outcomes(provider, sent)} == {Accepted}
    provider.close()
    assert len(fake.requests[0].body) < LARGEST * 0.6


@pytest.mark.parametrize("body", [{}, {"data": []}, None, 7, "x", [7, 8], [[], []]])
def test_what_is_no_list_of_names_leaves_all_unknown(
    fake: FakeLettermint, provider: Lettermint, body: object
) -> None:
    fake.faults[1] = answer(json.dumps(body).encode(), status=202)
    assert {type(one) for one in outcomes(provider)} == {Unknown}


def test_a_429_half_way_says_how_long_to_wait_for_the_rest(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    fault = answer(stopped([entry(0, "a")]), status=429)
    fake.faults[1] = dataclasses.replace(fault, headers={"retry-after": "3"})
    first, second = outcomes(provider)
    assert first == Accepted("a")
    assert isinstance(second, RetryLater)
    assert second.after == 3
