"""Our requests, and our fake's answers, against what Resend itself says its API takes and gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.providers.accounts import inspect
from tests.support.providers.batches import batch, letter
from tests.support.providers.cases import RESEND
from tests.support.providers.fake_resend import FAULTS
from tests.support.providers.specification import content, valid

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.providers.resend.send import Resend
    from tests.support.providers.fake_resend import FakeResend

pytestmark = pytest.mark.specs
VERSIONS = ("resend.json", "tightened/resend.json")


@pytest.fixture(params=VERSIONS)
def spec(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - JSON
    folder: Path = request.config.getoption("--specs")
    return json.loads((folder / request.param).read_text(encoding="utf-8"))


SENT = (
    batch(),
    batch(name=None),
    batch("anna@bücher.example", of=letter(reply_to="antwoord@example.org")),
    batch(of=letter(list_id="Café Rust <rust.example.org>", subject="🌱 “Rust”, \\ en meer")),
    batch(*(f"lezer{number}@example.org" for number in range(100))),
)


@pytest.mark.parametrize("number", range(len(SENT)))
def test_every_request_is_one_that_the_specification_takes(
    spec: Any,  # noqa: ANN401 - JSON
    fake: FakeResend,
    provider: Resend,
    number: int,
) -> None:
    provider.submit(SENT[number], provider.build(SENT[number]))
    (request,) = fake.requests
    operation = spec["paths"]["/emails/batch"]["post"]
    assert request.path == "/emails/batch"
    assert valid(spec, content(operation["requestBody"]), json.loads(request.body)) == []
    for parameter in operation["parameters"]:
        given = request.headers[parameter["name"].lower()]
        assert valid(spec, parameter["schema"], given) == []


def test_the_specification_would_notice(spec: Any) -> None:  # noqa: ANN401 - JSON
    schema = content(spec["paths"]["/emails/batch"]["post"]["requestBody"])
    good = {"from": "a@example.org", "to": ["b@example.org"], "subject": "Rust"}
    assert valid(spec, schema, [good]) == []
    assert valid(spec, schema, [good | {"subject": 7}])
    assert valid(spec, schema, [{"from": "a@example.org"}])
    assert valid(spec, schema, good)


@pytest.mark.parametrize("name", ["", "422", "409-other-body", "429", "500"])
def test_the_answers_of_our_fake_are_ones_that_the_specification_knows(
    spec: Any,  # noqa: ANN401 - JSON
    fake: FakeResend,
    name: str,
) -> None:
    import httpx  # noqa: PLC0415 - here the raw answer is what matters

    if name:
        fake.faults[1] = FAULTS[name]
    message = {
        "from": "a@example.org",
        "subject": "Rust",
        "tags": [{"name": "delivery", "value": "r"}],
    }
    reply = httpx.post(
        f"{fake.url}/emails/batch",
        json=[message | {"to": [to]} for to in ("b@example.org", "refused@example.org")],
        headers={"Authorization": "Bearer re_x", "x-batch-validation": "permissive"},
        trust_env=False,
    )
    answers = spec["paths"]["/emails/batch"]["post"]["responses"]
    known = answers.get(str(reply.status_code))
    # The specification as published knows no errors; the stricter one has those of the site.
    assert known or len(answers) == 1
    if known:
        assert valid(spec, content(known), reply.json()) == []


def test_every_question_about_the_account_is_one_that_the_specification_knows(
    spec: Any,  # noqa: ANN401 - JSON
    fake: FakeResend,
) -> None:
    inspect(RESEND, fake)
    assert len(fake.requests) == 4
    for request in fake.requests:
        where = urlsplit(request.path)
        what, _, item = where.path.strip("/").partition("/")
        path = f"/{what}/{{{what[:-1]}_id}}" if item else f"/{what}"
        operation = spec["paths"][path]["get"]
        parameters = [resolved(spec, one) for one in operation.get("parameters", [])]
        known = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
        for name, value in parse_qsl(where.query):
            assert valid(spec, known[name], int(value) if name == "limit" else value) == []
        _, said = fake.account.respond(request, request.path) or (0, b"")
        assert valid(spec, content(operation["responses"]["200"]), json.loads(said)) == []


def resolved(spec: Any, part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a parameter, wherever the specification has it."""
    return (
        spec["components"]["parameters"][part["$ref"].rpartition("/")[2]]
        if "$ref" in part
        else part
    )
