"""The stand-in keeps the limits of Amazon SES, also as the process that others start it as."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.model import Accepted, RequestRefused, Unknown
from newsletter.providers.base import Payload
from newsletter.providers.http import HttpClient, HttpResponse
from newsletter.providers.ses.send import Ses, SesBulk
from tests.providers.test_ses import account
from tests.support.providers import ses_requests
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_ses import BULK, MOST, SINGLE, FakeSes, found

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODULE = "tests.support.providers.fake_ses"
SUBSCRIBERS = tuple(f"lezer{number}@example.org" for number in range(MOST + 1))


def ask(fake: FakeSes, path: str, asked: object) -> HttpResponse:
    """Send what our adapter never would, signed as it does."""
    body = json.dumps(asked).encode()
    ours = account(fake.url)
    reply = ours.post(path, Payload((body,), hashlib.sha256(body).hexdigest()))
    ours.close()
    assert isinstance(reply, HttpResponse)
    return reply


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("example.org", Accepted),
        ("brief.example.org", Accepted),
        ("notexample.org", RequestRefused),
        ("example.org.elders.example", RequestRefused),
        ("org", RequestRefused),
    ],
)
def test_a_verified_domain_may_send_from_its_subdomains_and_no_other_domain(
    fake: FakeSes, provider: Ses, domain: str, kind: type
) -> None:
    sent = batch("anna@example.org", of=letter(sender=f"Gerrit <gerrit@{domain}>"))
    (said,) = provider.submit(sent, provider.build(sent)).outcomes.values()
    assert isinstance(said, kind)
    assert len(fake.taken()) == (kind is Accepted)


@pytest.mark.parametrize("fast", [True, False])
def test_as_a_process_it_prints_its_port_notes_letters_and_takes_faults(
    tmp_path: Path, *, fast: bool
) -> None:
    ledger = tmp_path / "taken.jsonl"
    command = [
        sys.executable,
        "-m",
        MODULE,
        "--port",
        "0",
        "--ledger",
        ledger,
        "--require-key",
        "mine",
    ]
    with subprocess.Popen(
        [*command, *(["--fast"] if fast else [])], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        ours, stranger, wire = account(url, secret_key="mine"), account(url), HttpClient()
        single, bulk, other = Ses(ours), SesBulk(ours), Ses(stranger)
        one, two = batch("anna@example.org"), batch()
        try:
            said = wire.post(f"{url}/faults", headers={}, parts=(b'{"2": "500-accepted"}',))
            assert "200" in str(said)
            kinds = [
                {type(outcome) for outcome in way.submit(of, way.build(of)).outcomes.values()}
                for way, of in ((single, one), (single, one), (bulk, two), (other, one))
            ]
        finally:
            process.terminate()
            for opened in (ours, stranger, wire):
                opened.close()
    assert kinds[:3] == [{Accepted}, {Unknown}, {Accepted}]
    assert Accepted not in kinds[3]
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [(line["to"], line["ref"]) for line in lines] == [
        (subscriber.email, subscriber.ref) for of in (one, one, two) for subscriber in of.recipients
    ]


def test_it_finds_the_same_letters_without_reading_json() -> None:
    sent = batch("a@example.org", "b@example.org", name='"ToAddresses":["x"],"delivery","Value":"y')
    body = b"".join(SesBulk(account()).build(sent).parts)
    assert found(body) == [(subscriber.email, subscriber.ref) for subscriber in sent.recipients]


def header(name: str, value: str) -> dict[str, str]:
    return {"Name": name, "Value": value}


BAD_HEADERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "sixteen": lambda given: given + [header(f"X-{number}", "x") for number in range(13)],
    "a long value": lambda given: [*given, header("X", "x" * 996)],
    "a long name and value": lambda given: [*given, header("X" * 10, "x" * 990)],
    "beyond ASCII": lambda given: [*given, header("X", "é")],
    "a line break": lambda given: [*given, header("X", "a\r\nBcc: b@example.org")],
    "its own": lambda given: [*given, header("Message-ID", "<a@example.org>")],
    "no text": lambda given: [*given, header("X", 7)],  # type: ignore[arg-type] - that is the point
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_headers_that_amazon_ses_refuses_are_refused(fake: FakeSes, name: str) -> None:
    single = ses_requests.single(batch("anna@example.org"))
    assert ask(fake, SINGLE, single).status == 200
    simple = single["Content"]["Simple"]
    simple["Headers"] = BAD_HEADERS[name](simple["Headers"])
    assert ask(fake, SINGLE, single).status == 400
    bulk = ses_requests.bulk(batch("anna@example.org"))
    entry = bulk["BulkEmailEntries"][0]
    entry["ReplacementHeaders"] = BAD_HEADERS[name](entry["ReplacementHeaders"])
    assert ask(fake, BULK, bulk).status == 400
    assert len(fake.taken()) == 1


def test_fifteen_headers_of_full_length_are_taken(fake: FakeSes) -> None:
    single = ses_requests.single(batch("anna@example.org"))
    more = [header(f"X{number:02}", "x" * 993) for number in range(12)]
    single["Content"]["Simple"]["Headers"] += more
    assert ask(fake, SINGLE, single).status == 200


def template(asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = asked["DefaultContent"]["Template"]["TemplateContent"]
    return found


@pytest.mark.parametrize(
    "words", ["{{no_reply}}", "{{{x}}}", "{{#if x}}", "{{ x }}", "}}", "\\{{Greeting}}"]
)
def test_what_is_more_than_a_plain_variable_is_refused(fake: FakeSes, words: str) -> None:
    bulk = ses_requests.bulk(batch("anna@example.org"))
    template(bulk)["Text"] += words
    reply = ask(fake, BULK, bulk)
    assert reply.status == 400
    assert b"unsupported operations" in reply.body


def test_more_than_fifty_recipients_or_none_or_an_unknown_field_is_refused(fake: FakeSes) -> None:
    assert ask(fake, BULK, ses_requests.bulk(batch(*SUBSCRIBERS))).status == 400
    assert ask(fake, BULK, ses_requests.bulk(batch(*SUBSCRIBERS[:1])) | {"Typo": 1}).status == 400
    assert ask(fake, BULK, ses_requests.bulk(batch("a@b.nl")) | {"BulkEmailEntries": []}).status
    large = ses_requests.bulk(batch("a@example.org"))
    template(large)["Html"] = "x" * 1_000_000
    assert ask(fake, BULK, large).status == 400
    assert fake.taken() == []


def test_a_letter_whose_variable_is_missing_is_accepted_and_never_sent(fake: FakeSes) -> None:
    bulk = ses_requests.bulk(batch("anna@example.org", "bert@example.org"))
    entry = bulk["BulkEmailEntries"][0]["ReplacementEmailContent"]["ReplacementTemplate"]
    entry["ReplacementTemplateData"] = '{"Greeting": "Dag,"}'
    reply = ask(fake, BULK, bulk)
    results = json.loads(reply.body)["BulkEmailEntryResults"]
    assert [result["Status"] for result in results] == ["SUCCESS", "SUCCESS"]
    assert fake.unrendered == ["0" * 32]
    assert [entry["to"] for entry in fake.taken()] == ["bert@example.org"]


def test_the_tags_of_a_delivery_hold_only_what_events_can_carry(fake: FakeSes) -> None:
    single = ses_requests.single(batch("anna@example.org"))
    single["EmailTags"][0]["Value"] = "a b"
    assert ask(fake, SINGLE, single).status == 400
