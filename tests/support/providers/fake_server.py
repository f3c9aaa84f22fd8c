"""What all stand-ins for providers share: a server with a ledger of its own, and every fault.

A stand-in is a subclass that says what one request means: `respond`, and how its provider words
an error. Each letter that it takes is one JSON line of the ledger, synced before the answer leaves,
with at least `to`, `ref` (our delivery's reference), `id` (the provider's name for it) and `at`.
In a test it has `message` as well, made by `seen`: what this subscriber finds in the mailbox, with
all that the provider fills in, adds and changes. An address that begins with `refused` is one that
it does not take.

In a test: `with FakeResend(ledger) as fake:` and then `fake.url`. As a process, `run(FakeResend)`
understands:

    python -m tests.support.providers.fake_resend --port 0 --ledger FILE [--latency-ms N]
        [--require-key KEY] [--fast]

It prints its port on the first line. Faults are set by the number of the next requests, counted
from 1:

    curl -X PUT http://127.0.0.1:PORT/faults -d '{"2": "reset-accepted", "4": "429"}'
"""

from __future__ import annotations

import argparse
import contextlib
import http
import json
import os
import signal
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

MIB = 1 << 20
PAGE = b"<!doctype html><title>Welcome</title><p>Welcome!</p>"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Args:
        taken: The letters are taken first, as if all were well.
        do: `answer`, or what happens to the connection instead: `reset`, `reset-unread`, `hang`,
            `half` of the answer, or `dribble` a header for ever. Or the process that made the
            request is killed: `kill-reading` half of it, `kill` when all of it is here, or
            `kill-answering` when half of the answer has left.
        status: Of the answer.
        body: Of the answer; without one, what would have been answered, or an error by its name.
        change: Makes another answer of the one that would have been given.
        name: The provider's name for the error.
        message: The provider's words for it.
        headers: Further headers.
    """

    taken: bool = False
    do: str = "answer"
    status: int = 200
    body: bytes | None = None
    change: Callable[[FakeServer, bytes], bytes] | None = None
    name: str = ""
    message: str = "it is so"
    headers: Mapping[str, str] = field(default_factory=dict)


def error(
    status: int, name: str, *, taken: bool = False, message: str = "it is so", **headers: str
) -> Fault:
    """Return the fault of answering with one of the provider's errors."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Fault(taken=taken, status=status, name=name, message=message, headers=named)


def answer(body: bytes, *, status: int = 200, taken: bool = True, kind: str = "") -> Fault:
    """Return the fault of answering with just these bytes."""
    headers = {"content-type": kind} if kind else {}
    return Fault(taken=taken, status=status, body=body, headers=headers)


CONNECTIONS: Mapping[str, Fault] = {
    "hang": Fault(taken=True, do="hang"),
    "hang-untaken": Fault(do="hang"),
    "reset-unread": Fault(do="reset-unread"),
    "reset-untaken": Fault(do="reset"),
    "reset-accepted": Fault(taken=True, do="reset"),
    "half-answer": Fault(taken=True, do="half"),
    "dribble": Fault(taken=True, do="dribble"),
    "kill-reading": Fault(do="kill-reading"),
    "kill-untaken": Fault(do="kill"),
    "kill-taken": Fault(taken=True, do="kill"),
    "kill-answering": Fault(taken=True, do="kill-answering"),
    "404-page": answer(PAGE, status=404, taken=False, kind="text/html"),
    "502-page": answer(PAGE, status=502, kind="text/html"),
    "page": answer(PAGE, kind="text/html"),
    "empty": answer(b""),
    "half-json": Fault(taken=True, change=lambda _, said: said[: len(said) // 2]),
    "huge": Fault(taken=True, change=lambda _, said: said + b" " * (30 * MIB)),
}
"""What can go wrong on the way, whoever the provider is."""


def faults(names: Mapping[int, str]) -> Mapping[str, Fault]:
    """Return all that can go wrong with any provider; the contract has a meaning for each of them.

    Args:
        names: By status, how the provider calls its errors.
    """
    named = {status.value: status.phrase for status in http.HTTPStatus} | dict(names)
    later = {"429": "1", "429-absurd": "86400", "503-later": "7"}
    return {
        **CONNECTIONS,
        **{str(status): error(status, named[status]) for status in (400, 401, 403, 413, 422)},
        "429-bare": error(429, named[429]),
        "500": error(500, named[500]),
        "500-accepted": error(500, named[500], taken=True),
        "503": error(503, named[503]),
        **{
            name: error(status := int(name[:3]), named[status], retry_after=seconds)
            for name, seconds in later.items()
        },
    }


def seen(headers: Iterable[tuple[str, str]], html: str, text: str) -> dict[str, Any]:
    """Return what a subscriber finds in the mailbox, for the ledger.

    Args:
        headers: Each with its name, decoded or as encoded words; one that stands there twice is
            there twice.
        html: The part as a subscriber's program shows it, decoded.
        text: The same of the plain part.
    """
    return {"headers": [list(header) for header in headers], "html": html, "text": text}


class Keys:
    """What is known of idempotency keys: what came under each, and what was said to it.

    Each account has keys of its own: to another one, a key that is known to the first is new.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, Any]] = {}

    def ask(self, account: str, key: str, digest: str) -> tuple[str, Any]:
        """Say whether a key is `new`, `busy`, known for something `other`, or just `known`.

        Returns:
            That, and what was said to it if it is known.
        """
        if (account, key) not in self._known:
            return "new", None
        before, said = self._known[account, key]
        if before != digest:
            return "other", None
        return ("busy", None) if said is None else ("known", said)

    def keep(self, account: str, key: str, digest: str, said: object = None) -> None:
        """Note what came under a key, and what was said to it once that is known."""
        if key:
            self._known[account, key] = (digest, said)

    def forget(self, account: str, key: str) -> None:
        """Let a key be new again: nothing was taken under it."""
        self._known.pop((account, key), None)


def found(body: bytes, *, to: bytes, ref: bytes) -> list[tuple[str, str]]:
    """Return address and reference of each letter, by the bytes that stand before them."""
    taken = []
    at = 0
    while (start := body.find(to, at)) >= 0:
        start += len(to)
        address = body[start : body.index(b'"', start)]
        start = body.index(ref, start) + len(ref)
        at = body.index(b'"', start)
        taken.append((address.decode(), body[start:at].decode()))
    return taken


class FakeServer:
    """The server, in threads of this process.

    Args:
        ledger: Where each letter that was taken is noted.
        port: Zero lets the system choose.
        latency: In seconds, between reading a request and answering it.
        key: The only API key that is good; without one, every key is.
        base: A path before the API's own.
        fast: Read as little as possible of a request: for benchmarks.
        keep: Remember requests with their bodies, and note each letter's `message`, for a test to
            look at.
    """

    FAULTS: ClassVar[Mapping[str, Fault]] = faults({})

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
        self.reading = Fault(taken=True)
        """What goes wrong with each request that only reads."""
        self.headers: dict[str, str] = {}
        """Headers of every response."""
        self.requests: list[Request] = []
        self.count = 0
        self.lock = threading.Lock()
        self._file = ledger.open("ab")
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

    def respond(self, request: Request) -> tuple[int, bytes]:
        """Take a request as the provider does; return status and body."""
        raise NotImplementedError

    def error(self, fault: Fault) -> bytes:
        """Return an error as the provider words it."""
        raise NotImplementedError

    def relist(self, said: bytes, change: Callable[[list[Any]], list[Any]]) -> bytes:
        """Return an answer with another list of what was taken, one entry for each message.

        A provider whose answers hold no such list has no need of this.
        """
        raise NotImplementedError

    def counts(self, request: Request) -> bool:
        """Say whether a request is one of those that faults are counted by: those that send."""
        return request.method == "POST"

    def taken(self) -> list[dict[str, Any]]:
        """Return the ledger."""
        return [json.loads(line) for line in self.ledger.read_text(encoding="utf-8").splitlines()]

    def note(self, entries: list[dict[str, Any]]) -> None:
        """Write letters that were taken into the ledger, for good."""
        now = time.time()
        lines = [json.dumps({"at": now, **entry}).encode() + b"\n" for entry in entries]
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def next_fault(self, request: Request) -> Fault:
        if not self.counts(request):
            return self.reading
        with self.lock:
            self.count += 1
            return self.faults.get(self.count, Fault(taken=True))


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

    def __init__(self, address: tuple[str, int], fake: FakeServer) -> None:
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

    def is_connected(self) -> bool:
        return bool(self._open)

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
        fault = fake.next_fault(head)
        if fault.do == "reset-unread":
            return self._reset()
        if fault.do == "kill-reading":
            self.rfile.read(length // 2)
            return self._kill()
        body = self.rfile.read(length)
        if len(body) < length:
            return False
        request = Request(head.method, head.path, head.headers, body)
        if fake.keep:
            fake.requests.append(request)
        return self._misbehave(fault, *(fake.respond(request) if fault.taken else (200, b"{}")))

    def _misbehave(self, fault: Fault, status: int, said: bytes) -> bool:
        fake = self.server.fake
        if fault.do == "reset":
            return self._reset()
        if fault.do == "kill":
            return self._kill()
        if fault.do == "hang":
            self.rfile.read(1)  # until the other side gives up
            return False
        if fault.do == "dribble":
            self._dribble()
        if fault.body is not None or fault.name:
            said = fake.error(fault) if fault.body is None else fault.body
            status = fault.status
        if fault.change:
            said = fault.change(fake, said)
        head = _head(status, len(said), {**fake.headers, **fault.headers})
        if fault.do in {"half", "kill-answering"}:
            self.wfile.write(head + said[: len(said) // 2])
            return self._kill() if fault.do == "kill-answering" else False
        self.wfile.write(head + said)
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

    def _kill(self) -> bool:
        with contextlib.suppress(OSError):  # it was killed by something else just now
            os.kill(process_at(self.connection), signal.SIGKILL)
        return False

    def _set_faults(self, body: bytes) -> bool:
        asked = json.loads(body)
        fake = self.server.fake
        fake.faults = {
            fake.count + int(number): fake.FAULTS[name] for number, name in asked.items()
        }
        self.wfile.write(_head(200, 2, {}) + b"{}")
        return True


def process_at(connection: socket.socket) -> int:
    """Return the process at the other end of a connection on the loopback (proc(5)).

    Raises:
        ProcessLookupError: It has let go of it.
    """
    # Both ends: two processes may have the same port, for connections to different places.
    ends = tuple(f":{end[1]:04X}" for end in (connection.getpeername(), connection.getsockname()))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    there = {f"socket:[{of[9]}]" for of in lines if (of[1][8:], of[2][8:]) == ends}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # one that has ended, or is another user's
            if str(link.readlink()) in there:
                return int(link.parts[2])
    raise ProcessLookupError(ends)


def _head(status: int, length: int, headers: Mapping[str, str]) -> bytes:
    fields = {"content-type": "application/json", "content-length": str(length), **headers}
    known = {one.value: one.phrase for one in http.HTTPStatus}
    lines = [f"HTTP/1.1 {status} {known.get(status, 'Of Its Own')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def run(kind: type[FakeServer]) -> None:
    """Be a stand-in until the process is ended."""
    parser = argparse.ArgumentParser(description=kind.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--require-key", default="")
    parser.add_argument("--fast", action="store_true")
    said = parser.parse_args()
    fake = kind(
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
