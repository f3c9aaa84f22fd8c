"""Words that this project does not use, and the folders that are free of them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]

BANNED = {
    r"he|him|his|himself": "they, them, their",
    r"whence|whomever|whoever's|thereof|thereby|wherein": "a plain word",
    r"of which nobody|of whom nobody|nobody knows what": "unknown",
    r"in its way|in his way": "blocked by",
    r"mends?|mended|mending|mend (?:it|that|something)": "fix, correct",
    r"readers?|readers'|reader's": "subscriber (visitor, for a person who may be on no list)",
    r"in doubt|doubted": "unknown",
    r"for want of": "without",
    r"told|tells": "reports, says, shows",
    r"stands? in the way|stood": "blocks, is",
    r"leave link|leaves? link": "unsubscribe link",
    r"receipts?": "report",
    r"somebody else's|somebody": "a person",
    r"carrier|outlook|nursery|theatre|departure": "a word of the glossary",
}
"""What to write instead of each, by its pattern: whole words, in any case."""

MAY = {
    "newsletter/archive/words.toml",  # has the small words of English
    "newsletter/archive/importing/tables.py",  # calls `csv.reader`
    "newsletter/imports/csv_file.py",  # calls `csv.reader`
    "newsletter/store/claims.py",  # stored snapshots have this key
    "templates/words/en.toml",  # has words that authors write
    "docs/glossary.md",  # says which words are not used
    "tests/unit/test_words.py",  # has the words
}
"""Files in which a banned word is the subject."""

DATA = re.compile(
    r"\bfeed readers?\b|`[^`\n]*`|https?://\S+|(?<!\S)\S+@\S+|\boutlook\.\w+|\"outlook\"|\bOutlook\b"
)
"""What is no prose: code, addresses, and the name of a mail service."""

TEST = re.compile(r"def test_\w+")

CLEAN = (
    ".github",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "compose.yaml",
    "dev",
    "docs",
    "issues",
    "newsletter/__init__.py",
    "newsletter/addresses.py",
    "newsletter/archive",
    "newsletter/archive_links.py",
    "newsletter/atomic_write.py",
    "newsletter/changed_text.py",
    "newsletter/checks",
    "newsletter/cli",
    "newsletter/config",
    "newsletter/content",
    "newsletter/delivery",
    "newsletter/desk",
    "newsletter/doctor",
    "newsletter/errors.py",
    "newsletter/forge",
    "newsletter/gc_tuning.py",
    "newsletter/imports",
    "newsletter/mail_dns",
    "newsletter/mime.py",
    "newsletter/model",
    "newsletter/package_data.py",
    "newsletter/personalize.py",
    "newsletter/placeholders.py",
    "newsletter/providers",
    "newsletter/render",
    "newsletter/repository",
    "newsletter/schedule.py",
    "newsletter/states.py",
    "newsletter/store",
    "newsletter/subscriptions",
    "newsletter/tokens.py",
    "newsletter/web",
    "pyproject.toml",
    "templates",
    "tests",
)
"""Folders and files without banned words. Add one when it is clean."""

SUFFIXES = {".md", ".py", ".yaml", ".yml", ".j2", ".toml", ""}


CORPORA = PROJECT / "tests" / "corpora"


@functools.cache
def texts() -> dict[Path, str]:
    """Return what is prose in each file, also the names of tests."""
    return {
        path: TEST.sub(
            lambda name: name[0].replace("_", " "), DATA.sub("", path.read_text(encoding="utf-8"))
        )
        for path in files()
    }


def files() -> list[Path]:
    found = [
        path
        for name in CLEAN
        for path in (
            sorted((PROJECT / name).rglob("*")) if (PROJECT / name).is_dir() else [PROJECT / name]
        )
    ]
    return [
        path
        for path in found
        if path.is_file()
        and path.suffix in SUFFIXES
        and CORPORA not in path.parents  # letters of authors, one of them not in UTF-8
        and path.relative_to(PROJECT).as_posix() not in MAY
    ]


@pytest.mark.parametrize("words", BANNED)
def test_clean_folders_have_no_banned_word(words: str) -> None:
    pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)
    found = []
    for path, text in texts().items():
        found += [
            f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert found == [], f"write {BANNED[words]}"


def test_there_are_files_to_look_at() -> None:
    assert len(files()) > len(CLEAN)
