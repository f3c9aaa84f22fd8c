"""A stand-in for Lettermint with a ledger of its own, and with every fault a network can have.

It has two kinds of keys, as Lettermint has. The request's: the same body gets the same answer,
another body 409, and a request whose first is still under way 409. Each message's: one that was
accepted before, with the same content, is not sent again; with another content it refuses the
whole batch. Messages are accepted in order: at an address that begins with `stops` it ends with an
error that lists those before. Each token stands for a project of its own, which knows nothing of
the others' keys. `stand_in.py` says how to use it; `--fast` is of no effect.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from newsletter.providers.http import HttpClient
from newsletter.providers.lettermint.send import Lettermint
from tests.support.providers.batches import lettermint_json
from tests.support.providers.case import Case
from tests.support.providers.fake_account_lettermint import LettermintAccount
from tests.support.providers.fake_server import (
    MIB,
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

MOST = 500
LARGEST = 25 * MIB
ROUTES = ("broadcast", "transactional")
REQUIRED = {"from": str, "to": list, "subject": str}
OPTIONAL = {
    "route": str,
    "reply_to": list,
    "cc": list,
    "bcc": list,
    "headers": dict,
    "metadata": dict,
    "settings": dict,
    "html": str,
    "text": str,
    "idempotency_key": str,
    "tag": str,
}

FAULTS: Mapping[str, Fault] = {
    **faults({409: "IDEMPOTENCY_CONFLICT"}),
    "409": error(409, "IDEMPOTENCY_CONFLICT"),
    "409-accepted": error(409, "IDEMPOTENCY_CONFLICT", taken=True),
}


class FakeLettermint(FakeServer):
    """A stand-in for Lettermint."""

    FAULTS: ClassVar[Mapping[str, Fault]] = FAULTS

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(ledger, **more)
        self._requests = Keys()
        self._messages = Keys()
        self.account = LettermintAccount()

    def error(self, fault: Fault) -> bytes:
        return json.dumps({"error": {"code": fault.name, "message": fault.message}}).encode()

    def relist(self, said: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
        return json.dumps(change(json.loads(said))).encode()

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Take a request as Lettermint does; return status and body."""
        about = self.account.respond(request, request.path.removeprefix(self.base))
        if about:
            return about
        if refusal := self._refusal(request):
            return refusal
        digest = hashlib.sha256(request.body).hexdigest()
        key = request.headers.get("idempotency-key", "")
        whose = request.headers["x-lettermint-token"]
        with self.lock:
            state, known = self._requests.ask(whose, key, digest)
            if state in {"busy", "other"}:
                return 409, self.error(FAULTS["409"])
            if state == "known":
                return 202, known
            self._requests.keep(whose, key, digest)
        if self.latency:
            time.sleep(self.latency)
        with self.lock:
            status, said = self._take(json.loads(request.body), whose, key, digest)
            if status == 202:
                self._requests.keep(whose, key, digest, said)
            else:
                self._requests.forget(whose, key)
        return status, said

    def _refusal(self, request: Request) -> tuple[int, bytes] | None:
        if request.method != "POST" or request.path != f"{self.base}/send/batch":
            return 404, _message("Not found")
        token = request.headers.get("x-lettermint-token", "")
        if not token or (self.key and token != self.key):
            return 401, _message("Unauthenticated.")
        if len(request.body) > LARGEST:
            return 413, _message("Payload too large")
        errors = _errors(json.loads(request.body))
        if errors:
            return 422, json.dumps({"message": "It is not valid.", "errors": errors}).encode()
        return None

    def _take(self, messages: list[Any], whose: str, key: str, digest: str) -> tuple[int, bytes]:
        keys = [message.get("idempotency_key", "") for message in messages]
        hashes = [hashlib.sha256(json.dumps(message).encode()).hexdigest() for message in messages]
        known = [self._messages.ask(whose, *pair) for pair in zip(keys, hashes, strict=True)]
        if any(state == "other" for state, _ in known):
            return 409, self.error(FAULTS["409"])
        results: list[dict[str, str]] = []
        entries: list[dict[str, Any]] = []
        for message, (_, before) in zip(messages, known, strict=True):
            to = message["to"][0]
            if to.startswith("stops"):
                break
            status = "suppressed" if to.startswith("suppressed") else "pending"
            results.append(before or {"message_id": str(uuid.uuid4()), "status": status})
            if not before and status == "pending":
                entries.append(self._entry(message, results[-1]["message_id"], key, digest))
        self.note(entries)
        for pair, result in zip(zip(keys, hashes, strict=True), results, strict=False):
            self._messages.keep(whose, *pair, result)
        if len(results) == len(messages):
            return 202, json.dumps(results).encode()
        accepted = [
            {"index": place, "message_id": result["message_id"]}
            for place, result in enumerate(results)
        ]
        problem = {
            "code": "SEND_FAILED",
            "message": "Nothing goes on.",
            "details": {"accepted": accepted},
        }
        return 422, json.dumps({"error": problem}).encode()

    def _entry(self, message: Any, name: str, key: str, digest: str) -> dict[str, Any]:  # noqa: ANN401
        ref = message.get("metadata", {}).get("delivery", "")
        entry = {"key": key, "digest": digest, "to": message["to"][0], "ref": ref, "id": name}
        return entry | ({"message": _seen(message)} if self.keep else {})


def _errors(messages: Any) -> dict[str, list[str]]:  # noqa: ANN401 - JSON
    """Return what is wrong with a request, by the path of each field."""
    if not isinstance(messages, list) or not 1 <= len(messages) <= MOST:
        return {"": [f"The batch must have between 1 and {MOST} items."]}
    wrong: dict[str, list[str]] = {}
    for place, message in enumerate(messages):
        fields = REQUIRED | OPTIONAL
        bad = [name for name, value in message.items() if type(value) is not fields.get(name)]
        bad += [name for name in REQUIRED if not message.get(name)]
        bad += ["route"] if message.get("route") not in ROUTES else []
        texts = (*message.get("headers", {}).values(), *message.get("metadata", {}).values())
        bad += ["headers"] if not all(type(one) is str for one in texts) else []
        bad += ["to.0"] if str(message.get("to", [""])[0]).startswith("refused") else []
        wrong |= {f"{place}.{name}": [f"The {place}.{name} field is invalid."] for name in bad}
    keys = [message.get("idempotency_key") for message in messages]
    if len(set(keys)) < len(keys):
        wrong["idempotency_key"] = ["Keys must be unique within a batch."]
    return wrong


def _seen(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a subscriber sees of a route that does not add its own link and header.

    Nothing is filled into a text. `metadata` is no header, and the request for the Message-ID is
    fulfilled and taken away.
    """
    headers = [("From", message["from"]), ("Subject", message["subject"])]
    for field, name in (("to", "To"), ("cc", "Cc"), ("reply_to", "Reply-To")):
        headers += [(name, address) for address in message.get(field, [])]
    own = dict(message.get("headers", {}))
    if own.pop("X-LM-Preserve-Message-ID", "") != "true":
        own["Message-ID"] = f"<{uuid.uuid4()}@lmta.net>"
    return seen([*headers, *own.items()], message.get("html", ""), message.get("text", ""))


def _message(words: str) -> bytes:
    return json.dumps({"message": words}).encode()


CASES = (
    Case(
        name="lettermint",
        fake=FakeLettermint,
        can=Lettermint.capabilities,
        environment={"LETTERMINT_API_TOKEN": "lm_c4n4ry"},
        open=lambda url, deadline: Lettermint("lm_c4n4ry", url, HttpClient(deadline=deadline)),
        plain=lettermint_json,
    ),
)


if __name__ == "__main__":
    run(FakeLettermint)
