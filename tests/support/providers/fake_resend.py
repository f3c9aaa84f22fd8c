"""A stand-in for Resend with a ledger of its own, and with every fault a network can have.

A key keeps its promise as Resend's does: the same body gets the same ids, another body 409, and a
request whose first is still under way 409. Each API key stands for an account of its own, which
knows nothing of the others' keys. `fake_server.py` says how to use it; `--fast` finds
addresses and references without reading the JSON.
"""

from __future__ import annotations

import functools
import hashlib
import http
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from newsletter.providers.http import HttpClient
from newsletter.providers.resend.send import Resend
from tests.support.providers import fake_server
from tests.support.providers.batches import resend_json
from tests.support.providers.case import Case
from tests.support.providers.fake_account_resend import ResendAccount
from tests.support.providers.fake_server import (
    FakeServer,
    Fault,
    Keys,
    Request,
    error,
    faults,
    run,
    seen,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MOST = 100
CONFLICTS = {"busy": "concurrent_idempotent_requests", "other": "invalid_idempotent_request"}
found = functools.partial(fake_server.found, to=b'"to":["', ref=b'"delivery","value":"')

FAULTS: Mapping[str, Fault] = {
    **faults(
        {
            400: "invalid_parameter",
            401: "missing_api_key",
            403: "validation_error",
            422: "validation_error",
            429: "rate_limit_exceeded",
            500: "application_error",
        }
    ),
    "409-busy": error(409, CONFLICTS["busy"]),
    # A gateway asked twice, and its second answer is the one that comes back.
    "409-busy-taken": error(409, CONFLICTS["busy"], taken=True),
    "409-other-body": error(409, CONFLICTS["other"]),
    "429-day": error(429, "daily_quota_exceeded", retry_after="1"),
    "429-month": error(429, "monthly_quota_exceeded"),
}


class FakeResend(FakeServer):
    """A stand-in for Resend."""

    FAULTS: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(ledger, **more)
        self._keys = Keys()
        # The addresses that it mails no more.
        self.suppressed: list[dict[str, str]] = []
        self.account = ResendAccount()

    def error(self, fault: Fault) -> bytes:
        reported = {"statusCode": fault.status, "name": fault.name, "message": fault.message}
        return json.dumps(reported).encode()

    def relist(self, said: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
        answer = json.loads(said)
        return json.dumps(answer | {"data": change(answer["data"])}).encode()

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Take a request as Resend does; return status and body."""
        if request.path.startswith(f"{self.base}/suppressions"):
            return self._list(request)
        about = self.account.respond(request, request.path.removeprefix(self.base))
        if about:
            return about
        refusal = self._refusal(request)
        if refusal:
            return refusal.status, self.error(refusal)
        digest = hashlib.sha256(request.body).hexdigest()
        key = request.headers.get("idempotency-key", "")
        whose = request.headers["authorization"]
        with self.lock:
            state, known = self._keys.ask(whose, key, digest)
            if state in CONFLICTS:
                return 409, self.error(error(409, CONFLICTS[state]))
            if state == "known":
                return 200, known
            self._keys.keep(whose, key, digest)
        if self.latency:
            time.sleep(self.latency)
        status, said, taken = self._take(request)
        with self.lock:
            if status == http.HTTPStatus.OK:
                ids = [item["id"] for item in json.loads(said)["data"]]
                self.note(
                    [
                        {"key": key, "digest": digest, "id": id_, **letter}
                        for letter, id_ in zip(taken, ids, strict=True)
                    ]
                )
                self._keys.keep(whose, key, digest, said)
            else:
                self._keys.forget(whose, key)
        return status, said

    def _list(self, request: Request) -> tuple[int, bytes]:
        """Read its list of addresses, or take one off it."""
        if request.method != "DELETE":
            return 200, json.dumps({"has_more": False, "data": self.suppressed}).encode()
        if self.account.permission != "full_access":
            return 401, self.error(error(401, "restricted_api_key"))
        address = unquote(request.path.rpartition("/")[2])
        self.suppressed = [one for one in self.suppressed if one["email"] != address]
        return 200, b'{"object":"suppression","deleted":true}'

    def _refusal(self, request: Request) -> Fault | None:
        if request.method != "POST" or request.path != f"{self.base}/emails/batch":
            return error(404, "not_found")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            return error(401, "missing_api_key")
        if self.key and key != self.key:
            return error(403, "invalid_api_key")
        return None

    def _take(self, request: Request) -> tuple[int, bytes, list[dict[str, Any]]]:
        if self.fast:
            taken: list[dict[str, Any]] = [{"to": to, "ref": r} for to, r in found(request.body)]
            return 200, _accepted(len(taken)), taken
        messages = json.loads(request.body)
        if not 1 <= len(messages) <= MOST:
            return 422, self.error(error(422, "validation_error")), []
        errors = [
            {"index": place, "message": f"Invalid `to` field: {message['to'][0]}"}
            for place, message in enumerate(messages)
            if message["to"][0].startswith("refused")
        ]
        if errors and request.headers.get("x-batch-validation") != "permissive":
            return 422, self.error(error(422, "validation_error")), []
        bad = {one["index"] for one in errors}
        good = [message for place, message in enumerate(messages) if place not in bad]
        taken = [
            {"to": message["to"][0], "ref": message["tags"][0]["value"]}
            | ({"message": _seen(message)} if self.keep else {})
            for message in good
        ]
        return 200, _accepted(len(taken), errors), taken


def _seen(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what arrives: Resend fills in nothing where no template of its own is named."""
    headers = [("From", message["from"]), ("Subject", message["subject"])]
    headers += [(name.title(), to) for name in ("to", "cc") for to in message.get(name, [])]
    headers += [("Reply-To", message["reply_to"])] if "reply_to" in message else []
    headers += message.get("headers", {}).items()
    return seen(headers, message.get("html", ""), message.get("text", ""))


def _accepted(count: int, errors: list[dict[str, Any]] | None = None) -> bytes:
    body: dict[str, Any] = {"data": [{"id": str(uuid.uuid4())} for _ in range(count)]}
    return json.dumps(body | ({"errors": errors} if errors else {})).encode()


CASES = (
    Case(
        name="resend",
        fake=FakeResend,
        can=Resend.capabilities,
        environment={"RESEND_API_KEY": "re_c4n4ry"},
        open=lambda url, deadline: Resend("re_c4n4ry", url, HttpClient(deadline=deadline)),
        plain=resend_json,
    ),
)


if __name__ == "__main__":
    run(FakeResend)
