"""The same letters through Resend's own SDK and through ours: the same on the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import resend as sdk

from tests.support.providers.batches import batch, letter, resend_json

if TYPE_CHECKING:
    from newsletter.model import Batch
    from newsletter.providers.resend.send import Resend
    from tests.support.providers.fake_resend import FakeResend, Request

DIFFERENT = {
    "user-agent": "each names itself; the SDK with its version, which is nobody's business",
    "accept-encoding": "we read no compressed answers: their size cannot be bounded beforehand",
    "content-length": "the SDK writes spaces and \\u escapes, which JSON does not need",
}
"""The headers that need not be equal, and why."""


def through_the_sdk(fake: FakeResend, of: Batch, monkeypatch: pytest.MonkeyPatch) -> Request:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(sdk, "api_key", "re_c4n4ry")
    monkeypatch.setattr(sdk, "api_url", fake.url)
    messages: Any = resend_json(of)
    said = sdk.Batch.send(messages, {"idempotency_key": of.key, "batch_validation": "permissive"})
    assert len(said["data"]) == len(messages)
    return fake.requests.pop()


@pytest.mark.parametrize(
    "of",
    [
        letter(),
        letter(
            subject='Over "rust", \\ en 🌱', prose="</script> & é \u2028", reply_to="a@example.org"
        ),
    ],
)
def test_the_official_sdk_says_the_same_field_by_field(
    fake: FakeResend,
    provider: Resend,
    monkeypatch: pytest.MonkeyPatch,
    of: Any,  # noqa: ANN401
) -> None:
    sent = batch(of=of, name="Zoë O'Brien")
    theirs = through_the_sdk(fake, sent, monkeypatch)
    said = provider.submit(sent, provider.build(sent))
    (ours,) = fake.requests
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert set(ours.headers) == set(theirs.headers)
    differing = {name for name in ours.headers if ours.headers[name] != theirs.headers[name]}
    assert differing == set(DIFFERENT)
    # Two bodies that are written differently are two bodies to Resend, under the same key too.
    assert len(fake.taken()) == 2
    assert len(said.outcomes) == 2
