"""Checks whose cause no test on loopback can have, and what becomes of an error in a check."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from newsletter.doctor import backlog, database, examination
from newsletter.doctor.certificate import check_certificate
from newsletter.doctor.database import check_clocks, check_speed
from newsletter.doctor.findings import attempt
from newsletter.doctor.secret_keys import check_git
from newsletter.doctor.server import check_server
from newsletter.doctor.settings import check_clock, read_settings
from newsletter.doctor.sqlite_file import check_disk
from newsletter.doctor.web_app import check_redirect, check_visitors, is_outside
from newsletter.errors import TryAgain
from newsletter.model import DiagnosisState
from newsletter.store.examination import ServerProperties
from tests.integration.doctor.good_set_up import KEY, SetUp, problems
from tests.integration.doctor.test_misconfigurations import notices
from tests.support.dns_server import serve_dns
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OK, WARNING = DiagnosisState.OK, DiagnosisState.WARNING
FAILURE, UNKNOWN = DiagnosisState.FAILURE, DiagnosisState.UNKNOWN


@pytest.mark.parametrize(
    ("year", "state"), [(1970, FAILURE), (2019, FAILURE), (2026, OK), (2106, FAILURE)]
)
def test_a_clock_shows_a_possible_year(year: int, state: DiagnosisState) -> None:
    assert check_clock(datetime(year, 6, 1, tzinfo=UTC)).state is state


@pytest.mark.parametrize(
    ("ahead", "state", "says"),
    [(3, OK, ""), (-59, OK, ""), (90, WARNING, "ahead of"), (-7200, FAILURE, "120 minutes behind")],
)
def test_clocks_agree_to_a_minute(ahead: float, state: DiagnosisState, says: str) -> None:
    found = check_clocks(ahead)
    assert found.state is state
    assert says in found.message


@pytest.mark.parametrize(("kind", "state"), [(0xEF53, OK), (None, OK), (0x6969, WARNING)])
def test_a_network_disk_is_a_warning(kind: int | None, state: DiagnosisState) -> None:
    assert check_disk(kind).state is state


GOOD_SERVER = ServerProperties(
    ("read committed", "repeatable read"),
    read_only=False,
    replica=False,
    encoding="UTF8",
    pooled=False,
    encrypted=True,
    outside=True,
    without_rights=(),
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"encrypted": False, "outside": False}, {}),
        ({"pooled": True}, {}),
        ({"encrypted": False}, {"database-tls": WARNING}),
        ({"replica": True, "read_only": True}, {"database-writable": FAILURE}),
        ({"read_only": True}, {"database-writable": FAILURE}),
        ({"without_rights": ("events",)}, {"database-writable": FAILURE}),
        ({"isolation": ("serializable", "serializable")}, {"database-isolation": FAILURE}),
        ({"encoding": "SQL_ASCII"}, {"database-encoding": FAILURE}),
    ],
)
def test_what_a_server_must_do(
    changes: dict[str, Any], expected: dict[str, DiagnosisState]
) -> None:
    assert problems(tuple(check_server(replace(GOOD_SERVER, **changes)))) == expected


def test_a_trivial_query_takes_at_most_a_second() -> None:
    assert [check_speed(seconds).state for seconds in (0.01, 1.0, 1.2)] == [OK, OK, WARNING]


@pytest.fixture
def plain() -> Iterator[ThreadingHTTPServer]:
    """Serve without TLS: `/to-https` leads there, everything else is a page."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            leads = self.path == "/to-https"
            self.send_response(308 if leads else 200)
            self.send_header("location", "https://brief.test/" if leads else "/")
            self.send_header("content-length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def test_whoever_forgets_the_s_is_led_to_tls(plain: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{plain.server_address[1]}"
    assert check_redirect(f"{url}/to-https").state is OK
    assert check_redirect(f"{url}/").state is WARNING


def test_a_host_that_is_not_in_the_dns_is_a_failure_and_a_dns_that_is_away_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, state in ((socket.EAI_NONAME, FAILURE), (socket.EAI_AGAIN, UNKNOWN)):

        def look_up(*_arguments: object, number: int = number, **_more: object) -> None:
            raise socket.gaierror(number, "it says")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert check_certificate("https://brief.test").state is state


def test_nothing_without_tls_is_fine() -> None:
    assert check_redirect("http://127.0.0.1:1/").state is OK


@pytest.mark.parametrize("trusted", [True, False])
def test_the_app_says_whether_it_sees_its_visitors(root: Path, trusted: bool) -> None:  # noqa: FBT001
    options = ("--proxy", "127.0.0.1") if trusted else ()
    with serving(root, *options, env={"NEWSLETTER_SECRET_KEY": KEY}) as app:
        through = app.client.get("/healthz", headers={"X-Forwarded-For": "93.184.216.34"}).json()
        beside = app.client.get("/healthz").json()
    assert check_visitors(through).state is (OK if trusted else WARNING)
    assert check_visitors(beside).state is WARNING
    assert "--proxy" in check_visitors(beside).fix


@pytest.mark.parametrize(
    ("count", "hours", "state", "said"),
    [
        (0, 0, OK, "no notice waits to be sent"),
        (1, 0, OK, "1 notice waits to be sent, for less than an hour"),
        (2, 0, OK, "2 notices wait to be sent, for less than an hour"),
        (2, 5, WARNING, "a notice was to leave 5 hours ago and did not"),
    ],
)
def test_notices_that_wait_are_counted_as_status_does(
    set_up: SetUp, count: int, hours: int, state: DiagnosisState, said: str
) -> None:
    notices(count, "pending", hours=hours)(set_up)
    (found,) = [one for one in set_up.examine_alone() if one.check == "backlog-notices"]
    assert (found.state, found.message) == (state, said)


def test_an_address_of_this_network_says_nothing_of_proxies() -> None:
    assert not is_outside("localhost")
    assert not is_outside("10.1.2.3")
    assert is_outside("93.184.216.34")
    assert not is_outside("host.invalid")


def test_an_error_in_one_check_leaves_it_unknown_and_the_others_as_they_are(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("geheim")

    monkeypatch.setattr(backlog, "find_backlog", fail)
    monkeypatch.setattr(examination, "check_domain", fail)
    found = set_up.examine()
    assert problems(found) == {"backlog-unknown": UNKNOWN, "dns-domain": UNKNOWN}
    assert not any("geheim" in one.message for one in found)
    assert {"backlog-form", "web-unsubscribe"} <= {one.check for one in found}


def test_an_error_in_a_whole_part_leaves_that_part_unknown(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(examination, "examine_database", fail)
    assert problems(set_up.examine()) == {"database-reachable": UNKNOWN, "web-app": UNKNOWN}


def test_a_connection_that_is_lost_while_subscribers_are_counted_is_no_empty_list(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_arguments: object) -> int:
        raise TryAgain("the connection was lost", hint="Run it again")

    monkeypatch.setattr(database.audiences, "count_mailable", lose)
    assert problems(set_up.examine()) == {"database-subscribers": UNKNOWN}


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Gerrit", "-c", "user.email=gerrit@brief.test")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with two commits, where git has no settings of this machine."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    root = tmp_path / "letter"
    root.mkdir()
    git(root, "init", "-q")
    for message in ("first", "second"):
        git(root, "commit", "-q", "--allow-empty", "-m", message)
    return root


def test_a_folder_that_is_no_repository_has_nothing_in_git(tmp_path: Path) -> None:
    assert check_git(tmp_path).state is OK


def test_a_repository_without_secrets_is_ok(repository: Path) -> None:
    assert check_git(repository).state is OK


def test_a_repository_of_another_user_is_not_known_to_be_clean(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (found,) = attempt("secret-git", lambda: check_git(repository))
    assert found.state is UNKNOWN
    assert "dubious ownership" in found.message


def test_a_repository_that_is_damaged_is_not_known_to_be_clean(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: gone\n", encoding="utf-8")
    (found,) = attempt("secret-git", lambda: check_git(tmp_path))
    assert found.state is UNKNOWN


def test_the_end_of_a_history_does_not_show_that_all_of_it_is_clean(
    repository: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "copy")
    found = check_git(tmp_path / "copy")
    assert found.state is UNKNOWN
    assert "--unshallow" in found.fix


def test_a_silent_dns_is_not_waited_for_twice(set_up: SetUp) -> None:
    settings, _ = read_settings(set_up.root, set_up.environment)
    assert settings
    with serve_dns(set_up.zone, {"*": "silent"}) as dns:
        found = examination.examine_domain(settings, dns.resolver(seconds=0.5))
    assert set_up.fake.requests == []
    assert {one.state for one in found.diagnoses} == {OK, UNKNOWN}
    with serve_dns(set_up.zone) as dns:
        found = examination.examine_domain(settings, dns.resolver())
    assert set_up.fake.requests
    assert problems(found.diagnoses) == {}


def test_a_free_mail_domain_is_not_to_be_added_at_the_provider(set_up: SetUp) -> None:
    set_up.values["sender"] = "Gerrit <gerrit@ziggo.nl>"
    set_up.write_settings()
    found = set_up.examine()
    assert problems(found)["provider-domain"] is FAILURE
    assert problems(found)["dns-free-mail"] is FAILURE
    (fix,) = [one.fix for one in found if one.check == "provider-domain"]
    assert "dns-free-mail" in fix
    assert not any("Add ziggo.nl" in one.fix for one in found)
