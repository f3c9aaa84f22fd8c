"""The same letters through Lettermint's own SDK and through ours: the same on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lettermint as sdk
import pytest

from newsletter.model import Accepted
from tests.support.providers.batches import batch, letter, lettermint_json

if TYPE_CHECKING:
    from newsletter.model import Batch, Letter
    from newsletter.providers.lettermint.send import Lettermint
    from tests.support.providers.fake_lettermint import FakeLettermint
    from tests.support.providers.fake_server import Request

DIFFERENT = {
    "user-agent": "each names itself; the SDK with its version, which is nobody's business",
    "accept-encoding": "we read no compressed answers: their size cannot be bounded beforehand",
}
"""The headers that need not be equal, and why. The bodies are equal byte for byte."""


def through_the_sdk(fake: FakeLettermint, of: Batch) -> Request:
    messages: Any = lettermint_json(of)
    with sdk.Lettermint(sending_token="lm_c4n4ry", base_url=fake.url) as client:
        said = client.emails.send_batch(messages, idempotency_key=of.key)
    assert [one["status"] for one in said] == ["pending"] * len(messages)
    return fake.requests.pop()


@pytest.mark.parametrize(
    "of",
    [
        letter(),
        letter(
            subject='Over "rust", \\ en 🌱',
            prose="</script> & é \u2028",
            reply_to='"Zoë, van" <zoe@example.org>',
            list_id="Café Rust <rust.example.org>",
        ),
    ],
)
def test_the_official_sdk_says_the_same_byte_for_byte(
    fake: FakeLettermint, provider: Lettermint, monkeypatch: pytest.MonkeyPatch, of: Letter
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    sent = batch(of=of, name="Zoë O'Brien")
    theirs = through_the_sdk(fake, sent)
    said = provider.submit(sent, provider.build(sent))
    (ours,) = fake.requests
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.body == theirs.body
    assert set(ours.headers) == set(theirs.headers)
    differing = {name for name in ours.headers if ours.headers[name] != theirs.headers[name]}
    assert differing == set(DIFFERENT)
    # So it is one request to Lettermint, and what the SDK sent is not sent again.
    assert said.outcomes == {entry["ref"]: Accepted(entry["id"]) for entry in fake.taken()}


def test_what_the_sdk_knows_of_a_batch_that_stops_is_what_we_read(
    fake: FakeLettermint, provider: Lettermint
) -> None:
    sent = batch("anna@example.org", "bert@example.org", "stops@example.org")
    messages: Any = lettermint_json(sent)
    with (
        sdk.Lettermint(sending_token="lm_c4n4ry", base_url=fake.url) as client,
        pytest.raises(sdk.ValidationError) as caught,
    ):
        client.emails.send_batch(messages, idempotency_key="k2")
    listed = {one["index"]: one["message_id"] for one in caught.value.details["accepted"]}
    said = provider.submit(sent, provider.build(sent)).outcomes
    ours = [said[subscriber.ref] for subscriber in sent.recipients]
    assert {n: one.provider_id for n, one in enumerate(ours) if isinstance(one, Accepted)} == listed
