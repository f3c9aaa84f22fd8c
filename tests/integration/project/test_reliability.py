"""The page on reliability names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES = re.findall(r"^### (.+?)\n(.*?)(?=\n### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
FILES = re.compile(r"^- `(tests/[\w/]+\.py)`\n((?:  - `\w+`(?:\n|$))+)", re.MULTILINE)


def test_each_promise_names_tests_that_exist() -> None:
    assert len(PROMISES) > 10
    for promise, proofs in PROMISES:
        named = FILES.findall(proofs)
        assert named, promise
        for file, tests in named:
            text = (PROJECT / file).read_text(encoding="utf-8")
            for test in re.findall(r"`(\w+)`", tests):
                assert f"\ndef {test}(" in text, f"{promise}: {file} has no {test}"
