"""Searching the archive."""

from __future__ import annotations

import random

import pytest

from newsletter.archive.analysis import analyse
from newsletter.archive.search_excerpt import excerpt, marked
from newsletter.archive.search_index import build, script
from newsletter.archive.search_query import search
from tests.support.archive_search import document, make_queries
from tests.support.generated_issues import generate

TEXTS = {
    "a": "Misschien is loslaten een kunst.",
    "b": "Ze had het eindelijk losgelaten.",
    "c": "Wie spanningsvrij wil leven, kijkt naar zijn grenzen.",
    "d": "Ontspanning is geen plicht; de spanning mag blijven.",
    "e": "De vrouw vond het de langste dag.",
    "f": "Hij rouwt om een moestuin, een stille plek.",
    "g": "They were letting go of the fear.",
    "h": "Een rouwproces duurt, en faalangst ook.",
}
DOCUMENTS = [
    document(text, slug=f"2026-01-{number:02}-{name}")
    for number, (name, text) in enumerate(TEXTS.items(), start=1)
]
INDEX = build(DOCUMENTS)


def found(query: str) -> str:
    return "".join(hit.slug[-1] for hit in search(INDEX, query, 10).hits)


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("loslaten", "ab"),  # the word itself before another form
        ("losgelaten", "ba"),
        ("loslaat", "ba"),  # newest first
        ("los laten", "ab"),
        ("spanning", "dc"),
        ("ontspanning", "d"),
        ("grens", "c"),
        ("rouw", "h"),
        ("rouwen", "fh"),
        ("angst", "h"),
        ("tuin", "f"),
        ("stil", "f"),
        ("stilte", "f"),
        ("LÉVEN", "c"),
        ("fears", "g"),
        ("go", "g"),
        ("losltaen", "ab"),
        ("spaning", "dc"),
        ("psanning", "dc"),
        ("vruow", "e"),
        ("rvrouw", "e"),
        ("vrw", ""),
        ("leven grenzen", "c"),
        ("vrouw rouwproces", "h" + "e"),  # none has both
        ("rouw en de vrouw van het", "eh"),
        ("rouwplek", "fh"),  # an unknown compound is its parts
        ("dinosaurus", ""),
        ("de het een", ""),
        ("смирение", ""),
        ("", ""),
    ],
)
def test_a_query_finds_what_it_is_about_best_first(query: str, hits: str) -> None:
    assert found(query) == hits


def test_a_typing_error_is_reported() -> None:
    assert search(INDEX, "Spaning, grens", 10).corrected == "spanning grens"
    assert search(INDEX, "spanning", 10).corrected == ""


def test_title_and_themes_come_before_text() -> None:
    index = build(
        [
            document("Rust en rust.", slug="2026-01-05-text"),
            document("Niets.", title="Over rust", slug="2026-01-02-title"),
            document("Niets.", themes=("rust",), slug="2026-01-03-theme"),
            document("Niets.", preheader="Een beetje rust", slug="2026-01-01-preheader"),
        ]
    )
    slugs = [hit.slug[11:] for hit in search(index, "rust", 10).hits]
    assert slugs == ["theme", "title", "preheader", "text"]


def test_nothing_found_offers_the_nearest_themes_or_those_used_most() -> None:
    index = build(
        document("Tekst.", themes=themes, slug=f"2026-01-0{number}-x")
        for number, themes in enumerate([("rust", "verdriet"), ("rust", "adem"), ("adem",)], 1)
    )
    assert search(index, "verdrukt", 10).suggestions == ("verdriet",)
    assert search(index, "olifant", 10).suggestions == ("adem", "rust", "verdriet")
    assert search(index, "rust", 10).suggestions == ()
    assert search(build([]), "rust", 10).suggestions == ()


ODD = [
    *("x" * 10_000, "rust " * 2_000, "%_%", "'\"; DROP TABLE x; --"),
    *("\0", "\u202erust", "\ud800", "<b>", "смирение", "安静"),
]


def test_a_theme_is_offered_as_its_newest_issue_writes_it() -> None:
    index = build(
        document("Tekst.", themes=(theme,), slug=f"2026-01-0{number}-x")
        for number, theme in enumerate(["rust", "één keuze", "Eén-keuze"], start=1)
    )
    assert search(index, "olifant", 10).suggestions == ("Eén-keuze", "rust")


@pytest.mark.parametrize("query", ODD)
def test_an_odd_query_is_harmless(query: str) -> None:
    answer = search(INDEX, query, 10)
    assert len(answer.words) < 10


def test_only_the_beginning_of_a_query_counts() -> None:
    assert found("loslaten" + " " * 200 + "dinosaurus grens") == found("loslaten")
    assert found("een auto fiets trein boot bus tram taxi vliegtuig grens") == ""


def test_the_sentence_with_most_of_the_query_is_shown_and_marked() -> None:
    sentences = ("Geen <i>angst</i>.", "Rust & één angst.", "Niets.")
    index = build([document(" ".join(sentences))])
    words = search(index, "rust angst", 1).words
    assert excerpt(sentences, words) == sentences[1]
    assert marked(sentences[1], words) == "<mark>Rust</mark> &amp; één <mark>angst</mark>."
    assert marked(sentences[0], words) == "Geen &lt;i&gt;<mark>angst</mark>&lt;/i&gt;."
    assert excerpt(("Niets.",), words) == ""


def test_a_long_sentence_is_cut_around_the_match() -> None:
    words = search(build([document("Rust.")]), "rust", 1).words
    sentence = " ".join([*(f"voor{n}" for n in range(40)), "rust", *(f"na{n}" for n in range(40))])
    shown = excerpt((sentence,), words)
    assert shown.startswith("… voor28 ")
    assert shown.endswith(" na22 …")
    assert excerpt(("rust " * 40 + "x",), words).startswith("rust")


def test_a_hyphenated_word_is_marked_once() -> None:
    words = search(build([document("Oefen nee-zeggen.")]), "neezeggen", 1).words
    assert marked("Oefen nee-zeggen.", words) == "Oefen <mark>nee-zeggen</mark>."


def test_the_same_archive_gives_the_same_bytes() -> None:
    documents = [issue.document() for issue in generate(20)]
    kept = {one.slug: analyse(one) for one in documents}
    again = build(reversed(documents), lambda one: kept[one.slug])
    assert script(again) == script(build(documents))


def test_queries_by_chance_are_harmless() -> None:
    index = build(issue.document() for issue in generate(20))
    chance = random.Random(2)  # noqa: S311 - what happens by chance must happen again
    for query in make_queries(index.spellings, 300, chance):
        answer = search(index, query, 10)
        assert len(answer.hits) == min(10, answer.total)
        assert bool(answer.hits) is not bool(answer.suggestions)
