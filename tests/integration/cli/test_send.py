from __future__ import annotations

import json
import os
import re
import subprocess
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.newsletter import Newsletter, coming, is_one_error, write_issue
from tests.support.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = "Callable[..., subprocess.CompletedProcess[str]]"
pytestmark = pytest.mark.usefixtures("database")

KEYS = {
    *("issue", "state", "rehearsal", "provider", "audience", "pending", "attempting"),
    *("accepted", "rejected", "skipped", "unknown", "assumed", "delivered", "bounced"),
    *("complained", "content_hash", "started_at", "finished_at", "next_step"),
}
STATES = ("pending", "attempting", "accepted", "rejected", "skipped", "unknown")


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=12)


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:  # noqa: ANN401 - JSON
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert is_one_error(done.stderr), done.stderr
    return done.stderr


def test_a_send_is_a_rehearsal_that_adds_up(newsletter: Newsletter, run: Run) -> None:
    first = document(run("send", newsletter.slug, "--json"))
    assert set(first) >= KEYS
    assert first["issue"] == newsletter.slug
    assert (first["state"], first["rehearsal"], first["provider"]) == ("completed", True, "outbox")
    assert first["audience"] == first["accepted"] == 12
    assert sum(first[state] for state in STATES) == 12
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["started_at"])
    assert re.fullmatch(r"[0-9a-f]{64}", first["content_hash"])
    folder = newsletter.root / ".newsletter" / "outbox" / newsletter.slug
    before = {file.name: file.stat().st_mtime_ns for file in folder.glob("*.eml")}
    assert len(before) == 12

    assert document(run("send", newsletter.slug, "--json")) == first
    assert document(run("status", newsletter.slug, "--json")) == first
    assert {file.name: file.stat().st_mtime_ns for file in folder.glob("*.eml")} == before


def test_each_subscriber_has_their_own_letter(newsletter: Newsletter, run: Run) -> None:
    run("send", f"issues/{newsletter.slug}.md")
    folder = newsletter.root / ".newsletter" / "outbox" / newsletter.slug
    leave, greetings = set(), set()
    for file in folder.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        leave.add(mail["List-Unsubscribe"])
        text = mail.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
        greetings.add(text.split("\r\n\r\n")[1])
        assert "example.org" not in mail["List-Unsubscribe"]
        assert file.stem in mail["Message-ID"]
    assert len(leave) == 12
    assert greetings == {"Dag Anna,", "Dag,"}


def test_a_dry_run_says_the_same_and_changes_nothing(newsletter: Newsletter, run: Run) -> None:
    would = document(run("send", newsletter.slug, "--dry-run", "--json"))
    assert set(would) >= KEYS
    assert (would["state"], would["audience"], would["pending"]) == (None, 12, 12)
    assert not (newsletter.root / ".newsletter" / "outbox").exists()
    assert document(run("status", newsletter.slug, "--json"))["state"] is None
    run("send", newsletter.slug)
    assert document(run("send", newsletter.slug, "--dry-run", "--json"))["state"] == "completed"


def test_status_of_an_issue_that_was_never_sent(newsletter: Newsletter, run: Run) -> None:
    found = document(run("status", newsletter.slug, "--json"))
    assert set(found) >= KEYS
    assert found["state"] is None


def test_status_says_what_is_next_and_for_how_many(newsletter: Newsletter, run: Run) -> None:
    later = write_issue(newsletter.root, name="later", days=13)
    found = document(run("status", "--json"))
    assert found["mailings"] == []
    assert found["next"] == {
        "issue": newsletter.slug,
        "send_at": f"{coming():%Y-%m-%d}T07:00:00{_offset(newsletter)}",
        "audience": 12,
        "blocked_by": [],
        "proofed": False,
        "letter_hash": json.loads(run("render", newsletter.slug, "--json").stdout)["letter_hash"],
    }
    assert f"Next: {newsletter.slug}" in run("status").stdout
    (newsletter.root / "issues" / f"{newsletter.slug}.md").unlink()
    assert document(run("status", "--json"))["next"]["issue"] == later


def _offset(newsletter: Newsletter) -> str:
    local = coming().replace(tzinfo=newsletter.settings.zone)
    return local.isoformat()[-6:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("---\nEen", "draft: yes\n---\nEen"), "draft"),
        (lambda text: text.replace("subject", "subjct"), "error"),
        (lambda _text: "", "error"),
    ],
)
def test_status_says_what_blocks_the_next_issue(
    newsletter: Newsletter, run: Run, change: Callable[[str], str], said: str
) -> None:
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    (found,) = document(run("status", "--json"))["next"]["blocked_by"]
    assert said in found


def test_status_sees_an_empty_list_and_two_letters_in_one_slot(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=0)
    write_issue(root, name="zelfde")
    found = document(run("status", "--json"))["next"]
    assert found["issue"] == newsletter.slug
    assert len(found["blocked_by"]) == 2


def test_status_without_issues_is_fine(run: Run) -> None:
    reported = document(run("status", "--json"))
    assert (reported["mailings"], reported["next"], reported["missed"]) == ([], None, [])


def test_status_reports_an_issue_that_was_missed(newsletter: Newsletter, run: Run) -> None:
    forgotten = write_issue(newsletter.root, name="vergeten", days=-2)
    write_issue(newsletter.root, name="lang-geleden", days=-9)
    found = document(run("status", "--json"))
    assert found["missed"] == [forgotten]
    assert found["next"]["issue"] == newsletter.slug
    assert forgotten in run("status").stdout


def test_status_in_a_folder_that_is_no_newsletter_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    done = run("status", cwd=tmp_path / "elsewhere")
    assert done.returncode == 0
    (tmp_path / "issues").rmdir()
    assert "There is no issues/" in run("status").stderr


def test_check_finds_what_only_the_letter_shows(newsletter: Newsletter, run: Run) -> None:
    (newsletter.root / "templates").mkdir()
    (newsletter.root / "templates" / "issue.txt.j2").write_text("{{ foo }}")
    (found,) = [one for one in document(run("check", "--json"), 1) if one["severity"] == "error"]
    assert found["rule"] == "letter"
    assert "issue.txt.j2" in found["message"]


def test_what_git_must_never_see_is_hidden_from_it(newsletter: Newsletter) -> None:
    git = ["git", "-C", newsletter.root]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run(
        [*git, "status", "--porcelain", "-uall"], check=True, capture_output=True, text=True
    )
    assert "newsletter.toml" in listed.stdout
    assert ".newsletter" not in listed.stdout


def test_a_limit_a_pause_and_going_on(newsletter: Newsletter, run: Run) -> None:
    limited = document(run("send", newsletter.slug, "--limit", "5", "--json"))
    assert (limited["state"], limited["accepted"], limited["pending"]) == ("paused", 5, 7)
    assert limited["next_step"]
    assert document(run("pause", newsletter.slug, "--json"))["state"] == "paused"
    assert document(run("send", newsletter.slug, "--json"))["accepted"] == 12
    assert "nothing to pause" in one_line(run("pause", newsletter.slug), 1)
    assert "nothing to cancel" in one_line(run("cancel", newsletter.slug), 1)
    assert "unknown" in one_line(run("resolve", newsletter.slug, "--resend"), 1)


def test_cancelling_and_starting_again(newsletter: Newsletter, run: Run) -> None:
    run("send", newsletter.slug, "--limit", "5")
    assert document(run("cancel", newsletter.slug, "--json"))["state"] == "cancelled"
    # A rehearsal reached nobody, so it may start anew.
    assert document(run("send", newsletter.slug, "--json"))["accepted"] == 12


def test_unknown_letters_wait_for_a_person(newsletter: Newsletter, run: Run) -> None:
    run("send", newsletter.slug, "--limit", "5")
    # As a process leaves them that died while a subscriber left.
    newsletter.sql("UPDATE deliveries SET state = 'attempting' WHERE state = 'accepted'")
    newsletter.sql("UPDATE batches SET settled_at = NULL, snapshot = NULL")
    newsletter.lose_process()
    held = document(run("send", newsletter.slug, "--json"), 3)
    assert (held["state"], held["unknown"]) == ("completed_with_unknown", 5)
    assert "resolve" in held["next_step"]
    assert document(run("send", newsletter.slug, "--json"), 3)["unknown"] == 5
    assert run("resolve", newsletter.slug).returncode == 2
    decided = document(run("resolve", newsletter.slug, "--assume-sent", "--json"))
    assert (decided["state"], decided["accepted"], decided["assumed"]) == ("completed", 12, 5)


def test_an_empty_list_is_an_error(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=0)
    assert "nobody" in one_line(run("send", newsletter.slug), 1)


@pytest.mark.parametrize(
    ("issue", "error"),
    [
        ("../../etc/passwd", "there is no issue ../../etc/passwd"),
        ("..", ".. is outside the newsletter's folder"),
        ("/etc/passwd", "/etc/passwd is outside the newsletter's folder"),
        ("a\nb", r"there is no issue 'a\nb'"),
        ("é" * 300, f"there is no issue {'é' * 120}"),
        ("issues", "there is no issue issues"),
    ],
    ids=["a path upwards", "the folder above", "a file", "two lines", "long", "the folder"],
)
def test_an_argument_that_names_no_issue_is_one_error(
    newsletter: Newsletter, run: Run, issue: str, error: str
) -> None:
    assert one_line(run("send", issue), 1).startswith(f"error: {error}")
    assert document(run("status", newsletter.slug, "--json"))["state"] is None


@pytest.mark.parametrize("command", ["send", "status", "render", "check", "pause", "cancel"])
def test_every_command_knows_what_is_no_issue(run: Run, command: str) -> None:
    one_line(run(command, "2026-11-29-niets"), 1)
    one_line(run(command, "../2026-11-29-niets"), 1)


def test_a_link_out_of_the_folder_is_refused(
    newsletter: Newsletter, run: Run, tmp_path: Path
) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.md"
    outside.write_text("---\nsubject: Van buiten\n---\nDag.\n", encoding="utf-8")
    slug = f"{coming(8):%Y-%m-%d}-link"
    (newsletter.root / "issues" / f"{slug}.md").symlink_to(outside)
    assert "outside" in one_line(run("send", slug), 1)
    assert "outside" in one_line(run("render", slug), 1)
    assert "Van buiten" not in run("check").stdout


def test_rendering_needs_no_database_and_no_key(root: Path, run: Run) -> None:
    slug = write_issue(root)
    done = run("render", slug, "--json", env={"NEWSLETTER_DATABASE_URL": "postgresql://nowhere/x"})
    files = document(done)["files"]
    assert [os.path.basename(file) for file in files] == [  # noqa: PTH119 - as printed
        f"{slug}.html",
        f"{slug}.txt",
        f"{slug}.eml",
    ]
    made = {path.name for path in (root / ".newsletter").iterdir()}
    assert made == {".gitignore", "render"}
    first = [(root / file).read_bytes() for file in files]
    run("render", slug)
    assert [(root / file).read_bytes() for file in files] == first


def test_rendering_elsewhere(root: Path, run: Run) -> None:
    slug = write_issue(root)
    assert run("render", slug, "--out", "hier/daar").returncode == 0
    assert (root / "hier" / "daar" / f"{slug}.eml").exists()
    (root / "vol").write_text("")
    assert "vol" in run("render", slug, "--out", "vol/x").stderr


def test_an_issue_with_errors_is_refused_with_the_first_of_them(root: Path, run: Run) -> None:
    slug = write_issue(root)
    file = root / "issues" / f"{slug}.md"
    file.write_text(file.read_text().replace("subject:", "kleur: rood\nonderwerp:"))
    for command in ("send", "render"):
        said = one_line(run(command, slug), 1)
        assert "newsletter check" in said


def test_wrong_usage_is_two(run: Run) -> None:
    for arguments in (
        ["send"],
        ["fly"],
        ["send", "x", "--limit", "0"],
        ["status", "--what"],
        ["resolve", "x", "--resend", "--assume-sent"],
        ["resolve", "x", "--assume-sent", "--resend"],
    ):
        assert run(*arguments).returncode == 2
    assert run("--help").returncode == 0


def test_wrong_settings_are_one_line(newsletter: Newsletter, run: Run) -> None:
    (newsletter.root / "newsletter.toml").write_text('nmae = "x"')
    for arguments in (
        ["status"],
        ["send", newsletter.slug],
        ["render", newsletter.slug],
        ["check"],
    ):
        assert "nmae" in one_line(run(*arguments), 1)
    (newsletter.root / "newsletter.toml").unlink()
    empty = run("status", env={"NEWSLETTER_SECRET_KEY": ""})
    assert "NEWSLETTER_SECRET_KEY" in one_line(empty, 1)


def test_no_secret_and_no_address_in_what_is_said(newsletter: Newsletter, run: Run) -> None:
    secret = {"NEWSLETTER_SECRET_KEY": "canary-key"}
    said = ""
    for arguments in (["-v", "send", newsletter.slug], ["status"], ["-v", "send", "niets"]):
        done = run(*arguments, env=secret)
        said += done.stdout + done.stderr
    assert "canary" not in said
    assert "lezer" not in said


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_is_in_the_way_loses_nothing(newsletter: Newsletter, run: Run) -> None:
    path = newsletter.root / ".newsletter" / "newsletter.db"
    newsletter.store.close()
    path.write_bytes(b"a shopping list " * 50)
    before = path.read_bytes()
    one_line(run("send", newsletter.slug), 1)
    assert path.read_bytes() == before


def test_one_broken_file_hides_no_other(newsletter: Newsletter, run: Run) -> None:
    (newsletter.root / "issues" / ".#lock.md").symlink_to("nowhere")
    (newsletter.root / "issues" / "folder.md").mkdir()
    (newsletter.root / "issues" / f"{coming(9):%Y-%m-%d}-weg.md").symlink_to("nowhere")
    assert document(run("status", "--json"))["next"]["issue"] == newsletter.slug
    found = document(run("check", "--json"), 1)
    errors = [finding["rule"] for finding in found if finding["severity"] == "error"]
    assert errors == ["unreadable", "unreadable"]
    (newsletter.root / "issues" / f"{newsletter.slug}.md").unlink()
    upcoming = document(run("status", "--json"))["next"]
    assert upcoming["issue"].endswith("-weg")
    assert "error" in upcoming["blocked_by"][0]


def test_a_path_names_its_issue_when_the_file_is_gone(newsletter: Newsletter, run: Run) -> None:
    run("send", newsletter.slug, "--limit", "5")
    path = f"issues/{newsletter.slug}.md"
    (newsletter.root / path).unlink()
    assert document(run("status", path, "--json"))["accepted"] == 5
    assert document(run("send", path, "--json"))["accepted"] == 12


def test_a_dry_run_says_what_send_would(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=0)
    assert "nobody" in one_line(run("send", newsletter.slug, "--dry-run"), 1)


def test_hostile_settings_are_one_line(newsletter: Newsletter, run: Run) -> None:
    (newsletter.root / "newsletter.toml").write_text("max_lateness_hours = 1e12")
    assert "max_lateness_hours" in one_line(run("status"), 1)


def test_a_closed_output_pipe_is_no_error(newsletter: Newsletter) -> None:
    with subprocess.Popen(
        [COMMAND, "status", "--json"],
        cwd=newsletter.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        said = process.stderr.read()
    assert said == ""


def test_a_group_without_a_command_prints_its_help(run: Run) -> None:
    done = run("subscribers")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: newsletter subscribers ")
    assert "error:" not in done.stderr
    assert "..." not in done.stderr.partition("Commands:")[2]
