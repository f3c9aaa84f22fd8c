"""The files that `init` writes for a forge are what they promise, and the forge would take them."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from newsletter.cli import main
from newsletter.repository import render_files
from newsletter.repository.plan import CI
from newsletter.repository.providers import facts_of
from tests.support.github_actions import BIN, parse_workflow
from tests.support.repositories import plan

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = ("github", "forgejo")
ARCHIVE = "https://archief.example.org"
SECRETS = {
    "resend": ("RESEND_API_KEY",),
    "mailgun": ("MAILGUN_API_KEY", "MAILGUN_DOMAIN"),
    "lettermint": ("LETTERMINT_API_TOKEN",),
    "ses": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
}
WORKFLOWS = [(kind, name) for kind in ACTIONS for name in ("send", "check", "act")]


def files(kind: str, **changes: Any) -> dict[str, str]:  # noqa: ANN401 - the fields of a plan
    found = {file.path: file.text for file in render_files(plan(ci=kind, **changes))}
    return {path: text for path, text in found.items() if "newsletter-install" not in path}


def text(kind: str, name: str) -> str:
    return files(kind)[f".{kind}/workflows/{name}.yml"]


def workflow(kind: str, name: str) -> dict[str, Any]:
    return parse_workflow(text(kind, name))


def steps(kind: str, name: str) -> list[dict[str, Any]]:
    (job,) = workflow(kind, name)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def ended_well(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("provider", SECRETS)
@pytest.mark.parametrize("kind", ACTIONS)
def test_the_tools_find_nothing(tmp_path: Path, kind: str, provider: str) -> None:
    names = ("NEWSLETTER_DATABASE_URL", "NEWSLETTER_SECRET_KEY", *SECRETS[provider])
    paths = []
    optional = facts_of(provider).reads_too
    for path, content in files(
        kind, provider=provider, send_variables=names, optional_variables=optional
    ).items():
        if path.startswith(f".{kind}/"):
            paths.append(tmp_path / path)
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            paths[-1].write_text(content, encoding="utf-8")
    assert len(paths) == 3
    ended_well(BIN / "zizmor", "--offline", "--persona", "pedantic", *paths, cwd=tmp_path)
    label = 'label "docker" is unknown'  # one of Forgejo's runners
    ended_well(BIN / "actionlint", "-ignore", label, *paths, cwd=tmp_path)
    schema = ("--builtin-schema", "vendor.github-workflows")
    ended_well(BIN / "check-jsonschema", *schema, *paths, cwd=tmp_path)


def test_the_archive_is_published_only_where_it_has_an_address(tmp_path: Path) -> None:
    path = ".github/workflows/archive.yml"
    assert path not in files("github")
    shown = tmp_path / path
    shown.parent.mkdir(parents=True)
    shown.write_text(files("github", archive_url=ARCHIVE)[path], encoding="utf-8")
    ended_well(BIN / "zizmor", "--offline", "--persona", "pedantic", shown, cwd=tmp_path)
    ended_well(BIN / "actionlint", shown, cwd=tmp_path)
    schema = ("--builtin-schema", "vendor.github-workflows")
    ended_well(BIN / "check-jsonschema", *schema, shown, cwd=tmp_path)
    jobs = parse_workflow(shown.read_text(encoding="utf-8"))["jobs"]
    assert jobs["build"]["if"] == "vars.NEWSLETTER_SEND == 'true'"
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    (build,) = [step for step in jobs["build"]["steps"] if step.get("env")]
    assert list(build["env"]) == ["NEWSLETTER_DATABASE_URL"]
    command = ["archive", "build", "--out", "$RUNNER_TEMP/archive"]
    assert shlex.split(build["run"]) == ["newsletter", *command]


def test_gitlab_publishes_the_archive_after_it_has_sent() -> None:
    assert "pages" not in yaml.safe_load(files("gitlab")[".gitlab-ci.yml"])
    jobs = yaml.safe_load(files("gitlab", archive_url=ARCHIVE)[".gitlab-ci.yml"])
    assert jobs["pages"]["needs"] == ["send"]
    assert jobs["pages"]["rules"] == jobs["send"]["rules"]
    assert jobs["pages"]["script"] == ["newsletter archive build --out public"]


@pytest.mark.parametrize("archive_url", ["", ARCHIVE])
def test_gitlab_would_take_its_file(tmp_path: Path, archive_url: str) -> None:
    path = tmp_path / ".gitlab-ci.yml"
    text = files("gitlab", archive_url=archive_url)[".gitlab-ci.yml"]
    path.write_text(text, encoding="utf-8")
    ended_well(BIN / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", path, cwd=tmp_path)


def test_the_service_runs_a_command_of_the_program() -> None:
    unit = configparser.ConfigParser(interpolation=None, delimiters=["="], comment_prefixes=["#"])
    unit.read_string(files("systemd")["deploy/newsletter-send.service"])
    program, name, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program == "/opt/newsletter/bin/newsletter"
    command = main.get_command(click.Context(main), name)
    assert command
    assert command.make_context(name, arguments).params["due"]
    assert unit["Service"]["SuccessExitStatus"] == "75"


@pytest.mark.parametrize("kind", CI)
def test_files_stay_short(kind: str) -> None:
    lengths = {path: len(content.splitlines()) for path, content in files(kind).items()}
    ci = {
        path: length
        for path, length in lengths.items()
        if path.startswith((".github", ".forgejo", ".gitlab", "deploy"))
    }
    assert bool(ci) == (kind != "none")
    most = {".gitlab-ci.yml": 100}  # three jobs
    assert {path: length for path, length in ci.items() if length > most.get(path, 85)} == {}


@pytest.mark.parametrize(("kind", "name"), WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_and_named_with_its_version(
    kind: str, name: str
) -> None:
    used = re.findall(r"uses: (.*)", text(kind, name))
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", one)] == []


@pytest.mark.parametrize(("kind", "name"), WORKFLOWS)
def test_nothing_is_permitted_but_what_a_job_names(kind: str, name: str) -> None:
    document = workflow(kind, name)
    assert document["permissions"] == {}
    (job,) = document["jobs"].values()
    assert 0 < job["timeout-minutes"] <= 60
    assert job["permissions"] == (
        {"contents": "read", "issues": "write"} if name == "send" else {"contents": "read"}
    )
    checkouts = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert len(checkouts) == (kind == "github")


@pytest.mark.parametrize("kind", ["github", "forgejo", "gitlab"])
@pytest.mark.parametrize("name", ["send", "act"])
def test_jobs_that_send_have_the_history_with_its_approvals(kind: str, name: str) -> None:
    if kind == "gitlab":
        job = yaml.safe_load(files("gitlab")[".gitlab-ci.yml"])[name]
        assert job["variables"]["GIT_DEPTH"] == 0
        assert any("refs/remotes/origin/*" in line for line in job["script"])
        return
    first = steps(kind, name)[0]
    if kind == "github":
        assert first["with"]["fetch-depth"] == 0
    else:
        assert "--depth" not in first["run"]
        assert "+refs/heads/*:refs/remotes/origin/*" in first["run"]


@pytest.mark.parametrize(("kind", "name"), WORKFLOWS)
def test_no_text_of_a_stranger_can_become_a_command(kind: str, name: str) -> None:
    assert [step for step in steps(kind, name) if "${{" in step.get("run", "")] == []
    for trigger in ("pull_request_target", "workflow_run", "inputs."):
        assert trigger not in text(kind, name)


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_pull_request_sees_no_secret(kind: str) -> None:
    assert set(workflow(kind, "check")["on"]) == {"push", "pull_request"}
    assert "secrets." not in text(kind, "check")
    assert "environment:" not in text(kind, "check")
    assert set(workflow(kind, "act")["on"]) == {"workflow_dispatch"}
    assert set(workflow(kind, "send")["on"]) == {"schedule", "workflow_dispatch"}


def test_gitlab_gives_secrets_to_its_environment_alone() -> None:
    document = yaml.safe_load(files("gitlab")[".gitlab-ci.yml"])
    jobs = {name: job for name, job in document.items() if "script" in job}
    # `access`: the environment's variables, without a deployment for each run.
    assert {name: job["environment"] for name, job in jobs.items() if "environment" in job} == {
        name: {"name": "newsletter", "action": "access"} for name in ("send", "act")
    }
    sources = {
        name: re.findall(r'SOURCE == "(\w+)"', str(job["rules"])) for name, job in jobs.items()
    }
    assert sources == {
        "send": ["schedule"],
        "act": ["web"],
        "check": ["merge_request_event", "push"],
    }


def test_the_inputs_that_a_person_may_choose_are_those_of_the_program() -> None:
    asked = workflow("github", "act")["on"]["workflow_dispatch"]["inputs"]
    assert asked == workflow("forgejo", "act")["on"]["workflow_dispatch"]["inputs"]
    gitlab = yaml.safe_load(files("gitlab")[".gitlab-ci.yml"])["variables"]
    for name, entry in asked.items():
        assert gitlab[f"ACT_{name.upper()}"].get("options") == entry.get("options")
    help_ = main.get_command(click.Context(main), "act").help  # type: ignore[union-attr]
    assert help_
    allowed = re.findall(r"allowed:\s+(.*)\.", " ".join(help_.split()))
    assert allowed[0].split(", ") == asked["command"]["options"]


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_send_is_never_cut_off_and_a_person_may_act_meanwhile(kind: str) -> None:
    assert workflow(kind, "send")["concurrency"]["cancel-in-progress"] is False
    # A group would let `pause` wait for the `send` that it should stop, and drop a third run.
    act = workflow(kind, "act")
    assert "concurrency" not in act
    assert "concurrency" not in act["jobs"]["act"]


@pytest.mark.parametrize("kind", ACTIONS)
@pytest.mark.parametrize("name", ["send", "act"])
@pytest.mark.parametrize("provider", ["lettermint", "ses"])
@pytest.mark.parametrize("stored", ["lm_team_x", ""])
def test_an_optional_variable_that_is_not_stored_is_not_set(
    tmp_path: Path, kind: str, name: str, provider: str, stored: str
) -> None:
    (variable,) = optional = facts_of(provider).reads_too
    text_ = files(kind, optional_variables=optional)[f".{kind}/workflows/{name}.yml"]
    (step,) = [
        one for one in parse_workflow(text_)["jobs"][name]["steps"] if "secrets." in json.dumps(one)
    ]
    assert step["env"][variable] == f"${{{{ secrets.{variable} }}}}"
    program = tmp_path / "newsletter"
    program.write_text(f'#!/bin/sh\necho "token:${{{variable}-not set}}"\n')
    program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        variable: stored,
    }
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, check=True
    )
    assert done.stdout.decode() == f"token:{stored or 'not set'}\n"


def test_the_triggers_are_those_of_the_plan() -> None:
    schedule = workflow("github", "send")["on"]["schedule"]
    assert tuple(one["cron"] for one in schedule) == plan().crons
    assert {one["timezone"] for one in schedule} == {"Europe/Amsterdam"}
    schedule = workflow("forgejo", "send")["on"]["schedule"]
    assert tuple(one["cron"] for one in schedule) == plan().utc_crons
    comments = files("gitlab")[".gitlab-ci.yml"]
    assert all(f"#   {cron}\n" in comments for cron in plan().crons)


@pytest.mark.parametrize("kind", [kind for kind in CI if kind not in {"none", "systemd"}])
def test_what_it_installs_has_hashes(kind: str) -> None:
    said = json.dumps(files(kind))
    for command in plan().install.commands:  # type: ignore[union-attr]
        assert command in said
