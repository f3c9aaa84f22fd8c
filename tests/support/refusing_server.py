"""Servers that refuse as PostgreSQL, a pooler or a host would: for good, or until they wake."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Postgres


class Refusing(socketserver.ThreadingTCPServer):
    """Answers every start of a connection with one error, as the protocol has it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.severity, self.state, self.text, self.detail = "FATAL", "XX000", "", ""
        self.asked = 0

    @property
    def url(self) -> str:
        return f"postgresql://kees:geheim@127.0.0.1:{self.server_address[1]}/brief"


class _Refusal(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        server.asked += 1
        if server.asked > getattr(server, "refusals", server.asked):
            self._pass_on(server.port)
            return
        while len(head := self.request.recv(4)) == 4:
            (length,) = struct.unpack("!I", head)
            (code,) = struct.unpack("!I", self.request.recv(length - 4)[:4])
            if code in {80877103, 80877104}:  # asks for TLS or GSS
                self.request.sendall(b"N")
                continue
            if not server.text:
                self.request.recv(1)  # silent, until the client gives up
                return
            fields = {
                "S": server.severity,
                "V": "FATAL",
                "C": server.state,
                "M": server.text,
                "D": server.detail,
            }
            said = b"".join(
                name.encode() + value.encode() + b"\0" for name, value in fields.items() if value
            )
            self.request.sendall(b"E" + struct.pack("!I", len(said) + 5) + said + b"\0")
            return

    def _pass_on(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            ends = {self.request: other, other: self.request}
            while True:
                for ready in select.select(ends, [], [])[0]:
                    if not (part := ready.recv(65536)):
                        return
                    ends[ready].sendall(part)


class Waking(Refusing):
    """Refuses at first, as a host that has paused a database, and wakes it meanwhile.

    Without a `text`, it takes connections and is silent instead.
    """

    def __init__(self, server: Postgres, refusals: int) -> None:
        super().__init__()
        self.port, self.refusals = server.port, refusals
        self.text = "Couldn't connect to compute node"

    def url_of(self, name: str) -> str:
        return f"postgresql://postgres:geheim@127.0.0.1:{self.server_address[1]}/{name}"


@contextlib.contextmanager
def waking(server: Postgres, refusals: int) -> Iterator[Waking]:
    with Waking(server, refusals) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield made
        finally:
            made.shutdown()
