"""The same letters through AWS's own SDK and through ours; its model; and moto's own SES."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from botocore.validate import ParamValidator
from moto.server import ThreadedMotoServer

from newsletter.model import Accepted, RequestRefused
from newsletter.providers.ses.send import Ses, SesBulk
from tests.providers.test_contract import outcomes
from tests.providers.test_ses import account, wire_bytes
from tests.support.providers import ses_requests
from tests.support.providers.batches import batch, letter
from tests.support.providers.fake_ses import FakeSes, model
from tests.support.providers.sigv4 import KEY_ID, REGION, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Batch, Letter
    from tests.support.providers.fake_server import Request

LETTERS = (
    letter(),
    letter(subject='Over "rust", \\ en 🌱', prose="</script> & é", reply_to="a@example.org"),
)
ONE = ("anna@example.org",)
MANY = tuple(f"lezer{number}@example.org" for number in range(50))
DIFFERENT = {
    "user-agent": "each names itself; the SDK with its version and Python's, which is nobody's "
    "business",
    "content-length": "the SDK writes spaces and \\u escapes, which JSON does not need",
    "authorization": "it signs the bytes, and those differ by the same spaces",
}
"""The headers that are in both and need not be equal, and why."""
THEIRS = {
    "amz-sdk-invocation-id": "it counts repetitions of one call, and we never repeat one",
    "amz-sdk-request": "the same",
}
OURS = {
    "accept": "httpx says that it takes anything",
    "connection": "httpx says that a connection is kept; urllib3 lets that go without saying",
    "x-amz-content-sha256": "the SDK hashes the body for the signature alone; we hand over ours",
}


def sdk(url: str) -> Any:  # noqa: ANN401 - boto3 makes its clients as it runs
    return boto3.client(
        "sesv2",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def through_the_sdk(fake: FakeSes, of: Batch, *, bulk: bool) -> Request:
    theirs = sdk(fake.url)
    if bulk:
        theirs.send_bulk_email(**ses_requests.bulk(of, "letters"))
    else:
        theirs.send_email(**ses_requests.single(of, "letters"))
    theirs.close()
    return fake.requests.pop()


@pytest.mark.parametrize("of", LETTERS)
@pytest.mark.parametrize("bulk", [False, True])
def test_the_official_sdk_says_the_same_field_by_field(
    fake: FakeSes, of: Letter, *, bulk: bool
) -> None:
    sent = batch(*(MANY if bulk else ONE), of=of, name="Zoë O'Brien")
    theirs = through_the_sdk(fake, sent, bulk=bulk)
    ours = (SesBulk if bulk else Ses)(account(fake.url), "letters")
    assert {type(one) for one in outcomes(ours, sent)} == {Accepted}
    ours.close()
    (request,) = fake.requests
    assert (request.method, request.path) == (theirs.method, theirs.path)
    assert json.loads(request.body) == json.loads(theirs.body)
    shared = set(request.headers) & set(theirs.headers)
    assert set(request.headers) - shared == set(OURS)
    assert set(theirs.headers) - shared == set(THEIRS)
    # The second in which each was signed may be the same or not.
    differing = {name for name in shared if request.headers[name] != theirs.headers[name]}
    assert differing - {"x-amz-date"} == set(DIFFERENT)
    first, second = (fake.taken()[: len(sent.recipients)], fake.taken()[len(sent.recipients) :])
    for one, other in zip(first, second, strict=True):
        unlike = {"Date", "Message-ID"}
        assert (one["to"], one["ref"]) == (other["to"], other["ref"])
        assert [h for h in one["message"]["headers"] if h[0] not in unlike] == [
            h for h in other["message"]["headers"] if h[0] not in unlike
        ]


@pytest.mark.parametrize("of", LETTERS)
@pytest.mark.parametrize(("way", "operation"), [(Ses, "SendEmail"), (SesBulk, "SendBulkEmail")])
def test_the_model_of_the_api_knows_every_field_that_we_send(
    of: Letter, way: type[Ses], operation: str
) -> None:
    shape = model().operation_model(operation).input_shape
    built = way(account(), "letters").build(batch(*(ONE if way is Ses else MANY), of=of))
    asked = wire_bytes(built)
    assert not ParamValidator().validate(asked, shape).has_errors()
    assert ParamValidator().validate(asked | {"Typo": 1}, shape).has_errors()


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run moto's Amazon SES; return its address."""
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    finally:
        server.stop()


def test_moto_takes_a_letter_from_a_verified_sender(moto: str) -> None:
    # It loads its model when it is first asked.
    ours, theirs = Ses(account(moto, deadline=60)), sdk(moto)
    sent = batch(*ONE, of=letter(sender="Gerrit <gerrit@example.org>"))
    (said,) = outcomes(ours, sent)
    assert isinstance(said, RequestRefused), "nobody is verified yet"
    theirs.create_email_identity(EmailIdentity="example.org")
    (said,) = outcomes(ours, sent)
    assert isinstance(said, Accepted)
    ours.close()
    with pytest.raises(botocore.exceptions.ClientError):
        theirs.send_email(**ses_requests.single(sent) | {"FromEmailAddress": "x@y.example"})
    theirs.close()
