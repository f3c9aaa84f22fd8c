"""Feeds, also those that are not well-formed."""

from __future__ import annotations

import json
from datetime import date

import pytest

from newsletter.article.feed import FeedEntry, find_feed_links, is_feed, read_feed
from newsletter.errors import NewsletterError

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>Stil water</title><link>https://example.org/</link>
<item><title>Wat het water weet &#38; zegt</title><link>https://example.org/water/</link>
<pubDate>Sun, 22 Nov 2026 00:30:00 +0100</pubDate>
<description><![CDATA[<p>Een oever is geduldig.</p>]]></description>
<content:encoded><![CDATA[<p>Aan de oever staat een <b>bank</b>.</p>
<script>alert(1)</script><p onclick="x()">Daar zit je goed.</p><img src="/oever.jpg" alt="De oever">
]]></content:encoded></item>
<item><title>De bank</title><link>/bank/</link><pubDate>Sun, 29 Nov 2026 07:00:00 +0100</pubDate>
<description>Wie zit, die [&#8230;]</description>
<content:encoded><![CDATA[<p>Wie zit, die ziet meer.</p>]]></content:encoded></item>
</channel></rss>"""

ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Stil water</title>
<entry><title type="html">Rust &amp;amp; ruimte</title>
<link href="https://example.org/rust/"/><updated>2026-11-29T23:30:00-05:00</updated>
<summary>Ruimte begint klein.</summary>
<content type="html">&lt;p&gt;Begin met één stoel.&lt;/p&gt;</content></entry></feed>"""


def rss(item: str) -> str:
    return f'<rss version="2.0"><channel><title>x</title><item>{item}</item></channel></rss>'


def read_text(feed: str, encoding: str = "utf-8", content_type: str = "") -> FeedEntry:
    return read_feed(feed.encode(encoding), content_type)[0]


def test_rss_is_read_the_newest_first_without_what_runs_in_a_page() -> None:
    newest, older = read_feed(RSS.encode(), url="https://example.org/feed/")
    assert newest == FeedEntry(
        url="https://example.org/bank/",
        title="De bank",
        published=date(2026, 11, 29),
        summary="",  # it was cut off
        markup="<p>Wie zit, die ziet meer.</p>",
        is_whole=True,
    )
    assert older.title == "Wat het water weet & zegt"
    assert older.published == date(2026, 11, 22)  # in its own place
    assert older.summary == "Een oever is geduldig."
    assert "<b>bank</b>" in older.markup
    assert 'src="https://example.org/oever.jpg"' in older.markup
    assert "alert" not in older.markup
    assert "onclick" not in older.markup


def test_atom_is_read() -> None:
    assert read_text(ATOM) == FeedEntry(
        url="https://example.org/rust/",
        title="Rust & ruimte",
        published=date(2026, 11, 29),
        summary="Ruimte begint klein.",
        markup="<p>Begin met één stoel.</p>",
        is_whole=True,
    )


def test_json_feed_is_read_the_newest_first() -> None:
    items = [
        {"url": "/a/", "title": "Eén", "content_text": "Adem < in.\n\nAdem uit."},
        {
            "id": "2",
            "external_url": "https://example.org/b/",
            "title": "Twee",
            "summary": "Kort.",
            "content_html": "<p>Twee</p>",
            "date_published": "2026-11-29T07:00:00+01:00",
        },
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": items}
    body = json.dumps(feed).replace("/", "\\/").encode()
    assert is_feed(body)
    two, one = read_feed(body, url="https://example.org/feed.json")
    assert two == FeedEntry(
        "https://example.org/b/", "Twee", date(2026, 11, 29), "Kort.", "<p>Twee</p>", is_whole=True
    )
    assert one.url == "https://example.org/a/"
    assert one.markup == "<p>Adem &lt; in.</p><p>Adem uit.</p>"
    assert one.published is None


def test_a_feed_that_is_cut_off_gives_what_it_has() -> None:
    assert len(read_feed(RSS[: RSS.index("<item><title>De bank")].encode())) == 1
    assert read_text(RSS[: RSS.index("Daar zit je")]).title == "Wat het water weet & zegt"


def test_a_feed_with_bare_ampersands_and_entities_of_html_loses_no_words() -> None:
    entry = read_text(
        rss("<title>Rust & ruimte&nbsp;nu</title><description>Thee &copy; & taart</description>")
    )
    assert entry.title == "Rust & ruimte nu"
    assert "taart" in entry.markup


@pytest.mark.parametrize("declared", ["windows-1252", "UTF-8"])
def test_a_feed_in_windows_1252_is_read_also_if_it_says_utf_8(declared: str) -> None:
    feed = f'<?xml version="1.0" encoding="{declared}"?>' + rss("<title>Eén “café”</title>")
    assert read_text(feed, "cp1252").title == "Eén “café”"
    assert read_text(feed, "cp1252", "application/rss+xml; charset=utf-8").title == "Eén “café”"


def test_an_entity_bomb_is_not_expanded() -> None:
    layers = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    feed = f'<!DOCTYPE rss [<!ENTITY e0 "bom">{layers}]>' + rss("<title>x &e9; y</title>")
    for entry in read_feed(feed.encode()):
        assert len(entry.title) < 1000


def test_a_feed_reads_no_file_and_asks_no_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("x") / "secret.txt"
    secret.write_text("h4ndy", encoding="utf-8")
    feed = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{secret.as_uri()}">]>' + rss(
        "<title>a &x; b</title>"
    )
    assert "h4ndy" not in repr(read_feed(feed.encode()))
    with pytest.raises(NewsletterError, match="not a feed"):
        read_feed(str(secret).encode())


@pytest.mark.parametrize("when", ["yesterday", "", "32 Foo 2026", "0000-00-00T00:00:00Z"])
def test_an_entry_with_an_odd_date_is_kept_and_comes_last(when: str) -> None:
    feed = rss(
        f"<title>odd</title><pubDate>{when}</pubDate></item>"
        "<item><title>dated</title><pubDate>Sun, 29 Nov 2026 07:00:00 +0100</pubDate>"
    )
    first, last = read_feed(feed.encode())
    assert (first.title, last.title, last.published) == ("dated", "odd", None)


def test_a_web_page_is_no_feed_and_its_feed_is_named() -> None:
    page = """<!doctype html><html><head><link rel="stylesheet" href="/x.css">
        <link rel="alternate" hreflang="en" href="/en/">
        <link rel="Alternate" type="application/rss+xml" href="/feed/"/>
        <link rel="alternate" type="application/feed+json" href="/feed.json"></head><p>Dag"""
    assert not is_feed(page.encode())
    assert find_feed_links(page, "https://example.org/blog/") == (
        "https://example.org/feed/",
        "https://example.org/feed.json",
    )
    with pytest.raises(NewsletterError, match="web page, not a feed") as caught:
        read_feed(page.encode(), url="https://example.org/blog/")
    assert caught.value.hint.endswith("newsletter new https://example.org/feed/")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Een gewone tekst over rust.",
        b"<p>Een stukje pagina <rss> erin</p>",
        b"{}",
        b"[1]",
        b"\x89PNG\r\n\x1a\n\0\0",
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": 5}',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": []}',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 100_000,
        rss("").replace("<item></item>", "").encode(),
    ],
)
def test_what_is_no_feed_or_has_no_entries_is_an_error(body: bytes) -> None:
    with pytest.raises(NewsletterError) as caught:
        read_feed(body)
    assert caught.value.hint


@pytest.mark.parametrize(
    "head",
    ["\ufeff", "\n\n  ", '<?xml-stylesheet href="/x.xsl"?>', "<!-- <p>made by x</p> -->"],
)
def test_a_feed_is_known_by_its_first_element_alone(head: str) -> None:
    assert is_feed((head + RSS).encode(), "text/html")
    assert is_feed((head + ATOM).encode())
    assert is_feed(b'<rdf:RDF xmlns="http://purl.org/rss/1.0/">')


@pytest.mark.parametrize(
    ("content", "whole", "cut_off"),
    [
        ("<p>Een kort stuk.</p>", True, False),
        ("<p>Het begin van een [&#8230;]</p>", False, True),
        (
            "<p>Het begin […]</p><p>The post <a>Rust</a> appeared first on <a>B</a>.</p>",
            False,
            True,
        ),
        (
            "<p>Het begin.</p><p>Het bericht <a>Rust</a> verscheen eerst op <a>B</a>.</p>",
            False,
            True,
        ),
    ],
)
def test_an_entry_that_is_cut_off_is_not_whole(content: str, *, whole: bool, cut_off: bool) -> None:
    inside = f"<content:encoded><![CDATA[{content}]]></content:encoded>"
    feed = rss(f"<title>x</title>{inside}").replace(
        "<rss ", '<rss xmlns:content="http://purl.org/rss/1.0/modules/content/" ', 1
    )
    entry = read_text(feed)
    assert (entry.is_whole, entry.is_cut_off) == (whole, cut_off)
    entry = read_text(rss(f"<title>x</title><description><![CDATA[{content}]]></description>"))
    assert (entry.is_whole, entry.is_cut_off) == (False, cut_off)
