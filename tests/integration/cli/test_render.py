from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import pictures
from tests.support.issues import SAMPLES
from tests.support.newsletter import is_one_error, write_issue

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


def test_render_shows_pictures_from_files_beside_it_and_the_message_holds_its_own(
    root: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    pictures.put(root / "issues" / "foto.jpg", pictures.rotated())
    pictures.put(root / "logo.png", pictures.PIXEL)
    settings = root / "newsletter.toml"
    settings.write_text(settings.read_text() + 'logo = "logo.png"\n')
    slug = write_issue(root, more="\n\n![Een pad](foto.jpg)")
    done = run("render", slug, "--out", root / "out")
    assert done.returncode == 0, done.stderr
    html = (root / "out" / f"{slug}.html").read_text()
    (shown,) = {name for name in re.findall(r'src="([^"]+)"', html) if name.endswith("jpg")}
    assert pictures.opened((root / "out" / shown).read_bytes()).size == (480, 640)
    raw = (root / "out" / f"{slug}.eml").read_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    rich = message.get_body(("html",))
    assert rich
    held = {
        str(part["Content-ID"]).strip("<>"): part.get_content()
        for part in message.walk()
        if part.get_content_maintype() == "image"
    }
    asked = set(re.findall(r"cid:([^\"]+)", rich.get_content()))
    assert asked
    assert asked <= held.keys()
    assert (root / "out" / shown).read_bytes() in held.values()
    assert b"/media/" not in raw
    plain = message.get_body(("plain",))
    assert plain
    assert "[Afbeelding: Een pad]" in plain.get_content()
