"""Behind PgBouncer in transaction mode, where every transaction may meet another connection."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from newsletter.errors import TryAgain
from newsletter.subscriptions.admin import unsubscribe
from tests.support.newsletter import Newsletter
from tests.support.postgres import free_port
from tests.support.processes import COMMAND
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postgres import Postgres
    from tests.support.providers.fake_server import Request

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.all


class Patient(FakeResend):
    """Answers nobody before two senders have come: the first request of each travels alone."""

    def __init__(self, ledger: Path, **more: Any) -> None:  # noqa: ANN401 - see StandIn
        super().__init__(ledger, **more)
        self.both_send = threading.Barrier(3)
        self.go_on = threading.Event()

    def respond(self, request: Request) -> tuple[int, bytes]:
        if not self.go_on.is_set():
            self.both_send.wait(60)
            self.go_on.wait(60)
        return super().respond(request)


@pytest.fixture
def pooled(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the newsletter live in an empty database behind a pooler with two connections."""
    name, port = server.database(), free_port()
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host={server.home} port={server.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    as_ = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    # As a file that is open, for another user cannot look into this folder.
    with settings.open("rb") as file:
        pooler = subprocess.Popen(
            ["/usr/sbin/pgbouncer", "-q", "/proc/self/fd/0"],
            stdin=file,
            stderr=subprocess.DEVNULL,
            **as_,  # type: ignore[call-overload]
        )
    try:
        while True:
            assert pooler.poll() is None
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
        monkeypatch.setenv("NEWSLETTER_DATABASE_URL", url)
        yield url
    finally:
        pooler.terminate()
        pooler.wait(10)
        server.drop(name)


def test_a_whole_week_behind_a_pooler(root: Path, pooled: str, run: Run, tmp_path: Path) -> None:
    assert run("db", "upgrade").returncode == 0
    people = "".join(f"lezer{n}@example.org,active\n" for n in range(5000))
    (root / "list.csv").write_text("email,status\n" + people)
    assert run("subscribers", "import", "list.csv", "--consent", "x").returncode == 0
    assert len(run("subscribers", "export").stdout.splitlines()) == 5001
    newsletter = Newsletter(root, subscribers=0)
    newsletter.sql("DELETE FROM subscribers WHERE id > 1000")
    with Patient(tmp_path / "taken", latency=0.05) as fake:
        environment = {**os.environ, **newsletter.for_real(fake.url)}
        command = [COMMAND, "send", newsletter.slug, "--yes", "--early", "--no-preflight"]
        both = [subprocess.Popen(command, cwd=root, env=environment) for _ in range(2)]
        fake.both_send.wait(60)
        left = run("subscribers", "unsubscribe", "lezer999@example.org")
        fake.go_on.set()
        assert left.returncode == 0, left.stderr
        assert [process.wait(90) for process in both] == [0, 0]
        copies = Counter(letter["to"] for letter in fake.taken())
    assert set(copies.values()) == {1}
    assert len(copies) == 999
    there = f"sqlite:///{tmp_path / 'back.db'}"
    moved = run("db", "move", there)
    assert moved.returncode == 0, moved.stderr
    stats = run("subscribers", "stats", env={"NEWSLETTER_DATABASE_URL": there})
    assert "999" in stats.stdout
    assert run("subscribers", "unsubscribe", "lezer1@example.org").returncode == 1
    assert pooled


def test_a_server_that_restarts_behind_the_pooler_is_a_temporary_error(
    root: Path, pooled: str, run: Run, server: Postgres, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("db", "upgrade").returncode == 0
    name = pooled.rpartition("/")[2]
    newsletter = Newsletter(root, subscribers=50)
    over = threading.Event()

    def kill() -> None:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            while not over.is_set():
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )

    killer = threading.Thread(target=kill)
    killer.start()
    reported: Counter[str] = Counter()
    try:
        for n in range(400):
            try:
                if n % 2:
                    unsubscribe(newsletter.store, f"lezer{n % 50}@example.org")
                else:
                    with newsletter.store.read() as connection:
                        connection.exec_driver_sql("SELECT count(*) FROM subscribers").one()
            except TryAgain as error:
                reported[error.problem] += 1
            else:
                reported["done"] += 1
    finally:
        over.set()
        killer.join()
    # Anything else than TryAgain has failed the test above.
    assert reported["done"], reported
    assert reported.total() - reported["done"], reported
    assert run("subscribers", "list").returncode == 0
    assert capfd.readouterr().err == ""
