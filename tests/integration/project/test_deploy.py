"""What `docs/deploy.md` and the container files ask of a machine can be done."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from newsletter.cli import main
from newsletter.repository import render_files
from tests.support.repositories import plan
from tests.support.web_server import serving
from tests.unit.web.test_clients import seen

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
UNITS = {
    file.path.removeprefix("deploy/"): file.text
    for file in render_files(plan(ci="systemd", pages="vps"))
    if file.path.startswith("deploy/newsletter-")
}
COMPOSE = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
SEND = (PROJECT / ".github" / "workflows" / "send.yml").read_text(encoding="utf-8")
PROGRAM = r"(?:(?:/opt/newsletter/bin/)?newsletter|\./dev|docker compose run --rm send)"


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, each with what follows it."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines) if word
    ]


def last(instruction: str) -> str:
    return [rest for word, rest in instructions() if word == instruction][-1]


def typed() -> Iterator[list[str]]:
    """Yield every command of the program that the page says to type, as its arguments."""
    fences = re.findall(r"```(?:sh|ini)\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for fence in fences for line in fence.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
    for line in lines:
        found = re.match(rf"(?:ExecStart=)?{PROGRAM} ([a-z].*)", line)
        if found:
            yield shlex.split(found[1], comments=True)


def understood(arguments: list[str]) -> click.Command:
    """Return the command that these words name, all of its options known.

    Raises:
        click.UsageError: There is no such command or option.
    """
    group: click.Group = main
    words = list(arguments)
    while True:
        context = click.Context(group, info_name=words[0])
        _, command, words = group.resolve_command(context, words)
        assert command is not None
        if not isinstance(command, click.Group):
            break
        group = command
    parser = command.make_parser(click.Context(command))
    parser.parse_args(words)
    return command


def asked_of(arguments: list[str]) -> dict[str, Any]:
    """Return what these words ask of the command that they name, by parameter."""
    command = understood(arguments)
    return command.make_context(arguments[0], arguments[1:]).params


def believed(arguments: list[str], peer: str) -> str | None:
    """Return who asks, as `serve` with these words sees it, when a web server says who it is."""
    return seen(peer, "192.0.2.1, 198.51.100.7", proxies=asked_of(arguments)["proxies"])


def unit(name: str) -> configparser.ConfigParser:
    # What stands twice in a unit adds up; here nothing does, and reading it would be an error.
    found = configparser.ConfigParser(interpolation=None, delimiters=["="], comment_prefixes=["#"])
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(UNITS[name])
    return found


# The page


def test_every_command_on_the_page_is_one_of_the_program() -> None:
    commands = [" ".join(arguments) for arguments in typed()]
    assert len(commands) > 15
    for arguments in typed():
        understood(arguments)


def test_a_command_that_is_not_one_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        understood(["send", "--dew"])
    with pytest.raises(click.UsageError):
        understood(["db", "upgrayed"])


def test_every_shell_block_on_the_page_is_shell() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        subprocess.run(["bash", "-n"], input=block, encoding="utf-8", check=True)


def test_the_page_names_every_secret_and_variable_of_the_workflow() -> None:
    asked = set(re.findall(r"(?:secrets|vars)\.(\w+)", SEND))
    assert {"NEWSLETTER_DATABASE_URL", "NEWSLETTER_SEND"} < asked
    assert [name for name in asked if f"`{name}`" not in PAGE] == []


def test_the_page_has_the_workflows_times() -> None:
    times = re.findall(r'cron: "(\d+) (\d+) ', SEND)
    within = [hour for _, hour in times if 7 <= int(hour) < 13]
    every = sum(24 // int(hours) for hours in re.findall(r'cron: "\d+ \*/(\d+) ', SEND))
    words = {5: "five", 18: "eighteen"}
    assert f"there are {words[len(within)]} triggers" in PAGE
    assert f"{words[len(times) + every]} times a day" in PAGE
    minute, hour = times[-1]
    assert f"at {int(hour):02}:{int(minute):02}" in PAGE


# One small server


def test_the_units_belong_together() -> None:
    assert set(UNITS) == {
        "newsletter-web.service",
        "newsletter-send.service",
        "newsletter-send.timer",
    }
    for name in ("newsletter-web.service", "newsletter-send.service"):
        service = unit(name)["Service"]
        assert service["User"] == "newsletter"
        assert service["EnvironmentFile"] == "/etc/newsletter.env"
        assert service["WorkingDirectory"] in service["ReadWritePaths"].split()
        understood(shlex.split(service["ExecStart"])[1:])


def test_nginx_passes_the_clients_address_as_caddy_does_by_itself() -> None:
    page = (PROJECT / "docs" / "web.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    server \{\n.*?^    \}\n", page, re.MULTILINE | re.DOTALL)
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in block
    assert "`newsletter serve --proxy 127.0.0.1`" in page


@pytest.mark.parametrize(
    ("status", "url", "reported"),
    [
        ("0", "https://ping.example.org/1", ["https://ping.example.org/1/0"]),
        ("3", "https://ping.example.org/1", ["https://ping.example.org/1/3"]),
        ("75", "https://ping.example.org/1", []),
        ("0", "", []),
    ],
)
def test_the_heartbeat_reports_the_end_but_no_temporary_errors(
    tmp_path: Path, status: str, url: str, reported: list[str]
) -> None:
    said = tmp_path / "said"
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\nfor last; do :; done\necho "$last" >>{said}\n', encoding="utf-8")
    curl.chmod(0o755)
    command = unit("newsletter-send.service")["Service"]["ExecStopPost"].removeprefix("-")
    subprocess.run(
        shlex.split(command.replace("$$", "$")),  # a doubled dollar is systemd's for one
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "EXIT_STATUS": status, "PING_URL": url},
        check=True,
    )
    assert (said.read_text(encoding="utf-8").split() if said.exists() else []) == reported


# Containers


def test_an_image_gets_what_it_copies_and_nothing_else_can_come_along() -> None:
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }
    # Of an author's copy; a pattern, so that an image can be made without it.
    assert "newsletter.tom[l]" in copied
    copied = {name.replace("newsletter.tom[l]", "newsletter.toml") for name in copied}
    assert copied == let_through
    missing = [name for name in copied if not (PROJECT / name).exists()]
    assert missing == ["newsletter.toml"]


def test_an_image_holds_only_what_is_locked_and_runs_without_privileges() -> None:
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    assert "-r requirements.txt" in installs[0]
    assert last("USER") == "newsletter"
    froms = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(set(froms)) == 1, "the environment is moved, so both must have the same Python"


def test_an_image_serves_the_pages() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["newsletter"]
    command = json.loads(last("CMD"))
    assert understood(command).name == "serve"
    assert command[command.index("--host") + 1] == "0.0.0.0"  # noqa: S104 - inside a container
    assert command[command.index("--port") + 1] == last("EXPOSE")


def test_an_image_knows_whether_it_is_well(tmp_path: Path) -> None:
    python, *arguments = json.loads(last("HEALTHCHECK").partition(" CMD ")[2])
    assert python == "python"

    def asked(port: int) -> int:
        there = [one.replace(":8000/", f":{port}/") for one in arguments]
        return subprocess.run(
            [sys.executable, *there], stderr=subprocess.DEVNULL, check=False
        ).returncode

    with serving(tmp_path) as app:
        subprocess.run(
            [Path(sys.executable).with_name("newsletter"), "db", "upgrade"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        assert asked(app.port) == 0
    assert asked(app.port) == 1


def test_the_compose_file_is_one() -> None:
    asked = subprocess.run(
        [
            Path(sys.executable).with_name("check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            PROJECT / "compose.yaml",
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert asked.returncode == 0, asked.stdout


def test_every_service_runs_a_command_of_the_program_and_waits_for_what_it_needs() -> None:
    services: dict[str, Any] = COMPOSE["services"]
    for name in ("upgrade", "send"):
        understood(services[name]["command"])
    assert services["upgrade"]["command"] == ["db", "upgrade"]
    for name in ("web", "send"):
        needs = services[name]["depends_on"]
        assert needs["upgrade"]["condition"] == "service_completed_successfully"
    assert services["send"]["profiles"] == ["send"]
    assert re.fullmatch(r"postgres:\d+", services["database"]["image"])


def test_a_container_writes_only_what_a_sender_keeps_while_it_runs() -> None:
    (user,) = re.findall(r"useradd .*--uid (\d+)", str(instructions()))
    for name in ("upgrade", "web", "send"):
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["mem_limit"]
        assert f"/newsletter/.newsletter:uid={user},mode=700" in service["tmpfs"]
        settings, *others = service["volumes"]
        assert settings["target"] == "/newsletter/newsletter.toml"
        assert settings["read_only"] is True
        assert settings["bind"] == {"create_host_path": False}
        assert all(volume.endswith(":ro") for volume in others)


def test_in_its_container_the_pages_believe_the_machine_and_no_other_container() -> None:
    (pool,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    network = ip_network(pool["subnet"])
    gateway, others = ip_address(pool["gateway"]), list(network.hosts())
    others.remove(gateway)
    assert len(others) > len(COMPOSE["services"])
    # Docker hands these out by itself, for it to collide with.
    for taken in ("172.16.0.0/12", "192.168.0.0/16"):
        assert not network.overlaps(ip_network(taken))
    words = COMPOSE["services"]["web"]["command"]
    assert words[: words.index("--proxy")] == json.loads(last("CMD"))
    assert believed(words, str(gateway)) == "198.51.100.7"
    assert {believed(words, str(other)) for other in others} == {None}
    assert [n for n, one in COMPOSE["services"].items() if "networks" in one] == []
    assert f"`{network.network_address}`" in PAGE


def test_the_compose_file_has_no_secret_and_only_the_job_has_the_providers_key() -> None:
    text = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    assert asked == {"POSTGRES_PASSWORD", "NEWSLETTER_SECRET_KEY", "RESEND_API_KEY"}
    assert text.count("${") == len(re.findall(r"\$\{\w+:\?set it in \.env\}", text))
    assert [name for name in asked if f"\n{name}=…" not in PAGE] == []
    holders = [n for n, one in COMPOSE["services"].items() if "RESEND" in str(one)]
    assert holders == ["send"]
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ".env" in ignored


def test_nothing_but_this_machine_reaches_the_services() -> None:
    ports = [port for one in COMPOSE["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
