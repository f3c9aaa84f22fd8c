"""The steps of a release, as its workflow runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import newsletter
from tests.support.github_actions import PROJECT, value, workflow

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = workflow("release.yml")
JOBS = RELEASE["jobs"]
KNOWN = {"NEWSLETTER_PROJECT": "anna/newsletter"}


def step(job: str, name: str) -> str:
    (found,) = [one["run"] for one in JOBS[job]["steps"] if one.get("name") == name]
    return str(found)


def shell(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, **variables, "PATH": path},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def stand_in(folder: Path, name: str, prints: str = "") -> Path:
    """Put a command there that notes how it was called; return its notes."""
    notes = folder / f"{name}.called"
    script = folder / name
    script.write_text(f'#!/bin/sh\necho "$*" >>{notes}\ncat >/dev/null\n{prints}', encoding="utf-8")
    script.chmod(0o755)
    return notes


def test_a_release_is_made_for_a_tag_alone_and_never_cut_off() -> None:
    assert RELEASE["on"] == {"push": {"tags": ["v*"]}}
    assert RELEASE["concurrency"]["cancel-in-progress"] is False


def test_nothing_is_published_before_the_owner_says_so() -> None:
    def publishes(**variables: str) -> bool:
        known = {"github": {"repository": "anna/newsletter"}, "vars": KNOWN | variables}
        return bool(value(JOBS["publish"]["if"], known))

    assert not publishes()
    assert not publishes(NEWSLETTER_PUBLISH="false")
    assert publishes(NEWSLETTER_PUBLISH="true")
    assert JOBS["publish"]["permissions"] == {"id-token": "write"}
    assert JOBS["publish"]["environment"] == "release"


def needs(job: str) -> set[str]:
    """Return all the jobs that come before one."""
    first: Any = JOBS[job].get("needs", [])
    first = {first} if isinstance(first, str) else set(first)
    return first | {two for one in first for two in needs(one)}


def test_what_is_released_was_tested_and_attested_before() -> None:
    assert needs("release") == {"build", "attest", "image"}
    assert needs("publish") == {"build", "attest", "image", "release"}
    names = [one.get("name", one.get("uses")) for one in JOBS["build"]["steps"]]
    assert names.index("Test the distributions") < names.index("Build the distributions")
    tested = re.findall(r"tests/\S+", step("build", "Test the distributions"))
    assert all((PROJECT / name).is_file() for name in tested)


def test_a_tag_must_be_the_version_and_its_notes_are_those_of_the_changelog(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(PROJECT / name, tmp_path / name)
    script = step("build", "Check the tag and the notes")
    assert shell(tmp_path, script, GITHUB_REF_NAME="v99.0").returncode == 1
    done = shell(tmp_path, script, GITHUB_REF_NAME=f"v{newsletter.__version__}")
    assert done.returncode == 0, done.stderr
    notes = (tmp_path / "notes" / "notes.md").read_text(encoding="utf-8")
    changes = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{newsletter.__version__}]" not in notes
    assert notes in changes
    assert "\n## [" not in notes


def test_a_version_without_notes_is_not_released(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [0.0.9]\n\n- Old\n", encoding="utf-8")
    script = step("build", "Check the tag and the notes")
    ref = f"v{newsletter.__version__}"
    assert shell(tmp_path, script, GITHUB_REF_NAME=ref).returncode == 1


def test_the_image_is_tried_before_it_is_pushed_and_named_by_its_digest(tmp_path: Path) -> None:
    digest = f"sha256:{'a' * 64}"
    prints = f'case "$1" in inspect) echo "ghcr.io/anna/newsletter@{digest}" ;; esac\n'
    called = stand_in(tmp_path, "docker", prints)
    done = shell(
        tmp_path,
        step("image", "Build and push the image"),
        GITHUB_REPOSITORY="Anna/Newsletter",
        GITHUB_REF_NAME="v0.1.0",
        GITHUB_ACTOR="anna",
        GITHUB_OUTPUT=str(tmp_path / "output"),
        TOKEN="secret",
    )
    assert done.returncode == 0, done.stderr
    commands = called.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in commands] == ["build", "run", "login", "push", "inspect"]
    assert "ghcr.io/anna/newsletter:0.1.0" in commands[0]
    assert "secret" not in "".join(commands)
    reported = (tmp_path / "output").read_text(encoding="utf-8").splitlines()
    assert reported == ["name=ghcr.io/anna/newsletter", f"digest={digest}"]


def test_the_release_gets_every_distribution_and_the_notes(tmp_path: Path) -> None:
    called = stand_in(tmp_path, "gh")
    (tmp_path / "dist").mkdir()
    for name in ("a.whl", "a.tar.gz"):
        (tmp_path / "dist" / name).touch()
    script = step("release", "Make the release")
    variables = {"GITHUB_REPOSITORY": "anna/newsletter", "GITHUB_REF_NAME": "v0.1.0"}
    assert shell(tmp_path, script, **variables).returncode == 0
    (line,) = called.read_text(encoding="utf-8").splitlines()
    assert line.startswith("release create v0.1.0 dist/a.tar.gz dist/a.whl --repo anna/newsletter")
    assert "--notes-file notes/notes.md" in line
