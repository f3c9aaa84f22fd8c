"""An account at Amazon SES: its region, its keys, and requests signed with them.

The signature (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html) is botocore's;
the request is our own. botocore would repeat a request whose answer was lost, and Amazon SES has no
idempotency keys: that would be a second letter.
"""

from __future__ import annotations

import hashlib
import logging
import math
from typing import TYPE_CHECKING, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from newsletter.errors import NewsletterError
from newsletter.providers import base, responses
from newsletter.providers.base import DEADLINE, Quota
from newsletter.providers.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from newsletter.config import Settings
    from newsletter.providers.base import Payload
    from newsletter.providers.http import Failure

REGIONS: Final = {
    "eu-central-1": "Frankfurt",
    "eu-north-1": "Stockholm",
    "eu-south-1": "Milan",
    "eu-south-2": "Spain",
    "eu-west-1": "Ireland",
    "eu-west-3": "Paris",
    "eusc-de-east-1": "the European Sovereign Cloud, Germany",
}
"""The regions of Amazon SES that lie in the European Union; London and Zurich do not."""

_OK: Final = 200
_NO_BODY: Final = hashlib.sha256(b"").hexdigest()

# Its log contains what it signs, a session token too.
logging.getLogger("botocore").propagate = False
logging.getLogger("botocore").addHandler(logging.NullHandler())


class Account:
    """Sends signed requests of one account.

    Args:
        keys: Of the account.
        region: One of `REGIONS`: a part of every signature.
        url: The base URL of the API.
        http: Its connections.

    Attributes:
        secrets: What must not be shown: the keys, and a session token.
    """

    def __init__(self, keys: Credentials, region: str, url: str, http: HttpClient) -> None:
        self.secrets = tuple(filter(None, (keys.access_key, keys.secret_key, keys.token)))
        self._signer = SigV4Auth(keys, "ses", region)
        self._url = url
        self._http = http

    def post(self, path: str, payload: Payload) -> HttpResponse | Failure:
        """Send a body of JSON; `payload.digest` is its SHA-256 (hex)."""
        url = self._url + path
        json = {"Content-Type": "application/json"}
        signed = self._signed("POST", url, json, payload.digest)
        return self._http.post(url, headers=signed, parts=payload.parts)

    def get(self, path: str) -> HttpResponse | Failure:
        """Fetch what is at a path."""
        url = self._url + path
        return self._http.get(url, headers=self._signed("GET", url, {}, _NO_BODY))

    def delete(self, path: str) -> HttpResponse | Failure:
        """Delete what is at a path."""
        url = self._url + path
        return self._http.delete(url, headers=self._signed("DELETE", url, {}, _NO_BODY))

    def quota(self) -> Quota:
        """Return what the account may send; unknown without the right to ask.

        https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
        """
        response = self.get("/v2/email/account")
        if not isinstance(response, HttpResponse) or response.status != _OK:
            return Quota()
        said = responses.content(response)
        limits = said.get("SendQuota")
        limits = limits if isinstance(limits, dict) else {}
        rate, most = _number(limits.get("MaxSendRate")), _number(limits.get("Max24HourSend"))
        sent = _number(limits.get("SentLast24Hours")) or 0
        stopped = said.get("SendingEnabled") is False or said.get("EnforcementStatus") == "SHUTDOWN"
        return Quota(
            per_second=rate or None,
            left=None if most is None else max(0, int(most - sent)),
            blocked="Amazon SES has stopped all sending of this account" if stopped else "",
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _signed(
        self, method: str, url: str, headers: dict[str, str], digest: str
    ) -> dict[str, str]:
        request = AWSRequest(method, url, headers | {"X-Amz-Content-SHA256": digest})
        self._signer.add_auth(request)
        return dict(request.headers.items())


def open_account(settings: Settings, deadline: float = DEADLINE) -> Account:
    """Return the account whose keys are in the environment.

    Args:
        settings: With these keys.
        deadline: Seconds for each request.

    Raises:
        NewsletterError: A key is missing, no region of the European Union is named, or letters
            would travel unencrypted.
    """
    region = region_of(settings)
    hint = "Make an access key for a user that may only send (docs/providers.md has its policy)"
    keys = Credentials(
        base.credential(settings, "AWS_ACCESS_KEY_ID", hint),
        base.credential(settings, "AWS_SECRET_ACCESS_KEY", hint),
        settings.credentials.get("AWS_SESSION_TOKEN"),
    )
    cloud = "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
    url = base.base_url(settings, f"https://email.{region}.{cloud}")
    return Account(keys, region, url, HttpClient(deadline=deadline))


def region_of(settings: Settings) -> str:
    """Return the region that the environment names.

    Raises:
        NewsletterError: It is not set, or not in the European Union.
    """
    named = ("AWS_REGION", "AWS_DEFAULT_REGION")
    name = next((name for name in named if name in settings.credentials), named[0])
    region = settings.credentials.get(name, "")
    if region in REGIONS:
        return region
    known = ", ".join(f"{region} ({place})" for region, place in REGIONS.items())
    raise NewsletterError(
        f"{region} is not a region in the European Union" if region else f"{name} is not set",
        where=name if region else "",
        hint=f"Name the region that the account sends from: {known}",
    )


def _number(found: object) -> float | None:
    """Return a number of letters; None for anything else, and for -1, which means no limit."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if 0 <= found < math.inf else None
