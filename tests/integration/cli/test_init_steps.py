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

WEB_APPS = {
    "vps": '# start the web app: docs/pages.md, "A server: systemd and Caddy"',
    "container": '# start the web app: docs/pages.md, "A container"',
    "scale-to-zero": (
        '# start the web app: docs/pages.md, "A host that stops it when no one uses it"'
    ),
}
PUSHES = {"github": "gh repo create", "gitlab": "git push -u", "forgejo": "and push; then type"}


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
        (
            "glab",
            """test $1 = token && exec echo glpat-1
            echo "$*" >>asked; printf "%s=%s\\n" $3 "$(cat)" >>log""",
        ),
        ("curl", 'echo "$*" >>asked; exec /usr/bin/curl "$@"'),
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


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_gitlab_gets_every_secret_without_its_newline(folder: Path, newline: str) -> None:
    end_lines_with(folder, newline)
    run(folder, commands(plan(ci="gitlab", send_variables=SHARED), "glab (variable|token)"))
    expected = {**SECRETS, "GITLAB_TOKEN": "glpat-1"}
    log = (folder / "log").read_bytes().decode()
    assert dict(one.split("=", 1) for one in log.removesuffix("\n").split("\n")) == expected


def end_lines_with(folder: Path, newline: str) -> None:
    path = folder / ".newsletter" / "production.env"
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))


def test_gitlab_masks_what_is_secret_and_takes_what_is_short(folder: Path) -> None:
    names = (*SHARED, "AWS_ACCESS_KEY_ID", "AWS_REGION", "MAILGUN_DOMAIN")
    run(folder, commands(plan(ci="gitlab", send_variables=names), "glab (variable|token)"))
    lines = [one.split()[2:] for one in (folder / "asked").read_text().splitlines()]
    masked = {*SHARED, "AWS_ACCESS_KEY_ID", "GITLAB_TOKEN"}
    assert {name for name, *options in lines if "--masked" in options} == masked
    # GitLab refuses to mask a value with a ? that it may expand: the address of the database.
    assert all("--raw" in options for _, *options in lines)
    assert {name for name, *_ in lines} == {*names, "GITLAB_TOKEN"}


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
    run(folder, at_forgejo(url), typed="secret-token\n")
    place = "/api/v1/repos/OWNER/REPO/actions"
    assert taken == [
        *(
            ("PUT", f"{place}/secrets/{name}", "token secret-token", {"data": SECRETS[name]})
            for name in SHARED
        ),
        ("POST", f"{place}/variables/NEWSLETTER_SEND", "token secret-token", {"value": "true"}),
    ]


def at_forgejo(url: str) -> str:
    start = "(REPOSITORY=|read|request|store)"
    script = commands(plan(ci="forgejo", send_variables=SHARED), start)
    return script.replace("https://FORGE", url)


def test_no_argument_of_a_request_to_forgejo_is_a_secret(
    folder: Path, forge: tuple[str, list[tuple[str, str, str, object]]]
) -> None:
    run(folder, at_forgejo(forge[0]), typed="secret-token\n")
    asked = (folder / "asked").read_text()
    assert len(asked.splitlines()) == len(SHARED) + 1
    assert not any(value in asked for value in (*SECRETS.values(), "secret-token"))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_forgejo_gets_a_secret_as_it_is_written(
    folder: Path, forge: tuple[str, list[tuple[str, str, str, object]]], newline: str
) -> None:
    odd = r"""a"b\c'd&e\n/%41$HOME"""
    path = folder / ".newsletter" / "production.env"
    path.write_text(path.read_text().replace(SECRETS["RESEND_API_KEY"], odd))
    end_lines_with(folder, newline)
    run(folder, at_forgejo(forge[0]), typed="secret-token\n")
    assert [body for *_, body in forge[1]] == [
        *({"data": SECRETS[name]} for name in SHARED[:2]),
        {"data": odd},
        {"value": "true"},
    ]


@pytest.mark.parametrize("ci", CI)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_secret_has_a_command(ci: str, provider: str) -> None:
    names = ("NEWSLETTER_SECRET_KEY", "NEWSLETTER_DATABASE_URL", *facts_of(provider).sends_with)
    shown = "\n".join(steps(plan(ci=ci, provider=provider, send_variables=names)))
    file = re.escape(".newsletter/production.env")
    stores = {
        "github": [f"gh secret set .*--env-file {file}"],
        "gitlab": [f"sed .*/\\^{name}=/.* {file} .* glab variable set {name} .*" for name in names],
        "forgejo": [f"store {name}" for name in names],
        "systemd": [f"scp {file} root@SERVER:/etc/newsletter.env"],
        "none": [rf"set -a; \. \./{file}; set \+a"],
    }
    for line in stores[ci]:
        assert re.search(f"^{line}$", shown, re.MULTILINE), line


@pytest.mark.parametrize("ci", ["gitlab", "forgejo"])
@pytest.mark.parametrize(
    ("provider", "name", "use"),
    [
        ("lettermint", "LETTERMINT_TEAM_TOKEN", "newsletter doctor"),
        ("ses", "SES_CONFIGURATION_SET", "bounces"),
    ],
)
def test_an_optional_secret_is_named_and_never_stored_empty(
    ci: str, provider: str, name: str, use: str
) -> None:
    chosen = plan(ci=ci, provider=provider, optional_variables=facts_of(provider).reads_too)
    (line,) = [one for one in steps(chosen) if name in one]
    stored = {
        "gitlab": rf"sed .*=//p.* variable set {name}( --masked)? .*",
        "forgejo": f"store {name}",
    }
    assert re.fullmatch(f"# if you use it: {stored[ci]}", line)
    text = secrets_text(chosen, "k")
    assert re.search(rf"\n# If you use it.*{use}.*:\n# {name}=\n", text)


@pytest.mark.parametrize("pages", PAGES)
@pytest.mark.parametrize("ci", CI)
def test_no_step_is_left_out_and_each_follows_what_it_needs(ci: str, pages: str) -> None:
    on_server = (ci, pages) in {("systemd", "vps"), ("systemd", "none"), ("none", "vps")}
    shown = steps(plan(ci=ci, pages=pages, send_variables=ONE_MACHINE if on_server else SHARED))
    ledger = ["newsletter status", "git commit -am"]
    web_app = WEB_APPS.get(pages, "")
    if on_server and pages == "vps":
        web_app = "systemctl enable --now newsletter-web.service"
    assert shown.count(web_app) == (pages != "none")
    web_app_lines = [web_app] if web_app else []
    order = [
        *("docs/", "git add .", "git commit -m", "production.env"),
        *(web_app_lines if on_server else []),
        "subscribers import",
        *(["newsletter proof"] if on_server else ledger),
        *([PUSHES[ci]] if not on_server and pages == "vps" else []),
        *([] if on_server else web_app_lines),
        *(ledger if on_server else ["newsletter proof"]),
        *(["git push", "pull --ff-only"] if on_server else []),
        *(["systemctl restart newsletter-web.service"] if on_server and web_app else []),
    ]
    places = [next(at for at, one in enumerate(shown) if step in one) for step in order]
    assert places == sorted(places), shown
    assert ("systemctl enable --now newsletter-send.timer" in "\n".join(shown)) == (ci == "systemd")
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
