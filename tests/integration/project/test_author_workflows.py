"""What `init` writes for a forge: each step, as the forge runs it, and what people are reported."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from newsletter.forge import read_summary
from tests.support.author_repository import FIRST, LAST, RESEND_KEY, SUBSCRIBERS, AuthorRepository
from tests.support.fake_forge import FakeForge, serve_forge
from tests.support.parameters import choose
from tests.support.providers.fake_resend import FAULTS, FakeResend
from tests.support.repositories import INSTALLATION
from tests.support.runner_commands import IMITATIONS, commands
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.github_actions import Job
    from tests.support.postgres import Postgres
    from tests.support.web_server import App

GOOD = "---\nsubject: Over stilte\npreheader: Een lege kamer\n---\nEen zin.\n"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeResend]:
    with FakeResend(tmp_path / "taken", key=RESEND_KEY) as server:
        yield server


@pytest.fixture
def github() -> Iterator[FakeForge]:
    with serve_forge("github") as forge:
        yield forge


@pytest.fixture(params=choose(["github", "forgejo"], always=["github"]))
def forge(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    with serve_forge(request.param) as served:
        yield served


def pages(folder: Path) -> AbstractContextManager[App]:
    """Serve the web app for the database in a folder."""
    return serving(folder, env={"NEWSLETTER_DATABASE_URL": f"sqlite:///{folder}/newsletter.db"})


def annotations(job: Job) -> list[str]:
    return re.findall(r"^::(\w+) ", job.log, re.MULTILINE)


# Send


def test_what_is_due_leaves_once_and_the_summary_adds_up(
    tmp_path: Path, forge: FakeForge, fake: FakeResend
) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, forge, fake.url, pages=at.url)
        repository.variables["NEWSLETTER_PING_URL"] = "https://ping.example.org/1"
        first, again = repository.send(), repository.send(LAST)
    assert first.ok, first.log
    assert again.ok, again.log
    subscribers = sorted(one["to"] for one in fake.taken())
    assert subscribers == sorted(f"lezer{n}@example.org" for n in range(SUBSCRIBERS))
    assert annotations(first) == annotations(again) == []
    assert repository.pinged() == ["https://ping.example.org/1"] * 2
    assert forge.calls == []
    installs = [f"-m {one.partition(' -m ')[2]}" for one in INSTALLATION.commands]
    assert repository.installed() == installs * 2
    if forge.kind == "github":
        row = (
            f"| {repository.slug} | completed | {SUBSCRIBERS} | {SUBSCRIBERS} | 0 | 0 | 0 | 0 | 0 |"
        )
        assert row in first.summary


def test_only_one_step_sees_secrets_and_only_one_the_token(
    tmp_path: Path, github: FakeForge
) -> None:
    repository = AuthorRepository(tmp_path, github)
    send, act = repository.send(), repository.act(command="status", option="none")
    for job, step in ((send, "Send"), (act, "Act")):
        holders = [
            name for name, given in job.environment.items() if set(given) & set(repository.secrets)
        ]
        assert holders == [step]
        assert repository.secrets.items() <= job.environment[step].items()
    holders = [name for name, given in send.environment.items() if "GITHUB_TOKEN" in given]
    assert holders == ["Report"]
    assert not [name for name, given in act.environment.items() if "GITHUB_TOKEN" in given]


def test_nothing_runs_until_its_owner_turns_it_on(tmp_path: Path, forge: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, forge)
    for variables in ({}, {"NEWSLETTER_SEND": "false"}):
        repository.variables = variables
        assert repository.send().ok is None


def test_a_temporary_failure_is_green_until_the_day_s_window_is_over(
    tmp_path: Path, github: FakeForge, fake: FakeResend
) -> None:
    repository = AuthorRepository(tmp_path, github, fake.url)  # nothing answers at public_url
    repository.variables["NEWSLETTER_PING_URL"] = "https://ping.example.org/1"
    repository.edit(send_time=clock(hours=-1))
    early, by_hand = repository.send(FIRST), repository.send("")
    path = repository.origin / "newsletter.toml"
    text = path.read_text(encoding="utf-8").replace(clock(hours=-1), clock(hours=-8))
    repository.commit({"newsletter.toml": text})
    late = repository.send(LAST)
    assert [early.ok, by_hand.ok, late.ok] == [True, False, False], early.log
    assert annotations(early) == ["warning"]
    assert annotations(by_hand) == annotations(late) == ["error"]
    assert (fake.taken(), github.issues, repository.pinged()) == ([], [], [])


def clock(hours: int) -> str:
    """Return the time of day in the newsletter's time zone, some hours from now."""
    return f"{datetime.now(ZoneInfo('Europe/Amsterdam')) + timedelta(hours=hours):%H:%M}"


def test_a_secret_that_is_not_stored_is_red_and_named(tmp_path: Path, forge: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, forge)
    del repository.secrets["RESEND_API_KEY"]
    job = repository.send()
    assert job.ok is False
    assert re.search(r"^::error .*RESEND_API_KEY", job.log, re.MULTILINE)
    assert forge.issues == []


def test_a_key_revoked_overnight_is_asked_once_in_one_issue(
    tmp_path: Path, forge: FakeForge, fake: FakeResend
) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, forge, fake.url, pages=at.url)
        fake.faults = dict.fromkeys(range(1, 40), FAULTS["401"])
        jobs = [repository.send() for _ in range(3)]
        assert [job.ok for job in jobs] == [False, True, True], jobs[1].log
        (issue,) = forge.issues
        assert f"newsletter send {repository.slug}" in issue["body"]
        assert read_summary(issue["body"]).exit_code == 3
        assert issue["comments"] == []
        fake.faults = {}
        acted = repository.act(command="send", issue=repository.slug, option="none")
        assert acted.ok, acted.log
        assert len(fake.taken()) == SUBSCRIBERS
        assert repository.send().ok
    assert len(forge.issues) == 1


def test_an_issue_that_missed_its_slot_becomes_a_question(
    tmp_path: Path, github: FakeForge
) -> None:
    repository = AuthorRepository(tmp_path, github)
    (repository.origin / "issues" / f"{repository.slug}.md").unlink()
    late = repository.write("te-laat", minutes_ago=8 * 60)
    job = repository.send()
    assert job.ok is False
    assert f"**{late}** is expired" in github.issues[0]["body"]
    assert repository.send().ok
    assert len(github.issues) == 1


@pytest.mark.parametrize("fault", [401, 403, 404, 410, 503])
def test_a_question_that_cannot_be_asked_is_red_every_time(
    tmp_path: Path, github: FakeForge, fake: FakeResend, fault: int
) -> None:
    repository = AuthorRepository(tmp_path, github, fake.url)
    (repository.origin / "issues" / f"{repository.slug}.md").unlink()
    late = repository.write("te-laat", minutes_ago=8 * 60)
    github.fault = fault
    job = repository.send()
    assert job.ok is False
    assert late in job.summary
    assert "error: 127.0.0.1" in job.log


def test_two_runs_at_once_on_one_postgresql_are_one_send(
    tmp_path: Path, github: FakeForge, fake: FakeResend, server: Postgres
) -> None:
    name = server.database()
    url = server.url(name, tcp=True)
    try:
        with serving(tmp_path, env={"NEWSLETTER_DATABASE_URL": url}) as at:
            repository = AuthorRepository(tmp_path, github, fake.url, database=url, pages=at.url)
            with ThreadPoolExecutor() as pool:
                both = [run.result() for run in [pool.submit(repository.send) for _ in "12"]]
            third = repository.send()
    finally:
        server.drop(name)
    assert [job.ok for job in (*both, third)] == [True] * 3, both
    assert len(fake.taken()) == len({one["to"] for one in fake.taken()}) == SUBSCRIBERS
    assert f"| {repository.slug} | completed | {SUBSCRIBERS} | {SUBSCRIBERS} |" in third.summary
    assert "geheim" not in "".join(job.log + job.summary for job in (*both, third))


def test_a_run_that_is_repeated_sends_what_the_issue_says_now(
    tmp_path: Path, forge: FakeForge, fake: FakeResend
) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, forge, fake.url, pages=at.url)
        old = repository.git("rev-parse", "HEAD")
        path = f"issues/{repository.slug}.md"
        text = (repository.origin / path).read_text(encoding="utf-8")
        repository.commit({path: text.replace("rustige", "heldere")})
        job = repository.send(sha=old)
        assert job.ok, job.log
        assert len(fake.taken()) == SUBSCRIBERS
        assert all("heldere zin" in str(one["message"]) for one in fake.taken())
        repository.commit({path: text})
        assert repository.send(sha=old).ok
    assert len(fake.taken()) == SUBSCRIBERS


# Act


def test_a_person_acts_without_a_computer_of_their_own(
    tmp_path: Path, forge: FakeForge, fake: FakeResend
) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, forge, fake.url, pages=at.url)
        status = repository.act(command="status", option="none")
        assert f"Next: {repository.slug}" in status.log
        proof = repository.act(command="proof", issue=repository.slug, to="gerrit@voorbeeld.nl")
        assert proof.ok, proof.log
        assert "voorbeeld" not in proof.log + proof.summary
        assert [one["to"] for one in fake.taken()] == ["gerrit@voorbeeld.nl"]
        sent = repository.act(command="send", issue=repository.slug, option="none")
        assert sent.ok, sent.log
    assert len(fake.taken()) == 1 + SUBSCRIBERS


def test_a_person_pauses_and_cancels(tmp_path: Path, github: FakeForge, fake: FakeResend) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, github, fake.url, pages=at.url)
        fake.faults[1] = FAULTS["401"]
        assert repository.send().ok is False
        assert repository.act(command="pause", issue=repository.slug).ok
        cancelled = repository.act(command="cancel", issue=repository.slug)
        assert cancelled.ok, cancelled.log
        assert "cancelled" in cancelled.log
        assert repository.send().ok
    assert fake.taken() == []


@pytest.mark.parametrize("text", ["$(id >hacked)", "`id >hacked`", "x\n::error::y", "--due"])
def test_no_input_reaches_a_shell_or_the_runner(tmp_path: Path, text: str) -> None:
    repository = AuthorRepository(tmp_path, FakeForge("github", port=9))
    job = repository.act(command="send", issue=text, to="", option=text)
    assert job.ok is False
    assert re.search("^error: ", job.log, re.MULTILINE), job.log
    assert commands(job.log) == []
    assert not list(tmp_path.rglob("hacked"))


# Check


def test_a_pull_request_shows_findings_and_letters(tmp_path: Path, forge: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, forge)
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "pull")
    good = GOOD
    repository.commit({"issues/2026-12-06-stilte.md": good, "issues/2026-12-13-x.md": "nee\n"})
    job = repository.run(
        "check",
        {"event_name": "pull_request", "event": {"pull_request": {"base": {"sha": base}}}},
        ref="pull",
    )
    assert job.ok is False
    assert {"error"} <= set(annotations(job))
    files = job.uploads["letters"]
    assert [name for name in files if name.endswith(".html")] == ["2026-12-06-stilte.html"]
    assert len([name for name in files if name.endswith(".png")]) == 4
    if forge.kind == "github":
        assert "| error | issues/2026-12-13-x.md:" in job.summary


def test_a_fork_s_names_and_texts_are_no_commands(tmp_path: Path, github: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, github)
    base = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "pull")
    files = {}
    for number, text in enumerate(IMITATIONS.values()):
        files[f"issues/{text.replace('/', '-')}.md"] = "---\nsubject: x\n---\nx\n"
        front = f"subject: {text}\n{text}: 1\nsend_at: {text}"
        files[f"issues/2026-12-{number + 1:02}-x.md"] = f"---\n{front}\n---\n{text}\n"
    files["newsletter-install/::error::x.txt"] = "x"
    repository.commit(files)
    job = repository.run(
        "check",
        {"event_name": "pull_request", "event": {"pull_request": {"base": {"sha": base}}}},
        ref="pull",
    )
    assert job.ok is False
    found = commands(job.log)
    assert len(found) > len(IMITATIONS)
    assert {one.name for one in found} <= {"error", "warning", "notice"}
    assert all(set(one.properties) == {"file", "line", "title"} for one in found)
    assert all(one.properties["file"].startswith("issues/") for one in found)
    assert not set(job.log + job.summary) & {"\x1b", "\x9b"}
    assert job.outputs == {}


def test_a_good_push_is_green(tmp_path: Path, github: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, github)
    before = repository.git("rev-parse", "HEAD")
    repository.commit({"issues/2026-12-06-stilte.md": GOOD})
    job = repository.run("check", {"event_name": "push", "event": {"before": before}})
    assert job.ok, job.log
    assert len(job.uploads["letters"]) == 7
    assert set(annotations(job)) <= {"notice"}


# GitLab


@pytest.fixture
def gitlab() -> Iterator[FakeForge]:
    with serve_forge("gitlab") as forge:
        yield forge


SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule", "NEWSLETTER_SEND": "true"}


def test_gitlab_sends_and_asks_once(tmp_path: Path, gitlab: FakeForge, fake: FakeResend) -> None:
    with pages(tmp_path) as at:
        repository = AuthorRepository(tmp_path, gitlab, fake.url, pages=at.url)
        fake.faults[1] = FAULTS["401"]
        ping = {"NEWSLETTER_PING_URL": "https://ping.example.org/1"}
        jobs = [repository.gitlab("send", **SCHEDULE, **ping) for _ in range(2)]
        assert [job.ok for job in jobs] == [False, True], jobs[1].log
        assert repository.pinged() == []
        assert len(gitlab.issues) == 1
        acted = repository.gitlab(
            "act", CI_PIPELINE_SOURCE="web", ACT_COMMAND="send", ACT_ISSUE=repository.slug
        )
        assert acted.ok, acted.log
        assert repository.gitlab("send", **SCHEDULE).ok
        assert repository.pinged() == []
        assert repository.gitlab("send", **SCHEDULE, **ping).ok
        assert repository.pinged() == ["https://ping.example.org/1"]
    assert len(fake.taken()) == SUBSCRIBERS


def test_gitlab_refuses_other_commands(tmp_path: Path, gitlab: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, gitlab)
    job = repository.gitlab("act", CI_PIPELINE_SOURCE="web", ACT_COMMAND="db; id")
    assert job.ok is False
    assert "error: that is no command of this workflow" in job.log


def test_gitlab_checks_a_merge_request_without_secrets(tmp_path: Path, gitlab: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, gitlab)
    base = repository.git("rev-parse", "HEAD")
    repository.commit({"issues/2026-12-06-stilte.md": GOOD})
    job = repository.gitlab("check", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert job.ok, job.log
    assert len(job.uploads["letters/"]) == 7
    assert {one["severity"] for one in json.loads(job.outputs["codequality"])} <= {"info"}


def test_gitlab_shows_findings_beside_their_lines_and_the_other_letters(
    tmp_path: Path, gitlab: FakeForge
) -> None:
    repository = AuthorRepository(tmp_path, gitlab)
    base = repository.git("rev-parse", "HEAD")
    good = GOOD
    bad = "---\nsubject: x\nsubjct: x\n---\nEen zin.\n"
    repository.commit({"issues/2026-12-06-stilte.md": good, "issues/2026-12-13-x.md": bad})
    job = repository.gitlab("check", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert job.ok is False
    found = json.loads(job.outputs["codequality"])
    place = {"path": "issues/2026-12-13-x.md", "lines": {"begin": 3}}
    assert [one["severity"] for one in found if one["location"] == place] == ["major"]
    assert len({one["fingerprint"] for one in found}) == len(found)
    assert "2026-12-06-stilte.html" in job.uploads["letters/"]


def test_gitlab_is_red_when_letters_cannot_be_rendered(tmp_path: Path, gitlab: FakeForge) -> None:
    repository = AuthorRepository(tmp_path, gitlab)
    (tmp_path / "bin" / "newsletter").write_text(
        '#!/bin/sh\n[ "$1" = check ] && echo "[]" >findings.json\n[ "$1" != render ]\n'
    )
    job = repository.gitlab("check", CI_MERGE_REQUEST_DIFF_BASE_SHA="x")
    assert job.ok is False
