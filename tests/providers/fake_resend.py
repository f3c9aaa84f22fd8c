"""A stand-in for Resend with a ledger of its own, and with every fault a network can have.

A key keeps its promise as Resend's does: the same body gets the same ids, another body 409, and a
request whose first is still under way 409. `stand_in.py` says how to use it; `--fast` finds
addresses and references without reading the JSON.
"""

from __future__ import annotations

import hashlib
import http
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from stand_in import CONNECTIONS, MIB, Fault, Request, StandIn, answer, error, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST = 100

FAULTS: Mapping[str, Fault] = {
    **CONNECTIONS,
    "401": error(401, "missing_api_key"),
    "403": error(403, "validation_error"),
    "409-busy": error(409, "concurrent_idempotent_requests"),
    "409-other-body": error(409, "invalid_idempotent_request"),
    "422": error(422, "validation_error"),
    "429": error(429, "rate_limit_exceeded", retry_after="1"),
    "429-bare": error(429, "rate_limit_exceeded"),
    "429-absurd": error(429, "rate_limit_exceeded", retry_after="86400"),
    "429-day": error(429, "daily_quota_exceeded", retry_after="1"),
    "429-month": error(429, "monthly_quota_exceeded"),
    "500": error(500, "application_error"),
    "500-accepted": error(500, "application_error", taken=True),
    "503": error(503, "unavailable"),
    "503-later": error(503, "unavailable", retry_after="7"),
    "half-json": answer(b'{"data":[{"id":"1'),
    "huge": answer(b'{"data":[' + b" " * (30 * MIB)),
    "no-ids": answer(b'{"data":[]}'),
}


class FakeResend(StandIn):
    """A stand-in for Resend."""

    FAULTS: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(ledger, **more)
        self._keys: dict[str, tuple[str, bytes | None]] = {}

    def error(self, fault: Fault) -> bytes:
        told = {"statusCode": fault.status, "name": fault.name, "message": fault.message}
        return json.dumps(told).encode()

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Take a request as Resend does; return status and body."""
        refusal = self._refusal(request)
        if refusal:
            return refusal.status, self.error(refusal)
        digest = hashlib.sha256(request.body).hexdigest()
        key = request.headers.get("idempotency-key", "")
        with self.lock:
            before, known = self._keys.get(key, ("", None)) if key else ("", None)
            if before and before != digest:
                return 409, self.error(error(409, "invalid_idempotent_request"))
            if before and known is None:
                return 409, self.error(error(409, "concurrent_idempotent_requests"))
            if known is not None:
                return 200, known
            if key:
                self._keys[key] = (digest, None)
        if self.latency:
            time.sleep(self.latency)
        status, said, taken = self._take(request)
        with self.lock:
            if status == http.HTTPStatus.OK:
                ids = [item["id"] for item in json.loads(said)["data"]]
                self.note(
                    [
                        {"key": key, "digest": digest, "to": to, "ref": ref, "id": id_}
                        for (to, ref), id_ in zip(taken, ids, strict=True)
                    ]
                )
                self._keys[key] = (digest, said)
            else:
                self._keys.pop(key, None)
        return status, said

    def _refusal(self, request: Request) -> Fault | None:
        if request.method != "POST" or request.path != f"{self.base}/emails/batch":
            return error(404, "not_found")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            return error(401, "missing_api_key")
        if self.key and key != self.key:
            return error(403, "invalid_api_key")
        return None

    def _take(self, request: Request) -> tuple[int, bytes, list[tuple[str, str]]]:
        if self.fast:
            taken = found(request.body)
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
        taken = [(message["to"][0], message["tags"][0]["value"]) for message in good]
        return 200, _accepted(len(taken), errors), taken


def found(body: bytes) -> list[tuple[str, str]]:
    """Return address and reference of each message, by the words that stand before them."""
    taken = []
    at = 0
    while (start := body.find(b'"to":["', at)) >= 0:
        to = body[start + 7 : body.index(b'"', start + 7)]
        start = body.index(b'"delivery","value":"', start) + 20
        at = body.index(b'"', start)
        taken.append((to.decode(), body[start:at].decode()))
    return taken


def _accepted(count: int, errors: list[dict[str, Any]] | None = None) -> bytes:
    body: dict[str, Any] = {"data": [{"id": str(uuid.uuid4())} for _ in range(count)]}
    return json.dumps(body | ({"errors": errors} if errors else {})).encode()


if __name__ == "__main__":
    run(FakeResend)
