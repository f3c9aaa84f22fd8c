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
GOOD = "---\nsubject: Rust\n---\nTekst.\n"
WARNED = "---\nsubject: Rust\n---\n• een\n"
WRONG = "---\nsubject: Rust\n---\n• een\n\n![](foto.png)\n"


@pytest.fixture
def issues(root: Path) -> Path:
    for name, text in {"06-goed": GOOD, "13-bijna": WARNED, "20-fout": WRONG}.items():
        (root / "issues" / f"2026-12-{name}.md").write_text(text, encoding="utf-8")
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
    assert line.startswith("issues/2026-12-13-bijna.md:4: warning pasted-bullets: lines that begin")
    assert ' — Begin each of them with "- "' in line
    assert count == "1 issue checked: 0 errors, 1 warning"


@pytest.mark.usefixtures("issues")
def test_without_an_issue_all_are_checked_and_an_error_exits_1(run: Run) -> None:
    done = run("check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "3 issues checked: 2 errors, 2 warnings"
    assert done.stderr == ""


@pytest.mark.usefixtures("issues")
def test_json_is_one_list_of_findings(run: Run) -> None:
    done = run("check", "--json", "2026-12-20-fout", "2026-12-06-goed")
    assert done.returncode == 1
    findings = json.loads(done.stdout)
    assert [(f["line"], f["rule"], f["severity"]) for f in findings] == [
        (4, "pasted-bullets", "warning"),
        (6, "image-address", "error"),
        (6, "image-alt", "error"),
    ]
    assert {f["path"] for f in findings} == {"issues/2026-12-20-fout.md"}
    keys = {"rule", "severity", "path", "line", "message", "fix", "fixable"}
    assert all(set(f) == keys for f in findings)
    assert [f["fixable"] for f in findings] == [True, False, False]


def test_without_any_issue_there_is_nothing_to_say(run: Run) -> None:
    assert json.loads(run("check", "--json").stdout) == []
    assert run("check").stdout == "0 issues checked: 0 errors, 0 warnings\n"


def test_a_file_name_cannot_forge_a_line_of_the_report(run: Run, root: Path) -> None:
    (root / "issues" / "2026-12-06-a\nx\r\u202e.md").write_text(GOOD, encoding="utf-8")
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


def test_the_writing_page_names_every_rule_and_key() -> None:
    page = (PROJECT / "docs" / "writing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z0-9_-]+)` \|", page, re.MULTILINE))
    assert named == {*checks.all_rules(), *KEYS}
