from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.article.furniture import remove_furniture
from newsletter.article.text import read_text
from newsletter.article.words import draft_texts, read_tables
from newsletter.model import Article, ArticleLine, LineKind, Link
from tests.support.articles import ARTICLE, FIRST, LEAD, SECOND, URL, choose, draft

if TYPE_CHECKING:
    from pathlib import Path

TITLE = "De tuin in november"


def kept(text: str) -> list[str]:
    return [line.text for line in remove_furniture(read_text(text)).lines]


@pytest.mark.parametrize(
    "head",
    [
        "13 min", "5 min read", "Leestijd: 5 minuten", "7 minuten leestijd", "4 min. leestijd",
        "Home", "Naar de inhoud springen", "Skip to content", "Door Gerrit", "12 november 2026",
        "Geplaatst op 12 november 2026", "November 12, 2026 · 5 min read", "Home > Blog > Tuin",
        "Delen", "Facebook", "By Gerrit", "De tuin in november",
    ],
)  # fmt: skip
def test_what_is_above_an_article(head: str) -> None:
    text = f"{head}\n\n{LEAD}\n\n{FIRST}\n"
    assert kept(f"{TITLE}\n{text}") == [LEAD, FIRST]


@pytest.mark.parametrize(
    "tail",
    [
        "Ontdek meer...", "Veelgestelde vragen over de tuin", "Schrijf je in en ontvang post",
        "Geef een reactie", "3 reacties", "Reacties (4)", "Deel dit bericht", "Over de auteur",
        "Gerelateerde artikelen", "Lees ook", "Groet,", "Read next", "Leave a comment",
        "You might also like", "Subscribe to my letter", "Vorig bericht", "Comments",
    ],
)  # fmt: skip
def test_what_is_below_an_article(tail: str) -> None:
    text = f"{TITLE}\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n{tail}\n\nWat daarna komt is van de site."
    assert kept(text) == [LEAD, FIRST, SECOND]


@pytest.mark.parametrize(
    "line",
    [
        "Tip: gebruik 1–2 woorden. Druk op Enter", "Wij gebruiken cookies om deze site te meten.",
        "Accepteer alle cookies", "Begin met kijken →", "This site uses cookies.",
        "Je e-mailadres wordt niet gepubliceerd.", "Log in om verder te lezen.",
        "Schrijf je in voor mijn nieuwsbrief!",
    ],
)  # fmt: skip
def test_what_is_within_an_article(line: str) -> None:
    assert kept(f"{TITLE}\n\n{LEAD}\n\n{line}\n\n{FIRST}\n") == [LEAD, FIRST]


@pytest.mark.parametrize(
    "line",
    [
        "Reacties van je lichaam op de kou zijn normaal, en ze gaan over.",
        "De reacties van mensen",
        "Delen wat je hebt",
        "Het bericht dat ik vorig jaar schreef",
        "Waarom → daarom, zei mijn opa altijd, en daarna zei hij niets meer.",
        "Dertien minuten later was het blad weer terug",
    ],
)
def test_words_of_the_article_that_look_like_furniture_stay(line: str) -> None:
    text = f"{TITLE}\n\n{LEAD}\n\n{FIRST}\n\n{SECOND}\n\n{line}\n\nEn zo eindigt het verhaal.\n"
    assert line in kept(text)


def test_frequent_questions_at_the_top_cut_nothing_below() -> None:
    text = ARTICLE.replace(
        "Drie vragen bij", "Veelgestelde vragen\n\nWat is dit? Niets.\n\nDrie vragen bij", 1
    )
    assert len(choose(read_text(text)).questions) == 3
    assert FIRST in kept(text)


def test_a_title_that_the_page_repeats_is_there_once() -> None:
    lines = tuple(
        ArticleLine(kind, text)
        for kind, text in (
            (LineKind.HEADING, "Het Groene Pad"),
            (LineKind.HEADING, TITLE),
            (LineKind.PARAGRAPH, LEAD),
        )
    )
    bare = remove_furniture(Article(lines, title=TITLE, site_name="Het Groene Pad"))
    assert [line.text for line in bare.lines] == [LEAD]


@pytest.mark.parametrize(
    ("text", "links", "named"),
    [
        ("Lees ook: Waarom blad blijft liggen.", (), [("Waarom blad blijft liggen", "")]),
        (
            "Meer weten? Lees verder in: Blad laten liggen. In dat blog leg ik het uit.",
            (("Blad laten liggen", "/blad/"),),
            [("Blad laten liggen", "https://example.org/blad/")],
        ),
        ("Lees ook Blad en hark.", (("Blad en hark", "https://x.example/b"),), [("Blad en hark", "https://x.example/b")]),
        (
            "Lees ook: Blad laten liggen.",
            (("Blad laten liggen", "/blad/?utm_source=brief&p=2"),),
            [("Blad laten liggen", "https://example.org/blad/?p=2")],
        ),
        ("Zie hier: een tuin zonder hark.", (), []),
        ("Ik lees meer in de winter dan in de zomer.", (), []),
    ],
)  # fmt: skip
def test_other_articles_that_are_named(
    text: str, links: tuple[tuple[str, str], ...], named: list[tuple[str, str]]
) -> None:
    line = ArticleLine(LineKind.PARAGRAPH, text, 0, tuple(Link(*one) for one in links))
    lines = (ArticleLine(LineKind.PARAGRAPH, LEAD), line)
    bare = remove_furniture(Article(lines, title=TITLE, url=URL))
    assert [(link.label, link.url) for link in bare.related] == named


def test_links_to_other_articles_are_below_the_button() -> None:
    line = ArticleLine(
        LineKind.PARAGRAPH, "Lees ook Blad en hark.", 0, (Link("Blad en hark", "/blad_(en)/"),)
    )
    made = draft(Article((ArticleLine(LineKind.PARAGRAPH, LEAD), line), title=TITLE, url=URL))
    assert made.text.endswith(
        f"[Lees verder]({URL})\n\n[Blad en hark](<https://example.org/blad_(en)/>)\n"
    )


def test_a_description_that_was_cut_off_or_is_the_beginning_is_no_summary() -> None:
    for summary in ("Een tuin die rust en…", "Een tuin die [...]", LEAD[:90], "Geen zin"):
        article = Article((ArticleLine(LineKind.PARAGRAPH, LEAD),), summary=summary)
        assert remove_furniture(article).summary == ""


def test_the_summary_of_an_article_opens_the_letter() -> None:
    lines = [
        ArticleLine(LineKind.PARAGRAPH, FIRST),
        ArticleLine(LineKind.HEADING, "Samenvatting"),
        ArticleLine(LineKind.PARAGRAPH, LEAD),
        *(ArticleLine(LineKind.HEADING, f"Kop {n}") for n in range(4)),
    ]
    assert [line.text for line in choose(Article(tuple(lines), title=TITLE)).opening] == [LEAD]
    own = Article((ArticleLine(LineKind.PARAGRAPH, FIRST),), summary=LEAD, title=TITLE)
    assert [line.text for line in choose(own).opening] == [LEAD, FIRST]


def test_an_opening_has_90_to_150_words() -> None:
    lines = tuple(ArticleLine(LineKind.PARAGRAPH, f"{n}. {SECOND}") for n in range(9))
    words = sum(len(line.text.split()) for line in choose(Article(lines, title=TITLE)).opening)
    assert 90 <= words <= 150
    long = ArticleLine(
        LineKind.PARAGRAPH, " ".join(f"Zin {n} gaat door. {SECOND}" for n in range(9))
    )
    (cut,) = choose(Article((long,), title=TITLE)).opening
    assert len(cut.text.split()) <= 150
    assert long.text.startswith(cut.text)
    assert cut.text.endswith(".")


def test_gaps_are_in_the_language_of_the_newsletter() -> None:
    assert draft_texts("nl-BE").button == "Lees verder"
    assert draft_texts("en").button == "Read on"
    assert draft_texts("fr").button == "Read on"


def test_a_misspelt_word_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "nl.toml").write_text("[article]\nlable = []\n[article.draft]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lable"):
        read_tables(tmp_path)


def test_the_address_of_an_article_tracks_nobody() -> None:
    lines = (ArticleLine(LineKind.PARAGRAPH, LEAD),)
    bare = remove_furniture(Article(lines, title=TITLE, url=f"{URL}?utm_source=brief"))
    assert bare.url == URL


@pytest.mark.parametrize(
    "prose",
    [
        "We blijven zoeken naar rust, en vergeten dat ze hier al zat.",
        "Een minuut zoeken naar een schone kop. Je kunt ook blijven staan, vier minuten lang.",
        "Overal moest ik alle cookies weigeren. Ik legde hem weg en keek heel lang naar buiten.",
    ],
)
def test_a_paragraph_that_mentions_what_sites_do_is_kept(prose: str) -> None:
    lines = (ArticleLine(LineKind.PARAGRAPH, LEAD), ArticleLine(LineKind.PARAGRAPH, prose))
    bare = remove_furniture(Article(lines, title=TITLE))
    assert [line.text for line in bare.lines] == [LEAD, prose]
