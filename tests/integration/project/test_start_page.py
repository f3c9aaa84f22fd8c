"""`docs/start.md`: every command of the page in its order, in an empty folder, at a terminal.

What an author does elsewhere is done by the test: filling in secrets, editing the draft. `gh`,
`fly` and `pipx` are stand-ins that note what they were asked; the database, the provider, the web
app, git and the workflow's steps are real.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.support.author_repository import PYTHON
from tests.support.fake_forge import serve_forge
from tests.support.github_actions import BIN, PROJECT, Runner, parse_workflow, run_job
from tests.support.postgres import free_port
from tests.support.providers.fake_resend import FakeResend
from tests.support.repositories import program_repository
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fake_forge import FakeForge
    from tests.support.github_actions import Job
    from tests.support.postgres import Postgres

PAGE = PROJECT / "docs" / "start.md"
KEY = "re_canary_0123456789"
PUBLIC = "https://brief.example.org"
LIST = (
    "member_id,email,state,signup_date,confirm_date,ip,voornaam\n"
    "a1,anna@lezers.example,active,2021-03-04 05:06:07,2021-03-04 05:06:07,192.0.2.7,Anna\n"
    "b2,bas@lezers.example,unsubscribed,2021-03-04 05:06:07,,,Bas\n"
    "c3,cor@lezers.example,active,2021-03-04 05:06:07,2021-03-04 05:06:07,192.0.2.8,Cor\n"
)
ANSWERS = (
    ("Name of the newsletter", "Stil Water"),
    ("Sender", "Marijke <marijke@brief.example.org>"),
    ("Postal address", "Kade 1, 1000 AA Amsterdam"),
    ("Provider", "resend"),
    ("Where the web app runs", "scale-to-zero"),
    ("scheduled job", "github"),
    ("Address of the web app", PUBLIC),
    ("Language", ""),
    ("Time zone", ""),
    ("Install the program from", "{program}"),
)
STAND_INS = {
    "newsletter": 'PYTHONPATH={project} exec {bin}/newsletter "$@"',
    "python": PYTHON,
    "pipx": "echo pipx $* >>{log}",
    "xdg-open": "exit 0",
    "fly": 'echo fly $* >>{log}; case "$*" in "secrets import") cat >{folder}/web.env ;; esac',
    "curl": (
        "exec {bin}/python -c 'import sys, urllib.request as r;"
        ' print(r.urlopen(sys.argv[1].replace("{public}", "{url}")).read().decode())\' "$@"'
    ),
    "gh": """echo gh $* >>{log}; for last; do :; done
case "$1 $2" in
"repo create") git remote add origin {remote} && git push -q -u origin main ;;
"secret set") cp "$last" {folder}/job.env ;;
"variable set") echo "$3=$last" >>{folder}/variables ;;
esac""",
}


def steps() -> dict[str, list[str]]:
    """Return the commands of the page, by the number of their step."""
    parts = re.split(r"^## (\d)\. .+$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        number: [
            line
            for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
        ]
        for number, text in zip(parts[1::2], parts[2::2], strict=True)
    }


class Author:
    """An author at a terminal, with a domain, a provider and a host.

    Attributes:
        root: The repository that they make.
        ran: The steps of the workflow that ran.
    """

    def __init__(
        self,
        folder: Path,
        fake: FakeResend,
        forge: FakeForge,
        database: str,
        stack: contextlib.ExitStack,
    ) -> None:
        self._folder, self._fake, self._forge, self._stack = folder, fake, forge, stack
        self._database, self._port = database, free_port()
        self._url = f"http://127.0.0.1:{self._port}"
        self._program = program_repository(folder / "program") + "@v0.2.0"
        self._app: App | None = None
        self.root = folder / "home" / "brief"
        self.root.parent.mkdir()
        (self.root.parent / "laposta.csv").write_text(LIST, encoding="utf-8")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder / "remote"], check=True)
        self._stand_ins()
        (folder / "state").write_text(f"cd {self.root.parent}\n", encoding="utf-8")

    def _stand_ins(self) -> None:
        bin_ = self._folder / "bin"
        bin_.mkdir()
        values = {
            "project": PROJECT,
            "bin": BIN,
            "python": BIN / "python",
            "log": self._folder / "log",
            "folder": self._folder,
            "remote": self._folder / "remote",
            "public": PUBLIC,
            "url": self._url,
        }
        for name, text in STAND_INS.items():
            (bin_ / name).write_text(f"#!/bin/sh\n{text.format(**values)}\n", encoding="utf-8")
            (bin_ / name).chmod(0o755)

    @property
    def _addresses(self) -> dict[str, str]:
        """Where the provider and the web app of this test are."""
        return {"NEWSLETTER_PROVIDER_URL": self._fake.url, "NEWSLETTER_PUBLIC_URL": self._url}

    def type(self, line: str) -> tuple[int, str]:
        """Run one line in the shell, and answer what it asks; return its status and output."""
        environment = {
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.root.parent),
            "LANG": "C.UTF-8",
            "BROWSER": "true",
            "GIT_AUTHOR_NAME": "Marijke",
            "GIT_AUTHOR_EMAIL": "marijke@brief.example.org",
            "GIT_COMMITTER_NAME": "Marijke",
            "GIT_COMMITTER_EMAIL": "marijke@brief.example.org",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "init.defaultBranch",
            "GIT_CONFIG_VALUE_0": "main",
            **self._addresses,
        }
        state = self._folder / "state"
        keep = f"trap '{{ export -p; echo cd \"$PWD\"; }} >{state}' EXIT"
        script = f". {state}\n{keep}\n{line}\n"
        master, slave = os.openpty()
        with subprocess.Popen(
            ["bash", "--norc", "-ec", script],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        ) as process:
            os.close(slave)
            shown = self._answer(master)
        os.close(master)
        return process.returncode, shown

    def _answer(self, master: int) -> str:
        shown, asked = "", ""
        while select.select([master], [], [], 120)[0]:
            try:
                part = os.read(master, 65536).decode("utf-8", "replace")
            except OSError:  # the shell has ended
                return shown
            shown, asked = shown + part, asked + part
            for question, answer in ANSWERS:
                if re.search(rf"{re.escape(question)}[^\r\n]*: $", asked):
                    os.write(master, answer.format(program=self._program).encode() + b"\n")
                    asked = ""
        raise AssertionError(f"it waits: {shown}")

    # What the page asks for beside its commands

    def before(self, step: str, line: str) -> None:
        """Do what the page says before a line."""
        secrets = self.root / ".newsletter" / "production.env"
        if step == "4" and line.startswith("set"):
            text = secrets.read_text(encoding="utf-8")
            text = text.replace("DATABASE_URL=", f"DATABASE_URL={self._database}")
            text = text.replace("\nRESEND_API_KEY=", f"\nRESEND_API_KEY={KEY}")
            secrets.write_text(text, encoding="utf-8")
        if line.startswith("fly secrets") and self._app:
            text = secrets.read_text(encoding="utf-8")
            text = text.replace("# RESEND_WEBHOOK_SECRET=", "RESEND_WEBHOOK_SECRET=whsec_c2VjcmV0")
            secrets.write_text(text, encoding="utf-8")
        if "proof.eml" in line:
            (proof,) = self._fake.taken()
            head = f"From: Marijke <marijke@brief.example.org>\nTo: {proof['to']}\n"
            text = f"{head}Subject: Proef: De eerste brief\n\nFijn dat je er bent.\n"
            (self.root.parent / "proof.eml").write_text(text, encoding="utf-8")
        if (step, line) == ("9", "newsletter check"):
            (issue,) = self.root.glob("issues/*.md")
            moment = datetime.now(ZoneInfo("Europe/Amsterdam")) - timedelta(minutes=5)
            text = issue.read_text(encoding="utf-8")
            now = f"send_at: {moment:%Y-%m-%d %H:%M}"
            issue.write_text(text.replace("draft: yes", now), encoding="utf-8")

    def after(self, line: str, shown: str) -> None:
        """Do what the page says after a line that printed this."""
        settings = self.root / "newsletter.toml"
        if line == "newsletter status" and (ledger := re.search(r'ledger = "\w+"', shown)):
            text = settings.read_text(encoding="utf-8")
            assert text.count('\nledger = ""\n') == 1
            settings.write_text(text.replace('ledger = ""', ledger[0]), encoding="utf-8")

    def deploy(self) -> None:
        """Start the web app with the secrets that its host has; an older one is stopped."""
        if self._app:
            self._app.stop()
        env = {**_variables(self._folder / "web.env"), **self._addresses}
        options = ("--port", str(self._port))
        self._app = self._stack.enter_context(serving(self.root, *options, env=env))

    def send(self) -> Job:
        """Run the workflow as the forge does, from what was pushed."""
        temp = Path(tempfile.mkdtemp(dir=self._folder))
        (temp / "workspace").mkdir()
        forge = {**self._forge.environment, **self._addresses}
        token = forge.pop("GITHUB_TOKEN")
        remote = self._folder / "remote"
        runner = Runner(temp / "workspace", temp / "temp", self._folder / "bin", remote, forge)
        show = ["git", "-C", remote, "show", "main:.github/workflows/send.yml"]
        document = parse_workflow(subprocess.check_output(show, encoding="utf-8"))
        known = {
            "github": {
                "token": token,
                "ref": "refs/heads/main",
                "ref_name": "main",
                "event_name": "workflow_dispatch",
                "event": {},
            },
            "secrets": _variables(self._folder / "job.env"),
            "vars": _variables(self._folder / "variables"),
        }
        return run_job(document, "send", known, runner)

    def taken(self) -> list[str]:
        return sorted(one["to"] for one in self._fake.taken())


def _variables(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


@pytest.fixture
def author(tmp_path: Path, server: Postgres) -> Iterator[Author]:
    name = server.database()
    with contextlib.ExitStack() as stack:
        stack.callback(server.drop, name)
        fake = stack.enter_context(FakeResend(tmp_path / "taken", key=KEY))
        forge = stack.enter_context(serve_forge("github"))
        yield Author(tmp_path, fake, forge, server.url(name, tcp=True), stack)


def test_the_commands_of_the_page_bring_the_first_letter(author: Author) -> None:
    proof = ["you@example.net"]
    everyone = ["anna@lezers.example", "cor@lezers.example"]
    shown = ""
    for step, lines in steps().items():
        for line in lines:
            author.before(step, line)
            status, shown = author.type(line)
            # A stand-in's domain and a proof that never travelled cannot please the doctor.
            allowed = {0, 1, 75} if "doctor" in line else {0}
            assert status in allowed, f"{line}\n{shown}"
            assert "Traceback" not in shown
            author.after(line, shown)
            if line.startswith("curl"):
                assert '"notices":"mailed"' in shown
            if line.startswith(("fly deploy", "fly secrets")):
                author.deploy()
            if line.startswith("gh workflow run"):
                job = author.send()
                assert job.ok, job.log
                assert author.taken() == proof
            if line == "git push":
                author.deploy()  # a host stops it when no one uses it, and starts it again
                for _ in range(2):
                    job = author.send()
                    assert job.ok, job.log
                    assert author.taken() == sorted(proof + everyone)
    assert "2 subscribers = 2 accepted" in shown


def test_the_page_has_steps_with_commands() -> None:
    assert [*steps()] == [str(number) for number in range(1, 10)]
    assert sum(map(len, steps().values())) > 25
