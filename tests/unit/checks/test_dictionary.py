"""The dictionaries: the same answers as Hunspell gives with all of their entries."""

from __future__ import annotations

import functools
import random
from typing import TYPE_CHECKING

import pytest
from hunspell import Hunspell

from newsletter.checks.dictionary import LANGUAGES, Dictionary, one_letter_away
from newsletter.dictionaries.convert import convert
from newsletter.errors import NewsletterError
from newsletter.package_data import dictionary_folder

if TYPE_CHECKING:
    from pathlib import Path

AFFIXES = """SET UTF-8
FLAG long
SFX Vb Y 2
SFX Vb en t pen
SFX Vb 0 de/Mv .
SFX Mv Y 1
SFX Mv de ten de
PFX Vo Y 1
PFX Vo 0 voor .
"""
ENDINGS = {
    "nl": ["s", "en", "e", "t", "de", "je", "jes", "heid", "ing", "loos"],
    "en": ["s", "ed", "ing", "ly", "'s", "ness", "er"],
}


@functools.cache
def all_entries(language: str) -> tuple[str, ...]:
    lines = (dictionary_folder() / language / "entries.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in lines.splitlines())
    return tuple(rest[1:] if rest.startswith("=") else key + rest for key, rest in pairs)


def whole_hunspell(language: str, folder: Path) -> Hunspell:
    entries = all_entries(language)
    (folder / "all.aff").write_bytes((dictionary_folder() / language / "affixes.aff").read_bytes())
    (folder / "all.dic").write_text("\n".join([str(len(entries)), *entries]), encoding="utf-8")
    return Hunspell("all", hunspell_data_dir=str(folder))


def invented_words(language: str, count: int, seed: int) -> list[str]:
    """Return words, forms, compounds, and the same with typing errors and capitals."""
    chance = random.Random(seed)  # noqa: S311 - the same words each time
    stems = [entry.partition("/")[0].replace("\\", "") for entry in all_entries(language)]

    def invent() -> str:
        one, two = chance.choice(stems), chance.choice(stems)
        end = chance.choice(ENDINGS[language])
        word = chance.choice([one, one + end, one[:-1] + end, one + two, f"{one}s{two}"])
        at = chance.randrange(len(word))
        wrong = word[:at] + chance.choice("aeionrt") + word[at + 1 :]
        word = chance.choice([word, word, word.capitalize(), wrong])
        return word.replace("ĳ", "ij").replace("Ĳ", "IJ")

    return sorted({word for word in (invent() for _ in range(count)) if len(word) < 40})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("seed", "count"), [(1, 1000), pytest.param(2, 10_000, marks=pytest.mark.all)]
)
def test_a_few_entries_give_the_same_answers_as_all(
    language: str, seed: int, count: int, tmp_path: Path
) -> None:
    whole, few = whole_hunspell(language, tmp_path), Dictionary(language)
    words = invented_words(language, count, seed)
    known = {
        word for start in range(0, len(words), 50) for word in few.known(words[start : start + 50])
    }
    expected = {word for word in words if whole.spell(word)}
    assert len(expected) > count / 15
    assert known == expected


def test_the_entries_are_in_the_order_in_which_they_are_sought() -> None:
    for language in LANGUAGES:
        text = (dictionary_folder() / language / "entries.txt").read_text(encoding="utf-8")
        assert text.splitlines() == sorted(text.splitlines())
        assert (dictionary_folder() / language / "LICENSE.txt").stat().st_size > 1000


def test_a_key_is_what_every_form_of_an_entry_contains() -> None:
    entries = "5\nlopen/VbVo\nKm\\/h/Vb\nAmsterdam\nde\nde/Vb\tpo:verb\n"
    assert convert(AFFIXES, [entries]).splitlines() == [
        "\t=de/Vb",  # it may become "dede", and that, by the second suffix, "de"
        "amsterdam\t=Amsterdam",
        "de\t",
        "km\t=Km\\/h/Vb",
        "lop\t=lopen/VbVo",
    ]


def test_a_prefix_that_removes_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="PFX"):
        convert("PFX A Y 1\nPFX A x voor x\n", ["1\nxa/A\n"])


def test_a_word_of_any_length_or_script_has_an_answer() -> None:
    words = ["", "a" * 500, "слово", "rust" * 40, "\U0010ffff" * 3, "e\u0301én", "'", "-"]
    assert "rust" in Dictionary("nl").known([*words, "rust"])


def test_no_place_for_a_temporary_file_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(NewsletterError, match="no temporary file can be written"):
        Dictionary("nl").known(["rust"])


def test_one_letter_away_is_one_change() -> None:
    near = set(one_letter_away("rust"))
    assert {"rst", "roest"[:1] + "ust", "rusts", "brust", "ruts", "rast"} <= near
    assert "roest" not in near
