"""Signatures of AWS, computed again from what came over the wire."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.providers.fake_server import error

if TYPE_CHECKING:
    from tests.support.providers.fake_server import Request

KEY_ID = "AKIAOFTHESETESTS"
SECRET = "s3cr3t/of+these/tests"
REGION = "eu-west-1"
MINE = "The request signature we calculated does not match the signature you provided."


class Refusal(Exception):  # noqa: N818 - an answer, and none of ours
    """A request is answered with an error."""

    def __init__(self, status: int, name: str, message: str = "it is so") -> None:
        super().__init__(message)
        self.fault = error(status, name, message=message)


def verify(request: Request, server: str, secret: str, token: str) -> None:
    """Compute a signature again, from what came over the wire.

    Raises:
        Refusal: It is another, for another time or region, or of another body.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        raise Refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    given = dict(part.strip().split("=", 1) for part in rest.split(","))
    id_, date, region, service, _ = given["Credential"].split("/")
    if id_ != KEY_ID or request.headers.get("x-amz-security-token", "") != token:
        raise Refusal(403, "UnrecognizedClientException", "The security token is invalid.")
    stamp = request.headers["x-amz-date"]
    if (region, service, date) != (REGION, "ses", stamp[:8]):
        raise Refusal(403, "InvalidSignatureException", "Credential should be scoped to a region.")
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs((datetime.now(UTC) - signed_at).total_seconds()) > 300:
        raise Refusal(403, "InvalidSignatureException", f"Signature expired: {stamp} is now …")
    names = given["SignedHeaders"].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        raise Refusal(403, "InvalidSignatureException", "'Host' must be a signed header.")
    signed = {name: request.headers[name] for name in names}
    if "x-amz-content-sha256" in signed:
        signed["x-amz-content-sha256"] = hashlib.sha256(request.body).hexdigest()
    again = AWSRequest(request.method, server + request.path, signed, request.body)
    again.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(id_, secret), service, region)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    if not hmac.compare_digest(signer.signature(text, again), given["Signature"]):
        raise Refusal(403, "InvalidSignatureException", MINE)
