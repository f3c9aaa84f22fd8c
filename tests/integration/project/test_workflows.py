"""The workflows are what they promise to be, and their steps do what they promise to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.support.copy_workflows import workflows_of_a_copy
from tests.support.github_actions import PROJECT, Runner, clone, run_job, value, workflow
from tests.support.web_server import KEY

if TYPE_CHECKING:
    from typing import Any

    from tests.support.github_actions import Job

SEND = workflow("send.yml")
FILES = sorted(path.name for path in (PROJECT / ".github" / "workflows").iterdir())
BIN = Path(sys.executable).parent


def text(name: str) -> str:
    return (PROJECT / ".github" / "workflows" / name).read_text(encoding="utf-8")


# What the workflows are


@pytest.mark.parametrize("name", FILES)
def test_every_action_is_pinned_to_a_commit_and_named_with_its_version(name: str) -> None:
    used = re.findall(r"uses: (.*)", text(name))
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", one)] == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_permitted_but_what_a_job_names(name: str) -> None:
    assert workflow(name)["permissions"] == {}
    granted = {job: found["permissions"] for job, found in workflow(name)["jobs"].items()}
    expected = {job: {"contents": "read"} for job in granted}
    if name == "send.yml":
        expected["send"] = {"contents": "read", "issues": "write"}
    if name == "release.yml":
        signs = {"attestations": "write", "id-token": "write"}
        expected["attest"] = signs
        expected["image"] = {**signs, "contents": "read", "packages": "write"}
        expected["release"] = {"contents": "write"}
        expected["publish"] = {"id-token": "write"}
    assert granted == expected


@pytest.mark.parametrize("name", FILES)
def test_no_job_runs_for_ever_or_keeps_the_token_in_its_clone(name: str) -> None:
    for job in workflow(name)["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        clones = [one for one in job["steps"] if "checkout" in one.get("uses", "")]
        assert all(one["with"]["persist-credentials"] is False for one in clones)


@pytest.mark.parametrize("name", FILES)
def test_no_text_of_a_stranger_can_become_a_command(name: str) -> None:
    steps = [step for job in workflow(name)["jobs"].values() for step in job["steps"]]
    assert [step for step in steps if "${{" in step.get("run", "")] == []
    assert "pull_request_target" not in text(name)
    assert "workflow_run" not in text(name)


@pytest.mark.parametrize("name", ["send.yml", "check.yml", "act.yml"])
def test_a_copy_has_the_workflows_that_init_writes(name: str) -> None:
    """Write them anew with: python -m tests.support.copy_workflows."""
    assert text(name) == workflows_of_a_copy()[name]


def test_secrets_are_given_to_one_step_alone() -> None:
    holders = [
        (job, step["name"])
        for name in ("send.yml", "act.yml")
        for job, found in workflow(name)["jobs"].items()
        for step in found["steps"]
        if "secrets." in json.dumps(step)
    ]
    assert holders == [("send", "Send"), ("act", "Act")]
    assert [name for name in FILES if "secrets." in text(name)] == ["act.yml", "send.yml"]


def by_itself(name: str) -> bool:
    """Say whether a workflow starts without anybody asking for it."""
    return bool({"schedule", "push", "pull_request"} & set(workflow(name)["on"]))


OWN = [name for name in FILES if by_itself(name) and name not in {"check.yml", "send.yml"}]


@pytest.mark.parametrize("name", OWN)
def test_the_projects_own_workflows_run_nowhere_but_in_its_own_repository(name: str) -> None:
    def runs(job: dict[str, Any], repository: str, **variables: str) -> bool:
        known = {"github": {"repository": repository}, "vars": variables}
        return bool(value(job["if"], known))

    for job in workflow(name)["jobs"].values():
        assert not runs(job, "anna/brief")
        # A variable of an organisation is that of all its repositories.
        assert not runs(job, "anna/brief", NEWSLETTER_PROJECT="anna/newsletter")
        assert not runs(job, "anna/brief", NEWSLETTER_PROJECT="true")
        own = {"NEWSLETTER_PROJECT": "anna/newsletter", "NEWSLETTER_PUBLISH": "true"}
        assert runs(job, "anna/newsletter", **own)


def test_a_copy_sends_nothing_before_its_owner_says_so() -> None:
    assert OWN == ["chaos.yml", "ci.yml", "release.yml"]
    condition = SEND["jobs"]["send"]["if"]
    assert not value(condition, {"vars": {}})
    assert not value(condition, {"vars": {"NEWSLETTER_SEND": "false"}})


def test_the_page_on_deploying_names_every_workflow() -> None:
    page = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"`{name}`" not in page] == []


def test_github_would_take_the_workflows() -> None:
    files = [str(PROJECT / ".github" / "workflows" / name) for name in FILES]
    schema = ["--builtin-schema", "vendor.github-workflows"]
    for command in (["check-jsonschema", *schema, *files], ["actionlint", *files]):
        asked = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=PROJECT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr


# A copy of this project, with an author's letters in it


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy whose set-up is complete, committed."""
    workspace = clone(tmp_path / "copy")
    (workspace / ".gitignore").write_text(".venv/\n.newsletter/\n", encoding="utf-8")
    git(workspace, "init", "-q", "-b", "main")
    commit(workspace)
    return workspace


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    return subprocess.check_output(["git", *who, *arguments], cwd=folder, encoding="utf-8").strip()


def commit(workspace: Path) -> str:
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "more")
    return git(workspace, "rev-parse", "HEAD")


def run(workspace: Path, name: str, event: dict[str, Any], **known: Any) -> Job:  # noqa: ANN401
    github = {"ref": "refs/heads/main", "ref_name": "main", "token": "ghs_canary", **event}
    temp = Path(tempfile.mkdtemp(dir=workspace.parent)) / "temp"
    runner = Runner(workspace, temp, variables={"PYTHONPATH": str(PROJECT)})
    return run_job(workflow(f"{name}.yml"), name, {"github": github, **known}, runner)


def test_a_pull_request_to_a_copy_shows_findings_and_letters(copy: Path) -> None:
    base = git(copy, "rev-parse", "HEAD")
    good, bad = copy / "issues" / "2026-12-06-stilte.md", copy / "issues" / "2026-12-13-x.md"
    good.write_text("---\nsubject: Over stilte\n---\nEen rustige zin.\n", encoding="utf-8")
    bad.write_text("---\nsubjct: x\n---\nEen zin.\n", encoding="utf-8")
    min((copy / "issues").glob("*.md")).unlink()  # no letter
    commit(copy)
    event = {"event_name": "pull_request", "event": {"pull_request": {"base": {"sha": base}}}}
    job = run(copy, "check", event)
    assert job.ok is False
    assert re.search("^::error file=issues/2026-12-13-x.md,line=2,", job.log, re.MULTILINE)
    assert [name for name in job.uploads["letters"] if name.endswith(".html")] == [
        "2026-12-06-stilte.html"
    ]


def test_a_copy_with_the_samples_in_it_mails_nobody(copy: Path) -> None:
    samples = sorted((copy / "issues").glob("*.md"))
    assert samples
    for minutes, sample in enumerate(samples, 5):  # the time of each has just come
        when = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=minutes)
        lines = sample.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("send_at:")]
        kept.insert(1, f"send_at: {when:%Y-%m-%d %H:%M}")
        sample.unlink()
        due = sample.with_name(f"{when:%Y-%m-%d}-{sample.name[11:]}")
        due.write_text("\n".join(kept), encoding="utf-8")
    (copy / "newsletter.toml").write_text(
        'name = "Brief"\nsender = "Gerrit <gerrit@example.org>"\ncontact = "Kade 1"\n'
        'provider = "resend"\nprovider_url = "http://127.0.0.1:9"\n',
        encoding="utf-8",
    )
    secrets = {
        "NEWSLETTER_DATABASE_URL": f"sqlite:///{copy.parent}/letter.db",
        "NEWSLETTER_SECRET_KEY": KEY,
        "RESEND_API_KEY": "re_canary_0123456789",
    }
    commit(copy)
    variables = {"NEWSLETTER_SEND": "true"}
    job = run(copy, "send", {"event_name": "schedule"}, secrets=secrets, vars=variables)
    assert job.ok, job.log
    assert "draft: issues/" in job.summary
    assert "Letters" not in job.summary


def test_a_person_acts_in_a_copy(copy: Path) -> None:
    inputs = {"command": "status", "option": "none"}
    event = {"event_name": "workflow_dispatch", "event": {"inputs": inputs}}
    secrets = {
        "NEWSLETTER_DATABASE_URL": f"sqlite:///{copy.parent}/letter.db",
        "NEWSLETTER_SECRET_KEY": KEY,
        "RESEND_API_KEY": "re_canary_0123456789",
    }
    job = run(copy, "act", event, secrets=secrets)
    assert job.ok, job.log
    assert "\nnewsletter status\nNext: " in job.log
