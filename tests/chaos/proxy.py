"""A proxy between a sender and its PostgreSQL that loses or holds back answers."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_COMMIT: Final = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""As a client says it (postgresql.org/docs/current/protocol-message-formats.html)."""


class Proxy:
    """Passes on what both sides say, until it does not.

    Args:
        port: Of the server, on the loopback.
        statement: A part of one statement. The first transaction that holds it is the one whose
            end is lost.
        reached: Whether its COMMIT reaches the server, and only the answer is lost.
    """

    def __init__(self, port: int, statement: bytes = b"", *, reached: bool = True) -> None:
        self._server = port
        self._statement = statement
        self._reached = reached
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._passing = threading.Event()
        self._passing.set()
        self._loser: socket.socket | None = None
        self.lost = threading.Event()
        """Set when the end of that transaction was lost."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def fall_silent(self) -> None:
        """Pass on nothing more, and let nobody know."""
        self._passing.clear()

    def cut(self) -> None:
        """End every connection, as if the machine behind it were gone."""
        for end in self._open:
            _reset(end)
        self._passing.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open += [client, server]
                answered = threading.Event()
                for pump in (self._from_client, self._from_server):
                    threading.Thread(
                        target=pump, args=(client, server, answered), daemon=True
                    ).start()

    def _from_client(
        self, client: socket.socket, server: socket.socket, answered: threading.Event
    ) -> None:
        seen = False
        with contextlib.suppress(OSError):
            while said := client.recv(1 << 16):
                self._passing.wait()
                seen = seen or bool(self._statement and self._statement in said)
                ends = said.endswith(_COMMIT)
                if seen and ends and not self.lost.is_set():
                    self.lost.set()
                    if self._reached:
                        self._loser = client
                        server.sendall(said)
                        answered.wait()
                    break
                seen = seen and not ends
                server.sendall(said)
        _reset(client)
        _reset(server)

    def _from_server(
        self, client: socket.socket, server: socket.socket, answered: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while said := server.recv(1 << 16):
                self._passing.wait()
                if client is self._loser:
                    break
                client.sendall(said)
        answered.set()
        _reset(client)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()
