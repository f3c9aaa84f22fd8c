"""What doctor finds of a database on a server, or behind a pooler."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import socketserver
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from newsletter.config import Settings
from newsletter.doctor import database
from newsletter.doctor.database import examine_database
from newsletter.model import DiagnosisState
from tests.integration.doctor.good_set_up import KEY, SetUp, problems
from tests.support.postgres import free_port
from tests.support.processes import run_command
from tests.support.refusing_server import Refusing, waking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from newsletter.doctor.database import DatabaseReport
    from tests.support.postgres import Postgres

WARNING, FAILURE = DiagnosisState.WARNING, DiagnosisState.FAILURE
OK, UNKNOWN = DiagnosisState.OK, DiagnosisState.UNKNOWN


def test_a_good_set_up_on_a_server_is_silent(postgresql: str, set_up: SetUp) -> None:
    assert postgresql
    found = set_up.examine()
    assert problems(found) == {}
    said = {one.check for one in found}
    assert {"database-isolation", "database-encoding", "database-pooler", "web-app"} <= said


def examine(root: Path, url: str, **more: Any) -> DatabaseReport:  # noqa: ANN401 - any setting
    """Return what is found of a database alone, whose ledger is what the settings say."""
    settings = {"provider": "resend", "secret_keys": (KEY,), "database_url": url, **more}
    return examine_database(Settings(root=root, **settings))


def ledger_of(url: str) -> str:
    """Add a subscriber; return the id of the ledger."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        connection.execute(
            "INSERT INTO subscribers (public_id, email, email_key, status, source, created_at)"
            " VALUES ('p', 'anna@example.org', 'anna@example.org', 'active', 'test', now())"
            " ON CONFLICT DO NOTHING"
        )
        row = connection.execute("SELECT id FROM ledger").fetchone()
    assert row
    return str(row[0])


@pytest.fixture
def looker(server: Postgres) -> Iterator[str]:
    """Make a user who may only read; return their name."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN PASSWORD 'geheim'")
        yield "looker"
        for (name,) in connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 't%' AND datallowconn"
        ).fetchall():
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(server.url(str(name)), autocommit=True) as other,
            ):
                other.execute("DROP OWNED BY looker")
        connection.execute("DROP ROLE looker")


def test_a_user_who_may_only_read_is_found(postgresql: str, looker: str, root: Path) -> None:
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
        connection.execute("GRANT UPDATE, INSERT, DELETE ON mailings TO looker")
    url = postgresql.replace("postgres@", f"{looker}@")
    found = examine(root, url, ledger=ledger_of(postgresql)).diagnoses
    assert problems(found) == {"database-writable": FAILURE}
    (said,) = (one.message for one in found if one.check == "database-writable")
    assert "of its tables" in said
    assert "mailings" not in said


def test_a_database_that_is_read_only_is_found(postgresql: str, root: Path) -> None:
    name = postgresql.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    found = examine(root, postgresql, ledger=ledger_of(postgresql)).diagnoses
    assert problems(found) == {"database-writable": FAILURE}
    (fix,) = [one.fix for one in found if one.check == "database-writable"]
    assert "ALTER DATABASE … RESET" in fix
    assert "ALTER ROLE … RESET" in fix


def test_a_database_without_tables_is_found(server: Postgres, root: Path) -> None:
    name = server.database()
    found = examine(root, server.url(name))
    assert problems(found.diagnoses) == {"database-migrations": FAILURE}
    assert not found.complete
    assert "newsletter db upgrade" in found.diagnoses[-2].fix
    with psycopg.connect(server.url(name)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_stat_user_tables").fetchone() == (0,)
    server.drop(name)


def test_a_database_in_another_encoding_is_found(
    server: Postgres, migrated: str, root: Path, tmp_path: Path
) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    url = server.url("latin")
    env = {"NEWSLETTER_DATABASE_URL": url}
    assert run_command("db", "upgrade", cwd=tmp_path, env=env).returncode == 0
    assert migrated
    found = examine(root, url, ledger=ledger_of(url)).diagnoses
    assert problems(found) == {"database-encoding": FAILURE}
    server.drop("latin")


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (("geheim", "verkeerd"), FAILURE),
        (("postgres:geheim", "nobody:geheim"), FAILURE),
        (("NAME", "elsewhere"), FAILURE),
        (("PORT", "1"), UNKNOWN),
    ],
)
def test_a_server_that_refuses_is_a_failure_and_one_that_is_away_is_unknown(
    server: Postgres, migrated: str, root: Path, change: tuple[str, str], state: DiagnosisState
) -> None:
    names = {"PORT": str(server.port), "NAME": migrated}
    found, other = names.get(change[0], change[0]), change[1]
    url = server.url(migrated, tcp=True)
    assert found in url
    (only,) = examine(root, url.replace(found, other)).diagnoses
    assert (only.check, only.state) == ("database-reachable", state)
    assert "geheim" not in f"{only.message} {only.fix}"
    assert "verkeerd" not in f"{only.message} {only.fix}"
    assert "127.0.0.1" not in f"{only.message} {only.fix}"


class Slow(socketserver.ThreadingTCPServer):
    """Passes everything on to a server, and a trivial query after more than a second."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _SlowPipe)
        self.upstream = port


class _SlowPipe(socketserver.BaseRequestHandler):
    server: Slow

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as other:
            ends = {self.request: other, other: self.request}
            while True:
                for ready in select.select(ends, [], [])[0]:
                    if not (part := ready.recv(65536)):
                        return
                    if ready is self.request and b"SELECT 1" in part:
                        time.sleep(1.1)
                    ends[ready].sendall(part)


def test_a_slow_database_is_a_warning(postgresql: str, server: Postgres, root: Path) -> None:
    name = postgresql.partition("?")[0].rpartition("/")[2]
    with Slow(server.port) as slow:
        threading.Thread(target=slow.serve_forever, args=(0.02,), daemon=True).start()
        url = f"postgresql://postgres:geheim@127.0.0.1:{slow.server_address[1]}/{name}"
        found = examine(root, url, ledger=ledger_of(postgresql)).diagnoses
        slow.shutdown()
    assert problems(found) == {"database-speed": WARNING}


def test_subscribers_are_counted_for_the_limits_of_the_provider(
    postgresql: str, set_up: SetUp, root: Path
) -> None:
    found = examine(root, postgresql, ledger=set_up.newsletter.settings.ledger)
    assert (found.audience, found.complete) == (3, True)


def test_a_paused_project_is_named_as_one(root: Path) -> None:
    with Refusing() as host:
        threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True).start()
        host.text = "Tenant or user not found"
        (only,) = examine(root, host.url).diagnoses
        host.shutdown()
    assert (only.check, only.state) == ("database-reachable", FAILURE)
    assert "paused" in only.fix
    assert "cannot be reached" not in only.message


def test_a_database_that_wakes_is_waited_for(
    server: Postgres, postgresql: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgresql.partition("?")[0].rpartition("/")[2]
    ledger = ledger_of(postgresql)
    with waking(server, refusals=1) as host:
        assert problems(examine(root, host.url_of(name), ledger=ledger).diagnoses) == {}
    # From the time at which subscribers would notice, it is a warning.
    monkeypatch.setattr(database, "_SLOW_TO_OPEN", 0.3)
    with waking(server, refusals=1) as host:
        found = examine(root, host.url_of(name), ledger=ledger).diagnoses
    assert problems(found) == {"database-reachable": WARNING}


@contextlib.contextmanager
def pooled(server: Postgres, folder: Path, name: str, mode: str) -> Iterator[str]:
    """Run PgBouncer before a database."""
    port, settings = free_port(), folder / f"{mode}.ini"
    settings.write_text(
        f"[databases]\n{name} = host={server.home} port={server.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 2\n"
    )
    as_: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with settings.open("rb") as file:
        pooler = subprocess.Popen(
            ["/usr/sbin/pgbouncer", "-q", "/proc/self/fd/0"],
            stdin=file,
            stderr=subprocess.DEVNULL,
            **as_,
        )
    try:
        while pooler.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.02)
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}"
    finally:
        pooler.terminate()
        pooler.wait(10)


@pytest.mark.all
@pytest.mark.parametrize(
    ("mode", "expected"),
    [("transaction", {}), ("session", {}), ("statement", {"database-reachable": FAILURE})],
)
def test_a_pooler_is_fine_if_it_keeps_transactions_together(
    server: Postgres, postgresql: str, root: Path, mode: str, expected: dict[str, DiagnosisState]
) -> None:
    name = postgresql.partition("?")[0].rpartition("/")[2]
    with pooled(server, root, name, mode) as url:
        found = examine(root, url, ledger=ledger_of(postgresql)).diagnoses
    assert problems(found) == expected
    if expected:
        assert "transaction or session mode" in found[0].fix
    else:
        assert "behind a pooler" in next(x.message for x in found if x.check == "database-pooler")
