"""What is learned of a request whose answer was lost: never more than Mailgun's events prove."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from newsletter.model import Accepted, Batch, RequestRefused, RetryLater, Unknown, UnresolvedRequest
from newsletter.providers.http import HttpClient
from newsletter.providers.mailgun.capabilities import CAPABILITIES
from newsletter.providers.mailgun.send import BASE, Mailgun
from tests.support.providers.batches import batch
from tests.support.providers.fake_mailgun import FAULTS, FakeMailgun, says
from tests.support.providers.fake_server import Fault, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from newsletter.model import SearchResult

HALF_AN_HOUR = 1800.0


def send(provider: Mailgun, of: Batch) -> None:
    provider.submit(of, provider.build(of))


def unresolved(of: Batch, **changed: Any) -> UnresolvedRequest:  # noqa: ANN401 - whatever a request has
    now = datetime.now(UTC)
    known = UnresolvedRequest(
        key=of.key,
        slug=of.slug,
        refs=tuple(subscriber.ref for subscriber in of.recipients),
        since=now,
        until=now + timedelta(minutes=2),
        addresses={subscriber.ref: subscriber.email for subscriber in of.recipients},
    )
    return dataclasses.replace(known, **changed)


def named(fake: FakeMailgun) -> dict[str, Accepted]:
    return {entry["ref"]: Accepted(entry["id"]) for entry in fake.taken()}


def many(count: int, *, key: str = "k1", first: int = 0) -> Batch:
    sent = batch(*(f"lezer{first + n}@example.org" for n in range(count)), key=key)
    return dataclasses.replace(
        sent,
        recipients=tuple(
            dataclasses.replace(subscriber, ref=f"{first + place:032x}")
            for place, subscriber in enumerate(sent.recipients)
        ),
    )


def same_tag(key: str) -> str:
    """Return another request's key that has the same tag."""
    builder = Mailgun("k", "example.org", BASE, HttpClient())

    def tag(of: str) -> bytes:
        return b"".join(builder.build(batch(key=of)).parts).partition(b'"o:tag"')[2][:30]

    wanted = tag(key)[4:24]
    return next(f"x{n}" for n in range(10_000) if tag(f"x{n}")[4:24] == wanted)


def test_a_request_that_was_taken_is_found_whole_under_the_names_that_its_answer_had(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.faults[1] = FAULTS["reset-accepted"]
    sent = many(7)
    send(provider, sent)
    found = provider.search(unresolved(sent))
    assert found.accepted == named(fake)
    assert len(found.accepted) == 7
    assert (found.complete, found.failure) == (True, None)


def test_a_request_that_was_not_taken_is_known_not_to_be_listed(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.faults[1] = FAULTS["reset-untaken"]
    sent = many(7)
    send(provider, sent)
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete, found.failure) == ({}, True, None)


def test_what_is_asked_for_is_what_the_documentation_has(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    since = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)
    provider.search(unresolved(batch(), since=since))
    request, *_ = fake.requests
    assert request.headers["authorization"] == "Basic YXBpOmtleS1jNG40cnk="
    asked = urlsplit(request.path)
    assert (request.method, asked.path) == ("GET", "/v3/brief.example.org/events")
    assert parse_qs(asked.query) == {
        # Earlier by as much as a clock may be wrong.
        "begin": [str(int(since.timestamp()) - 14 * 3600)],
        "ascending": ["yes"],
        "limit": ["100"],
        "tags": ["newsletterbatch033"],
    }


def test_before_the_lag_is_over_a_taken_letter_may_not_be_listed_and_after_it_is(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    assert CAPABILITIES.search
    assert CAPABILITIES.search.lag.total_seconds() == HALF_AN_HOUR
    fake.lag = HALF_AN_HOUR
    sent = many(3)
    send(provider, sent)
    assert provider.search(unresolved(sent)).accepted == {}
    fake.passed = HALF_AN_HOUR + 2
    assert provider.search(unresolved(sent)).accepted == named(fake)


def test_for_as_long_as_it_says_a_taken_letter_stays_listed(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    assert CAPABILITIES.search
    sent = many(3)
    send(provider, sent)
    fake.passed = CAPABILITIES.search.retention.total_seconds() + 1800
    assert provider.search(unresolved(sent)).accepted == named(fake)
    fake.passed += 3600
    assert provider.search(unresolved(sent)).accepted == {}


@pytest.mark.parametrize(
    "kind", ["accepted", "delivered", "failed", "complained", "unsubscribed", "opened", "clicked"]
)
def test_whatever_happened_to_a_letter_since_proves_that_it_was_taken(
    fake: FakeMailgun, provider: Mailgun, kind: str
) -> None:
    fake.happens = (kind,)
    sent = many(3)
    send(provider, sent)
    assert provider.search(unresolved(sent)).accepted == named(fake)


def test_a_letter_that_was_rejected_was_not_taken(fake: FakeMailgun, provider: Mailgun) -> None:
    fake.happens = ("rejected",)
    sent = many(3)
    send(provider, sent)
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete) == ({}, True)


def test_accepted_letters_are_found_and_the_rest_is_missing(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(5)
    send(provider, dataclasses.replace(sent, recipients=sent.recipients[1:4]))
    found = provider.search(unresolved(sent))
    assert found.accepted == named(fake)
    assert list(found.accepted) == [subscriber.ref for subscriber in sent.recipients[1:4]]
    assert found.complete


def test_a_letter_is_matched_by_its_delivery_reference_and_not_by_an_address(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(2)
    send(provider, sent)
    for event in fake.events:
        event["recipient"] = "someone-else@example.org"
    assert provider.search(unresolved(sent)).accepted == named(fake)


def test_letters_of_other_requests_under_the_same_tag_are_ignored(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    other = many(250, key=same_tag("k1"), first=1000)
    send(provider, other)
    assert {event["tags"][0] for event in fake.events} == {"newsletterbatch033"}
    fake.passed = 2
    found = provider.search(unresolved(many(3)))
    assert (found.accepted, found.complete) == ({}, True)
    # 500 events in pages of a hundred, the empty page that ends them, and three subscribers.
    assert fake.pages == 9


def test_a_thousand_unknown_deliveries_cost_few_pages_in_a_mailing_to_a_million(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    """Of the other 999 requests one has the same tag on average, and hardly ever four."""
    for request in range(4):
        send(provider, many(1000, key=same_tag("k1"), first=1000 * (request + 1)))
    template = json.dumps(fake.events[0])
    tags = {f"newsletterbatch{number:03d}" for number in range(1000)} - {"newsletterbatch033"}
    fake.events += [json.loads(template) | {"tags": [tag]} for tag in sorted(tags)]
    fake.passed = 2
    sent = many(1000)
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete) == ({}, True)
    assert fake.pages == 84
    fake.pages = 0
    send(provider, sent)
    fake.passed += 2
    assert len(provider.search(unresolved(sent)).accepted) == 1000
    assert fake.pages <= 100


def test_a_page_is_read_also_when_each_event_lists_all_recipients_of_its_request(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.recites = True
    sent = many(1000)
    send(provider, sent)
    assert provider.search(unresolved(sent)).accepted == named(fake)


def test_what_is_never_listed_ends_after_so_many_pages_without_a_conclusion(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    send(provider, many(2, first=50))
    page = {"items": fake.events, "paging": {"next": f"{fake.url}/v3/brief.example.org/events/x"}}
    fake.page_faults = dict.fromkeys(range(1, 500), answer(json.dumps(page).encode(), taken=False))
    found = provider.search(unresolved(many(2)))
    assert not found.complete
    assert isinstance(found.failure, Unknown)
    assert fake.pages == 300


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("401-forbidden", RequestRefused),
        ("403", RequestRefused),
        ("404-domain", RequestRefused),
        ("magnificent", RequestRefused),
        ("429-words", RetryLater),
        ("429", RetryLater),
        ("500", Unknown),
        ("502-page", Unknown),
        ("empty", Unknown),
        ("half-json", Unknown),
        ("reset-untaken", Unknown),
    ],
)
def test_a_missing_page_leaves_the_rest_unknown_and_keeps_what_was_found(
    fake: FakeMailgun, provider: Mailgun, name: str, kind: type
) -> None:
    sent = many(120)
    send(provider, sent)
    fake.page_faults[2] = FAULTS[name]
    found = provider.search(unresolved(sent))
    assert len(found.accepted) == 100
    assert found.accepted.items() <= named(fake).items()
    assert not found.complete
    assert isinstance(found.failure, kind)
    assert "c4n4ry" not in str(found)


def test_the_error_says_that_a_key_may_only_send(fake: FakeMailgun, provider: Mailgun) -> None:
    fake.page_faults[1] = says(403, "Forbidden")
    failure = provider.search(unresolved(batch())).failure
    assert failure
    assert "a key that may only send cannot read events" in failure.reason


def test_how_long_to_wait_with_the_search_is_passed_on(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    fake.page_faults[1] = FAULTS["429-words"]
    failure = provider.search(unresolved(batch())).failure
    assert isinstance(failure, RetryLater)
    assert failure.after == 120


@pytest.mark.parametrize(
    "following",
    [
        "",
        None,
        7,
        "events/x",
        "https://evil.example.org/",
        "https://evil.example.org/v3/brief.example.org/messages/x",
        "https://evil.example.org/v3/brief.example.org/events/../../keys",
        "https://evil.example.org/v3/brief.example.org/events/x?y=z",
        "https://evil.example.org/v3/brief.example.org/events/x#y",
        "https://evil.example.org/v3/brief.example.org/events/x\r\nX-Evil: 1",
        "ftp://evil.example.org/events/x",
    ],
)
def test_a_next_page_without_a_name_ends_the_search_without_a_conclusion(
    fake: FakeMailgun, provider: Mailgun, following: object
) -> None:
    send(provider, many(2, first=50))
    page = {"items": fake.events, "paging": {"next": following}}
    fake.page_faults[1] = answer(json.dumps(page).encode())
    found = provider.search(unresolved(many(2)))
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, Unknown)
    assert fake.pages == 1


def test_the_key_goes_to_no_other_server_whatever_a_page_names_as_the_next_one(
    fake: FakeMailgun, provider: Mailgun, tmp_path: Path
) -> None:
    sent = many(120)
    send(provider, sent)
    with FakeMailgun(tmp_path / "evil") as evil:

        def lead_astray(_: object, said: bytes) -> bytes:
            return said.replace(fake.url.encode(), evil.url.encode())

        fake.page_faults = dict.fromkeys(range(1, 9), Fault(taken=True, change=lead_astray))
        found = provider.search(unresolved(sent))
        assert evil.requests == []
    assert found.accepted == named(fake)
    assert fake.pages == 2


def broken(change: Callable[[dict[str, Any]], object]) -> Callable[[Any, bytes], bytes]:
    def apply(_: object, said: bytes) -> bytes:
        page = json.loads(said)
        for item in page["items"]:
            change(item)
        return json.dumps(page).encode()

    return apply


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item.pop("user-variables"),
        lambda item: item.update({"user-variables": None}),
        lambda item: item.update({"user-variables": []}),
        lambda item: item.update({"user-variables": {"delivery": ["x"]}}),
        lambda item: item.update({"user-variables": {"delivery": "%recipient.r%"}}),
        lambda item: item.update({"user-variables": {"delivery": ""}}),
    ],
)
def test_letters_without_a_delivery_reference_leave_everything_unknown(
    fake: FakeMailgun, provider: Mailgun, change: Callable[[dict[str, Any]], object]
) -> None:
    sent = many(2)
    send(provider, sent)
    fake.page_faults = dict.fromkeys((1, 2), Fault(taken=True, change=broken(change)))
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, Unknown)


@pytest.mark.parametrize(
    "page",
    [
        [],
        {},
        {"items": None},
        {"items": {}},
        {"items": "none"},
        {"message": "Queued. Thank you.", "id": "<1@example.org>"},
    ],
)
def test_an_answer_that_is_no_page_proves_nothing(
    fake: FakeMailgun, provider: Mailgun, page: object
) -> None:
    fake.page_faults[1] = answer(json.dumps(page).encode())
    found: SearchResult = provider.search(unresolved(batch()))
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, Unknown)


def test_odd_entries_in_a_page_do_no_harm(fake: FakeMailgun, provider: Mailgun) -> None:
    sent = many(1)
    send(provider, sent)
    odd = [None, 7, "x", [], {}, {"event": ["accepted"]}, {"event": "stored"}, {"event": None}]
    items = [*odd, fake.events[0] | {"message": None}]
    page = {"items": items, "paging": {"next": ""}}
    fake.page_faults[1] = answer(json.dumps(page).encode())
    found = provider.search(unresolved(sent))
    assert found.accepted == {sent.recipients[0].ref: Accepted("")}
    assert found.complete


# What a search by tag misses: an account drops tags when it has too many, and people rename them.


def filters(fake: FakeMailgun) -> list[dict[str, str]]:
    """Return by what the events were asked for, request by request; of next pages nothing."""
    asked = [dict(parse_qsl(urlsplit(request.path).query)) for request in fake.requests]
    common = ("begin", "ascending", "limit")
    return [
        {name: value for name, value in query.items() if name not in common}
        for query in asked
        if query
    ]


def test_without_its_tag_a_request_is_found_by_an_address_and_its_message_id(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(250)
    send(provider, sent)
    fake.requests.clear()
    fake.keeps_tags = False
    found = provider.search(unresolved(sent))
    assert found.accepted == named(fake)
    assert len(found.accepted) == 250
    assert (found.complete, found.failure) == (True, None)
    (name,) = {entry["id"] for entry in fake.taken()}
    assert filters(fake) == [
        {"tags": "newsletterbatch033"},
        {"recipient": "lezer0@example.org"},
        {"message-id": name},
    ]


def test_before_anything_counts_as_missing_three_addresses_are_searched(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(1000)
    fake.faults[1] = FAULTS["reset-untaken"]
    send(provider, sent)
    fake.requests.clear()
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete, found.failure) == ({}, True, None)
    assert filters(fake) == [
        {"tags": "newsletterbatch033"},
        *({"recipient": f"lezer{number}@example.org"} for number in (0, 500, 999)),
    ]
    assert fake.pages == 4


@pytest.mark.parametrize("seen", [0, 3, 6])
def test_any_of_the_three_shows_that_the_tag_cannot_be_trusted(
    fake: FakeMailgun, provider: Mailgun, seen: int
) -> None:
    sent = many(7)
    send(provider, sent)
    fake.keeps_tags = False
    listed = sent.recipients[seen].email
    fake.events = [event for event in fake.events if event["recipient"] == listed]
    found = provider.search(unresolved(sent))
    assert list(found.accepted) == [sent.recipients[seen].ref]
    # Of the others it is not known: the tag is gone, and they are not listed by name either.
    assert not found.complete
    assert isinstance(found.failure, Unknown)
    assert "without the tag" in found.failure.reason


def test_a_letter_without_an_id_leaves_the_rest_unknown(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(7)
    send(provider, sent)
    fake.keeps_tags = False
    nameless = broken(lambda item: item["message"].update({"headers": {}}))
    fake.page_faults[2] = Fault(taken=True, change=nameless)
    found = provider.search(unresolved(sent))
    assert found.accepted == {sent.recipients[0].ref: Accepted("")}
    assert not found.complete
    assert isinstance(found.failure, Unknown)
    assert fake.pages == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [("403", RequestRefused), ("429-words", RetryLater), ("500", Unknown), ("half-json", Unknown)],
)
@pytest.mark.parametrize("page", [2, 3, 4])
def test_an_address_that_cannot_be_searched_leaves_everything_unknown(
    fake: FakeMailgun, provider: Mailgun, name: str, kind: type, page: int
) -> None:
    fake.page_faults[page] = FAULTS[name]
    found = provider.search(unresolved(many(7)))
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, kind)


def test_what_cannot_be_found_by_message_id_stays_unknown(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(120)
    send(provider, sent)
    fake.keeps_tags = False
    fake.page_faults[4] = FAULTS["500"]
    found = provider.search(unresolved(sent))
    assert len(found.accepted) == 100
    assert not found.complete
    assert isinstance(found.failure, Unknown)


def test_no_address_is_in_the_log_of_a_search(fake: FakeMailgun, provider: Mailgun) -> None:
    echo = "recipient: lezer0@example.org in /events?recipient=lezer0%40example.org"
    fake.page_faults[2] = says(400, echo)
    failure = provider.search(unresolved(many(7))).failure
    assert failure
    assert "recipient" in failure.reason
    assert "lezer" not in failure.reason


def test_a_search_by_address_needs_one_without_another_senders_letters(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    sent = many(3)
    send(provider, many(3, first=10))
    for event, subscriber in zip(fake.events[::2], sent.recipients, strict=True):
        event |= {"recipient": subscriber.email, "user-variables": {}, "tags": ["shop"]}
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, Unknown)
    fake.events[0]["recipient"] = "who@example.org"
    found = provider.search(unresolved(sent))
    assert (found.accepted, found.complete) == ({}, True)


def test_an_address_with_too_many_events_ends_the_search_without_a_conclusion(
    fake: FakeMailgun, provider: Mailgun
) -> None:
    send(provider, many(1, first=10))
    others = {"recipient": "lezer0@example.org", "tags": ["shop"]}
    fake.events = [event | others for event in fake.events[:1] * 600]
    found = provider.search(unresolved(many(3)))
    assert (found.accepted, found.complete) == ({}, False)
    assert fake.pages == 6


def test_a_changed_address_is_not_searched(fake: FakeMailgun, provider: Mailgun) -> None:
    sent = many(3)
    send(provider, sent)
    fake.keeps_tags = False
    refs = [subscriber.ref for subscriber in sent.recipients]
    moved = unresolved(sent, addresses=dict.fromkeys(refs, ""))
    found = provider.search(moved)
    assert (found.accepted, found.complete) == ({}, False)
    assert isinstance(found.failure, Unknown)
    found = provider.search(
        unresolved(sent, addresses={refs[0]: "", refs[1]: "lezer1@example.org"})
    )
    assert found.accepted == named(fake)


def test_erased_subscribers_are_not_searched(fake: FakeMailgun, provider: Mailgun) -> None:
    found = provider.search(unresolved(many(3), addresses={}))
    assert (found.accepted, found.complete) == ({}, True)
    assert fake.pages == 1


@pytest.mark.parametrize("odd", ["-lezer@example.org", '"a b"@example.org', "a*@example.org"])
def test_an_address_that_means_something_else_in_a_filter_is_not_asked_for(
    fake: FakeMailgun, provider: Mailgun, odd: str
) -> None:
    sent = many(2)
    refs = [subscriber.ref for subscriber in sent.recipients]
    assert not provider.search(unresolved(sent, addresses={refs[0]: odd})).complete
    found = provider.search(
        unresolved(sent, addresses={refs[0]: odd, refs[1]: "Jan.de-Boer+brief@Example.org"})
    )
    assert found.complete
    asked = [query["recipient"] for query in filters(fake) if "recipient" in query]
    assert asked == ["Jan.de-Boer+brief@Example.org"]
