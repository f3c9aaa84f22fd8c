"""What becomes of the parts of a page."""

from __future__ import annotations

import datetime as dt

from newsletter.article.page import read_page
from newsletter.model import Article, ArticleLine, LineKind, Link

URL = "https://voorbeeld.example/blog/rust/"
PROSE = (
    "Er was eens een ochtend waarop niemand iets hoefde. De thee werd koud en dat was niet erg, "
    "want er was tijd genoeg om nieuwe te zetten en weer naar buiten te kijken, waar het regende."
)


def read(body: str, *, head: str = "", url: str = URL) -> Article:
    return read_page(
        f"<html lang=nl><head><title>Rust</title>{head}</head><body><main><h1>Rust</h1>"
        f"<div class=entry-content><p>{PROSE}</p><p>{PROSE}</p>{body}</div></main></body></html>",
        url,
    )


def lines(body: str) -> list[tuple[str, str]]:
    return [(line.kind.value, line.text) for line in read(body).lines[2:]]


def only_line(body: str) -> ArticleLine:
    (line,) = read(body).lines[2:]
    return line


def test_an_emoji_drawn_as_a_picture_is_text() -> None:
    picture = '<img class="emoji" alt="💡" src="https://s.w.org/images/core/emoji/1f4a1.svg">'

    assert lines(f"<p>{picture} Wat wil jij?</p>") == [("paragraph", "💡 Wat wil jij?")]


def test_an_emoji_in_a_box_of_its_own_belongs_to_the_text_beside_it() -> None:
    card = '<div class="kg-callout-card"><div>💡</div><div>Wat <b>wil</b> jij?</div></div>'

    assert lines(card) == [("paragraph", "💡 Wat wil jij?")]


def test_an_emoji_that_is_not_read_aloud_is_text() -> None:
    assert lines('<p><span aria-hidden="true">💡</span> Wat wil jij?</p>') == [
        ("paragraph", "💡 Wat wil jij?")
    ]


def test_a_quote_in_a_figure_is_a_quote() -> None:
    quote = "<figure><blockquote><p>Rust is een begin.</p></blockquote></figure>"

    assert lines(quote) == [("quote", "Rust is een begin.")]


def test_a_quote_keeps_who_said_it() -> None:
    quote = (
        "<figure><blockquote>Rust is een begin.</blockquote><figcaption>— Ada</figcaption></figure>"
    )

    assert lines(quote) == [("quote", "Rust is een begin. — Ada")]


def test_two_line_breaks_part_paragraphs_and_one_does_not() -> None:
    assert lines("<div>Een regel<br>gaat door.<br><br>Een tweede.<br/> <br/>Een derde.</div>") == [
        ("paragraph", "Een regel gaat door."),
        ("paragraph", "Een tweede."),
        ("paragraph", "Een derde."),
    ]


def test_text_in_nothing_but_divs_is_read() -> None:
    page = f"<body><div><div>{PROSE}</div><div>{PROSE} Einde.</div></div></body>"

    assert [line.text for line in read_page(page).lines] == [PROSE, f"{PROSE} Einde."]


def test_an_accordion_is_headings_with_text() -> None:
    accordion = (
        '<ul class="accordion-items-container"><li class="accordion-item"><h4><button>Hoe lang?'
        "</button></h4><div><p>Zolang het duurt.</p></div></li></ul>"
        "<details><summary>En dan?</summary><p>Dan niets.</p></details>"
        '<div role="button" aria-expanded="false">Werkt het?</div><div>Meestal.</div>'
    )

    assert lines(accordion) == [
        ("heading", "Hoe lang?"),
        ("paragraph", "Zolang het duurt."),
        ("heading", "En dan?"),
        ("paragraph", "Dan niets."),
        ("heading", "Werkt het?"),
        ("paragraph", "Meestal."),
    ]


def test_a_nested_list_is_a_list_of_its_own() -> None:
    found = read("<ul><li>een<ul><li>binnen</li></ul></li><li><p>twee</p><p>meer</p></li></ul>")

    assert [(line.text, line.group) for line in found.lines[2:]] == [
        ("een", 1),
        ("binnen", 2),
        ("twee meer", 1),
    ]


def test_a_question_and_its_hint_in_one_item_stay_one_line() -> None:
    assert lines("<ol><li><p>Wat nu?</p><p>→ Wacht even.</p></li></ol>") == [
        ("item", "Wat nu? → Wacht even.")
    ]


def test_a_table_is_a_gap_and_its_cells_are_no_prose() -> None:
    table = "<table><tr><td>a</td><td>b</td></tr></table>"

    assert lines(table) == [("gap", "table")]


def test_a_table_that_lays_out_a_page_is_read() -> None:
    table = f"<table><tr><td><h2>Kop</h2>{PROSE}</td><td>Meer tekst.</td></tr></table>"

    assert lines(table) == [("heading", "Kop"), ("paragraph", PROSE), ("paragraph", "Meer tekst.")]


def test_an_embed_in_the_article_is_a_gap_with_its_name() -> None:
    embeds = (
        '<iframe src="https://www.youtube-nocookie.com/embed/x"></iframe>'
        '<iframe src="https://open.spotify.com/embed/x"></iframe>'
        '<iframe src="https://kaart.example/"></iframe><video src="/film.mp4"></video>'
    )

    assert lines(embeds) == [("gap", "video"), ("gap", "audio"), ("gap", "embed"), ("gap", "video")]


def test_an_embed_outside_the_article_is_nothing() -> None:
    page = (
        f"<body><iframe src='https://www.youtube.com/embed/x'></iframe>"
        f"<article><div class=entry-content><p>{PROSE}</p><p>{PROSE}</p></div></article></body>"
    )

    assert {line.kind for line in read_page(page).lines} == {LineKind.PARAGRAPH}


def test_a_picture_has_its_alt_text_whole_address_and_caption() -> None:
    figure = (
        '<figure><img src="../foto.jpg" alt="Een kop thee"><figcaption>Koud</figcaption></figure>'
    )

    line = only_line(figure)

    assert (line.kind, line.text) == (LineKind.IMAGE, "Een kop thee")
    assert line.links == (Link("Koud", "https://voorbeeld.example/blog/foto.jpg"),)


def test_a_picture_that_loads_late_has_its_real_address() -> None:
    line = only_line('<p><img src="data:image/gif;base64,R0" data-src="/a.jpg" alt="a b"></p>')

    assert line.links[0].url == "https://voorbeeld.example/a.jpg"


def test_a_portrait_and_a_counting_picture_are_no_pictures_of_the_article() -> None:
    assert (
        lines('<img src="/p.jpg" alt="" width="48"><img src="/t.gif" height="1" width="1">') == []
    )


def test_links_are_whole_and_count_no_clicks() -> None:
    line = only_line(
        '<p>Zie <a href="../over/?utm_source=x&amp;p=1&amp;fbclid=2#kop">over mij</a>, '
        '<a href="#noot">1</a> en <a href="javascript:alert(1)">dit</a>.</p>'
    )

    assert line.text == "Zie over mij, 1 en dit."
    assert line.links == (Link("over mij", "https://voorbeeld.example/blog/over/?p=1#kop"),)


def test_relative_links_follow_the_base_of_the_page() -> None:
    found = read('<p><a href="verder">verder</a></p>', head='<base href="https://x.example/a/">')

    assert found.lines[-1].links == (Link("verder", "https://x.example/a/verder"),)


def test_hidden_elements_are_left_out() -> None:
    hidden = (
        "<p hidden>een</p><p style='display: none'>twee</p><p aria-hidden=true>drie</p>"
        "<p style='visibility:hidden'>vier</p><template><p>vijf</p></template>"
        "<span class='screen-reader-text'>zes</span><script>zeven()</script><style>acht</style>"
    )

    assert lines(hidden) == []


def test_a_bold_line_is_a_heading_and_a_bold_sentence_is_not() -> None:
    assert lines(
        "<p><strong>Wat helpt</strong></p><p><b>Dit helpt.</b></p><p><b>Dit</b> ook</p>"
    ) == [
        ("heading", "Wat helpt"),
        ("paragraph", "Dit helpt."),
        ("paragraph", "Dit ook"),
    ]


def test_a_heading_with_nothing_under_it_at_the_end_is_left_out() -> None:
    assert lines("<p>Einde.</p><h3>Lees ook</h3><div class='related-posts'><p>x</p></div>") == [
        ("paragraph", "Einde.")
    ]


def test_signs_that_nobody_sees_are_left_out() -> None:
    assert lines("<p>Rust\u00ad teloos\u200b en\u00a0stil</p>") == [
        ("paragraph", "Rust teloos en stil")
    ]


def test_the_canonical_address_is_taken_whole() -> None:
    assert read("", head='<link rel=canonical href="/blog/rust">').url == (
        "https://voorbeeld.example/blog/rust"
    )


def test_the_canonical_address_of_another_site_is_not_believed() -> None:
    assert read("", head='<link rel=canonical href="https://kwaad.example/blog/rust/">').url == URL


def test_an_address_counts_no_clicks() -> None:
    assert read("", url=f"{URL}?utm_campaign=x").url == URL


def test_a_saved_page_says_its_address_by_itself() -> None:
    assert read("", head=f'<link rel=canonical href="{URL}">', url="").url == URL
    saved = f"<!-- saved from url=(0036){URL} --><html><body><p>{PROSE}</p></body></html>"
    assert read_page(saved).url == URL


def test_a_description_that_is_no_sentence_of_the_article_is_no_summary() -> None:
    advert = '<meta name=description content="Ontdek de zeven geheimen van rust.">'
    sentence = f'<meta name=description content="{PROSE}">'
    cut = f'<meta name=description content="{PROSE[:60]}">'

    assert read("", head=advert).summary == ""
    assert read("", head=cut).summary == ""
    assert read("", head=sentence).summary == PROSE


def test_the_site_name_is_no_part_of_the_title() -> None:
    page = f"<head><title>Rust en ruimte | Stil Water</title></head><body><p>{PROSE}</p></body>"

    assert read_page(page).title == "Rust en ruimte"


def test_a_site_name_in_the_first_heading_is_not_the_title() -> None:
    page = (
        "<head><title>Rust en ruimte - Stil Water</title>"
        "<meta property='og:site_name' content='Stil Water'></head><body><h1>Stil Water</h1>"
        f"<article><h2>Rust en ruimte</h2><p>{PROSE}</p><p>{PROSE}</p></article></body>"
    )

    assert read_page(page).title == "Rust en ruimte"


def test_the_day_comes_from_the_linked_data_or_from_the_page() -> None:
    data = '{"@graph":[{"@type":"Article","datePublished":"2026-09-06T05:00:00Z"}]}'
    linked = f'<script type="application/ld+json">{data}</script>'

    assert read("", head=linked).published == dt.date(2026, 9, 6)
    assert read("<time datetime='2026-09-07'>zeven</time>").published == dt.date(2026, 9, 7)
    assert read("<time datetime='2026-13-07'>geen dag</time>").published is None
