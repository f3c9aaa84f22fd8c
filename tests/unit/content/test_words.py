"""The tables of words that authors write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from newsletter.content.words import any_of, read_words, words

if TYPE_CHECKING:
    from pathlib import Path


def test_all_languages_count() -> None:
    months = words().months
    assert (months["maart"], months["march"], months["märz"], months["mars"]) == (3, 3, 3, 3)
    assert set(months.values()) == set(range(1, 13))
    assert (words().keys["onderwerp"], words().keys["title"]) == ("subject", "subject")
    assert {"klaar", "ready"} <= words().not_draft <= set(words().keys)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("[greetings]\nwords = []", "greetings"),
        ('[greeting]\nword = ["dag"]', "word"),
        ('months = ["januari"]', "1 months"),
        ('[date]\ndays = []\nmonths = []\nshort = ""\nlong = ""', "0 months of dates"),
        ("[date]\ndays = []\nmonths = []", "long, short"),
    ],
)
def test_a_misspelt_table_is_no_empty_one(table: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "nl.toml").write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=f"nl.toml: {problem}"):
        read_words(tmp_path)


def test_a_star_is_any_ending_and_nothing_else_is_a_pattern() -> None:
    pattern = any_of(["waar*", "meld je", "c++"])
    for text in ("waaraan", "waar", "meld  je", "c++"):
        assert re.fullmatch(pattern, text)
    for text in ("meldje", "ccc", "waar aan"):
        assert not re.fullmatch(pattern, text)
