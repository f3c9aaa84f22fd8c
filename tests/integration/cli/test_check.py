"""`newsletter check`, and the pages that explain it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import checks
from newsletter.content.front_matter import KEYS
from tests.support.newsletter import is_one_error

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = Path(__file__).parents[3]
GOOD_SETTINGS = """\
name = "Jij en Loslaten"
sender = "Gerrit <gerrit@example.org>"
contact = "Postbus 1, 1000 AA Amsterdam"
"""
GOOD = "---\nsubject: Rust\npreheader: Over stilte\n---\nTekst.\n"
WARNED = "---\nsubject: Rust\npreheader: Over stilte\n---\n• een\n"
WRONG = "---\nsubject: Rust\npreheader: Over stilte\n---\n• een\n\n![](foto.png)\n"


@pytest.fixture
def issues(root: Path) -> Path:
    (root / "newsletter.toml").write_text(GOOD_SETTINGS, encoding="utf-8")
    for name, text in {"06-goed": GOOD, "13-bijna": WARNED, "20-fout": WRONG}.items():
        own = text.replace("Rust", f"Rust op {name[:2]} december")
        (root / "issues" / f"2026-12-{name}.md").write_text(own, encoding="utf-8")
    return root / "issues"


def test_a_good_issue_passes(run: Run, issues: Path) -> None:
    for name in ("2026-12-06-goed", issues / "2026-12-06-goed.md"):
        done = run("check", name)
        assert (done.returncode, done.stdout) == (0, "1 issue checked: 0 errors, 0 warnings\n")


@pytest.mark.usefixtures("issues")
def test_a_warning_is_reported_and_does_not_fail(run: Run) -> None:
    done = run("check", "2026-12-13-bijna")
    assert done.returncode == 0
    line, count = done.stdout.splitlines()
    assert line.startswith("issues/2026-12-13-bijna.md:5: warning pasted-bullets: lines that begin")
    assert ' — Begin each of them with "- "' in line
    assert count == ("1 issue checked: 0 errors, 1 warning; 1 can be fixed: newsletter check --fix")


@pytest.mark.usefixtures("issues")
def test_without_an_issue_all_are_checked_and_an_error_exits_1(run: Run) -> None:
    done = run("check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == (
        "3 issues checked: 1 error, 2 warnings; 2 can be fixed: newsletter check --fix"
    )
    assert done.stderr == ""


@pytest.mark.usefixtures("issues")
def test_json_is_one_list_of_findings(run: Run) -> None:
    done = run("check", "--json", "2026-12-20-fout", "2026-12-06-goed")
    assert done.returncode == 1
    findings = json.loads(done.stdout)
    assert [(f["line"], f["rule"], f["severity"]) for f in findings] == [
        (5, "pasted-bullets", "warning"),
        (7, "image-alt", "error"),
    ]
    assert {f["path"] for f in findings} == {"issues/2026-12-20-fout.md"}
    keys = {"rule", "severity", "path", "line", "message", "fix", "fixable"}
    assert all(set(f) == keys for f in findings)
    assert [f["fixable"] for f in findings] == [True, False]


def test_without_any_issue_there_is_nothing_to_say(run: Run, root: Path) -> None:
    (root / "newsletter.toml").write_text(GOOD_SETTINGS, encoding="utf-8")
    assert json.loads(run("check", "--json").stdout) == []
    assert run("check").stdout == "0 issues checked: 0 errors, 0 warnings\n"


def test_a_file_name_cannot_forge_a_line_of_the_report(run: Run, root: Path) -> None:
    (root / "issues" / "2026-12-06-a\nx\r\u202e.md").write_text(GOOD, encoding="utf-8")
    (root / "newsletter.toml").write_text(GOOD_SETTINGS, encoding="utf-8")
    lines = run("check").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("issues/2026-12-06-a\\u000ax\\u000d\\u202e.md:1: error file-name")


def test_a_date_more_than_a_year_ahead_is_reported(run: Run, root: Path) -> None:
    (root / "issues" / "2062-12-06-a.md").write_text(GOOD, encoding="utf-8")
    done = run("check", "2062-12-06-a")
    assert done.returncode == 0
    assert "warning date-far-ahead" in done.stdout


@pytest.mark.usefixtures("issues")
def test_an_issue_that_is_not_there_is_one_line_and_exit_1(run: Run) -> None:
    done = run("check", "2026-12-27-weg")
    assert done.returncode == 1
    assert done.stdout == ""
    assert is_one_error(done.stderr)


def test_the_writing_page_names_every_key() -> None:
    page = (PROJECT / "docs" / "writing.md").read_text(encoding="utf-8")
    assert set(KEYS) <= set(re.findall(r"^\| `([a-z0-9_-]+)` \|", page, re.MULTILINE))


def test_the_page_of_rules_has_every_rule_and_no_other() -> None:
    page = (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8")
    flat = re.sub(r"\n  +", " ", page)
    entries = re.findall(r"^- \*\*`(\S+)`\*\* \((\w+)(, `--fix`)?\): (.+)$", flat, re.MULTILINE)
    rules = checks.all_rules()
    assert len(entries) == len(rules)
    assert {name: severity for name, severity, _, _ in entries} == {
        name: summary.severity for name, summary in rules.items()
    }
    assert {name for name, _, mark, _ in entries if mark} == checks.repairable()
    parts = re.compile(r"\S.+ \*Fix:\* .+\. \*Example:\* .+")
    incomplete = [name for name, *_, text in entries if not parts.fullmatch(text)]
    assert incomplete == []
