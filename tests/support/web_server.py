"""The web app as a process of its own, with a list behind it, for tests that talk to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

import httpx
import sqlalchemy as sa

from newsletter import tokens
from newsletter.store.schema import subscribers
from newsletter.store.sql import new_id
from newsletter.web import Limits
from tests.support.processes import Process
from tests.support.subscribers import fresh_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from newsletter.store import Store

KEY = "a key that only these tests have"
ENVIRONMENT = {"NEWSLETTER_SECRET_KEY": KEY}
STILL = Limits(notices_delay=(3600, 3600), stop_seconds=0, chores_delay=3600)
"""Of an app that does nothing by itself."""
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PROOF = tokens.unsubscribe_token(KEY, tokens.RESERVED_ID, tokens.RESERVED_ID)


def unsubscribe_link(public_id: str) -> str:
    """Return the path of a subscriber's unsubscribe link."""
    return f"/u/{tokens.unsubscribe_token(KEY, public_id, tokens.RESERVED_ID)}"


def preferences_link(public_id: str, *, ends_in: float = 1800) -> str:
    """Return the path of a link to a subscriber's preferences, which ends in so many seconds."""
    return f"/p/{tokens.preferences_token(KEY, public_id, int(time.time() + ends_in))}"


class App:
    """A running `newsletter serve`.

    Attributes:
        url: Where it is.
        ready: The line that says where it serves.
        client: Asks it; follows no redirect, and keeps one connection for each thread at most.
    """

    def __init__(self, process: Process, printed: IO[str], logged: IO[str]) -> None:
        self.process = process
        self._printed, self._logged = printed, logged
        self._said = []
        for line in logged:
            self._said.append(line)
            if ": serving on " in line:
                break
        else:
            raise AssertionError("".join(self._said))
        self.ready = self._said[-1]
        self.url = self.ready.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        self._said.extend(self._logged)

    def wait_for(self, word: str) -> None:
        """Wait until it has logged a line with a word in it."""
        until = time.monotonic() + 60
        while not any(word in line for line in self._said):
            assert time.monotonic() < until, self._said
            time.sleep(0.01)

    def unsubscribe(self, token: str, **request: object) -> httpx.Response:
        """Post what a mail program's button posts, by default."""
        return self.client.post(f"/u/{token}", **({"data": ONE_CLICK} | request))  # type: ignore[arg-type]

    def talk(self, *parts: bytes) -> bytes:
        """Send bytes as they are; return all that comes back until the app hangs up."""
        with self.connection() as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; return its status."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def said(self) -> str:
        """Return all that it wrote; it must have ended."""
        self._listening.join(60)
        return "".join(self._said) + self._printed.read()

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(60)
        self._listening.join(60)
        for stream in (self._printed, self._logged):
            stream.close()


def read_all(connection: socket.socket) -> bytes:
    """Return what comes over a connection until its other end closes it."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


@contextlib.contextmanager
def serving(
    root: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    limits: Limits | None = None,
    before: Sequence[Callable[[], None]] = (),
) -> Iterator[App]:
    """Run the web app.

    Args:
        root: The newsletter's folder.
        options: More of the command line.
        env: More of the environment.
        constants: As of `Process`.
        limits: How long it waits, and how much it takes, other than usual.
        before: As of `Process`.
    """
    (printed, stdout), (logged, stderr) = os.pipe(), os.pipe()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        process = Process(
            *("serve", "--port", "0", *options),
            cwd=root,
            env={**os.environ, **ENVIRONMENT, **(env or {})},
            stdin=nothing.fileno(),
            stdout=stdout,
            stderr=stderr,
            constants=constants,
            limits=limits,
            before=before,
        )
    os.close(stdout)
    os.close(stderr)
    app = App(process, os.fdopen(printed, encoding="utf-8"), os.fdopen(logged, encoding="utf-8"))
    try:
        yield app
    finally:
        app.close()


class SubscriberList:
    """A list whose people can be named, each with the token of their unsubscribe link."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, name: str, status: str = "active") -> str:
        """Put a person on the list; return their token."""
        public_id, email = new_id(), f"{name}@example.org"
        row = {"public_id": public_id, "email": email, "email_key": email, "status": status}
        with self.store.write() as connection:
            connection.execute(
                subscribers.insert().values(**row, source="test", created_at=datetime.now(UTC))
            )
        return tokens.unsubscribe_token(KEY, public_id, new_id())

    def status(self, name: str) -> str:
        """Return the status of a subscriber."""
        with self.store.read() as connection:
            query = sa.select(subscribers.c.status).where(
                subscribers.c.email == f"{name}@example.org"
            )
            found: str = connection.execute(query).scalar_one()
            return found


def subscriber_list(root: Path) -> SubscriberList:
    """Return an empty list under `root`."""
    return SubscriberList(fresh_store(root))
