"""What others make of the letter: the reference MJML compiler and SpamAssassin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from newsletter import desk, render
from newsletter.render import mjml, templates
from tests.support import npm
from tests.support.issues import REPOSITORY, SAMPLES, SETTINGS, Parsed, every_block, sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.all

GOLDENS = sorted((REPOSITORY / "tests" / "goldens" / "files").glob("*.eml"))
LETTERS = {
    **{path.stem: sample(path) for path in SAMPLES},
    "every-block": every_block("💡 é \u00a0"),
}


@pytest.fixture(scope="session")
def reference_compiler() -> Path:
    """Return npm's `mjml`, installed from the lock on first use."""
    return npm.programs("mjml") / "mjml"


def reference(compiler: Path, source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [compiler, source, "--config.validationLevel=strict", "-o", target]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
    )


@pytest.mark.parametrize("name", LETTERS)
def test_the_reference_compiler_has_nothing_to_say_and_reads_the_same(
    name: str, reference_compiler: Path, tmp_path: Path
) -> None:
    values = render.values(LETTERS[name], SETTINGS)
    source = templates.run(REPOSITORY, "issue.mjml.j2", values)
    (tmp_path / "letter.mjml").write_text(source, encoding="utf-8")
    done = reference(reference_compiler, tmp_path / "letter.mjml", tmp_path / "letter.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    theirs = Parsed((tmp_path / "letter.html").read_text(encoding="utf-8"))
    ours = Parsed(mjml.compile(source))
    for tag in ("title", "h1", "h2", "h3", "p", "a"):
        assert words(ours.texts(tag)) == words(theirs.texts(tag)), tag
    assert ours.values("a", "href") == theirs.values("a", "href")
    assert ours.values("img", "alt") == theirs.values("img", "alt")


def words(texts: list[str]) -> list[list[str]]:
    return [text.split() for text in texts]


def test_the_reference_compiler_would_say_what_is_wrong(
    reference_compiler: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.mjml"
    wrong.write_text("<mjml><mj-body><mj-text colour='red'>a</mj-text></mj-body></mjml>")
    done = reference(reference_compiler, wrong, tmp_path / "wrong.html")
    assert done.returncode == 1
    assert "Attribute colour is illegal" in done.stderr


def spam_score(message: bytes) -> float:
    if not shutil.which("spamassassin"):
        pytest.fail("no spamassassin. Type: sudo apt-get install spamassassin", pytrace=False)
    command = ["spamassassin", "--test-mode", "--local"]
    done = subprocess.run(command, input=message, capture_output=True, check=True)
    found = re.search(rb"Content analysis details:\s+\((-?[\d.]+) points", done.stdout)
    assert found, done.stdout[-2000:]
    return float(found[1])


@pytest.mark.parametrize("path", [*SAMPLES, *GOLDENS], ids=lambda path: path.stem)
def test_spamassassin_gives_a_letter_no_point(path: Path, tmp_path: Path) -> None:
    if path.suffix == ".md":
        files = desk.render_files(SETTINGS, desk.read_draft(SETTINGS, path), tmp_path).files
        path = next(file for file in files if file.suffix == ".eml")
    assert spam_score(path.read_bytes()) <= 0


def test_spamassassin_would_notice_spam() -> None:
    # The line that every spam filter must catch: https://spamassassin.apache.org/gtube/
    test_line = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    assert spam_score(b"Subject: a\n\n" + test_line + b"\n") > 100
