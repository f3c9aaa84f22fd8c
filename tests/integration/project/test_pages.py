"""The files for the web app in an author's repository, and the recipes in `docs/pages.md`."""

from __future__ import annotations

import configparser
import fnmatch
import json
import os
import re
import shlex
import subprocess
import tomllib
from typing import TYPE_CHECKING

from newsletter.repository import render_files
from newsletter.repository.plan import PAGES
from tests.integration.project.test_deploy import PROJECT, asked_of, believed, last, understood
from tests.support.repositories import INSTALLATION, plan
from tests.unit.web.test_clients import seen

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPES = (PROJECT / "docs" / "pages.md").read_text(encoding="utf-8")


def files(kind: str) -> dict[str, str]:
    found = render_files(plan(pages=kind, ci="none"))
    return {one.path: one.text for one in found if one.owned}


def image() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with what follows it."""
    text = re.sub(r"^#.*\n", "", files("container")["Dockerfile"], flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for word, _, rest in (one.partition(" ") for one in lines) if word]


def all_of(instruction: str) -> list[str]:
    return [rest for word, rest in image() if word == instruction]


def service() -> configparser.SectionProxy:
    found = configparser.ConfigParser(interpolation=None, delimiters=["="], comment_prefixes=["#"])
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(files("vps")["deploy/newsletter-web.service"])
    return found["Service"]


def of_the_program(line: str) -> list[str] | None:
    """Return the arguments of the program that a line of a recipe has, if it has any."""
    found = re.search(r"\b(?:my-letter|/newsletter|newsletter) ((?:db|serve|status|send) .*)", line)
    return shlex.split(found[1].split('"')[0]) if found else None


def blocks() -> Iterator[str]:
    yield from re.findall(r"```sh\n(.*?)```", RECIPES, re.DOTALL)


def test_each_kind_writes_the_files_that_the_page_names() -> None:
    named = {
        kind: set(re.findall(r"`([\w./-]+)`", cells))
        for kind, cells in re.findall(r"^\| `([a-z-]+)` \| (.+?) \|", RECIPES, re.MULTILINE)
    }
    assert {*named, "none"} == set(PAGES)
    container = named["container"]
    named["scale-to-zero"] |= container
    install = {"newsletter-install/dependencies.txt", "newsletter-install/program.txt"}
    for kind, names in named.items():
        assert set(files(kind)) == names | install


def test_no_file_holds_a_secret_or_an_address() -> None:
    for kind in PAGES:
        text = "\n".join(files(kind).values())
        assert "gerrit@" not in text
        assert re.findall(r"_(?:KEY|SECRET|TOKEN|URL)=", text) == []


def test_every_shell_block_is_shell_and_asks_for_commands_that_there_are() -> None:
    assert len([*blocks()]) >= 5
    found = []
    for block in blocks():
        subprocess.run(["bash", "-n"], input=block, encoding="utf-8", check=True)
        found += [words for line in block.splitlines() if (words := of_the_program(line))]
    assert found
    for words in found:
        understood(words)


# A server


def test_the_service_serves_where_the_web_server_asks() -> None:
    words = shlex.split(service()["ExecStart"])[1:]
    listens = asked_of(words)
    caddy = files("vps")["deploy/Caddyfile"]
    (reported,) = re.findall(
        r"^brief\.example\.org \{\n\treverse_proxy (\S+)\n\}", caddy, re.MULTILINE
    )
    assert reported == f"{listens['host']}:{listens['port']}"
    assert believed(words, "127.0.0.1") == "198.51.100.7"
    assert "request>uri delete" in caddy


def test_the_recipe_installs_and_copies_what_the_service_needs() -> None:
    (recipe, *_), service_ = [*blocks()], service()
    for command in INSTALLATION.commands:
        assert command.replace("python -m", "/opt/newsletter/bin/python -m") in recipe
    assert shlex.split(service_["ExecStart"])[0] == "/opt/newsletter/bin/newsletter"
    for needed in (service_["EnvironmentFile"], service_["WorkingDirectory"], "deploy/Caddyfile"):
        assert needed in RECIPES


# A container


def test_the_image_installs_only_what_is_pinned() -> None:
    pip = [one for one in all_of("RUN") if "pip install" in one]
    assert pip == list(INSTALLATION.commands)
    first, second = (rest.split()[0] for rest in all_of("FROM"))
    assert second == f"{first}-slim"  # the environment is moved, so both have the same Python
    assert all_of("USER") == ["newsletter"]


def test_nothing_that_is_secret_can_come_along_into_the_image() -> None:
    lines = [one for one in files("container")[".dockerignore"].splitlines() if one[:1] != "#"]
    assert lines[0] == "*"
    let_through = [one.removeprefix("!") for one in lines[1:]]
    assert all(one.startswith("!") for one in lines[1:])
    for secret in (
        ".newsletter/newsletter.db",
        ".newsletter/production.env",
        ".env",
        ".git/config",
    ):
        assert not any(fnmatch.fnmatch(secret.split("/")[0], one) for one in let_through)
    assert {"newsletter.toml", "templates", "newsletter-install"} <= set(let_through)


def test_the_image_serves_the_web_app_and_can_run_any_other_command() -> None:
    (entry,), (command,) = all_of("ENTRYPOINT"), all_of("CMD")
    assert json.loads(entry) == ["newsletter"]  # no shell, which would keep the signal to itself
    asked = asked_of(json.loads(command))
    assert (asked["host"], asked["port"]) == ("0.0.0.0", int(*all_of("EXPOSE")))  # noqa: S104
    assert "--port 8000" in RECIPES


def test_the_image_knows_whether_it_is_well_as_that_of_a_copy_does() -> None:
    assert all_of("HEALTHCHECK") == [last("HEALTHCHECK")]


# A host that stops it


def test_with_the_addresses_of_the_app_the_host_says_who_asks() -> None:
    text = files("scale-to-zero")["fly.toml"]
    assert "processes" not in tomllib.loads(text)  # without its own addresses, all would be one
    line = tomllib.loads(re.sub(r"^# (\[processes\]|app = )", r"\1", text, flags=re.MULTILINE))
    words = shlex.split(line["processes"]["app"])
    asked, image_asks = asked_of(words), asked_of(json.loads(*all_of("CMD")))
    own = [str(one.network_address) for one in asked.pop("proxies") if one.is_global]
    assert not image_asks.pop("proxies")
    assert asked == image_asks
    assert len(own) == 2
    proxies = asked_of(words)["proxies"]
    for address in own:
        reported = f"192.0.2.1, 198.51.100.7, {address}"
        assert seen("172.16.4.2", reported, proxies=proxies) == "198.51.100.7"


def test_the_host_asks_by_a_signal_and_waits_longer_than_the_app_takes() -> None:
    fly = tomllib.loads(files("scale-to-zero")["fly.toml"])
    assert fly["kill_signal"] == "SIGTERM"
    assert int(fly["kill_timeout"].removesuffix("s")) >= 30
    http = fly["http_service"]
    assert (http["auto_stop_machines"], http["auto_start_machines"]) == ("stop", True)
    assert http["min_machines_running"] == 0
    assert http["internal_port"] == asked_of(json.loads(*all_of("CMD")))["port"]
    assert [check["path"] for check in http["checks"]] == ["/healthz"]
    assert re.fullmatch(r"[a-z0-9-]+", fly["app"])
    assert os.path.normpath(fly["build"]["dockerfile"]) in files("scale-to-zero")
