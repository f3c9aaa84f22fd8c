"""What commands ask before they do what cannot be taken back, and what `send ISSUE` refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.newsletter import Newsletter, write_issue
from tests.support.processes import COMMAND, run_command
from tests.support.providers.fake_resend import FakeResend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

SEND = ("--no-preflight", "--json")


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    return Newsletter(root, subscribers=3)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeResend]:
    with FakeResend(tmp_path / "taken") as fake:
        yield fake


def soon(newsletter: Newsletter, minutes: int) -> str:
    """Write an issue whose time is so many minutes from now."""
    moment = datetime.now(newsletter.settings.zone) + timedelta(minutes=minutes)
    slug = f"{moment:%Y-%m-%d}-straks"
    text = f"---\nsubject: Straks\nsend_at: {moment:%Y-%m-%d %H:%M}\n---\nEen zin.\n"
    (newsletter.root / "issues" / f"{slug}.md").write_text(text)
    return slug


def at_a_terminal(newsletter: Newsletter, env: dict[str, str], answer: str, *arguments: str) -> str:
    """Run a command at a terminal, answer its question, and return all that was on the screen."""
    master, slave = pty.openpty()
    os.write(master, f"{answer}\n".encode())
    done = run_command(*arguments, cwd=newsletter.root, env=env, stdin=slave)
    os.close(slave)
    os.close(master)
    return done.stdout + done.stderr


def test_early_needs_an_option_and_yes_is_none(
    newsletter: Newsletter, run: Run, fake: FakeResend
) -> None:
    env = newsletter.for_real(fake.url)
    early = run("send", newsletter.slug, "--yes", *SEND, env=env)
    assert (early.returncode, early.stdout) == (1, "")
    assert "--early" in early.stderr
    unasked = run("send", newsletter.slug, "--early", *SEND, env=env)
    assert unasked.returncode == 2
    assert "--yes" in unasked.stderr
    assert run("send", newsletter.slug, "--yes", "--dry-run", *SEND, env=env).returncode == 1
    assert fake.taken() == []
    assert newsletter.sql("SELECT * FROM mailings") == []
    done = run("send", newsletter.slug, "--early", "--yes", *SEND, env=env)
    assert done.returncode == 0, done.stderr
    assert len(fake.taken()) == 3
    # Both guard the start alone: what is complete is only reported.
    again = run("send", newsletter.slug, *SEND, env=env)
    assert (again.returncode, json.loads(again.stdout)["state"]) == (0, "completed")


@pytest.mark.parametrize(("minutes", "code"), [(55, 0), (65, 1), (-300, 0), (-400, 1)])
def test_within_an_hour_and_not_too_late_nothing_more_is_needed(
    newsletter: Newsletter, run: Run, fake: FakeResend, minutes: int, code: int
) -> None:
    env = newsletter.for_real(fake.url)
    done = run("send", soon(newsletter, minutes), "--yes", *SEND, env=env)
    assert done.returncode == code, done.stderr


def test_going_on_with_what_has_started_needs_no_early(
    newsletter: Newsletter, run: Run, fake: FakeResend
) -> None:
    env = newsletter.for_real(fake.url)
    run("send", newsletter.slug, "--early", "--yes", "--limit", "1", *SEND, env=env)
    done = run("send", newsletter.slug, "--yes", *SEND, env=env)
    assert done.returncode == 0, done.stderr
    assert len(fake.taken()) == 3


def test_the_question_names_all_that_a_person_decides_by(
    newsletter: Newsletter, run: Run, fake: FakeResend
) -> None:
    env = newsletter.for_real(fake.url)
    file = newsletter.root / "issues" / f"{newsletter.slug}.md"
    file.write_text(file.read_text() + "\n• een\n• twee\n")
    said = at_a_terminal(newsletter, env, "n", "send", "rust", "--no-preflight")
    for part in (
        newsletter.slug,
        "Over rust",
        "3 subscribers, through resend",
        "days from now: this is EARLY",
        "none of this text yet",
        f"1 warning: newsletter check {newsletter.slug}",
        "[y/N]",
    ):
        assert part in said, said
    assert fake.taken() == []
    assert run("proof", newsletter.slug, "--to", "ik@example.org", env=env).returncode == 0
    said = at_a_terminal(newsletter, env, "y", "send", newsletter.slug, "--no-preflight")
    assert re.search(r"proof: +seen", said)
    assert len([one for one in fake.taken() if one["to"] != "ik@example.org"]) == 3


def test_a_part_of_a_slug_is_not_enough_where_nobody_is_asked(
    newsletter: Newsletter, run: Run, fake: FakeResend
) -> None:
    env = newsletter.for_real(fake.url)
    for command in (
        ("send", "rust", "--yes", "--early"),
        ("cancel", "rust"),
        ("resolve", "rust", "--resend"),
    ):
        done = run(*command, env=env)
        assert done.returncode == 1
        assert newsletter.slug in done.stderr
    assert run("status", "rust", env=env).returncode == 0
    assert fake.taken() == []


def test_a_draft_is_never_asked_about(newsletter: Newsletter, fake: FakeResend) -> None:
    env = newsletter.for_real(fake.url)
    write_issue(newsletter.root, name="concept")
    file = next((newsletter.root / "issues").glob("*-concept.md"))
    file.write_text(file.read_text().replace("---\nEen", "draft: yes\n---\nEen"))
    said = at_a_terminal(newsletter, env, "y", "send", file.stem, "--no-preflight")
    assert "still a draft" in said
    assert "[y/N]" not in said


def test_two_at_once_are_one_send_and_no_error(root: Path, fake: FakeResend) -> None:
    newsletter = Newsletter(root, subscribers=150)
    env = {**os.environ, **newsletter.for_real(fake.url)}
    command = [COMMAND, "send", newsletter.slug, "--yes", "--early", *SEND]
    both = [
        subprocess.Popen(
            command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["accepted"] == 150
    assert len(fake.taken()) == 150


def test_a_lost_connection_stops_after_what_is_in_flight(root: Path, tmp_path: Path) -> None:
    newsletter = Newsletter(root, subscribers=5000)
    with FakeResend(tmp_path / "slow", latency=1) as fake:
        env = {**os.environ, **newsletter.for_real(fake.url)}
        command = [COMMAND, "send", newsletter.slug, "--yes", "--early", *SEND]
        with subprocess.Popen(
            command,
            cwd=root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # These tests may run under nohup, and what ignores the signal passes that on.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509
        ) as process:
            while not fake.taken() and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate(timeout=120)
    assert process.returncode == 75, err
    found = json.loads(out)
    assert found["attempting"] == found["unknown"] == 0
    assert found["pending"] > 0


def test_unsubscribe_asks_at_a_terminal(newsletter: Newsletter, run: Run) -> None:
    command = ("subscribers", "unsubscribe", "lezer0@example.org")

    def status() -> object:
        return newsletter.sql("SELECT status FROM subscribers WHERE email = 'lezer0@example.org'")

    refused = at_a_terminal(newsletter, {}, "n", *command)
    assert "lezer0@example.org" in refused
    assert "[y/N]" in refused
    assert status() == [("active",)]
    assert "Unsubscribed." in at_a_terminal(newsletter, {}, "y", *command)
    assert status() == [("unsubscribed",)]
    # What changes nothing is not asked, nor what was said beforehand or where nobody can answer.
    for person, said in (("lezer0", "unsubscribed already"), ("wie", "nobody on the list")):
        shown = at_a_terminal(newsletter, {}, "n", *command[:2], f"{person}@example.org")
        assert said in shown
        assert "[y/N]" not in shown
    given = at_a_terminal(newsletter, {}, "n", *command[:2], "lezer1@example.org", "--yes")
    assert given == "Unsubscribed.\n"
    assert run(*command[:2], "lezer2@example.org").stdout == "Unsubscribed.\n"
