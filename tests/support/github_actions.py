"""Runs a job of a workflow as GitHub's runner does, here: its `run` steps, word for word.

Only what this project's workflows use is known; anything else is an error, so that a test never
passes on a guess. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[2]
WORKFLOWS = PROJECT / ".github" / "workflows"
PARTS = ("dev", "pyproject.toml", "requirements.txt", ".github", "templates", "issues")
BIN = Path(sys.executable).parent
# What GitHub puts before a step's own text: without `shell: bash`, a pipe hides its failures.
SHELLS = {
    None: ["bash", "-e"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
}
NOTHING_TO_DO_HERE = ("actions/checkout", "actions/setup-python")
# In these a name that nobody has set is an empty text.
ALWAYS = "always()"
OPEN = ("secrets", "vars", "steps", "github.event")
TOKEN = re.compile(r"'(?:[^']|'')*'|[=!]=|&&|\|\||[!()]|[\w.-]+")


@dataclass(frozen=True)
class Runner:
    """A machine that runs one job.

    Attributes:
        workspace: The folder in which the repository lies.
        temp: Its own folder, made anew for each job.
        path: A folder that is searched for commands before all others.
        origin: The repository that is checked out; None if the workspace has it already.
        variables: What else the forge puts into the environment of every step.
    """

    workspace: Path
    temp: Path
    path: Path | None = None
    origin: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """What became of a job.

    Attributes:
        ok: It ended green; None when its condition kept it from running.
        log: What its steps printed.
        ran: The names of the steps that ran.
        environment: What each of those was given.
        uploads: The files of each artifact.
    """

    ok: bool | None = None
    log: str = ""
    summary: str = ""
    ran: list[str] = field(default_factory=list)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, list[str]] = field(default_factory=dict)


def clone(folder: Path) -> Path:
    """Copy what a job needs of the project, with a set-up that `./dev` knows for complete."""
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy
        copy(PROJECT / part, folder / part)
    bin_ = folder / ".venv" / "bin"
    bin_.mkdir(parents=True)
    for command in ("python", "newsletter"):
        (bin_ / command).symlink_to(BIN / command)
    stamped = 'eval "$(sed -n "/^stamp() {/,/^}/p" dev)"; here=$PWD bin=$PWD/.venv/bin; stamp run'
    stamp = subprocess.run(
        ["sh", "-euc", stamped], cwd=folder, capture_output=True, encoding="utf-8", check=True
    )
    (folder / ".venv" / ".ready-run").write_text(f"{stamp.stdout}python3\n", encoding="utf-8")
    return folder


def workflow(name: str) -> dict[str, Any]:
    """Read one of the project's own workflows."""
    return parse_workflow((WORKFLOWS / name).read_text(encoding="utf-8"))


def parse_workflow(text: str) -> dict[str, Any]:
    """Read a workflow; its `on` is found under that name, which YAML takes for a truth."""
    document = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in document.items()}


def run_job(
    document: dict[str, Any], name: str, contexts: Mapping[str, Any], runner: Runner
) -> Job:
    """Run one job; `contexts` says what `github`, `secrets`, `vars` and `needs` are."""
    job = document["jobs"][name]
    known: dict[str, Any] = {"secrets": {}, "vars": {}, **contexts}
    known |= {"steps": {}, "runner": {"temp": str(runner.temp)}}
    done = Job()
    if "if" in job and not value(job["if"], known):
        return done
    runner.temp.mkdir()
    done.ok = True
    github = known.get("github", {})
    (runner.temp / "event.json").write_text(json.dumps(github.get("event", {})), "utf-8")
    for step in job["steps"]:
        condition = step.get("if", "success()")
        if not done.ok and condition != ALWAYS:
            continue
        if condition not in {ALWAYS, "success()"} and not value(condition, known):
            continue
        if "uses" in step:
            _use(step, known, done, runner)
            continue
        shell = SHELLS[document.get("defaults", {}).get("run", {}).get("shell")]
        environment = filled(
            {**document.get("env", {}), **job.get("env", {}), **step.get("env", {})}, known
        )
        done.ran.append(step["name"])
        done.environment[step["name"]] = environment
        event = {
            "GITHUB_EVENT_NAME": github.get("event_name", ""),
            "GITHUB_EVENT_PATH": str(runner.temp / "event.json"),
        }
        outputs = _run([*shell, _script(step, runner)], {**environment, **event}, runner, done)
        if "id" in step:
            known["steps"][step["id"]] = {"outputs": outputs}
    done.outputs = filled(job.get("outputs", {}), known)
    return done


def _use(step: dict[str, Any], known: Mapping[str, Any], done: Job, runner: Runner) -> None:
    action = step["uses"].partition("@")[0]
    if action == "actions/checkout" and runner.origin:
        what = filled(step["with"], known).get("ref") or known["github"]["sha"]
        shutil.rmtree(runner.workspace, ignore_errors=True)
        for command in (["clone", "-q", runner.origin, runner.workspace], ["checkout", "-q", what]):
            folder = runner.workspace if command[0] == "checkout" else None
            subprocess.run(["git", *command], cwd=folder, check=True)
        return
    if action == "actions/upload-artifact":
        given = filled(step["with"], known)
        folder = runner.workspace / given["path"]
        done.uploads[given["name"]] = sorted(path.name for path in folder.rglob("*"))
    elif action not in NOTHING_TO_DO_HERE:
        raise ValueError(f"what does {action} do?")


def _script(step: dict[str, Any], runner: Runner) -> str:
    script = runner.temp / "_step.sh"
    script.write_text(step["run"], encoding="utf-8")
    return str(script)


def _run(
    command: list[str], environment: dict[str, str], runner: Runner, done: Job
) -> dict[str, str]:
    output, summary = runner.temp / "_output", runner.temp / "_summary"
    output.write_text("", encoding="utf-8")
    summary.touch()
    given = {
        "PATH": f"{runner.path or ''}:{os.environ['PATH']}".lstrip(":"),
        "HOME": str(runner.temp),
        "LANG": "C.UTF-8",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(runner.workspace),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "RUNNER_TEMP": str(runner.temp),
        **runner.variables,
        **environment,
    }
    ended = subprocess.run(
        command,
        cwd=runner.workspace,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    done.log += ended.stdout
    done.ok = bool(done.ok) and ended.returncode == 0
    done.summary = summary.read_text(encoding="utf-8")
    return _outputs(output.read_text(encoding="utf-8"))


def _outputs(text: str) -> dict[str, str]:
    """Read `name=value` lines, and values of several lines between `name<<WORD` and `WORD`."""
    found = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, _, word = line.partition("<<")
        if word and "=" not in name:
            several = []
            while (more := next(lines)) != word:
                several.append(more)
            found[name] = "\n".join(several)
        else:
            name, _, found[name] = line.partition("=")
    return found


def filled(table: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, str]:
    """Return a table of texts with their expressions answered."""
    return {
        name: re.sub(r"\$\{\{(.*?)\}\}", lambda m: _text(value(m[1], known)), str(entry))
        for name, entry in table.items()
    }


def _text(found: object) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def value(expression: str, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    """Return what an expression says: names, texts, `==`, `!=`, `&&`, `||`, `!` and brackets.

    https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
    """
    if TOKEN.sub("", expression).strip():
        raise ValueError(f"what is {expression}?")
    rest = TOKEN.findall(expression)
    found = _either(rest, known)
    if rest:
        raise ValueError(f"what is {rest[0]} in {expression}?")
    return found


def _either(rest: list[str], known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    found = _both(rest, known)
    while rest[:1] == ["||"]:
        rest.pop(0)
        other = _both(rest, known)
        found = found or other
    return found


def _both(rest: list[str], known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    found = _compared(rest, known)
    while rest[:1] == ["&&"]:
        rest.pop(0)
        other = _compared(rest, known)
        found = found and other
    return found


def _compared(rest: list[str], known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    found = _single(rest, known)
    if rest[:1] in (["=="], ["!="]):
        same = rest.pop(0) == "=="
        return (found == _single(rest, known)) is same
    return found


def _single(rest: list[str], known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    token = rest.pop(0)
    if token == "!":
        return not _single(rest, known)
    if token == "(":
        found = _either(rest, known)
        if rest.pop(0) != ")":
            raise ValueError("a bracket is not closed")
        return found
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    return _named(token, known)


def _named(name: str, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as GitHub has it
    found: Any = known
    for part in name.split("."):
        if part not in found:
            if name.startswith(tuple(f"{one}." for one in OPEN)):
                return ""
            raise KeyError(name)
        found = found[part]
    return found
