"""The scheduled job as GitHub runs it: every way in which `send --due` ends, and what is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from newsletter import config
from newsletter.store import open_store
from newsletter.store.schema import ledger
from tests.support.github_actions import PROJECT, Job, Runner, clone, run_job, workflow
from tests.support.newsletter import add_readers
from tests.support.providers.fake_resend import FAULTS, FakeResend
from tests.support.web_server import KEY, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.support.postgres import Postgres
    from tests.support.web_server import App

SEND = workflow("send.yml")
NOBODY = "http://127.0.0.1:9"
FIRST, LAST = SEND["on"]["schedule"][0]["cron"], SEND["on"]["schedule"][-1]["cron"]
READERS = 12


class Repository:
    """An author's repository, with readers in a database, and GitHub around it.

    Attributes:
        slug: Of the issue whose time has come.
        secrets: What its owner stored.
        gh: The file in which the stand-in for `gh` keeps its issues.
    """

    def __init__(
        self, folder: Path, provider: str, *, database: str = "", pages: str = NOBODY
    ) -> None:
        self._folder = folder
        self.workspace = folder / "clone"
        self.gh = folder / "gh.json"
        self.secrets = {
            "NEWSLETTER_DATABASE_URL": database or f"sqlite:///{folder}/newsletter.db",
            "NEWSLETTER_SECRET_KEY": KEY,
            "RESEND_API_KEY": "re_canary_0123456789",
        }
        self.variables = {"NEWSLETTER_SEND": "true"}
        clone(self.workspace)
        for sample in (self.workspace / "issues").iterdir():
            sample.unlink()
        self._settings(provider, pages)
        self.slug = self.write("rust")
        (folder / "bin").mkdir()
        fake = PROJECT / "tests" / "support" / "fake_gh.py"
        self._command("gh", f'exec {sys.executable} {fake} {self.gh} "$@"')
        self._command("curl", f'for last; do :; done\necho "$last" >>{folder}/pinged')

    def _settings(self, provider: str, pages: str) -> None:
        environment = {"NEWSLETTER_DATABASE_URL": self.secrets["NEWSLETTER_DATABASE_URL"]}
        subprocess.run(
            ["./dev", "db", "upgrade"],
            cwd=self.workspace,
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        )
        store = open_store(config.load(self.workspace, environment))
        add_readers(store, READERS)
        with store.read() as connection:
            name = connection.scalar(ledger.select().with_only_columns(ledger.c.id))
        store.close()
        settings = {
            "name": "Proefbrief",
            "sender": "Gerrit <gerrit@example.org>",
            "contact": "Postbus 1, Amsterdam",
            "provider": "resend",
            "provider_url": provider,
            "public_url": pages,
            "ledger": name,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (self.workspace / "newsletter.toml").write_text("\n".join(lines), encoding="utf-8")

    def _command(self, name: str, text: str) -> None:
        path = self._folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def write(self, name: str, *, minutes_ago: int = 5) -> str:
        """Write an issue whose time came a moment ago."""
        when = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=minutes_ago)
        slug = f"{when:%Y-%m-%d}-{name}"
        front = f"subject: Over {name}\nsend_at: {when:%Y-%m-%d %H:%M}"
        text = f"---\n{front}\n---\nEen rustige zin over {name}.\n"
        (self.workspace / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
        return slug

    def run(self, cron: str = FIRST) -> tuple[Job, Job]:
        """Let the schedule (or without `cron` a person) start the workflow; return both jobs."""
        event = {"event_name": "schedule", "event": {"schedule": cron}}
        if not cron:
            event = {"event_name": "workflow_dispatch", "event": {}}
        github = {
            **event,
            "token": "ghs_canary",
            "repository": "gerrit/brief",
            "server_url": "https://github.com",
            "run_id": "42",
        }
        known = {"github": github, "vars": self.variables}
        send = self._job("send", {**known, "secrets": self.secrets})
        if not send.ok:
            return send, Job()
        return send, self._job("ask", {**known, "needs": {"send": {"outputs": send.outputs}}})

    def _job(self, name: str, known: dict[str, Any]) -> Job:
        temp = Path(tempfile.mkdtemp(dir=self._folder)) / "temp"
        runner = Runner(self.workspace, temp, self._folder / "bin")
        job = run_job(SEND, name, known, runner)
        told = job.log + job.summary + str(job.outputs)
        assert not re.search(r"lezer\d|@example", told), "an address was told"
        assert not [one for one in ("re_canary", KEY, "ghs_canary") if one in told]
        return job

    def issues(self) -> list[dict[str, Any]]:
        """Return GitHub's issues in this repository."""
        if not self.gh.exists():
            return []
        found: list[dict[str, Any]] = json.loads(self.gh.read_text(encoding="utf-8"))["issues"]
        return found

    def pinged(self) -> list[str]:
        """Return what was told that all is well."""
        file = self._folder / "pinged"
        return file.read_text(encoding="utf-8").split() if file.exists() else []


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeResend]:
    with FakeResend(tmp_path / "taken", key="re_canary_0123456789") as server:
        yield server


def pages(folder: Path) -> AbstractContextManager[App]:
    """Serve readers' pages for the database in a folder."""
    return serving(folder, env={"NEWSLETTER_DATABASE_URL": f"sqlite:///{folder}/newsletter.db"})


def annotations(job: Job) -> list[str]:
    return re.findall(r"^::(\w+) ", job.log, re.MULTILINE)


def test_what_is_due_leaves_once_and_the_summary_adds_up(tmp_path: Path, fake: FakeResend) -> None:
    with pages(tmp_path) as at:
        repository = Repository(tmp_path, fake.url, pages=at.url)
        repository.variables["NEWSLETTER_PING_URL"] = "https://ping.example.org/1"
        send, ask = repository.run()
        assert send.ok, send.log
        assert ask.ok is None
        readers = sorted(one["to"] for one in fake.taken())
        assert readers == sorted(f"lezer{n}@example.org" for n in range(READERS))
        row = f"| {repository.slug} | completed | {READERS} | {READERS} | 0 | 0 | 0 | 0 | 0 |"
        assert row in send.summary
        again, _ = repository.run(LAST)
    assert again.ok
    assert len(fake.taken()) == READERS
    assert annotations(send) == annotations(again) == []
    assert repository.pinged() == ["https://ping.example.org/1"] * 2


def test_a_copy_with_the_samples_in_it_mails_nobody(tmp_path: Path, fake: FakeResend) -> None:
    with pages(tmp_path) as at:
        repository = Repository(tmp_path, fake.url, pages=at.url)
        (repository.workspace / "issues" / f"{repository.slug}.md").unlink()
        samples = sorted((PROJECT / "issues").glob("*.md"))
        assert samples
        for minutes, sample in enumerate(samples, 5):  # the time of each has just come
            slug = repository.write(sample.stem[11:], minutes_ago=minutes)
            path = repository.workspace / "issues" / f"{slug}.md"
            due = path.read_text(encoding="utf-8").splitlines()[2]
            text = re.sub(
                "^send_at: .*$", due, sample.read_text(encoding="utf-8"), flags=re.MULTILINE
            )
            path.write_text(text, encoding="utf-8")
        send, _ = repository.run()
    assert (send.ok, send.outputs["code"]) == (True, "0"), send.log
    assert fake.taken() == []


def test_two_runs_at_once_on_one_postgresql_are_one_send(
    tmp_path: Path, fake: FakeResend, server: Postgres
) -> None:
    name = server.database()
    url = server.url(name, tcp=True)
    try:
        with serving(tmp_path, env={"NEWSLETTER_DATABASE_URL": url}) as at:
            repository = Repository(tmp_path, fake.url, database=url, pages=at.url)
            with ThreadPoolExecutor() as pool:
                both = [run.result()[0] for run in [pool.submit(repository.run) for _ in "12"]]
            third, _ = repository.run()
    finally:
        server.drop(name)
    assert [job.outputs["code"] for job in (*both, third)] == ["0"] * 3, both
    assert len(fake.taken()) == len({one["to"] for one in fake.taken()}) == READERS
    assert f"| {repository.slug} | completed | {READERS} | {READERS} |" in third.summary
    assert "geheim" not in "".join(job.log + job.summary for job in (*both, third))


def test_only_the_step_that_sends_sees_secrets(tmp_path: Path, fake: FakeResend) -> None:
    repository = Repository(tmp_path, fake.url)
    send, _ = repository.run()
    holders = [
        step for step, given in send.environment.items() if set(given) & set(repository.secrets)
    ]
    assert holders == ["Send"]
    assert send.environment["Send"] == repository.secrets


def test_passing_trouble_is_green_until_the_days_last_trigger(
    tmp_path: Path, fake: FakeResend
) -> None:
    repository = Repository(tmp_path, fake.url)  # nothing answers at its public_url
    repository.variables["NEWSLETTER_PING_URL"] = "https://ping.example.org/1"
    early, _ = repository.run(FIRST)
    late, asked = repository.run(LAST)
    by_hand, _ = repository.run("")
    assert [early.outputs["code"], late.outputs["code"]] == ["75", "75"]
    assert [early.ok, late.ok, by_hand.ok] == [True, False, False]
    assert annotations(early) == ["warning"]
    assert annotations(late) == annotations(by_hand) == ["error"]
    assert asked.ran == []
    assert (fake.taken(), repository.issues(), repository.pinged()) == ([], [], [])


def test_a_database_that_cannot_be_reached_is_passing_trouble(
    tmp_path: Path, fake: FakeResend
) -> None:
    repository = Repository(tmp_path, fake.url)
    repository.secrets["NEWSLETTER_DATABASE_URL"] = "postgresql://u:canary@127.0.0.1:9/letter"
    send, _ = repository.run()
    assert send.outputs["code"] == "75"
    assert send.ok
    assert "canary" not in send.log + send.summary


def test_a_secret_that_is_not_stored_is_red_and_named(tmp_path: Path, fake: FakeResend) -> None:
    repository = Repository(tmp_path, fake.url)
    del repository.secrets["RESEND_API_KEY"]
    send, ask = repository.run()
    assert (send.ok, send.outputs["code"], ask.ok) == (False, "1", None)
    assert annotations(send) == ["error"]
    assert re.search(r"^::error .*RESEND_API_KEY", send.log, re.MULTILINE)
    assert "RESEND_API_KEY" in send.summary
    assert repository.issues() == []


def test_what_a_person_must_decide_is_asked_once_and_kept_up_to_date(
    tmp_path: Path, fake: FakeResend
) -> None:
    with pages(tmp_path) as at:
        repository = Repository(tmp_path, fake.url, pages=at.url)
        fake.faults[1] = FAULTS["401"]
        send, ask = repository.run()
        assert (send.outputs["code"], send.ok, ask.ok) == ("3", True, False)
        (issue,) = repository.issues()
        assert issue["labels"] == ["newsletter-waits"]
        assert f"newsletter send {repository.slug}" in issue["body"]
        assert "https://github.com/gerrit/brief/actions/runs/42" in issue["body"]
        assert re.search(rf"\| {repository.slug} \| paused \| {READERS} \|", issue["body"])

        again, asked = repository.run()
        assert (again.ok, asked.ok) == (True, True)
        assert annotations(asked) == ["warning"]
        assert [one["comments"] for one in repository.issues()] == [[]]

        fake.faults = {fake.count + 1: FAULTS["403"]}
        other = repository.write("afscheid", minutes_ago=4)
        more, asked = repository.run()
        assert (more.ok, asked.ok) == (True, False)
        (issue,) = repository.issues()
        assert len(issue["comments"]) == 1
        assert other in issue["body"]
        assert repository.slug in issue["body"]
    assert fake.taken() == []


def test_a_letter_that_missed_its_time_is_told_of(tmp_path: Path, fake: FakeResend) -> None:
    repository = Repository(tmp_path, fake.url)
    (repository.workspace / "issues" / f"{repository.slug}.md").unlink()
    late = repository.write("te-laat", minutes_ago=8 * 60)
    send, ask = repository.run()
    assert (send.outputs["code"], ask.ok) == ("3", False)
    assert f"**{late}** is expired" in repository.issues()[0]["body"]
    again, _ = repository.run()
    assert (again.outputs["code"], len(repository.issues())) == ("0", 1)


def test_nothing_runs_until_its_owner_turns_it_on(tmp_path: Path, fake: FakeResend) -> None:
    repository = Repository(tmp_path, fake.url)
    for variables in ({}, {"NEWSLETTER_SEND": "false"}):
        repository.variables = variables
        assert [job.ok for job in repository.run()] == [None, None]
