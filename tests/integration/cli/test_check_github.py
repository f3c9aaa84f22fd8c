"""`check --github`: what a stranger wrote is shown, and is never a command of the runner."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from newsletter.cli.annotations import annotation, without_commands
from newsletter.forge import code_quality
from newsletter.model import Finding, Severity
from tests.support.newsletter import coming, write_issue
from tests.support.runner_commands import IMITATIONS, Command, commands

if TYPE_CHECKING:
    from pathlib import Path

Run = "Callable[..., subprocess.CompletedProcess[str]]"


@dataclass(frozen=True)
class Checked:
    code: int
    commands: list[Command]
    printed: str
    table: str


def check(root: Path, run: Run, files: dict[str, str]) -> Checked:
    for name, text in files.items():
        (root / "issues" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "issues" / name).write_text(text, encoding="utf-8")
    page = root / "page.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    done = run("check", "--github", env=environment)
    printed = done.stdout + done.stderr
    table = page.read_text(encoding="utf-8") if page.exists() else ""
    return Checked(done.returncode, commands(done.stdout + "\n" + done.stderr), printed, table)


def test_a_finding_is_shown_beside_its_line_and_in_the_table(root: Path, run: Run) -> None:
    found = check(root, run, {"2030-01-06-rust.md": "---\nsubjct: Rust\n---\nEen zin.\n"})
    assert found.code == 1
    places = {(one.name, one.properties["file"], one.properties["line"]) for one in found.commands}
    assert ("error", "issues/2030-01-06-rust.md", "2") in places
    assert "| error | issues/2030-01-06-rust.md:2 |" in found.table


def test_warnings_alone_pass(root: Path, run: Run) -> None:
    found = check(root, run, {"2030-01-06-rust.md": "---\nsubject: Rust\n---\n• een\n"})
    assert found.code == 0
    assert {one.name for one in found.commands} == {"warning", "notice"}


def test_nothing_wrong_is_said_in_the_table(root: Path, run: Run) -> None:
    settings = 'name = "Stil"\nsender = "Anna <anna@example.org>"\ncontact = "Een straat 1"\n'
    (root / "newsletter.toml").write_text(settings, encoding="utf-8")
    text = "---\nsubject: Rust\npreheader: Een lege dag\n---\nEr was niets te doen.\n"
    found = check(root, run, {f"{coming(6):%Y-%m-%d}-rust.md": text})
    assert (found.code, found.commands) == (0, [])
    assert found.table == "No errors and no warnings.\n"


@pytest.mark.parametrize("name", IMITATIONS)
def test_a_file_s_name_is_no_command(root: Path, run: Run, name: str) -> None:
    hostile = IMITATIONS[name].replace("/", "-")
    found = check(root, run, {f"{hostile}.md": "---\nsubject: x\n---\nEen zin.\n"})
    expect_only_findings(found)
    shown = found.commands[0].properties["file"]
    assert shown.startswith("issues/")
    if name not in {"ansi", "line-separator"}:
        # What an older runner takes for a command is broken up here as well.
        assert shown == f"issues/{hostile}.md".replace("##[", "# #[")


@pytest.mark.parametrize("name", IMITATIONS)
def test_front_matter_and_text_are_no_commands(root: Path, run: Run, name: str) -> None:
    hostile = IMITATIONS[name]
    front = f"subject: {hostile}\n{hostile}: 1\nsend_at: {hostile}"
    text = f"---\n{front}\n---\n{hostile}\n\n![]({hostile})\n"
    expect_only_findings(check(root, run, {f"{coming(6):%Y-%m-%d}-rust.md": text}))


@pytest.mark.parametrize("name", IMITATIONS)
def test_settings_are_no_commands(root: Path, run: Run, name: str) -> None:
    key = IMITATIONS[name].replace("\\", "").replace('"', "")
    quoted = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in key)
    (root / "newsletter.toml").write_text(f'"{quoted}" = "{quoted}"\n', encoding="utf-8")
    found = check(root, run, {})
    assert found.code == 1
    assert [(one.name, one.properties["title"]) for one in found.commands] == [
        ("error", "Not checked")
    ]
    assert "\x1b" not in found.printed


def expect_only_findings(found: Checked) -> None:
    assert found.code == 1
    assert found.commands
    for one in found.commands:
        assert one.name in {"error", "warning", "notice"}
        assert set(one.properties) == {"file", "line", "title"}
        assert re.fullmatch(r"[a-z0-9-]+", one.properties["title"])
        assert re.fullmatch(r"\d+", one.properties["line"])
    assert not set(found.printed + found.table) & {"\x1b", "\x9b"}
    rows = found.table.splitlines()
    assert rows[:2] == ["| | where | what |", "|---|---|---|"]
    assert len(rows) == 2 + len(found.commands)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert not re.search(r"(?<!\\)<|@\w|(?<!\\)`", found.table)


def test_a_name_of_a_thousand_characters_is_cut_where_people_read_it(root: Path, run: Run) -> None:
    long = "/".join(["x" * 240] * 4) + "/2030-01-06-rust.md"
    found = check(root, run, {long: "---\nsubject: x\n---\nx\n", "y" * 250 + ".md": "x"})
    assert found.commands
    assert max(map(len, found.table.splitlines())) < 1_400
    assert max(len(one.data) for one in found.commands) < 1_100


def test_thousands_of_findings_fit_on_a_page(root: Path, run: Run) -> None:
    lines = "\n\n".join(f"![](foto-{n}-{'x' * 200}.png)" for n in range(600))
    files = {
        f"2030-01-{day:02}-x.md": f"---\nsubject: x{day}\n---\n{lines}\n" for day in range(1, 9)
    }
    found = check(root, run, files)
    assert len(found.table.encode()) < 1 << 20
    assert len(found.commands) > 1_000


def test_bytes_that_are_no_text_are_shown(root: Path, run: Run) -> None:
    (root / "issues").joinpath("2030-01-06-rust.md").write_bytes(
        b"---\nsubject: \xff\xfe\n---\n\x00\n"
    )
    expect_only_findings(check(root, run, {}))


@pytest.mark.parametrize("text", IMITATIONS.values())
def test_any_line_loses_its_commands_and_an_annotation_is_one(text: str) -> None:
    assert commands(without_commands(text)) == []
    (one,) = commands(annotation("error", text, title=text, file=text, line=3))
    assert one.name == "error"
    assert set(one.properties) == {"file", "line", "title"}


@pytest.mark.parametrize("text", IMITATIONS.values(), ids=IMITATIONS)
def test_gitlab_s_report_holds_what_a_stranger_wrote(root: Path, run: Run, text: str) -> None:
    name = f"{text.replace('/', '-')}.md".encode()[:200].decode(errors="ignore")
    (root / "issues" / name).write_text(f"---\nsubject: {text}\n---\n{text}\n", encoding="utf-8")
    done = run("check", "--gitlab", "findings.json")
    found = json.loads((root / "findings.json").read_text(encoding="utf-8"))
    assert done.returncode == (1 if "major" in {one["severity"] for one in found} else 0)
    assert f"issues/{name}" in {one["location"]["path"] for one in found}
    assert all(len(one["description"]) <= 1_000 for one in found)
    assert len({one["fingerprint"] for one in found}) == len(found)


def test_a_report_that_cannot_be_written_is_an_error(root: Path, run: Run) -> None:
    write_issue(root)
    done = run("check", "--gitlab", "missing/findings.json")
    assert done.returncode == 1
    assert "error: the report cannot be written to missing/findings.json" in done.stderr


def test_a_name_of_any_bytes_is_in_the_report() -> None:
    path = b"issues/\xff.md".decode("utf-8", "surrogateescape")
    found = Finding(path, 1, "file-name", Severity.ERROR, "it is odd", "rename it")
    (one,) = json.loads(code_quality([found]))
    assert one["location"] == {"path": "issues/\\udcff.md", "lines": {"begin": 1}}
