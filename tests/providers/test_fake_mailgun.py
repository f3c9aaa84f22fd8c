"""The stand-in does what Mailgun does to a request, also as the process that others start it as."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from newsletter.model import Accepted, RequestRefused, Unknown
from newsletter.providers.http import HttpClient
from newsletter.providers.mailgun.send import BASE, Mailgun
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_mailgun import DOMAIN, FakeMailgun, found

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.base import SubmitResult

MODULE = "tests.support.providers.fake_mailgun"
GOOD = {
    "from": "Gerrit <gerrit@example.org>",
    "to": "anna@example.org,bert@example.org",
    "subject": "Dag %recipient.name%",
    "html": '<a href="https://example.org/">%recipient.name%</a>',
    "text": "Dag %recipient.name%, %recipient.other% %unsubscribe_url% 100%",
    "v:delivery": "%recipient.ref%",
    "recipient-variables": json.dumps(
        {"anna@example.org": {"name": "Anna", "ref": "r1"}, "bert@example.org": {"name": "Bert"}}
    ),
}


def kinds(said: SubmitResult) -> set[type]:
    return {type(outcome) for outcome in said.outcomes.values()}


def post(fake: FakeMailgun, form: dict[str, Any], *, multipart: bool = False) -> httpx.Response:
    return httpx.post(
        f"{fake.url}/v3/{DOMAIN}/messages",
        **(
            {"files": {name: (None, value) for name, value in form.items()}}
            if multipart
            else {"data": form}
        ),
        auth=("api", "key"),
        trust_env=False,
    )


@pytest.mark.parametrize("multipart", [False, True])
def test_each_subscriber_gets_their_own_values_and_every_letter_that_was_not_refused(
    fake: FakeMailgun, *, multipart: bool
) -> None:
    said = post(fake, GOOD, multipart=multipart).json()
    anna, bert = fake.taken()
    assert said == {"id": f"<{anna['id']}>", "message": "Queued. Thank you."}
    assert (anna["ref"], bert["ref"]) == ("r1", "%recipient.ref%")
    headers = dict(anna["message"]["headers"])
    assert (headers["To"], headers["Subject"]) == ("anna@example.org", "Dag Anna")
    assert headers["X-Mailgun-Variables"] == '{"delivery": "r1"}'
    assert anna["message"]["text"] == (
        "Dag Anna, %recipient.other% https://email.example.org/u/1 100%"
    )
    assert anna["message"]["html"] == (
        '<a href="https://email.example.org/c/example.org/">Anna</a>'
        '<img src="https://email.example.org/o/1">'
    )


def test_without_variables_everybody_sees_everybody(fake: FakeMailgun) -> None:
    post(fake, {name: value for name, value in GOOD.items() if name != "recipient-variables"})
    for entry in fake.taken():
        assert ["To", "anna@example.org, bert@example.org"] in entry["message"]["headers"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"to": "refused@example.org"}, "to parameter is not a valid address"),
        ({"to": ",".join(f"a{n}@example.org" for n in range(1001))}, "max is 1000"),
        ({"h:X-Long": "x" * 16_384}, "16KB"),
        ({"recipient-variables": "{'a': 1}"}, "not a valid JSON"),
        ({"from": None}, "from parameter is missing"),
        ({"text": None, "html": None}, "Need at least one"),
    ],
)
def test_what_mailgun_refuses_is_refused_whole(
    fake: FakeMailgun, changed: dict[str, Any], words: str
) -> None:
    form = {name: value for name, value in (GOOD | changed).items() if value is not None}
    said = post(fake, form)
    assert said.status_code == 400
    assert words in said.json()["message"]
    assert fake.taken() == []


def test_another_domain_key_or_path_gets_what_mailgun_says_to_it(fake: FakeMailgun) -> None:
    fake.key = "good"

    def said(domain: str, key: str, path: str = "messages") -> tuple[int, str]:
        url = f"{fake.url}/v3/{domain}/{path}"
        reply = httpx.post(url, data=GOOD, auth=("api", key), trust_env=False)
        return reply.status_code, reply.text

    assert said("else.example.org", "good")[0] == 404
    assert said(DOMAIN, "bad") == (401, "Forbidden")
    assert said(DOMAIN, "good", "message") == (200, "Mailgun Magnificent API")
    assert said(f"{DOMAIN}/x", "good") == (200, "Mailgun Magnificent API")
    assert fake.taken() == []


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
        "good",
    ]
    with subprocess.Popen(
        [*command, *(["--fast"] if fast else [])], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        ours, stranger, wire = (
            Mailgun("good", DOMAIN, url, HttpClient()),
            Mailgun("bad", DOMAIN, url, HttpClient()),
            HttpClient(),
        )
        try:
            sent = [batch(key=f"k{number}") for number in range(3)]
            said = wire.post(f"{url}/faults", headers={}, parts=(b'{"2": "500-accepted"}',))
            assert "200" in str(said)
            outcomes = [kinds(ours.submit(one, ours.build(one))) for one in sent]
            assert outcomes == [{Accepted}, {Unknown}, {Accepted}]
            assert kinds(stranger.submit(sent[0], stranger.build(sent[0]))) == {RequestRefused}
        finally:
            process.terminate()
            for opened in (ours, stranger, wire):
                opened.close()
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [(line["to"], line["ref"]) for line in lines] == [
        (subscriber.email, subscriber.ref) for one in sent for subscriber in one.recipients
    ]


def test_it_finds_the_same_recipients_without_parsing_the_form() -> None:
    of = letter(prose='name="recipient-variables"{"x@example.org":{"r":"y"}}')
    sent = batch("a@example.org", "b@example.org", of=of, name='"recipient-variables"{}')
    sent = dataclasses.replace(sent, key="f" * 32)
    body = b"".join(Mailgun("good", DOMAIN, BASE, HttpClient()).build(sent).parts)
    assert found(body) == [(subscriber.email, subscriber.ref) for subscriber in sent.recipients]
