"""The same letters through Mailgun's own SDK and through ours: the same fields on the wire."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from mailgun.builders import MailgunMessageBuilder
from mailgun.client import Client

from newsletter import mime, personalize
from newsletter.model import UnresolvedRequest
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_mailgun import DOMAIN, FakeMailgun, fields

if TYPE_CHECKING:
    from newsletter.model import Batch
    from newsletter.providers.mailgun.send import Mailgun
    from tests.support.providers.fake_server import Request

DIFFERENT = {
    "user-agent": "each names itself; the SDK with its version, which is nobody's business",
    "accept": "we read no answer that is not JSON",
    "accept-encoding": "we read no compressed answers: their size cannot be bounded beforehand",
    "content-length": "the SDK writes this form urlencoded, which triples the variables",
    "content-type": "the same; Mailgun takes a form in either encoding",
}
"""The headers that need not be equal, and why."""


def through_the_sdk(fake: FakeMailgun, of: Batch, monkeypatch: pytest.MonkeyPatch) -> Request:
    """Send a batch as the SDK's documentation would have it, written out plainly."""
    monkeypatch.setenv("no_proxy", "*")
    own = dict(personalize.letter_template(of.letter).headers)
    greeting, in_html = "%recipient.g%", "%recipient.h%"
    leave = f"{of.letter.unsubscribe_url}%recipient.l%"
    first = of.recipients[0]
    message = personalize.message(of, first)
    escaped = personalize.html_value(first.greeting)
    builder = MailgunMessageBuilder(of.letter.sender)
    for subscriber in of.recipients:
        builder.add_recipient(subscriber.email)
    builder.set_subject(of.letter.subject)
    builder.set_text(
        message.text.replace(first.greeting, greeting).replace(first.unsubscribe_url, leave)
    )
    builder.set_html(message.html.replace(escaped, in_html).replace(first.unsubscribe_url, leave))
    builder.add_custom_variable("delivery", "%recipient.r%")
    if "Reply-To" in own:
        builder.add_custom_header("Reply-To", mime.header_value("Reply-To", own["Reply-To"][0]))
    builder.add_custom_header("List-Id", own["List-Id"][0])
    builder.add_custom_header("List-Unsubscribe", f"<{leave}>")
    builder.add_custom_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    builder.add_option("tracking", value=False)
    builder.add_option("tracking-clicks", value=False)
    builder.add_option("tracking-opens", value=False)
    builder.add_option("suppress-headers", value="X-Mailgun-Variables,X-Mailgun-Tag")
    builder.add_option("tag", value="newsletterbatch033")
    builder.set_recipient_variables(
        {
            subscriber.email: {
                "r": subscriber.ref,
                "l": subscriber.unsubscribe_url.removeprefix(of.letter.unsubscribe_url),
                "g": subscriber.greeting,
                "h": personalize.html_value(subscriber.greeting),
            }
            for subscriber in of.recipients
        }
    )
    # A header of the email that Mailgun itself knows nothing of.
    builder.set_idempotency_safe(safe=False)
    data, files = builder.build()
    with Client(auth=("api", "key-c4n4ry"), api_url=fake.url) as client:
        said = client.messages.create(data=data, files=files, domain=DOMAIN)
    assert said.json()["message"] == "Queued. Thank you."
    return fake.requests.pop()


def _greet_differently(of: Batch) -> Batch:
    first, second = of.recipients
    return dataclasses.replace(of, recipients=(first, dataclasses.replace(second, greeting="Dag,")))


def _without_id(message: dict[str, Any]) -> dict[str, Any]:
    headers = [header for header in message["headers"] if header[0] != "Message-ID"]
    return message | {"headers": sorted(headers)}


@pytest.mark.parametrize(
    "of",
    [
        letter(),
        letter(
            subject='Over "rust", \\ en 🌱',
            prose="</script> & é \u2028 100% +",
            reply_to='"Zoë, van" <a@example.org>',
        ),
    ],
)
def test_the_official_sdk_says_the_same_field_by_field(
    fake: FakeMailgun,
    provider: Mailgun,
    monkeypatch: pytest.MonkeyPatch,
    of: Any,  # noqa: ANN401
) -> None:
    # Where all are greeted alike there would be no variable for it.
    sent = _greet_differently(
        batch("anna+brief@example.org", "bert@example.org", of=of, name="Zoë O'Brien")
    )
    theirs = through_the_sdk(fake, sent, monkeypatch)
    provider.submit(sent, provider.build(sent))
    (ours,) = fake.requests
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    forms = [fields(request) for request in (ours, theirs)]
    said = [json.loads(form.pop("recipient-variables")[0]) for form in forms]
    assert said[0] == said[1]
    assert forms[0] == forms[1]
    assert set(ours.headers) == set(theirs.headers)
    differing = {name for name in ours.headers if ours.headers[name] != theirs.headers[name]}
    assert differing == set(DIFFERENT)
    letters = [entry["message"] for entry in fake.taken()]
    for mine, other in zip(letters[2:], letters[:2], strict=True):
        assert _without_id(mine) == _without_id(other)


def test_the_official_sdk_asks_for_events_as_we_do(
    fake: FakeMailgun, provider: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    moment = datetime(2026, 11, 29, 6, tzinfo=UTC)
    provider.search(
        UnresolvedRequest("k1", "rust", ("r",), moment, moment, {"r": "jan+brief@example.org"})
    )
    by_tag, by_recipient = fake.requests
    for ours in (by_tag, by_recipient):
        path, _, query = ours.path.partition("?")
        with Client(auth=("api", "key-c4n4ry"), api_url=fake.url) as client:
            client.events.get(domain=DOMAIN, filters=dict(parse_qsl(query)))
        theirs = fake.requests.pop()
        assert (theirs.method, theirs.path.partition("?")[0]) == (ours.method, path)
        assert parse_qsl(theirs.path.partition("?")[2]) == parse_qsl(query)
        # The SDK says what it sends although it sends nothing, and we do not.
        assert set(theirs.headers) - set(ours.headers) <= {"content-type"}
        assert ours.headers["authorization"] == theirs.headers["authorization"]
    assert "recipient" in by_recipient.path
