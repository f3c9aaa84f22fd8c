"""Our requests, and our fake's answers, against what Mailgun says that its API takes and gives."""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from newsletter.model import UnresolvedRequest
from tests.support.providers.accounts import inspect
from tests.support.providers.batches import batch, letter
from tests.support.providers.cases import MAILGUN
from tests.support.providers.fake_mailgun import FAULTS, FakeMailgun, fields
from tests.support.providers.specification import content, valid

if TYPE_CHECKING:
    from newsletter.providers.mailgun.send import Mailgun

pytestmark = pytest.mark.specs
MESSAGES, EVENTS = "/v3/{domain_name}/messages", "/v3/{domain_name}/events"


@functools.cache
def loaded(path: Path) -> Any:  # noqa: ANN401 - YAML
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


@pytest.fixture
def spec(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - YAML
    """Return the stricter one; as published it takes no form that anybody could send."""
    return loaded(Path(request.config.getoption("--specs")) / "tightened" / "mailgun.yaml")


def schema_of_a_form(spec: Any) -> Any:  # noqa: ANN401 - YAML
    content = spec["paths"][MESSAGES]["post"]["requestBody"]["content"]
    reference = content["multipart/form-data"]["schema"]["$ref"]
    return spec["components"]["schemas"][reference.rpartition("/")[2]]


def as_object(form: dict[str, list[str]]) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}


SENT = (
    batch(),
    batch(name=None),
    batch("zoë@bücher.example", of=letter(reply_to="antwoord@example.org")),
    batch(of=letter(list_id="Café Rust <rust.example.org>", subject="🌱 “Rust”, \\ en meer")),
    batch(of=letter(subject="Over %recipient.x%", prose="Wie %unsubscribe_url% schrijft")),
    batch(*(f"lezer{number}@example.org" for number in range(1000))),
)


@pytest.mark.parametrize("number", range(len(SENT)))
def test_every_request_is_one_that_the_specification_takes(
    spec: Any,  # noqa: ANN401 - YAML
    fake: FakeMailgun,
    provider: Mailgun,
    number: int,
) -> None:
    provider.submit(SENT[number], provider.build(SENT[number]))
    (request,) = fake.requests
    assert request.path == MESSAGES.replace("{domain_name}", "brief.example.org")
    assert spec["paths"][MESSAGES]["post"]["security"] == [{"basicAuth": []}]
    schema, form = schema_of_a_form(spec), fields(request)
    assert valid(spec, schema, as_object(form)) == []
    named = {name for name in form if not name.startswith(("h:", "v:"))}
    assert named <= schema["properties"].keys()


def test_the_specification_would_notice(spec: Any) -> None:  # noqa: ANN401 - YAML
    schema = schema_of_a_form(spec)
    good = {"from": "a@example.org", "to": "b@example.org", "subject": "Rust", "text": "Rust"}
    assert valid(spec, schema, good) == []
    assert valid(spec, schema, good | {"subject": 7})
    assert valid(spec, schema, good | {"o:tracking": "off"})
    assert valid(spec, schema, {"from": "a@example.org", "to": "b@example.org"})


def test_every_search_is_one_that_the_specification_takes(
    spec: Any,  # noqa: ANN401 - YAML
    fake: FakeMailgun,
    provider: Mailgun,
) -> None:
    moment = datetime.now(UTC)
    subscriber, *_ = batch().recipients
    provider.submit(batch(), provider.build(batch()))
    fake.requests.clear()
    fake.keeps_tags = False
    # One was taken, which leads to its name; the other was not.
    addresses = {subscriber.ref: subscriber.email, "r": "lezer@example.org"}
    provider.search(
        UnresolvedRequest("k1", "rust", ("r", subscriber.ref), moment, moment, addresses)
    )
    known = {one["name"]: one["schema"] for one in spec["paths"][EVENTS]["get"]["parameters"]}
    asked = [urlsplit(request.path) for request in fake.requests]
    first = [one for one in asked if one.query]
    assert {one.path for one in first} == {EVENTS.replace("{domain_name}", "brief.example.org")}
    said = [(name, value) for one in first for name, value in parse_qsl(one.query)]
    assert {"tags", "recipient", "message-id"} < {name for name, _ in said}
    for name, value in said:
        typed = int(value) if known[name]["type"] == "integer" else value
        assert valid(spec, known[name], typed) == []


@pytest.mark.parametrize("name", ["", "400-address", "429-words", "500"])
def test_the_answers_of_our_fake_are_ones_that_the_specification_knows(
    spec: Any,  # noqa: ANN401 - YAML
    fake: FakeMailgun,
    name: str,
) -> None:
    import httpx  # noqa: PLC0415 - here the raw answer is what matters

    if name:
        fake.faults[1] = FAULTS[name]
    message = {"from": "a@example.org", "to": "b@example.org", "subject": "Rust", "text": "Rust"}
    reply = httpx.post(
        f"{fake.url}/v3/brief.example.org/messages",
        data=message,
        auth=("api", "key"),
        trust_env=False,
    )
    known = spec["paths"][MESSAGES]["post"]["responses"][str(reply.status_code)]
    assert valid(spec, content(known), reply.json()) == []


@pytest.mark.parametrize("kind", ["accepted", "delivered", "failed", "rejected"])
def test_the_events_of_our_fake_are_ones_that_the_specification_knows(
    spec: Any,  # noqa: ANN401 - YAML
    fake: FakeMailgun,
    provider: Mailgun,
    kind: str,
) -> None:
    import httpx  # noqa: PLC0415 - here the raw answer is what matters

    fake.happens = (kind,)
    provider.submit(batch(), provider.build(batch()))
    reply = httpx.get(
        f"{fake.url}/v3/brief.example.org/events?begin=0&ascending=yes",
        auth=("api", "key"),
        trust_env=False,
    )
    known = spec["paths"][EVENTS]["get"]["responses"]["200"]
    said = reply.json()
    assert [item["event"] for item in said["items"]] == [kind, kind]
    assert valid(spec, content(known), said) == []


def test_every_question_about_the_account_is_one_that_the_specification_knows(
    spec: Any,  # noqa: ANN401 - YAML
    fake: FakeMailgun,
) -> None:
    for limit in (None, {"limit": 10_000, "current": 300, "period": "1m"}):
        fake.account.limit = limit
        inspect(MAILGUN, fake)
    assert len(fake.requests) == 12
    for request in fake.requests:
        where = urlsplit(request.path)
        operation = spec["paths"][template_of(spec, where.path)]["get"]
        known = {one["name"]: one["schema"] for one in operation.get("parameters", [])}
        for name, value in parse_qsl(where.query):
            assert valid(spec, known[name], value) == []
        status, said = fake.respond(request)
        schema = content(operation["responses"][str(status)])
        assert valid(spec, schema, json.loads(said)) == []


def template_of(spec: Any, path: str) -> str:  # noqa: ANN401 - YAML
    """Return the path of the specification that a request's path is an instance of."""
    parts = path.split("/")
    (found,) = (
        template
        for template, operations in spec["paths"].items()
        if "get" in operations
        and len(parts) == len(template.split("/"))
        and all(
            theirs == ours or (theirs.startswith("{") and "." in ours)
            for theirs, ours in zip(template.split("/"), parts, strict=True)
        )
    )
    return str(found)
