"""The command: what it prints, its exit codes, and that it changes nothing."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from newsletter import mail_dns
from newsletter.doctor import examination
from newsletter.mail_dns import domain
from tests.chaos.process_faults import files_up_to, wrong_by
from tests.integration.mail_dns.zones import good_zone
from tests.support.databases import prepare_database
from tests.support.dns_server import serve_dns
from tests.support.newsletter import is_one_error
from tests.support.processes import COMMAND
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.doctor.good_set_up import SetUp

    Run = Callable[..., subprocess.CompletedProcess[str]]

YEARS = 365 * 86_400.0


def ask_dns_at(port: int) -> None:
    """Let a process ask a name server of the test."""
    asked = functools.partial(mail_dns.Resolver, ["127.0.0.1"], port=port)
    for module in (domain, examination):
        module.Resolver = asked  # type: ignore[attr-defined]


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture
def outbox(root: Path) -> Path:
    """Fill in what even a rehearsal should say."""
    with (root / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write('sender = "Gerrit <gerrit@brief.test>"\ncontact = "Postbus 1"\n')
    return root


def test_a_new_newsletter_is_fine_and_nothing_is_made(outbox: Path, run: Run) -> None:
    before = tree(outbox)
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert tree(outbox) == before
    titles = ["Settings", "Secrets", "Database", "Provider", "DNS", "Web app", "Backlog"]
    assert re.findall(r"^([A-Z][A-Za-z ]+)$", done.stdout, re.MULTILINE) == titles
    assert "  ✓ ok: newsletter.toml can be read (settings-file)\n" in done.stdout
    assert "  - left out: the outbox mails nobody\n" in done.stdout
    assert done.stdout.endswith(" ok, 0 warnings, 0 failures, 0 could not be checked.\n")


def test_a_database_is_looked_at_and_not_changed(outbox: Path, run: Run) -> None:
    prepare_database(outbox)
    before = tree(outbox)
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "SQLite, 0 subscribers" in done.stdout
    assert "backlog-unknown" in done.stdout
    assert tree(outbox) == before


def test_a_folder_without_settings_is_named_and_left_as_it_is(tmp_path: Path, run: Run) -> None:
    (tmp_path / "newsletter.toml").unlink(missing_ok=True)
    done = run("doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "there are no settings in" in done.stdout
    assert "newsletter init" in done.stdout
    assert done.stdout.count("failure:") == 1
    assert not (tmp_path / ".newsletter").exists()


def test_settings_that_cannot_be_read_end_the_look_and_that_is_said(outbox: Path, run: Run) -> None:
    assert "nothing else was looked at" not in run("doctor", cwd=outbox).stdout
    (outbox / "newsletter.toml").write_text('naam = "Brief"\n', encoding="utf-8")
    done = run("doctor", cwd=outbox)
    assert done.returncode == 1
    assert "nothing else was looked at" in done.stdout
    assert "nothing else" not in run("doctor", "--json", cwd=outbox).stdout


def test_a_good_set_up_as_json(set_up: SetUp, run: Run) -> None:
    with serving(set_up.root, env=set_up.environment) as app:
        set_up.front.app = app.port
        done = run("doctor", "--json", env=set_up.environment)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {tuple(one) for one in found} == {("check", "state", "message", "fix")}
    assert {one["state"] for one in found} == {"ok"}
    assert len(found) > 35
    # The provider is on this machine, so that the internet is not asked.
    assert not [one for one in found if one["check"].startswith("dns-")]


def test_a_failure_outweighs_what_could_not_be_checked(set_up: SetUp, run: Run) -> None:
    set_up.front.fault = "away"
    with serving(set_up.root, env=set_up.environment) as app:
        set_up.front.app = app.port
        away = run("-q", "doctor", env=set_up.environment)
        set_up.values["contact"] = ""
        set_up.write_settings()
        both = run("-q", "doctor", env=set_up.environment)
    assert away.returncode == 75
    assert away.stdout == (
        "Web app\n"
        "  ? could not check: the web app answers 502 "
        f"(https://localhost:{set_up.front.port}) (web-app)\n"
        "      fix: See its log, and run this again when it works\n"
        f"{away.stdout.splitlines()[-1]}\n"
    )
    assert away.stdout.endswith("1 could not be checked.\n")
    assert both.returncode == 1
    assert '  ✗ failure: setting "contact" is empty' in both.stdout


def test_a_terminal_without_unicode_gets_plain_marks(root: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [COMMAND, "doctor"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "  + ok: " in done.stdout
    assert "  ! warning: " in done.stdout


def test_the_dns_alone(outbox: Path, run: Run) -> None:
    assert outbox
    with serve_dns(good_zone()) as server:
        done = run("doctor", "--dns", before=[functools.partial(ask_dns_at, server.port)])
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("DNS\n")
    zone = good_zone() | {"_dmarc.brief.test": {}}
    with serve_dns(zone) as server:
        done = run("doctor", "--dns", before=[functools.partial(ask_dns_at, server.port)])
    assert done.returncode == 1
    assert "_dmarc.brief.test TXT v=DMARC1" in done.stdout
    with serve_dns(good_zone(), {"*": "SERVFAIL"}) as server:
        done = run("doctor", "--dns", before=[functools.partial(ask_dns_at, server.port)])
    assert done.returncode == 75
    assert "missing" not in done.stdout


def test_a_letter_that_arrived(outbox: Path, run: Run) -> None:
    assert outbox
    (outbox / "proof.eml").write_bytes(b"this is no letter\n")
    done = run("doctor", "--received", "proof.eml")
    assert done.returncode == 1
    assert done.stdout.startswith("Received letter\n")
    assert "(received-file)" in done.stdout
    gone = run("doctor", "--received", "gone.eml")
    assert gone.returncode == 1
    assert is_one_error(gone.stderr)
    assert run("doctor", "--dns", "--received", "proof.eml").returncode == 2


def test_a_clock_before_2020_is_found(outbox: Path, run: Run) -> None:
    assert outbox
    done = run("doctor", "--json", before=[functools.partial(wrong_by, -30 * YEARS)])
    failed = [one["check"] for one in json.loads(done.stdout) if one["state"] == "failure"]
    assert (done.returncode, failed) == (1, ["clock"])


def test_a_full_disk_is_found(outbox: Path, run: Run) -> None:
    prepare_database(outbox)
    done = run("doctor", "--json", before=[functools.partial(files_up_to, 600 << 10)])
    failed = [one["check"] for one in json.loads(done.stdout) if one["state"] == "failure"]
    assert (done.returncode, failed) == (1, ["database-space"])


@pytest.mark.all
def test_a_read_only_disk_is_found(outbox: Path, run: Run) -> None:
    """Only root can mount."""
    prepare_database(outbox)
    place = outbox / ".newsletter"
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*as_root, "mount", "--bind", place, place], check=True)
    try:
        subprocess.run([*as_root, "mount", "-o", "remount,bind,ro", place], check=True)
        done = run("doctor", "--json")
    finally:
        subprocess.run([*as_root, "umount", place], check=True)
    failed = {one["check"] for one in json.loads(done.stdout) if one["state"] == "failure"}
    assert done.returncode == 1
    assert failed & {"database-reachable", "database-space"}
