from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.issues import SAMPLES
from tests.support.newsletter import is_one_error

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

SLUG = SAMPLES[0].stem


@pytest.fixture
def issue(root: Path) -> Path:
    return Path(shutil.copy(SAMPLES[0], root / "issues"))


def test_render_writes_three_files_and_prints_where(
    issue: Path, root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("render", issue)
    assert done.returncode == 0
    names = [f"{SLUG}.html", f"{SLUG}.txt", f"{SLUG}.eml"]
    folder = root / ".newsletter" / "render"
    assert done.stdout.splitlines() == [str(folder / name) for name in names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    html, text, message = ((folder / name).read_bytes() for name in names)
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert done.stderr == f"The letter's hash is {parsed['Newsletter-Letter-Hash']}\n"
    plain, rich = (parsed.get_body((kind,)) for kind in ("plain", "html"))
    assert plain
    assert rich
    assert plain.get_content().replace("\r\n", "\n").strip() == text.decode().strip()
    assert rich.get_content().replace("\r\n", "\n").strip() == html.decode().strip()
    assert parsed["Subject"] == "De weg naar rust: vasthouden of loslaten?"


def test_render_needs_no_database_and_no_key(
    issue: Path, root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run("render", SLUG, "--out", root / "out", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["issue"] == issue.stem
    assert [path.rpartition(".")[2] for path in found["files"]] == ["html", "txt", "eml"]
    assert sorted(path.name for path in root.iterdir()) == ["issues", "newsletter.toml", "out"]


def test_render_twice_gives_the_same_bytes(
    issue: Path, root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    written = []
    for folder in (root / "one", root / "two"):
        assert run("render", issue, "--out", folder).returncode == 0
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 3


def test_a_wrong_template_is_one_line_and_exit_code_1(
    issue: Path, root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (root / "templates").mkdir()
    (root / "templates" / "issue.txt.j2").write_text("\n{{ newsletter.nmae }}")
    done = run("render", issue)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "(templates/issue.txt.j2:2)" in done.stderr
    assert is_one_error(done.stderr)


def test_open_shows_the_page_in_the_persons_browser(
    issue: Path, root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (root / "bin").mkdir()
    for name in ("xdg-open", "open"):  # Linux, macOS
        opener = root / "bin" / name
        opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {root}/opened\n')
        opener.chmod(0o755)
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    done = run("render", issue, "--open", env={"PATH": path})
    assert done.returncode == 0, done.stderr
    assert (root / "opened").read_text() == done.stdout.splitlines()[0]
