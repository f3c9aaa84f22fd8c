"""`newsletter check --fix` and `--strict`: what they write, ask, count and refuse."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from newsletter import config
from newsletter.desk import fixing
from newsletter.errors import NewsletterError
from tests.support.processes import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

HEAD = "---\nsubject: Rust\npreheader: Over stilte\n---\n"
LINE = "allow: pasted-bullets (zo hoort het)\n"
SLUG = "2026-12-06-rust"


@pytest.fixture
def letter(root: Path) -> Path:
    path = root / "issues" / f"{SLUG}.md"
    path.write_text(f"{HEAD}Tekst.\n\n• een\n", encoding="utf-8")
    return path


def test_fix_shows_the_difference_and_writes_it(run: Run, letter: Path) -> None:
    done = run("check", SLUG, "--fix")
    assert done.returncode == 0
    assert done.stdout.startswith(f"--- issues/{SLUG}.md\n+++ issues/{SLUG}.md\n@@ ")
    assert "-• een\n+- een\n" in done.stdout
    assert done.stdout.endswith("1 issue checked: 0 errors, 0 warnings\n")
    assert done.stderr == "Fixed 1 finding in 1 file.\n"
    assert letter.read_text(encoding="utf-8") == f"{HEAD}Tekst.\n\n- een\n"


def test_a_second_fix_has_nothing_to_write(run: Run, letter: Path) -> None:
    assert run("check", "--fix").returncode == 0
    before = letter.stat()
    done = run("check", "--fix")
    assert (done.returncode, done.stderr) == (0, "")
    after = letter.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("letter")
def test_json_lists_what_was_fixed_and_what_is_left(run: Run, root: Path) -> None:
    other = root / "issues" / "2026-12-13-stil.md"
    other.write_text(HEAD.replace("Rust", "Stil") + "Dit is ~~weg~~.\n", encoding="utf-8")
    done = run("check", SLUG, other.stem, "--fix", "--json")
    found = [(one["rule"], one["fixed"], one["fixable"]) for one in json.loads(done.stdout)]
    assert found == [("pasted-bullets", True, True), ("foreign-mark", False, False)]
    assert "+- een\n" in done.stderr


@pytest.mark.usefixtures("letter")
def test_an_error_stays_an_error_after_a_fix_of_the_rest(run: Run, letter: Path) -> None:
    letter.write_text(f"{HEAD}• een\n\n![](foto.png)\n", encoding="utf-8")
    done = run("check", "--fix")
    assert done.returncode == 1
    assert "- een\n" in letter.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [f"{SLUG}.md.txt", "2026-12-06 rust.md"])
def test_a_file_with_a_wrong_name_gets_the_right_one(run: Run, root: Path, name: str) -> None:
    (root / "issues" / name).write_text(f"{HEAD}Tekst.\n", encoding="utf-8")
    assert run("check").returncode == 1
    done = run("check", "--fix")
    assert (done.returncode, done.stderr) == (0, "Fixed 1 finding in 1 file.\n")
    assert f"rename issues/{name}\nto     issues/{SLUG}.md\n" in done.stdout
    assert [path.name for path in (root / "issues").iterdir()] == [f"{SLUG}.md"]


def test_a_new_name_that_is_taken_loses_neither_file(run: Run, root: Path, letter: Path) -> None:
    other = root / "issues" / f"{SLUG}.md.txt"
    other.write_text(f"{HEAD}Iets anders.\n", encoding="utf-8")
    run("check", "--fix")
    assert "Iets anders." in other.read_text(encoding="utf-8")
    assert "Tekst." in letter.read_text(encoding="utf-8")


def test_a_file_that_changed_meanwhile_is_refused(root: Path, letter: Path) -> None:
    (fix,) = fixing.plan_fixes(config.load(root, {}), [letter])
    letter.write_text("Onderwijl getypt.\n", encoding="utf-8")
    with pytest.raises(NewsletterError, match="changed while it was checked"):
        fixing.write_fix(fix)
    assert letter.read_text(encoding="utf-8") == "Onderwijl getypt.\n"


@pytest.mark.parametrize(("answer", "mark"), [("n", "•"), ("y", "-")])
def test_at_a_terminal_it_asks_before_it_writes(
    root: Path, letter: Path, answer: str, mark: str
) -> None:
    said = at_a_terminal(root, answer, "check", "--fix")
    assert said.index("+- een") < said.index("Write this change?")
    assert ("Nothing was written." in said) == (answer == "n")
    assert letter.read_text(encoding="utf-8").endswith(f"\n{mark} een\n")


def at_a_terminal(root: Path, answer: str, *arguments: str) -> str:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=root, stdin=slave, stdout=slave, stderr=slave
    ) as child:
        os.close(slave)
        os.write(master, f"{answer}\n".encode())
        said = b""
        try:
            while part := os.read(master, 4096):
                said += part
        except OSError:  # Linux reports the end of a terminal so
            pass
        child.wait(timeout=60)
    os.close(master)
    return said.decode()


@pytest.mark.usefixtures("letter")
def test_strict_lets_a_warning_fail_and_no_hint(run: Run, letter: Path) -> None:
    assert run("check").returncode == 0
    assert run("check", "--strict").returncode == 1
    letter.write_text("---\nsubject: Rust\n---\nTekst.\n", encoding="utf-8")
    done = run("check", "--strict", SLUG)
    assert "hint preheader-missing" in done.stdout
    assert done.returncode == 0


def test_what_a_file_allows_is_counted_and_passes_strict(run: Run, letter: Path) -> None:
    text = letter.read_text(encoding="utf-8").replace("---\nTekst", f"{LINE}---\nTekst")
    letter.write_text(text, encoding="utf-8")
    done = run("check", SLUG, "--strict", "--fix")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 issue checked: 0 errors, 0 warnings, 1 allowed\n"
    assert letter.read_text(encoding="utf-8") == text
