"""A stand-in for Resend with a ledger of its own, and with every fault a network can have.

In a test: `with FakeResend(ledger) as fake:` and then `fake.url`. As a process:

    python tests/providers/fake_resend.py --port 0 --ledger FILE [--latency-ms N]
        [--require-key KEY] [--fast]

It prints its port on the first line. Each letter that it takes is one JSON line of the ledger,
synced before the answer leaves: `key`, `digest` of the whole body, `to`, `ref`, `at`. `--fast`
finds addresses and references without reading the JSON. Faults are set by the number of the next
requests, counted from 1:

    curl -X PUT http://127.0.0.1:PORT/faults -d '{"2": "reset-accepted", "4": "429"}'

A key keeps its promise as Resend's does: the same body gets the same ids, another body 409, and a
request whose first is still under way 409.
"""

from __future__ import annotations

import argparse
import hashlib
import http
import json
import os
import socket
import socketserver
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

MOST = 100
MIB = 1 << 20


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Args:
        taken: The letters are taken first, as if all were well.
        do: `answer`, or what happens to the connection instead: `reset`, `reset-unread`, `hang`,
            `half` of the answer, or `dribble` a header for ever.
        status: Of the answer.
        body: Of the answer; without one, what would have been answered, or an error by its name.
        name: Resend's name for the error.
        message: Resend's words for it.
        headers: Further headers.
    """

    taken: bool = False
    do: str = "answer"
    status: int = 200
    body: bytes | None = None
    name: str = ""
    message: str = "it is so"
    headers: Mapping[str, str] = field(default_factory=dict)

    def error(self) -> bytes:
        told = {"statusCode": self.status, "name": self.name, "message": self.message}
        return json.dumps(told).encode()


def error(status: int, name: str, *, taken: bool = False, **headers: str) -> Fault:
    """Return the fault of answering with one of Resend's errors."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Fault(taken=taken, status=status, name=name, headers=named)


def answer(body: bytes, *, status: int = 200, taken: bool = True, kind: str = "") -> Fault:
    """Return the fault of answering with just these bytes."""
    headers = {"content-type": kind} if kind else {}
    return Fault(taken=taken, status=status, body=body, headers=headers)


PAGE = b"<!doctype html><title>Welcome</title><p>Welcome!</p>"
FAULTS: Mapping[str, Fault] = {
    "hang": Fault(taken=True, do="hang"),
    "hang-untaken": Fault(do="hang"),
    "reset-unread": Fault(do="reset-unread"),
    "reset-untaken": Fault(do="reset"),
    "reset-accepted": Fault(taken=True, do="reset"),
    "half-answer": Fault(taken=True, do="half"),
    "dribble": Fault(taken=True, do="dribble"),
    "401": error(401, "missing_api_key"),
    "403": error(403, "validation_error"),
    "404-page": answer(PAGE, status=404, taken=False, kind="text/html"),
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
    "502-page": answer(PAGE, status=502, kind="text/html"),
    "503": error(503, "unavailable"),
    "503-later": error(503, "unavailable", retry_after="7"),
    "page": answer(PAGE, kind="text/html"),
    "half-json": answer(b'{"data":[{"id":"1'),
    "huge": answer(b'{"data":[' + b" " * (30 * MIB)),
    "no-ids": answer(b'{"data":[]}'),
    "empty": answer(b""),
}


class FakeResend:
    """The server, in threads of this process.

    Args:
        ledger: Where each letter that was taken is noted.
        port: Zero lets the system choose.
        latency: In seconds, between reading a request and answering it.
        key: The only API key that is good; without one, every key is.
        base: A path before the API's own.
        fast: Read no JSON.
        keep: Remember requests with their bodies, for a test to look at.
    """

    def __init__(
        self,
        ledger: Path,
        *,
        port: int = 0,
        latency: float = 0.0,
        key: str = "",
        base: str = "",
        fast: bool = False,
        keep: bool = True,
    ) -> None:
        self.latency, self.key, self.base, self.fast, self.keep = latency, key, base, fast, keep
        self.ledger = ledger
        self.faults: dict[int, Fault] = {}
        self.requests: list[Request] = []
        self.count = 0
        self._file = ledger.open("ab")
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[str, bytes | None]] = {}
        self._server = _Server(("127.0.0.1", port), self)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{base}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._file.close()

    def taken(self) -> list[dict[str, Any]]:
        """Return the ledger."""
        return [json.loads(line) for line in self.ledger.read_text(encoding="utf-8").splitlines()]

    def next_fault(self) -> Fault:
        with self._lock:
            self.count += 1
            return self.faults.get(self.count, Fault(taken=True))

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Take a request as Resend does; return status and body."""
        refusal = self._refusal(request)
        if refusal:
            return refusal.status, refusal.error()
        digest = hashlib.sha256(request.body).hexdigest()
        key = request.headers.get("idempotency-key", "")
        with self._lock:
            before, known = self._keys.get(key, ("", None)) if key else ("", None)
            if before and before != digest:
                return 409, error(409, "invalid_idempotent_request").error()
            if before and known is None:
                return 409, error(409, "concurrent_idempotent_requests").error()
            if known is not None:
                return 200, known
            if key:
                self._keys[key] = (digest, None)
        if self.latency:
            time.sleep(self.latency)
        status, said, taken = self._take(request)
        with self._lock:
            if status == http.HTTPStatus.OK:
                self._note(key, digest, taken)
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
            return 422, error(422, "validation_error").error(), []
        errors = [
            {"index": place, "message": f"Invalid `to` field: {message['to'][0]}"}
            for place, message in enumerate(messages)
            if message["to"][0].startswith("refused")
        ]
        if errors and request.headers.get("x-batch-validation") != "permissive":
            return 422, error(422, "validation_error").error(), []
        bad = {one["index"] for one in errors}
        good = [message for place, message in enumerate(messages) if place not in bad]
        taken = [(message["to"][0], message["tags"][0]["value"]) for message in good]
        return 200, _accepted(len(taken), errors), taken

    def _note(self, key: str, digest: str, taken: list[tuple[str, str]]) -> None:
        now = time.time()
        for to, ref in taken:
            entry = {"key": key, "digest": digest, "to": to, "ref": ref, "at": now}
            self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


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


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read_head(cls, file: BinaryIO) -> Self | None:
        line = file.readline().decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = {}
        while (header := file.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return cls(line[0], line[1], headers, b"")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], fake: FakeResend) -> None:
        super().__init__(address, _Connection)
        self.fake = fake
        self._open: set[socket.socket] = set()

    def process_request(self, request: socket.socket, client_address: object) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self._open.discard(request)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up; they are a part of what is tested."""

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                connection.close()


class _Connection(socketserver.StreamRequestHandler):
    server: _Server
    rbufsize = MIB

    def handle(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        head = Request.read_head(self.rfile)
        if head is None:
            return False
        fake = self.server.fake
        length = int(head.headers.get("content-length", "0"))
        if head.path == "/faults":
            return self._set_faults(self.rfile.read(length))
        fault = fake.next_fault()
        if fault.do == "reset-unread":
            return self._reset()
        body = self.rfile.read(length)
        if len(body) < length:
            return False
        request = Request(head.method, head.path, head.headers, body)
        if fake.keep:
            fake.requests.append(request)
        return self._misbehave(fault, *(fake.respond(request) if fault.taken else (200, b"{}")))

    def _misbehave(self, fault: Fault, status: int, said: bytes) -> bool:
        if fault.do == "reset":
            return self._reset()
        if fault.do == "hang":
            self.rfile.read(1)  # until the other side gives up
            return False
        if fault.do == "dribble":
            self._dribble()
        if fault.body is not None or fault.name:
            status, said = fault.status, fault.error() if fault.body is None else fault.body
        if fault.do == "half":
            self.wfile.write(_head(status, len(said), fault.headers) + said[: len(said) // 2])
            return False
        self.wfile.write(_head(status, len(said), fault.headers) + said)
        return True

    def _dribble(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while True:
            self.wfile.write(b".")
            time.sleep(0.02)

    def _reset(self) -> bool:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # The files that were made of it would keep it open.
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
        return False

    def _set_faults(self, body: bytes) -> bool:
        asked = json.loads(body)
        fake = self.server.fake
        fake.faults = {fake.count + int(number): FAULTS[name] for number, name in asked.items()}
        self.wfile.write(_head(200, 2, {}) + b"{}")
        return True


def _head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    fields = {"content-type": "application/json", "content-length": str(length), **headers}
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Resend.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--require-key", default="")
    parser.add_argument("--fast", action="store_true")
    said = parser.parse_args()
    fake = FakeResend(
        said.ledger,
        port=said.port,
        latency=said.latency_ms / 1000,
        key=said.require_key,
        fast=said.fast,
        keep=False,
    )
    with fake:
        print(fake.port, flush=True)  # noqa: T201 - this is how its port is learnt
        threading.Event().wait()


if __name__ == "__main__":
    main()
