"""What others' stand-in for Amazon SES, with the real Handlebars, makes of our requests."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from newsletter import personalize
from newsletter.model import Accepted
from newsletter.providers.ses.send import Ses, SesBulk
from tests.providers.test_contract import SYNTAX, outcomes, read
from tests.providers.test_ses import account
from tests.support import npm
from tests.support.postgres import free_port
from tests.support.providers.batches import batch, letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Batch, Letter

pytestmark = pytest.mark.all

ONE = ("anna@example.org",)
MANY = tuple(f"lezer{number}@example.org" for number in range(50))
LETTERS = (
    letter(),
    letter(subject='Over "rust", \\ en 🌱', prose="</script> & é", reply_to="zoe@example.org"),
    letter(
        subject=f"Over {{{{{' '.join(SYNTAX)}",
        prose="\n".join(f"{syntax} {{{syntax}}} \\{syntax}\\" for syntax in SYNTAX),
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run the stand-in; return its address."""
    program = npm.programs("ses") / "aws-ses-v2-local"
    port = free_port()
    # A variable that is missing is an error at once, which Amazon SES would report later.
    strict = {"AWS_SES_STRICT_TEMPLATE_RENDERING": "true"}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [program, "--host", "127.0.0.1", "--port", str(port)],
        env=os.environ | strict,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            while not _answers(url):
                assert process.poll() is None
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health-check", trust_env=False).is_success
    except httpx.ConnectError:
        return False


def taken(server: str) -> list[dict[str, Any]]:
    emails: list[dict[str, Any]] = httpx.get(f"{server}/store", trust_env=False).json()["emails"]
    return emails


@pytest.mark.parametrize("of", LETTERS)
@pytest.mark.parametrize("way", [Ses, SesBulk])
def test_each_letter_arrives_as_it_was_written(server: str, of: Letter, way: type[Ses]) -> None:
    sent = batch(*(ONE if way is Ses else MANY), of=of, name='Zoë "O\'Brien" <b> & {{x}} \\')
    before = len(taken(server))
    ours = way(account(server, deadline=30))
    assert {type(one) for one in outcomes(ours, sent)} == {Accepted}
    ours.close()
    found = taken(server)[before:]
    assert len(found) == len(sent.recipients)
    assert_found(found, sent)


def assert_found(found: list[dict[str, Any]], sent: Batch) -> None:
    for email, subscriber in zip(found, sent.recipients, strict=True):
        wanted = personalize.message(sent, subscriber)
        assert email["destination"] == {"to": [subscriber.email], "cc": [], "bcc": []}
        assert (email["body"]["html"], email["body"]["text"]) == (wanted.html, wanted.text)
        assert email["subject"] == sent.letter.subject
        headers = dict(wanted.headers)
        assert read("From", email["from"]) == read("From", headers["From"])
        listed = {name: value for name, value in headers.items() if name.startswith("List-")}
        assert len(listed) == 3
        assert {header["name"]: header["value"] for header in email["headers"]} == listed
