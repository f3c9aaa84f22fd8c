"""Words of the archive as its search reads them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from newsletter.archive.analysis import (
    analyse,
    dutch_stem,
    english_stem,
    split_sentences,
    tables,
    tokens,
)
from tests.support.archive_search import document


def words_of(text: str) -> list[str]:
    return [token.word for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Één café, coördinatie!", ["een", "cafe", "coordinatie"]),
        ("e\u0301e\u0301n", ["een"]),
        ("foto's, Anna’s en 's avonds", ["foto", "anna", "en", "avonds"]),
        ("zo'n dag, 't kan, don't", ["zo", "dag", "kan", "do"]),
        ("nee-zeggen", ["nee", "zeggen", "neezeggen"]),
        ("‘rust’ 'stilte'", ["rust", "stilte"]),
        ("Straße Ærø", ["strasse", "aero"]),
        ("in 2026 om 7 uur", ["in", "2026", "om", "uur"]),
        ("x" * 35 + " " + "x" * 36 + " e-" + "x" * 35, ["x" * 35, "x" * 35]),
        ("смирение \0 % \u202e", []),
    ],
)
def test_words_lose_accents_case_and_apostrophes(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_word_knows_where_it_stands() -> None:
    text = "Zeg één nee-woord."
    assert [text[token.start : token.end] for token in tokens(text)] == [
        *("Zeg", "één", "nee", "woord", "nee-woord")
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Rust. Stilte!  Wie? ‘Ik.’ Jij…", ("Rust.", "Stilte!", "Wie?", "‘Ik.’", "Jij…")),
        ("Dat is bijv. rust, zei\u00a0hij.\nEn toen?", ("Dat is bijv. rust, zei hij.", "En toen?")),
        ("  ", ()),
    ],
)
def test_a_paragraph_is_cut_into_sentences(text: str, sentences: tuple[str, ...]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    "forms",
    [
        "loslaten losgelaten loslaat losliet",
        "piekeren gepieker gepiekerd piekerde",
        "slapen slaap sliep geslapen",
        "verliezen verlies verloor verloren",
        "kind kinderen",
        "kiezen koos gekozen",
    ],
)
def test_forms_of_a_dutch_word_have_one_stem(forms: str) -> None:
    assert len({dutch_stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize("forms", ["go goes went gone", "boundary boundaries", "letting let"])
def test_forms_of_an_english_word_have_one_stem(forms: str) -> None:
    assert len({english_stem(form) for form in forms.split()}) == 1


def test_each_sentence_has_its_language() -> None:
    uses = {
        use.word: use
        for use in analyse(
            document("De spanning van de dag is weg. Let it go, they said to me. Spanning!")
        )
    }
    assert (uses["spanning"].dutch, uses["spanning"].english) == ("span", "")
    assert (uses["let"].dutch, uses["let"].english) == ("", "let")


def test_a_word_weighs_more_in_title_and_themes_and_when_it_is_repeated() -> None:
    one = document(
        "Adem in. Stilte is stilte. Zon, zon, zon en zon.",
        title="Rust",
        preheader="Over grenzen",
        themes=("moed",),
    )
    found = {use.word: use.weight for use in analyse(one)}
    assert found["rust"] == found["moed"] > found["grenzen"] > found["adem"]
    assert found["zon"] > found["stilte"] > found["adem"]


def test_small_words_count_only_as_a_theme() -> None:
    uses = analyse(document("Het is nu.", title="De dag", themes=("nu",)))
    assert [use.word for use in uses] == ["dag", "nu"]


def test_the_tables_are_written_as_words_are_read() -> None:
    table = tables()
    written = {*table.simple, *table.endings, *table.suffixes, *table.prefixes, *table.before}
    written |= table.stop["nl"] | table.stop["en"] | table.short
    for forms in table.irregular.values():
        written |= {*forms, *forms.values()}
    assert {word for word in written if words_of(word) != [word] and len(word) > 1} == set()
    assert {word for word in table.short if len(word) != 3} == set()
    assert max(map(len, table.before)) <= 6


def test_a_form_has_one_first_form() -> None:
    for forms in tables().irregular.values():
        assert forms.keys().isdisjoint(forms.values())


def test_threads_do_not_mix_up_their_words() -> None:
    words = [f"{before}{verb}" for before in tables().before for verb in ("spanningen", "dromen")]
    expected = [dutch_stem(word) for word in words]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(20):
                dutch_stem.cache_clear()
                assert list(pool.map(dutch_stem, words)) == expected
    finally:
        sys.setswitchinterval(usual)
