"""An author's repository at a forge, as `init` writes it, and the jobs that run in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml

from newsletter import config
from newsletter.repository import render_files
from newsletter.store import open_store
from newsletter.store.schema import ledger
from tests.support.github_actions import BIN, PROJECT, Job, Runner, parse_workflow, run_job
from tests.support.newsletter import add_subscribers
from tests.support.processes import run_command
from tests.support.repositories import plan
from tests.support.web_server import KEY

if TYPE_CHECKING:
    from tests.support.fake_forge import FakeForge

SUBSCRIBERS = 12
RESEND_KEY = "re_canary_0123456789"
NOBODY = "http://127.0.0.1:9"
FIRST, LAST = plan().crons[0], plan().last_cron
FOLDER = {"github": ".github/workflows", "forgejo": ".forgejo/workflows", "gitlab": "."}
# Stands for `pip`, whose own tests are elsewhere, and for what a container installs.
PYTHON = (
    """case "$1 $2 $3" in "-m pip install") echo "$@" >>{log} ;; *) exec {python} "$@" ;; esac"""
)


class AuthorRepository:
    """An author's repository, with subscribers in a database, and a forge around it.

    Args:
        folder: Where everything is made.
        forge: The forge, which runs.
        provider: The URL of the provider.
        database: A URL; SQLite if empty.
        pages: The URL of the web app.

    Attributes:
        slug: Of the issue whose time has come.
        secrets: What its owner stored.
        variables: What its owner set.
    """

    def __init__(
        self,
        folder: Path,
        forge: FakeForge,
        provider: str = NOBODY,
        *,
        database: str = "",
        pages: str = NOBODY,
    ) -> None:
        self._folder = folder
        self.forge = forge
        self.origin = folder / "gerrit" / "brief"
        self.secrets = {
            "NEWSLETTER_DATABASE_URL": database or f"sqlite:///{folder}/newsletter.db",
            "NEWSLETTER_SECRET_KEY": KEY,
            "RESEND_API_KEY": RESEND_KEY,
        }
        self.variables = {"NEWSLETTER_SEND": "true"}
        for file in render_files(plan(ci=forge.kind)):
            path = self.origin / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
        for draft in self.origin.glob("issues/*.md"):
            draft.unlink()
        (self.origin / "issues").mkdir(exist_ok=True)
        self._settings(provider, pages)
        self.git("init", "-q", "-b", "main")
        self.git("config", "receive.denyCurrentBranch", "ignore")
        self.slug = self.write("rust")
        self._commands()

    def _settings(self, provider: str, pages: str) -> None:
        environment = {"NEWSLETTER_DATABASE_URL": self.secrets["NEWSLETTER_DATABASE_URL"]}
        (self.origin / "newsletter.toml").write_text('name = "Proefbrief"\n', encoding="utf-8")
        done = run_command("db", "upgrade", cwd=self.origin, env=environment)
        assert done.returncode == 0, done.stderr
        store = open_store(config.load(self.origin, environment))
        add_subscribers(store, SUBSCRIBERS)
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
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        (self.origin / "newsletter.toml").write_text("".join(lines), encoding="utf-8")

    def _commands(self) -> None:
        (self._folder / "bin").mkdir()
        log = self._folder / "installed"
        self._command("python", PYTHON.format(log=log, python=BIN / "python"))
        program = f'PYTHONPATH={PROJECT} exec {BIN / "newsletter"} "$@"'
        self._command("newsletter", program)
        self._command("curl", f'for last; do :; done\necho "$last" >>{self._folder}/pinged')
        self._command("apt-get", f'echo "$@" >>{log}')

    def _command(self, name: str, text: str) -> None:
        path = self._folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def git(self, *arguments: str) -> str:
        """Run git where its author commits."""
        who = ["-c", "user.name=Gerrit", "-c", "user.email=gerrit@example.org"]
        command = ["git", *who, *arguments]
        return subprocess.check_output(command, cwd=self.origin, encoding="utf-8").strip()

    def commit(self, files: dict[str, str]) -> str:
        """Commit files; return the commit."""
        for name, text in files.items():
            (self.origin / name).parent.mkdir(parents=True, exist_ok=True)
            (self.origin / name).write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "-qm", "more", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, *, minutes_ago: int = 5, text: str = "Een rustige zin") -> str:
        """Commit an issue whose time came a moment ago; return its slug."""
        when = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=minutes_ago)
        slug = f"{when:%Y-%m-%d}-{name}"
        front = f"subject: Over {name}\nsend_at: {when:%Y-%m-%d %H:%M}"
        self.commit({f"issues/{slug}.md": f"---\n{front}\n---\n{text} over {name}.\n"})
        return slug

    def workflow(self, name: str) -> dict[str, Any]:
        """Read a workflow."""
        path = self.origin / FOLDER[self.forge.kind] / name
        return parse_workflow(path.read_text(encoding="utf-8"))

    def send(self, cron: str = FIRST, *, sha: str = "") -> Job:
        """Let the schedule (or without `cron` a person) start the job that sends."""
        event = {"event_name": "schedule", "event": {"schedule": cron}}
        return self.run("send", event if cron else {"event_name": "workflow_dispatch"}, sha=sha)

    def act(self, **inputs: str) -> Job:
        """Let a person start the job that acts for them."""
        return self.run("act", {"event_name": "workflow_dispatch", "event": {"inputs": inputs}})

    def run(self, name: str, event: dict[str, Any], *, sha: str = "", ref: str = "main") -> Job:
        """Run a workflow's only job as the forge does; nothing private may be reported.

        Args:
            name: Of the workflow and its job.
            event: What started it.
            sha: The commit of a run that is repeated.
            ref: The branch.
        """
        temp = Path(tempfile.mkdtemp(dir=self._folder))
        github = {
            "token": self.forge.environment.get("GITHUB_TOKEN", ""),
            "ref": f"refs/heads/{ref}",
            "ref_name": ref,
            "sha": sha or self.git("rev-parse", "HEAD"),
            "workflow": name,
            "event": {},
            **event,
        }
        forge = {**self.forge.environment, "GITHUB_REF": github["ref"]}
        forge.pop("GITHUB_TOKEN", None)
        if self.forge.kind == "forgejo":
            forge["GITHUB_SERVER_URL"] = f"file://{self._folder}"
        workspace = temp / "workspace"
        workspace.mkdir()
        runner = Runner(workspace, temp / "temp", self._folder / "bin", self.origin, forge)
        known = {"github": github, "vars": self.variables}
        if name != "check":
            known["secrets"] = self.secrets
        job = run_job(self.workflow(f"{name}.yml"), name, known, runner)
        self.expect_nothing_private(job.log + job.summary + str(job.outputs))
        return job

    def expect_nothing_private(self, reported: str) -> None:
        """Refuse an address or a secret in what everybody may read who sees the run."""
        assert not re.search(r"lezer\d|(?<!you)@example", reported), "an address was shown"
        assert not [one for one in (RESEND_KEY, KEY, "ghs_canary") if one in reported]

    def gitlab(self, name: str, **variables: str) -> Job:
        """Run a job of GitLab's file: a shell for its lines, which ends at the first that fails."""
        document = yaml.safe_load((self.origin / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        job = document[name]
        workspace = Path(tempfile.mkdtemp(dir=self._folder)) / "workspace"
        subprocess.run(["git", "clone", "-q", self.origin, workspace], check=True)
        texts = {
            key: str(entry["value"] if isinstance(entry, dict) else entry)
            for key, entry in {**document["variables"], **job.get("variables", {})}.items()
        }
        secrets = self.secrets if job.get("environment", {}).get("name") == "newsletter" else {}
        environment = {
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(workspace.parent),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_COMMIT_BRANCH": "main",
            "CI_DEFAULT_BRANCH": "main",
            **texts,
            **self.forge.environment,
            **secrets,
            **variables,
        }
        lines = [*document["default"]["before_script"], *job["script"]]
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=180,
            check=False,
        )
        self.expect_nothing_private(done.stdout)
        found = Job(ok=done.returncode == 0, log=done.stdout)
        for artifact in job.get("artifacts", {}).get("paths", []):
            found.uploads[artifact] = sorted(p.name for p in (workspace / artifact).glob("*"))
        for kind, file in job.get("artifacts", {}).get("reports", {}).items():
            found.outputs[kind] = (workspace / file).read_text(encoding="utf-8")
        return found

    def installed(self) -> list[str]:
        """Return what was installed, a line for each command."""
        file = self._folder / "installed"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def pinged(self) -> list[str]:
        """Return what reports that all is well."""
        file = self._folder / "pinged"
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def edit(self, **settings: object) -> None:
        """Change settings and commit them."""
        path = self.origin / "newsletter.toml"
        text = path.read_text(encoding="utf-8")
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        self.commit({"newsletter.toml": text + "".join(lines)})
