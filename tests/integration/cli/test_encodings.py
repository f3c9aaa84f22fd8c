"""Consoles and pipes that cannot show every character: nothing fails, and JSON stays JSON."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from newsletter.subscriptions.admin import add
from tests.support.processes import COMMAND
from tests.support.subscribers import fresh_store

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = "Łódź → rust ☕ 💡 é"
LIMITED = {
    "a Western console": {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
    "an old console": {"PYTHONIOENCODING": "cp437", "PYTHONUTF8": "0"},
    "no language": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture
def newsletter(root: Path) -> Path:
    issue = f"---\nsubject: {SUBJECT}\ndraft: yes\n---\nEen zin → {SUBJECT}.\n\n💡 Rust?\n"
    (root / "issues").mkdir(exist_ok=True)
    (root / "issues" / "2030-01-06-rust.md").write_text(issue, encoding="utf-8")
    add(fresh_store(root), "anna@example.org", consent="Łódź", first_name="Łucja")
    return root


def run(root: Path, limits: dict[str, str], *command: str) -> bytes:
    done = subprocess.run(
        [COMMAND, *command],
        cwd=root,
        env={**os.environ, **limits},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert b"Unicode" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("limits", LIMITED.values(), ids=LIMITED)
def test_every_text_can_be_printed(limits: dict[str, str], newsletter: Path) -> None:
    assert "Usage" in run(newsletter, limits, "--help").decode("ascii", "replace")
    shown = run(newsletter, limits, "status")
    assert b"2030-01-06-rust" in shown
    run(newsletter, limits, "check")
    run(newsletter, limits, "subscribers", "form")
    listed = run(newsletter, limits, "subscribers", "list")
    # Click prints UTF-8 where Python found no encoding but ASCII.
    assert rb"\u0141ucja" in listed or "Łucja" in listed.decode()
    run(newsletter, limits, "rehearse", "2030-01-06-rust")


@pytest.mark.parametrize("limits", LIMITED.values(), ids=LIMITED)
def test_json_is_json_that_says_the_same(limits: dict[str, str], newsletter: Path) -> None:
    (issue,) = json.loads(run(newsletter, limits, "status", "--json"))["issues"]
    assert issue["subject"] == SUBJECT
    assert issue["path"] == "issues/2030-01-06-rust.md"
    (person,) = json.loads(run(newsletter, limits, "subscribers", "list", "--json"))
    assert person["first_name"] == "Łucja"
    document = json.loads(
        run(newsletter, limits, "subscribers", "show", "anna@example.org", "--json")
    )
    assert document["first_name"] == "Łucja"


@pytest.mark.parametrize("limits", LIMITED.values(), ids=LIMITED)
def test_an_export_is_utf_8_whatever_the_console_has(
    limits: dict[str, str], newsletter: Path
) -> None:
    assert "Łucja" in run(newsletter, limits, "subscribers", "export").decode("utf-8")
    assert "Łucja" in run(newsletter, limits, "subscribers", "export", "--json").decode("utf-8")
    run(newsletter, limits, "subscribers", "export", "list.csv")
    assert "Łucja" in (newsletter / "list.csv").read_text(encoding="utf-8")


def test_where_every_character_can_be_shown_it_is(newsletter: Path) -> None:
    shown = run(newsletter, {"PYTHONIOENCODING": "utf-8"}, "status", "--json").decode("utf-8")
    assert SUBJECT in shown
