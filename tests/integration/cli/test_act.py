"""`newsletter act`: what a person chose at a forge, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.newsletter import Newsletter, is_one_error, write_issue
from tests.support.providers.fake_resend import FAULTS, FakeResend

if TYPE_CHECKING:
    from pathlib import Path

Run = "Callable[..., subprocess.CompletedProcess[str]]"
DISPATCH = {"GITHUB_EVENT_NAME": "workflow_dispatch"}


def test_outside_a_job_it_says_what_to_type(run: Run) -> None:
    done = run("act")
    assert done.returncode == 2
    assert is_one_error(done.stderr)
    assert "newsletter status" in done.stderr


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"inputs": 3}', '{"inputs": ["status"]}', "\0"]
)
def test_inputs_that_cannot_be_read_are_an_error(root: Path, run: Run, text: str | None) -> None:
    if text is not None:
        (root / "event.json").write_text(text, encoding="utf-8")
    done = run("act", env={**DISPATCH, "GITHUB_EVENT_PATH": str(root / "event.json")})
    assert done.returncode in {1, 2}
    assert is_one_error(done.stderr)


def test_a_schedule_is_no_person(root: Path, run: Run) -> None:
    (root / "event.json").write_text('{"inputs": {"command": "status"}}', encoding="utf-8")
    path = str(root / "event.json")
    done = run("act", env={"GITHUB_EVENT_NAME": "schedule", "GITHUB_EVENT_PATH": path})
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("names", "person"),
    [
        ({"GITHUB_ACTOR": "gerrit"}, "gerrit"),
        ({"GITHUB_ACTOR": "gerrit", "GITHUB_TRIGGERING_ACTOR": "anna"}, "anna"),
        ({"GITLAB_USER_LOGIN": "anna"}, "anna"),
    ],
)
def test_the_ledger_knows_who_decided_at_the_forge(
    root: Path, run: Run, names: dict[str, str], person: str
) -> None:
    newsletter = Newsletter(root, subscribers=3)
    with FakeResend(root / "taken") as fake:
        environment = newsletter.for_real(fake.url)
        fake.faults[1] = FAULTS["401"]
        arguments = ("send", newsletter.slug, "--yes", "--early", "--no-preflight")
        assert run(*arguments, env=environment).returncode == 3
        inputs = {"ACT_COMMAND": "cancel", "ACT_ISSUE": newsletter.slug, "ACT_OPTION": "none"}
        done = run("act", env={**environment, **names, **inputs})
        assert done.returncode == 0, done.stderr
        assert f"newsletter cancel -- {newsletter.slug}" in done.stderr
        shown = run("status", newsletter.slug, "--json", env=environment)
    assert [one["who"] for one in json.loads(shown.stdout)["decisions"]] == [person]


def test_a_proof_goes_to_each_address_and_none_is_printed(root: Path, run: Run) -> None:
    newsletter = Newsletter(root, subscribers=3)
    with FakeResend(root / "taken") as fake:
        inputs = {
            "ACT_COMMAND": " proof ",
            "ACT_ISSUE": newsletter.slug,
            "ACT_TO": "gerrit@voorbeeld.nl, anna@voorbeeld.nl",
        }
        done = run("act", env={**newsletter.for_real(fake.url), **inputs})
        assert done.returncode == 0, done.stderr
        assert {one["to"] for one in fake.taken()} == {"gerrit@voorbeeld.nl", "anna@voorbeeld.nl"}
    assert "voorbeeld" not in done.stdout + done.stderr


HOSTILE = {
    "another command": {"command": "subscribers"},
    "export": {"command": "subscribers export"},
    "erase": {"command": "erase", "issue": "x"},
    "act in act": {"command": "act"},
    "a shell": {"command": "status; curl https://example.net"},
    "help": {"command": "--help"},
    "no command": {"command": ""},
    "a shell in the issue": {"command": "status", "issue": "$(id >hacked)"},
    "backticks": {"command": "status", "issue": "`id >hacked`"},
    "an option as issue": {"command": "send", "issue": "--due"},
    "a path": {"command": "status", "issue": "../../etc/passwd"},
    "a file": {"command": "proof", "issue": "issues/x.md", "to": "a@example.net"},
    "a newline": {"command": "status", "issue": "x\n::error::y"},
    "an option of another": {"command": "pause", "issue": "SLUG", "option": "--late"},
    "no preflight": {"command": "send", "issue": "SLUG", "option": "--no-preflight"},
    "two options": {"command": "send", "issue": "SLUG", "option": "--late --early"},
    "send without issue": {"command": "send"},
    "proof without address": {"command": "proof", "issue": "SLUG"},
    "proof to an option": {"command": "proof", "issue": "SLUG", "to": "--help"},
    "status with address": {"command": "status", "to": "a@example.net"},
    "resolve without option": {"command": "resolve", "issue": "SLUG", "option": "none"},
    "resolve late": {"command": "resolve", "issue": "SLUG", "option": "--late"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_input_becomes_another_command(root: Path, run: Run, name: str) -> None:
    slug = write_issue(root)
    inputs = {key: text.replace("SLUG", slug) for key, text in HOSTILE[name].items()}
    (root / "event.json").write_text(json.dumps({"inputs": inputs}), encoding="utf-8")
    done = run("act", env={**DISPATCH, "GITHUB_EVENT_PATH": str(root / "event.json")})
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    proof = f"newsletter proof --to=--help -- {slug}"  # which refuses that address itself
    ran = [line for line in lines if line.startswith("newsletter ")]
    assert ran == ([proof] if name == "proof to an option" else [])
    assert is_one_error("\n".join(lines[len(ran) :]) + "\n")
    assert done.stdout == ""
    assert not (root / ".newsletter").exists()
