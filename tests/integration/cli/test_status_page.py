from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from newsletter.cli.terminal_lines import fold_at
from newsletter.desk.overview import survey_issues
from tests.support.approvals import SLUG, ApprovedNewsletter
from tests.support.newsletter import FakeProvider, Newsletter, write_issue
from tests.support.providers.fake_resend import FakeResend
from tests.support.repositories import git

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

LATER = "2020-01-01 00:00:00.000000"


@pytest.fixture
def newsletter(root: Path, database: str) -> Newsletter:  # noqa: ARG001 - on both
    return Newsletter(root, subscribers=6)


def environment(newsletter: Newsletter) -> dict[str, str]:
    return newsletter.for_real("http://127.0.0.1:9")


def line_below(text: str, start: str) -> str:
    lines = text.splitlines()
    (place,) = [number for number, line in enumerate(lines) if start in line]
    return lines[place + 1].strip()


def test_a_sent_issue_shows_what_became_of_it_and_how_many_left(
    newsletter: Newsletter, tmp_path: Path, run: Run
) -> None:
    newsletter.send(FakeProvider(tmp_path / "taken"))
    by_number = "UPDATE deliveries SET strongest_event = '{}' WHERE subscriber_id IN ({})"
    newsletter.sql(by_number.format("delivered", "1, 2, 3, 4"))
    newsletter.sql(by_number.format("hard bounce", "5"))
    gone = "UPDATE subscribers SET status = '{}', left_at = '{}' WHERE id = {}"
    newsletter.sql(gone.format("unsubscribed", "2199-01-01 00:00:00.000000", 1))
    newsletter.sql(gone.format("complained", "2199-01-01 00:00:00.000000", 2))
    newsletter.sql(gone.format("bounced", "2199-01-01 00:00:00.000000", 5))
    newsletter.sql(gone.format("unsubscribed", LATER, 6))
    newsletter.sql("UPDATE deliveries SET subscriber_id = NULL WHERE subscriber_id = 3")
    done = run("status", env=environment(newsletter))
    assert line_below(done.stdout, f"{newsletter.slug}, to 6") == (
        "6 accepted, 4 delivered, 1 bounced, 3 left since"
    )
    assert "@" not in done.stdout.replace("you@example.org", "")
    (issue,) = json.loads(run("status", "--json", env=environment(newsletter)).stdout)["issues"]
    counts = {"accepted": 6, "delivered": 4, "bounced": 1, "complained": 0, "left": 3}
    assert issue["sent"] == {"audience": 6, **counts}


def test_of_many_sent_issues_the_newest_few_are_shown(
    newsletter: Newsletter, tmp_path: Path, run: Run
) -> None:
    provider = FakeProvider(tmp_path / "taken")
    slugs = [newsletter.slug]
    slugs += [write_issue(newsletter.root, name=f"week{n}", days=7 + n) for n in range(6)]
    for slug in slugs:
        newsletter.send(provider, slug)
    few = run("status", env=environment(newsletter)).stdout
    assert [slug in few for slug in slugs] == [False, False, *[True] * 5]
    assert "Sent: 7 issues" in few
    every = run("-v", "status", env=environment(newsletter)).stdout
    assert all(slug in every for slug in slugs)
    found = json.loads(run("status", "--json", env=environment(newsletter)).stdout)["issues"]
    assert [one["sent"]["accepted"] for one in found] == [6] * 7


def test_the_file_of_a_sent_issue_is_read_only_where_all_is_shown(
    newsletter: Newsletter, tmp_path: Path
) -> None:
    newsletter.send(FakeProvider(tmp_path / "taken"))
    few, every = (
        survey_issues(newsletter.store, newsletter.settings, subjects=wanted).lines
        for wanted in (False, True)
    )
    assert [(one.issue, one.state, one.subject) for one in few] == [(newsletter.slug, "sent", None)]
    assert every[0].subject


def test_a_letter_has_its_hash_and_its_proof(
    newsletter: Newsletter, tmp_path: Path, run: Run
) -> None:
    with FakeResend(tmp_path / "taken") as fake:
        env = newsletter.for_real(fake.url)
        made = run("proof", newsletter.slug, "--to", "gerrit@example.org", "--json", env=env)
        whole = json.loads(made.stdout)["letter_hash"]
        said = run("status", env=env).stdout
    shown = rf"^  letter {whole[:12]}: proofed \d{{4}}-\d\d-\d\d \d\d:\d\d$"
    assert re.search(shown, said, re.MULTILINE)
    (issue,) = json.loads(run("status", "--json", env=env).stdout)["issues"]
    assert (issue["letter_hash"], issue["proofed"], issue["approved"]) == (whole, True, True)
    one = json.loads(run("status", newsletter.slug, "--json", env=env).stdout)
    assert (one["letter_hash"], one["proofed_at"]) == (whole, issue["proofed_at"])
    assert whole in run("status", newsletter.slug, env=env).stdout
    assert whole in run("render", newsletter.slug, env=env).stderr


def test_a_letter_that_waits_for_its_approval_is_blocked(root: Path, run: Run) -> None:
    letters = ApprovedNewsletter(root)
    slug = write_issue(root)
    letters.file.unlink()
    toml = f'approval = "main"\nledger = "{letters.settings.ledger}"\n'
    env = letters.for_real("http://127.0.0.1:9") | {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    text = (root / "newsletter.toml").read_text(encoding="utf-8")
    (root / "newsletter.toml").write_text(toml.splitlines()[0] + "\n" + text, encoding="utf-8")
    whole = json.loads(run("render", slug, "--json", env=env).stdout)["letter_hash"]
    line = f"Newsletter-Approved: {slug} {whole}"
    proof = f"  next: newsletter proof {slug} --to you@example.org\n"
    one = run("status", slug, env=env).stdout
    assert line in one
    assert proof in one
    every = run("status", env=env).stdout
    assert line in every
    assert proof in every
    document = json.loads(run("status", slug, "--json", env=env).stdout)
    assert line in document["why"]
    assert f"  next: {document['next_step']}\n" == proof
    assert line in run("render", slug, env=env).stderr
    found = json.loads(run("status", "--json", env=env).stdout)
    (issue,) = found["issues"]
    assert (issue["state"], issue["approved"]) == ("blocked", False)
    assert line in str(found["next"]["blocked_by"])
    assert line in issue["why"]
    letters.commit(f"Approve it\n\n{line}")
    commit = git(root, "rev-parse", "HEAD")
    assert f"letter {whole[:12]}: approved by commit {commit[:12]}" in run("status", env=env).stdout
    one = run("status", slug, env=env).stdout
    assert f"approved by commit {commit[:12]} of main" in one
    assert f"  next: newsletter send {slug} --early\n" in one
    assert "no proof of this text" not in run("status", env=env).stdout
    assert json.loads(run("status", slug, "--json", env=env).stdout)["why"] is None
    (issue,) = json.loads(run("status", "--json", env=env).stdout)["issues"]
    assert (issue["approved"], issue["proofed"]) == (True, False)


def test_the_schedule_refuses_as_a_command_too(root: Path, run: Run, tmp_path: Path) -> None:
    letters = ApprovedNewsletter(root)
    path = letters.file
    path.rename(path.with_name("2026-01-01-rust.md"))
    slug = write_issue(root, days=0)
    file = root / "issues" / f"{slug}.md"
    clock = run("status", slug, "--json")
    assert clock.returncode == 0
    with FakeResend(tmp_path / "taken") as fake:
        env = letters.for_real(fake.url)
        text = (root / "newsletter.toml").read_text(encoding="utf-8")
        more = 'require_proof = true\nmax_lateness_hours = 999\nsend_time = "00:00"\n'
        (root / "newsletter.toml").write_text(more + text, encoding="utf-8")
        assert file.exists()
        done = run("send", "--due", "--no-preflight", "--summary", "summary.md", env=env)
        assert (done.returncode, fake.taken()) == (1, [])
        assert f"hint: Get one: newsletter proof {slug} --to you@example.org" in done.stderr
        assert "newsletter proof" in (root / "summary.md").read_text(encoding="utf-8")
        by_hand = run("send", slug, "--yes", "--no-preflight", env=env)
        assert (by_hand.returncode, fake.taken()) == (1, [])
        dry = ("send", slug, "--dry-run", "--json", "--no-preflight")
        planned = run(*dry, env=env)
        assert "newsletter proof" in planned.stdout + planned.stderr
        assert fake.taken() == []
        assert run("proof", slug, "--to", "gerrit@example.org", env=env).returncode == 0
        planned = run(*dry, env=env)
        assert planned.returncode == 0
        assert "newsletter proof" not in planned.stdout + planned.stderr
        assert len(fake.taken()) == 1, "the proof"
        assert run("send", "--due", "--no-preflight", env=env).returncode == 0
        assert len(fake.taken()) == 4


def test_the_summary_of_a_run_has_the_line_that_approves(root: Path, run: Run) -> None:
    letters = ApprovedNewsletter(root)
    letters.file.unlink()
    slug = write_issue(root, days=0)
    with FakeResend(root / "taken") as fake:
        env = letters.for_real(fake.url) | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }
        text = (root / "newsletter.toml").read_text(encoding="utf-8")
        more = 'approval = "main"\nmax_lateness_hours = 999\nsend_time = "00:00"\n'
        (root / "newsletter.toml").write_text(more + text, encoding="utf-8")
        whole = json.loads(run("render", slug, "--json", env=env).stdout)["letter_hash"]
        line = f"Newsletter-Approved: {slug} {whole}"
        by_hand = ("send", slug, "--dry-run", "--json", "--no-preflight")
        planned = json.loads(run(*by_hand, env=env).stdout)
        assert (planned["pending"], planned["approved"]) == (3, False)
        assert line in planned["why"]
        due = ("send", "--due", "--no-preflight", "--summary", "summary.md")
        done = run(*due, env=env)
        assert (done.returncode, fake.taken()) == (1, [])
        assert line in done.stderr
        assert line in (root / "summary.md").read_text(encoding="utf-8")
        reported = run("report", "summary.md", env=env)
        assert (reported.returncode, "No issue asks for this" in reported.stdout) == (1, True)
        letters.commit(f"Approve it\n\n{line}")
        planned = json.loads(run(*by_hand, env=env).stdout)
        assert (planned["pending"], planned["approved"], planned["why"]) == (3, True, None)
        assert run(*due, env=env).returncode == 0
        assert len(fake.taken()) == 3
        assert run("report", "summary.md", env=env).returncode == 0


def test_a_pull_request_has_the_line_to_paste(root: Path, run: Run) -> None:
    letters = ApprovedNewsletter(root)
    before = git(root, "rev-parse", "HEAD")
    letters.file.write_text("---\nsubject: Over *rust*\n---\nEen zin.\n", encoding="utf-8")
    letters.commit("Change the letter", on="other")
    page = root / "page.md"
    env = {"GITHUB_STEP_SUMMARY": str(page)}
    done = run("render", "--changed-since", before, "--json", env=env)
    (made,) = json.loads(done.stdout)
    text = page.read_text(encoding="utf-8")
    assert f"\nNewsletter-Approved: {SLUG} {made['letter_hash']}\n" in text
    assert "a commit of `main` approves it" in text
    assert r"Over \*rust\*" in text


# A terminal of 80 columns

_PROOF = "newsletter proof 2026-11-29-rust --to you@example.org"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("short", ["short"]),
        (
            f"  blocked: nobody got a proof of it yet. Get one: {_PROOF}",
            [
                "  blocked: nobody got a proof of it yet. Get one:",
                f"    {_PROOF}",
            ],
        ),
        (
            f"  blocked: it ends with this line: Newsletter-Approved: 2026-11-29-rust {'a' * 64}",
            [
                "  blocked: it ends with this line:",
                f"    Newsletter-Approved: 2026-11-29-rust {'a' * 64}",
            ],
        ),
    ],
)
def test_a_long_line_is_folded_and_its_command_is_not(line: str, expected: list[str]) -> None:
    assert fold_at(line, 80).splitlines() == expected
