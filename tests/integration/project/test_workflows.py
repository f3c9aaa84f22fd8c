"""The workflows are what they promise to be, and their steps do what they promise to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.github_actions import PROJECT, Runner, clone, run_job, value, workflow

if TYPE_CHECKING:
    from typing import Any

    from tests.support.github_actions import Job

SEND, CHECK = workflow("send.yml"), workflow("check.yml")
FILES = sorted(path.name for path in (PROJECT / ".github" / "workflows").iterdir())
BIN = Path(sys.executable).parent


def text(name: str) -> str:
    return (PROJECT / ".github" / "workflows" / name).read_text(encoding="utf-8")


def issue(name: str, body: str, *, front: str = "subject: Over rust") -> tuple[str, str]:
    return f"issues/{name}.md", f"---\n{front}\n---\n{body}\n"


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
        expected["ask"] = {"issues": "write"}
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


def test_secrets_are_given_to_one_step_alone() -> None:
    holders = [
        (job, step["name"])
        for job, found in SEND["jobs"].items()
        for step in found["steps"]
        if "secrets." in json.dumps(step)
    ]
    assert holders == [("send", "Send")]
    assert SEND["jobs"]["send"]["environment"] == "newsletter"
    assert [name for name in FILES if "secrets." in text(name)] == ["send.yml"]


def test_a_send_is_never_cut_off_by_the_next() -> None:
    assert SEND["concurrency"] == {"group": "newsletter-send", "cancel-in-progress": False}
    assert all("concurrency" not in job for job in SEND["jobs"].values())


def test_the_triggers_cover_the_hours_after_seven_at_odd_minutes() -> None:
    schedule = SEND["on"]["schedule"]
    assert {one["timezone"] for one in schedule} == {"Europe/Amsterdam"}
    times = [tuple(map(int, one["cron"].split()[1::-1])) for one in schedule]
    assert all(one["cron"].endswith(" * * *") for one in schedule)
    assert all(minute % 2 for _, minute in times)
    assert times == sorted(set(times))
    within = [hour for hour, _ in times if 7 <= hour < 13]
    assert len(within) >= 4
    assert times[-1] > (13, 0)
    assert "workflow_dispatch" in SEND["on"]


def test_only_the_last_trigger_and_a_person_are_told_of_passing_trouble() -> None:
    (result,) = [one for one in SEND["jobs"]["send"]["steps"] if one.get("name") == "Result"]
    asked = result["env"]["LAST"].strip("${} ")
    crons = [one["cron"] for one in SEND["on"]["schedule"]]
    told = [
        value(asked, {"github": {"event_name": "schedule", "event": {"schedule": cron}}})
        for cron in crons
    ]
    assert told == [False] * (len(crons) - 1) + [True]
    assert value(asked, {"github": {"event_name": "workflow_dispatch", "event": {}}}) is True


def test_a_pull_request_from_a_fork_is_checked_where_letters_are_made() -> None:
    paths = CHECK["on"]["pull_request"]["paths"]
    assert {"issues/**", "templates/**", "pyproject.toml", "newsletter.toml"} <= set(paths)
    assert CHECK["on"]["push"] == {"branches": ["main"], "paths": paths}
    assert set(CHECK["on"]) == {"push", "pull_request"}


def by_itself(name: str) -> bool:
    """Tell whether a workflow starts without anybody asking for it."""
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


# A pull request


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, check=True)


def commit(workspace: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (workspace / name).write_text(content, encoding="utf-8")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "more")


def head(workspace: Path) -> str:
    asked = ["git", "rev-parse", "HEAD"]
    return subprocess.check_output(asked, cwd=workspace, encoding="utf-8").strip()


def pull_request(folder: Path, files: dict[str, str], *, without: str = "") -> Job:
    """Check the difference that files make (and one taken away), as GitHub does."""
    workspace = clone(folder / "clone")
    (workspace / ".gitignore").write_text(".venv/\n.newsletter/\n", encoding="utf-8")
    git(workspace, "init", "-q")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "before")
    for name, content in files.items():
        (workspace / name).write_text(content, encoding="utf-8")
    if without:
        (workspace / without).unlink()
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "after", "--allow-empty")
    return run_job(CHECK, "check", {}, Runner(workspace, folder / "temp"))


def commands(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith("::")]


def test_a_good_issue_is_green_and_its_letter_can_be_looked_at(tmp_path: Path) -> None:
    job = pull_request(tmp_path, dict([issue("2030-01-06-rust", "Een rustige zin.")]))
    assert job.ok, job.log
    assert job.uploads == {
        "letters": ["2030-01-06-rust.eml", "2030-01-06-rust.html", "2030-01-06-rust.txt"]
    }
    assert "error" not in " ".join(commands(job.log))


def test_errors_and_warnings_stand_beside_their_lines(tmp_path: Path) -> None:
    name, content = issue("2030-01-06-rust", "Dag allemaal,\n\nEen zin.", front="subjct: Over rust")
    job = pull_request(tmp_path, {name: content})
    assert job.ok is False
    found = [
        re.fullmatch(r"::(\w+) file=([^,:]*),line=(\d+),title=([\w-]+)::.+", line)
        for line in commands(job.log)
        if line.startswith(("::error file", "::warning file"))
    ]
    assert all(found)
    places = [match.group(1, 2, 3) for match in found if match]
    assert ("error", name, "2") in places
    assert ("warning", name, "4") in places
    assert "issues/2030-01-06-rust.md" in job.summary
    assert job.uploads == {"letters": []}


def test_names_and_texts_cannot_end_an_annotation_or_begin_one(tmp_path: Path) -> None:
    names = ["issues/100%, of: zo.md", "issues/twee\nregels::error::x.md"]
    front = "subject: 100% zeker :: ja\n::error file=x::y"
    texts = dict.fromkeys(names, f"---\n{front}\n---\nEen zin.\n")
    job = pull_request(tmp_path, texts)
    assert job.ok is False
    told = [line for line in commands(job.log) if "file=" in line]
    assert any("file=issues/100%25%2C of%3A zo.md,line=" in line for line in told)
    assert any("file=issues/twee%0Aregels%3A%3Aerror%3A%3Ax.md,line=" in line for line in told)
    assert all(re.match(r"::(error|warning) file=[^,:]+,line=\d+,title=[^,:]+::", t) for t in told)


@pytest.mark.all  # it renders every sample
def test_only_changed_letters_are_made_unless_all_may_look_different(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "all").mkdir()
    changed = dict([issue("2030-01-06-rust", "Een rustige zin.")])
    style = (PROJECT / "templates" / "style.css.j2").read_text(encoding="utf-8")
    one = pull_request(tmp_path / "one", changed)
    every = pull_request(tmp_path / "all", {"templates/style.css.j2": style + "\n"})
    assert len(one.uploads["letters"]) == 3
    samples = len(list((PROJECT / "issues").glob("*.md")))
    assert len(every.uploads["letters"]) == 3 * samples > 3


def test_a_push_is_checked_from_where_the_last_one_ended(tmp_path: Path) -> None:
    first, second = issue("2030-01-06-rust", "Rust."), issue("2030-01-13-stil", "Stil.")
    pull_request(tmp_path, {})  # makes the repository
    workspace = tmp_path / "clone"
    before = head(workspace)
    commit(workspace, dict([first]))
    commit(workspace, dict([second]))

    def pushed(name: str, before: str) -> list[str]:
        github = {"event_name": "push", "event": {"before": before}}
        job = run_job(CHECK, "check", {"github": github}, Runner(workspace, tmp_path / name))
        assert job.ok, job.log
        return [file for file in job.uploads["letters"] if file.endswith(".html")]

    assert pushed("both", before) == ["2030-01-06-rust.html", "2030-01-13-stil.html"]
    everything = len(list((workspace / "issues").glob("*.md")))
    assert len(pushed("branch", "0" * 40)) == everything > 2


def test_a_deleted_issue_is_no_letter(tmp_path: Path) -> None:
    gone = min((PROJECT / "issues").glob("*.md")).relative_to(PROJECT)
    job = pull_request(tmp_path, {}, without=str(gone))
    assert job.ok, job.log
    assert (job.uploads, commands(job.log)) == ({"letters": []}, [])


def test_settings_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    job = pull_request(tmp_path, {"newsletter.toml": 'nmae = "100%"\n'})
    assert job.ok is False
    (told,) = [line for line in commands(job.log) if line.startswith("::error")]
    assert "nmae" in told


# The report that a run and an issue show


def report(folder: Path, result: str, messages: str = "") -> str:
    (folder / "result").write_text(result, encoding="utf-8")
    (folder / "messages").write_text(messages, encoding="utf-8")
    script = PROJECT / ".github" / "report.py"
    made = subprocess.run(
        [sys.executable, "-I", script, "result", "messages"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return made.stdout


def test_without_a_result_the_report_quotes_the_errors(tmp_path: Path) -> None:
    said = "rust: 100 of 200\nerror: the database does not answer\nhint: Try again\n"
    told = report(tmp_path, "", said)
    assert "> the database does not answer. Try again" in told
    assert "100 of 200" not in told


def test_a_report_shows_no_address_even_if_the_program_would(tmp_path: Path) -> None:
    told = report(tmp_path, "", "error: cannot mail anna@example.org. Mend it\n")
    assert "anna" not in told
    assert "cannot mail" in told


def test_the_first_line_changes_with_the_question_and_not_with_the_counts(tmp_path: Path) -> None:
    states = ("pending", "attempting", "accepted", "rejected", "skipped", "unknown")
    mailing = {
        **dict.fromkeys(states, 0),
        "issue": "2030-01-06-rust",
        "state": "paused",
        "audience": 3,
        "pending": 3,
        "note": "the key is refused --> <b>",
        "next_step": "newsletter send 2030-01-06-rust",
    }

    def first(**changed: object) -> str:
        document = {"mailings": [{**mailing, **changed}], "next": None}
        return report(tmp_path, json.dumps(document)).splitlines()[0]

    assert first() == first(pending=2, accepted=1)
    assert len({first(), first(note=None), first(state="expired"), first(issue="2030-01-13")}) == 4
    assert re.fullmatch(r"<!-- [^-]*(-[^-]+)* -->", first())


MAILING = {
    **dict.fromkeys(("attempting", "rejected", "skipped", "unknown", "pending"), 0),
    "issue": "2030-01-06-rust",
    "state": "completed",
    "audience": 3,
    "accepted": 3,
}


def test_a_rehearsal_is_named_as_one(tmp_path: Path) -> None:
    real = report(tmp_path, json.dumps({"mailings": [{**MAILING, "rehearsal": False}]}))
    assert "| 2030-01-06-rust | completed | 3 |" in real
    assert "rehearsal" not in real
    told = report(tmp_path, json.dumps({"mailings": [{**MAILING, "rehearsal": True}]}))
    assert "| 2030-01-06-rust | rehearsal: completed, nobody was mailed | 3 |" in told
    assert "A rehearsal mails nobody" in told


def test_what_will_not_be_sent_by_itself_is_listed_with_its_reason(tmp_path: Path) -> None:
    issues = [
        {"path": "issues/2030-01-06-a.md.txt", "state": "ignored", "why": "its name must end .md"},
        {"path": "issues/2030-01-13-b.md", "state": "draft", "why": None},
        {"path": "issues/2030-01-20-c.md", "state": "blocked", "why": "2030-01-20-d has its slot"},
        {"path": "issues/2030-01-27-e.md", "state": "scheduled", "why": None},
        {"path": "issues/2029-01-27-f.md", "state": "sent", "why": None},
    ]
    told = report(tmp_path, json.dumps({"mailings": [], "issues": issues}))
    assert "- ignored: issues/2030-01-06-a.md.txt: its name must end .md" in told
    assert "- draft: issues/2030-01-13-b.md\n" in told
    assert "- blocked: issues/2030-01-20-c.md: 2030-01-20-d has its slot" in told
    assert "-e.md" not in told
    assert "-f.md" not in told


@pytest.mark.parametrize(("count", "said"), [(0, "0 subscribers."), (1, "1 subscriber.")])
def test_the_next_issue_is_told_in_good_english(tmp_path: Path, count: int, said: str) -> None:
    following = {"issue": "2030-01-06-rust", "send_at": "2030-01-06T07:00+01:00"}
    document = {"mailings": [], "next": {**following, "audience": count, "blocked_by": ["a draft"]}}
    told = report(tmp_path, json.dumps(document))
    assert f"Next: 2030-01-06-rust, 2030-01-06 07:00, {said}" in told
    assert "- blocked: a draft" in told


def test_a_warning_of_the_program_is_in_the_report(tmp_path: Path) -> None:
    line = "warning: the variable NEWSLETTER_PROVIDR is not read"
    assert f"- {line}" in report(tmp_path, json.dumps({"mailings": []}), f"{line}\n{line}\n")


def test_a_long_message_costs_as_much_as_it_is_long(tmp_path: Path) -> None:
    said = f"error: {'a' * 300_000} anna@example.org {'b@' * 100_000}\n"
    started = time.monotonic()
    told = report(tmp_path, "", said)
    assert time.monotonic() - started < 5
    assert len(told) < 65_536
    assert "anna" not in told


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    assert "Nothing is due" in report(tmp_path, json.dumps({"mailings": [], "next": None}))
    assert "without a result" in report(tmp_path, "")
