"""The API of a forge: one call, and its JSON or an error with an exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from newsletter.errors import NewsletterError, TryAgain
from newsletter.model import RequestRefused
from newsletter.providers.http import HttpClient, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEADLINE: Final = 30.0  # seconds for one call
_LARGEST: Final = 8 << 20  # issues have long bodies
_REDIRECTS: Final = range(300, 400)
_SERVER_ERRORS: Final = range(500, 600)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _TOO_MANY = 401, 403, 404, 410, 429


class ForgeApi:
    """Calls to the API of one forge, with one token.

    Args:
        base: The URL that the paths of calls begin with.
        headers: Headers of each call, the token among them.
        rights: What to do when the token may not write issues.
    """

    def __init__(self, base: str, headers: Mapping[str, str], *, rights: str) -> None:
        self._base = base.rstrip("/")
        self._headers = headers
        self._rights = rights
        self._client = HttpClient(deadline=_DEADLINE)

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Fetch what is at a path."""
        url = f"{self._base}/{path}"
        return self._read(self._client.get(url, headers=self._headers, largest=_LARGEST))

    def call(self, method: str, path: str, document: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Send a document to a path; return the answer."""
        body = json.dumps(document).encode()
        url = f"{self._base}/{path}"
        return self._read(self._client.send_json(method, url, headers=self._headers, body=body))

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _read(self, answer: object) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(answer, HttpResponse):
            reason = getattr(answer, "reason", "")
            if isinstance(answer, RequestRefused):
                raise NewsletterError(reason, hint="Correct the URL of the forge's API")
            raise TryAgain(reason, hint="Run this again")
        self._refuse(answer)
        try:
            return json.loads(answer.body)
        except ValueError:
            raise TryAgain(
                f"{self._host} answers with something that is no JSON", hint="Run this again"
            ) from None

    def _refuse(self, answer: HttpResponse) -> None:
        """Raise what a status means that is not success."""
        status, host = answer.status, self._host
        limited = "retry-after" in answer.headers or (
            answer.headers.get("x-ratelimit-remaining") == "0"
        )
        if status in _SERVER_ERRORS or status == _TOO_MANY or (status == _FORBIDDEN and limited):
            raise TryAgain(f"{host} does not serve this now (HTTP {status})", hint="Run this again")
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise NewsletterError(
                f"{host} refuses the token, or it may not write issues (HTTP {status})",
                hint=self._rights,
            )
        if status in {_NOT_FOUND, _GONE}:
            raise NewsletterError(
                f"{host} has no issues of this repository (HTTP {status})",
                hint=f"Switch issues on in the repository's settings. {self._rights}",
            )
        if status in _REDIRECTS:
            raise NewsletterError(
                f"the repository has moved at {host} (HTTP {status})",
                hint="Run the workflow again under the repository's new name",
            )
        if status >= _REDIRECTS.stop:
            raise NewsletterError(f"{host} does not take the issue (HTTP {status})")

    @property
    def _host(self) -> str:
        return urlsplit(self._base).hostname or self._base
