"""The steps that `newsletter init` prints: complete, in their order, and commands that work."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.cli.init_steps import first_steps
from newsletter.config import PROVIDERS
from newsletter.repository.plan import CI, PAGES
from newsletter.repository.providers import facts_of
from newsletter.repository.secret_file import secrets_text
from tests.support.repositories import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.repository import RepositoryPlan

ONE_MACHINE = ("NEWSLETTER_SECRET_KEY", "RESEND_API_KEY")
SHARED = ("NEWSLETTER_SECRET_KEY", "NEWSLETTER_DATABASE_URL", "RESEND_API_KEY")
SECRETS = {
    "NEWSLETTER_SECRET_KEY": "ab" * 32,
    "NEWSLETTER_DATABASE_URL": "postgresql://anna:p%40ss@db.example.org/letters?sslmode=require",
    "RESEND_API_KEY": "re_a/b+c=",
}


def steps(plan_: RepositoryPlan, folder: Path = Path()) -> list[str]:
    return [one.strip() for one in first_steps(folder, plan_, plan_.draft)]


def commands(plan_: RepositoryPlan, start: str) -> str:
    """Return the script of the printed commands that begin with a word, or follow a pipe of it."""
    return "\n".join(one for one in steps(plan_) if re.search(rf"(^|\| ){start}", one))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with secrets, and stand-ins on PATH that note what they are asked."""
    (tmp_path / ".newsletter").mkdir()
    lines = "".join(f"{name}={value}\n" for name, value in SECRETS.items())
    (tmp_path / ".newsletter" / "production.env").write_text(f"# mine\n{lines}", "utf-8")
    for name, body in (
        ("gh", 'printf "%s\\n" "$*" >>log'),
        ("glab", 'test $1 = token && exec echo glpat-1; printf "%s=%s\\n" $3 "$(cat)" >>log'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(folder: Path, script: str, typed: str = "") -> None:
    """Run commands in a shell that stops at the first one that fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        input=typed,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not any(value in done.stdout + done.stderr for value in SECRETS.values())


def test_only_the_branch_of_the_author_reaches_the_secrets_at_github(folder: Path) -> None:
    run(folder, commands(plan(ci="github"), "gh (api|secret)"))
    environment, branch, secrets = (folder / "log").read_text().splitlines()
    place = "repos/{owner}/{repo}/environments/newsletter"
    assert environment.startswith(f"api --silent --method PUT {place} ")
    assert "deployment_branch_policy[protected_branches]=false" in environment
    assert "deployment_branch_policy[custom_branch_policies]=true" in environment
    assert (
        branch
        == f"api --silent --method POST {place}/deployment-branch-policies -F name={{branch}}"
    )
    assert secrets == "secret set --env newsletter --env-file .newsletter/production.env"


def test_the_free_plan_of_github_has_its_own_way() -> None:
    shown = steps(plan(ci="github"))
    at = next(at for at, one in enumerate(shown) if "free plan" in one)
    assert "gh api" in shown[at + 1]
    assert "gh api" in shown[at + 2]
    assert "--env newsletter" in shown[at]


def test_gitlab_gets_every_secret_without_its_newline(folder: Path) -> None:
    run(folder, commands(plan(ci="gitlab", send_variables=SHARED), "glab (variable|token)"))
    expected = {**SECRETS, "GITLAB_TOKEN": "glpat-1"}
    found = dict(one.split("=", 1) for one in (folder / "log").read_text().splitlines())
    assert found == expected


@pytest.fixture
def forge() -> Iterator[tuple[str, list[tuple[str, str, str, object]]]]:
    """Serve a forge that notes each request: method, path, authorization and body."""
    taken: list[tuple[str, str, str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append((self.command, self.path, self.headers["Authorization"], body))
            self.send_response(204)
            self.end_headers()

        do_POST = do_PUT  # noqa: N815 - the name that the library asks for

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", taken
        server.shutdown()
        thread.join()


def test_forgejo_gets_every_secret_and_the_switch(
    folder: Path, forge: tuple[str, list[tuple[str, str, str, object]]]
) -> None:
    url, taken = forge
    script = commands(plan(ci="forgejo", send_variables=SHARED), "(REPOSITORY=|read|curl)")
    run(folder, script.replace("https://FORGE", url), typed="secret-token\n")
    place = "/api/v1/repos/OWNER/REPO/actions"
    assert taken == [
        *(
            ("PUT", f"{place}/secrets/{name}", "token secret-token", {"data": SECRETS[name]})
            for name in SHARED
        ),
        ("POST", f"{place}/variables/NEWSLETTER_SEND", "token secret-token", {"value": "true"}),
    ]


@pytest.mark.parametrize("ci", CI)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_secret_has_a_command(ci: str, provider: str) -> None:
    names = ("NEWSLETTER_SECRET_KEY", "NEWSLETTER_DATABASE_URL", *facts_of(provider).sends_with)
    shown = "\n".join(steps(plan(ci=ci, provider=provider, send_variables=names)))
    if ci in {"gitlab", "forgejo"}:
        assert all(
            re.search(rf"=//p.*{name} |secrets/{name}$", shown, re.MULTILINE) for name in names
        )
    else:
        assert ".newsletter/production.env" in shown


@pytest.mark.parametrize("ci", ["gitlab", "forgejo"])
def test_an_optional_secret_is_named_and_never_stored_empty(ci: str) -> None:
    chosen = plan(ci=ci, provider="lettermint", optional_variables=("LETTERMINT_TEAM_TOKEN",))
    (line,) = [one for one in steps(chosen) if "LETTERMINT_TEAM_TOKEN" in one]
    assert line.startswith("# if you use it")
    assert "\n# LETTERMINT_TEAM_TOKEN=\n" in secrets_text(chosen, "k")


@pytest.mark.parametrize("pages", PAGES)
@pytest.mark.parametrize("ci", CI)
def test_no_step_is_left_out_and_each_follows_what_it_needs(ci: str, pages: str) -> None:
    on_server = (ci, pages) in {("systemd", "vps"), ("systemd", "none"), ("none", "vps")}
    shown = steps(plan(ci=ci, pages=pages, send_variables=ONE_MACHINE if on_server else SHARED))
    order = [
        "docs/",
        "git add .",
        "git commit -m",
        "production.env",
        "subscribers import",
        "newsletter proof",
        "newsletter status",
        "git commit -am",
    ]
    places = [next(at for at, one in enumerate(shown) if step in one) for step in order]
    assert places == sorted(places), shown
    assert ("systemctl enable --now newsletter-send.timer" in "\n".join(shown)) == (ci == "systemd")
    if pages != "none":
        assert any("docs/pages.md" in one for one in shown)
    if on_server:
        shell = next(at for at, one in enumerate(shown) if one.startswith("# on the server"))
        assert shell < places[order.index("subscribers import")]
        assert not any(one.startswith("set -a") for one in shown)


@pytest.mark.parametrize("pages", ["vps", "none"])
def test_a_timer_is_where_systemd_reads_it_before_it_is_enabled(pages: str) -> None:
    shown = steps(plan(ci="systemd", pages=pages, send_variables=ONE_MACHINE))
    copied = next(at for at, one in enumerate(shown) if "newsletter-send.timer /etc/systemd" in one)
    reloaded = shown.index("systemctl daemon-reload")
    enabled = next(at for at, one in enumerate(shown) if "--now newsletter-send.timer" in one)
    assert copied < reloaded < enabled


def test_an_outbox_is_not_asked_to_name_its_database() -> None:
    shown = "\n".join(steps(plan(ci="none", provider="outbox", send_variables=ONE_MACHINE)))
    assert "proof" not in shown
    assert "may send" not in shown
