"""What a database server or a pooler says instead of serving us, and what comes of it."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from newsletter import config
from newsletter.errors import NewsletterError, TryAgain
from newsletter.store import open_store, postgres, server_errors
from tests.support.newsletter import Newsletter, is_one_error
from tests.support.refusing_server import Refusing, waking

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postgres import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def refusing() -> Iterator[Refusing]:
    with Refusing() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test of a sentence wait for a server that never wakes."""
    monkeypatch.setattr(postgres, "WAKING_SECONDS", 0)


def refused(root: Path, server: Refusing, text: str, **more: str) -> NewsletterError:
    """Return what a refusal of the server's becomes."""
    server.severity, server.text, server.detail = "FATAL", text, ""
    for name, value in more.items():
        setattr(server, name, value)
    settings = config.load(root, {"NEWSLETTER_DATABASE_URL": server.url})
    with pytest.raises(NewsletterError) as caught:
        open_store(settings)
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        # PostgreSQL
        'password authentication failed for user "kees"',
        'role "kees" does not exist',
        'role "kees" is not permitted to log in',
        'database "brief" does not exist',
        'database "brief" is not currently accepting connections',
        'permission denied for database "brief"',
        'pg_hba.conf rejects connection for host "127.0.0.1", user "kees", database "brief"',
        'no pg_hba.conf entry for host "127.0.0.1", user "kees", database "brief", no encryption',
        'unrecognized configuration parameter "pgbouncer"',
        "unsupported frontend protocol 3.0: server supports 2.0 to 2.0",
        # PgBouncer
        "unsupported startup parameter: options",
        "transaction blocks not allowed in statement pooling mode",
        "no such database: brief",
        "no such user: kees",
        "SASL authentication failed",
        "auth failed",
        # the first is older; what is cached may be for good
        (
            "server login has been failing, cached error: password authentication failed for user"
            ' "kees" (server_login_retry)'
        ),
        # hosts
        "Tenant or user not found",
        "(ENOTFOUND) tenant/user postgres.abc not found",
        "The endpoint has been disabled. Enable it using Neon API and retry.",
        ("Your account or project has exceeded the compute time quota. Upgrade your plan"),
        "Your project has exceeded the data transfer quota. Upgrade your plan to increase limits.",
        ("Endpoint ID is not specified. Either please upgrade the postgres client library"),
        "PAM authentication failed for user “kees”",
        "This RDS proxy has no credentials for the role kees",
        "Client with IP address 127.0.0.1 is not allowed to access the server.",
        "SSL connection is required. Please specify SSL options and retry.",
        "Invalid Username specified. Please check the Username and retry connection.",
        "this account is suspended",
        "The project is paused. Restore it and try again",
        # what nobody has heard of
        "the moon is in the wrong house",
    ],
)
def test_a_permanent_error_of_the_server_is_quoted(
    root: Path, refusing: Refusing, text: str
) -> None:
    error = refused(root, refusing, text)
    assert not isinstance(error, TryAgain), error
    assert error.exit_code == 1
    assert text.replace("127.0.0.1", "<host>").rstrip(".") in str(error)
    assert error.hint


@pytest.mark.parametrize(
    "text",
    [
        # PostgreSQL
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is in recovery mode",
        "the database system is not yet accepting connections",
        "sorry, too many clients already",
        'too many connections for role "kees"',
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "terminating connection due to administrator command",
        "canceling authentication due to timeout",
        # PgBouncer
        "no more connections allowed (max_client_conn)",
        "query_wait_timeout",
        "client_login_timeout (server down)",
        "server login has been failing, try again later (server_login_retry)",
        "server login has been failing, cached error: connect failed (server_login_retry)",
        "pgbouncer cannot connect to server",
        "the pooler is shutting down",
        "server conn crashed?",
        # hosts
        ("MaxClientsInSessionMode: max clients reached - in Session mode they are limited"),
        "Max client connections reached",
        "remaining connection slots are reserved for rds_superuser",
        "Unable to check out process from the pool due to timeout",
        "(EDBHANDLEREXITED) connection to database closed. Check logs for more information",
        "DbHandler exited. Check logs for more information",
        "The endpoint is starting",
        "Couldn't connect to compute node",
        ("Failed to acquire permit to connect to the database. Too many attempts are ongoing."),
        "Control plane request failed",
        "Timed-out waiting to acquire database connection",
        "The server is currently busy. Please retry your connection in a moment.",
        "server is temporarily unavailable",
    ],
)
def test_a_temporary_error_asks_to_try_again(root: Path, refusing: Refusing, text: str) -> None:
    error = refused(root, refusing, text)
    assert isinstance(error, TryAgain), error
    assert text.rstrip(".") in str(error)


def test_a_server_may_speak_another_language_and_say_more(root: Path, refusing: Refusing) -> None:
    error = refused(
        root,
        refusing,
        "wachtwoord-authenticatie voor gebruiker »kees« is mislukt",
        severity="FATAAL",
        detail="host 10.1.2.3 and fe80::1 and anna@example.org",
    )
    assert error.exit_code == 1
    assert not isinstance(error, TryAgain)
    assert "wachtwoord-authenticatie" in str(error)


def test_no_address_and_no_password_is_shown() -> None:
    reported = server_errors.hide(
        "geheim and ongeheimen from db.example.org, 10.1.2.3, fe80::1 and anna@example.org at 7:30",
        {"password": "geheim", "host": "db.example.org"},
    )
    assert reported == (
        "<password> and ongeheimen from <host>, <address>, <address> and <address> at 7:30"
    )


@pytest.mark.parametrize(
    ("said", "passing"),
    [
        ("connection failed: could not translate host name to address: Unknown host", False),
        ("[Errno -2] Name or service not known", False),
        ("[Errno 8] nodename nor servname provided, or not known", False),
        ("[Errno -3] Temporary failure in name resolution", True),
        ("connection timeout expired", True),
        ('connection to server at "10.0.0.1", port 5432 failed: Connection refused', True),
        ("consuming input failed: server closed the connection unexpectedly", True),
        ("SSL SYSCALL error: EOF detected", True),
        ("SSL connection has been closed unexpectedly", True),
        ("lost synchronization with server: got message type", True),
        ("connection failed: SSL error: certificate verify failed", False),
        ("connection failed: server does not support SSL, but SSL was required", False),
        ('root certificate file "/x/root.crt" does not exist', False),
        ("connection failed: SSL error: tlsv1 alert protocol version", False),
        ("connection failed: fe_sendauth: no password supplied", False),
    ],
)
def test_what_libpq_says_itself(said: str, *, passing: bool) -> None:
    error = server_errors.explain(psycopg.OperationalError(said), "X", {})
    assert isinstance(error, TryAgain) == passing
    assert isinstance(error, NewsletterError)


def test_a_connection_out_of_step_is_a_lost_one() -> None:
    for kind in (psycopg.InternalError, psycopg.DatabaseError, psycopg.ProgrammingError):
        error = server_errors.explain(kind("received 2 results from command 'BEGIN'"), "X", {})
        assert isinstance(error, TryAgain)
    assert server_errors.explain(ValueError("ours"), "X", {}) is None
    for ours in (psycopg.DataError("ours"), psycopg.ProgrammingError("cannot adapt type 'Via'")):
        assert server_errors.explain(ours, "X", {}) is None


@pytest.mark.parametrize(
    ("state", "code"),
    [
        *((state, 75) for state in ("08006", "08P01", "40001", "40P01", "53200", "53300", "55P03")),
        *((state, 75) for state in ("57014", "57P01", "57P02", "57P03", "25P03")),
        *((state, 1) for state in ("57P04", "53400", "53100", "55000", "25006", "42501", "3F000")),
        *((state, 1) for state in ("0A000", "58030", "XX001", "72000", "28P01", "3D000", "F0001")),
        *((state, None) for state in ("22003", "23514", "42601", "P0001")),
    ],
)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_each_kind_of_error_of_a_statement(
    root: Path, database: str, state: str, code: int | None
) -> None:
    assert database
    newsletter = Newsletter(root, subscribers=0)
    fail = f"DO $$ BEGIN RAISE 'it says this' USING ERRCODE = '{state}'; END $$"

    def run() -> None:
        with newsletter.store.write() as connection:
            connection.exec_driver_sql(fail)

    with pytest.raises(Exception, match=r".") as caught:
        run()
    assert getattr(caught.value, "exit_code", None) == code
    if code == 1:
        assert "it says this" in str(caught.value)


def test_the_command_says_it_in_one_line(run: Run, refusing: Refusing) -> None:
    refusing.severity, refusing.text, refusing.detail = "FATAL", "Tenant or user not found", ""
    done = run("db", "status", env={"NEWSLETTER_DATABASE_URL": refusing.url})
    assert done.returncode == 1
    assert "Tenant or user not found" in done.stderr
    assert "paused" in done.stderr
    assert is_one_error(done.stderr)


def test_a_host_that_is_down_asks_to_try_again(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"postgresql://kees:geheim@127.0.0.1:{port}/brief"
    assert run("db", "status", env={"NEWSLETTER_DATABASE_URL": url}).returncode == 75


@pytest.mark.parametrize("command", [("db", "status"), ("status",)])
def test_every_command_waits_for_a_paused_database_to_wake(
    run: Run, server: Postgres, migrated: str, command: tuple[str, ...]
) -> None:
    with waking(server, refusals=2) as host:
        done = run(*command, env={"NEWSLETTER_DATABASE_URL": host.url_of(migrated)})
        assert done.returncode == 0, done.stderr
        assert "it is tried again for 30 s" in done.stderr
        assert done.stderr.count("not ready") == 1
        assert host.asked >= 3


def test_a_host_that_is_silent_while_it_wakes_a_database_is_asked_again(
    run: Run, server: Postgres, migrated: str
) -> None:
    with waking(server, refusals=1) as host:
        host.text = ""
        url = f"{host.url_of(migrated)}?connect_timeout=2"
        done = run("db", "status", env={"NEWSLETTER_DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    assert "not ready" in done.stderr


def test_a_database_that_does_not_wake_is_not_waited_for_without_end(
    run: Run, server: Postgres, migrated: str
) -> None:
    with waking(server, refusals=1000) as host:
        done = run(
            *("status",),
            env={"NEWSLETTER_DATABASE_URL": host.url_of(migrated)},
            constants={"newsletter.store.postgres.WAKING_SECONDS": 2.0},
        )
    assert done.returncode == 75
    assert "Couldn't connect to compute node" in done.stderr
    assert "cannot be reached" not in done.stderr
    assert host.asked == 3


@pytest.mark.parametrize(
    "text",
    [
        "The endpoint has been disabled. Enable it using Neon API and retry.",
        "Tenant or user not found",
        "sorry, too many clients already",
    ],
)
def test_what_no_waiting_changes_is_said_at_once(
    root: Path, refusing: Refusing, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(postgres, "WAKING_SECONDS", 30)
    before = refusing.asked
    refused(root, refusing, text)
    assert refusing.asked == before + 1


def test_a_host_that_is_not_in_the_dns_may_be_a_paused_project(run: Run) -> None:
    url = "postgresql://kees:geheim@db.newsletter.invalid/brief"
    done = run("status", env={"NEWSLETTER_DATABASE_URL": url})
    assert "newsletter.invalid" not in done.stderr
    assert is_one_error(done.stderr)
    assert "paused" in done.stderr


def test_a_pooler_without_transactions_is_refused_by_its_sentence(
    root: Path, refusing: Refusing
) -> None:
    error = refused(
        root, refusing, "transaction blocks not allowed in statement pooling mode", state="08P01"
    )
    assert "transaction or session mode" in error.hint
