"""Pages that are malformed, huge, foreign or no article at all."""

from __future__ import annotations

import pytest

from newsletter.article.charset import decode
from newsletter.article.feed import find_feed_links
from newsletter.article.markdown import read_markdown
from newsletter.article.page import read_page
from newsletter.errors import NewsletterError
from tests.unit.article.pages.test_read_page import PROSE, URL


def texts(markup: str, url: str = URL) -> list[str]:
    return [line.text for line in read_page(markup, url).lines]


@pytest.mark.parametrize("markup", ["", " ", "<", "<!doctype html>", "<html></html>", "\x00"])
def test_an_empty_page(markup: str) -> None:
    article = read_page(markup)

    assert (article.lines, article.title, article.url) == ((), "", "")


def test_a_page_of_scripts_only() -> None:
    assert texts("<body><script>document.write('<p>x</p>')</script><noscript>Aan!</noscript>") == []


def test_three_thousand_nested_divs() -> None:
    deep = 3000
    page = "<body>" + "<div>" * deep + f"<p>{PROSE}</p>" + "</div>" * deep

    assert texts(page) == [PROSE]


@pytest.mark.parametrize("markup", ["<div>", "<b>", "<ul><li>", "<table><tr><td>", "<blockquote>"])
def test_a_page_that_is_nested_for_ever_is_refused(markup: str) -> None:
    page = f"<body>{markup * 200_000}<p>{PROSE}"  # a parser takes minutes

    with pytest.raises(NewsletterError, match="elements within elements, 5,000 deep"):
        read_page(page, URL)
    with pytest.raises(NewsletterError, match="5,000 deep"):
        find_feed_links(page, URL)


def test_html_in_markdown_that_is_nested_for_ever_is_refused() -> None:
    with pytest.raises(NewsletterError, match="5,000 deep"):
        read_markdown(f"{'<div>' * 200_000}\n{PROSE}")


def test_a_page_of_400_kb() -> None:
    many = 2200
    page = "<body><article>" + f"<p>{PROSE}</p>" * many + "</article>"

    assert len(page) > 400_000
    assert texts(page) == [PROSE] * many


def test_a_page_from_right_to_left() -> None:
    prose = "جلست هذا الصباح قرب النافذة ولم أفعل شيئا. برد الشاي وكان ذلك جيدا." * 3
    page = f"<html dir=rtl lang=ar-MA><body><article><h1>راحة</h1><p>{prose}</p></article></body>"

    article = read_page(page)

    assert (article.title, article.language) == ("راحة", "ar")
    assert [line.text for line in article.lines] == [prose]


def test_a_page_in_windows_1252_that_does_not_say_so() -> None:
    prose = f"Eén ‘stille’ ochtend – en thee… {PROSE}"
    body = f"<body><article><p>{prose}</p></article></body>".encode("cp1252")

    assert texts(decode(body, "text/html")) == [prose]


def test_a_cookie_wall_gives_no_article() -> None:
    page = (
        f"<body><div id='cookie-wall' class='consent'><h2>Cookies</h2><p>{PROSE}</p></div></body>"
    )

    assert texts(page) == []


def test_a_cookie_wall_over_an_article_is_left_out() -> None:
    wall = f"<div class='cookie-notice'><p>{PROSE} Akkoord.</p></div>"
    page = f"<body>{wall}<article><p>{PROSE}</p><p>{PROSE}</p></article></body>"

    assert texts(page) == [PROSE, PROSE]


def test_a_login_page_gives_next_to_no_prose() -> None:
    page = (
        "<body><main><form><h1>Inloggen</h1><label>Naam</label><input><p>Wachtwoord vergeten?</p>"
        "<button>Log in</button></form></main></body>"
    )

    assert texts(page) == ["Wachtwoord vergeten?"]


def test_a_form_around_a_whole_page_hides_no_article() -> None:
    page = f"<body><form id=aspnetForm><h1>Rust</h1><div><p>{PROSE}</p><p>{PROSE}</p></div></form>"

    assert texts(page) == [PROSE, PROSE]


def test_of_two_articles_the_one_that_the_title_names() -> None:
    one, two = (
        f"<article><h2>{title}</h2><div class=entry-content><p>{title}: {PROSE}</p><p>{PROSE}</p>"
        "</div></article>"
        for title in ("Rust", "Ruimte")
    )
    page = f"<head><title>Ruimte - Blog</title></head><body>{one}{two}</body>"

    article = read_page(page)

    assert article.title == "Ruimte"
    assert [line.text for line in article.lines] == [f"Ruimte: {PROSE}", PROSE]


def test_comments_longer_than_the_article() -> None:
    comments = "".join(f"<li><p>{PROSE} Reactie.</p></li>" for _ in range(20))
    page = (
        f"<body><h1>Rust</h1><div><p>{PROSE}</p><p>{PROSE}</p></div>"
        f"<div id=comments><ol>{comments}</ol></div></body>"
    )

    assert texts(page) == [PROSE, PROSE]


@pytest.mark.parametrize(
    "data",
    ["{", "[" * 5000, '"x"', "[1, null]", '{"@type": 5, "@graph": 7}', '{"@type": "Article"}'],
    ids=["cut off", "deep", "a text", "a list", "numbers", "nothing"],
)
def test_malformed_linked_data(data: str) -> None:
    page = f"<head><script type='application/ld+json'>{data}</script></head><body><p>{PROSE}</p>"

    assert texts(page) == [PROSE]


@pytest.mark.parametrize("href", ["http://[", "https://", "//", "file:///etc/passwd", "data:x"])
def test_addresses_that_lead_nowhere(href: str) -> None:
    head = f"<head><link rel=canonical href='{href}'></head>"
    page = f"{head}<body><p>{PROSE} <a href='{href}'>x</a></p>"

    article = read_page(page, URL)

    assert article.url == URL
    assert article.lines[0].links == ()


def test_elements_that_are_never_closed() -> None:
    assert texts(f"<body><p>{PROSE}<p>{PROSE} <b>vet<ul><li>een<li>twee") == [
        PROSE,
        f"{PROSE} vet",
        "een",
        "twee",
    ]
