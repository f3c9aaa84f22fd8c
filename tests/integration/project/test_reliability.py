"""The page on reliability names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\*\*.+?\*\*.*?) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_each_promise_names_a_test_and_each_of_these_is_there() -> None:
    assert len(ROWS) > 10
    for promise, proofs in ROWS:
        named = NAMED.findall(proofs)
        assert named, promise
        for file, test in named:
            text = (PROJECT / file).read_text(encoding="utf-8")
            assert f"\ndef {test}(" in text, f"{promise}: {file} has no {test}"
