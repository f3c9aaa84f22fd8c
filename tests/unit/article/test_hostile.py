"""Whatever an article holds, its draft is a draft, with only what was chosen."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.article.drafting import write_draft
from newsletter.article.furniture import remove_furniture
from newsletter.article.selection import select_parts
from newsletter.article.words import draft_texts
from newsletter.content.markdown import normalised
from newsletter.model import (
    Article,
    ArticleLine,
    Button,
    Divider,
    Faq,
    Image,
    LineKind,
    Link,
    Links,
)
from newsletter.model.web_address import web_address
from tests.support.articles import FIRST, LEAD, SECOND
from tests.support.drafts import read

BREAKS: Final = ["\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\0", "\ud800"]
MARKS: Final = [
    "\n---\n\n", "\ndraft: no", "\nsend_at: 2026-12-01", "[x](https://evil.example)", "> ", "## ",
    "https://evil.example/", "<b>", "]", ")", ">", "[[", "{first_name}", "+++", "```", "%x%", "\\",
    '"', "'", "#", " ", "Rust", "|", "![x](y.png)", "- ", "1. ", "=== ", "::: ",
]  # fmt: skip
TEXTS: Final = st.lists(
    st.one_of(st.sampled_from([*BREAKS, *MARKS]), st.text(max_size=12)), max_size=8
).map("".join)
ADDRESSES: Final = st.one_of(
    TEXTS,
    TEXTS.map("https://example.org/{}".format),
    TEXTS.map("http://example.org{}".format),
)
PROSE: Final = tuple(ArticleLine(LineKind.PARAGRAPH, text) for text in (LEAD, FIRST, SECOND))
LINES: Final = st.lists(
    st.builds(
        ArticleLine,
        st.sampled_from([kind for kind in LineKind if kind is not LineKind.IMAGE]),
        TEXTS,
        st.integers(0, 2),
        st.lists(st.builds(Link, TEXTS, ADDRESSES), max_size=2).map(tuple),
    ),
    max_size=6,
)
MOST: Final = 60
INJECTED: Final = "https://example.org/a\ndraft: no\n---\n\nKoop dit"


@settings(max_examples=MOST)
@given(LINES, TEXTS, ADDRESSES, TEXTS)
@example([], f"Rust{INJECTED}", INJECTED, INJECTED)
@example([], "Rust", "https://example.org/[a](b)<c>", "")
@example([], "Rust", "https://example.org/a>) [x](https://evil.example", "")
def test_a_draft_holds_only_what_was_chosen(
    lines: list[ArticleLine], title: str, url: str, summary: str
) -> None:
    article = Article(lines=(*lines, *PROSE), title=title, url=url, summary=summary)
    selection = select_parts(remove_furniture(article))
    text = write_draft(selection, article.url, draft_texts("nl"), {}).text
    head = text.split("\n---\n", maxsplit=1)[0].splitlines()
    keys = [row.partition(":")[0] for row in head]
    assert keys == ["---", "subject", "preheader", *["article"] * bool(article.url), "draft"]
    draft = read(text.encode())
    assert draft.is_draft
    assert draft.send_at == read(text.encode().replace(b"\ndraft: yes", b"")).send_at
    assert "article-address" not in {one.rule for one in draft.findings}
    if article.url:
        assert draft.entries["article"].value == article.url
    leads: set[str] = set()
    for block in draft.blocks:
        if isinstance(block, Button):
            leads.add(block.link.url)
        elif isinstance(block, Links):
            leads |= {link.url for link in block.links}
        assert not isinstance(block, Faq | Divider | Image)
    chosen = {article.url, *(link.url for link in selection.related)} - {""}
    assert leads == {normalised(url) for url in chosen}


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "ftp://example.org/a", "/rust/", "example.org", "https://", "http:",
        "https:///rust", "https://user:secret@example.org/", "https://example.org:port/",
        "https://example.org/a b", INJECTED, "https://exa mple.org/", "https://[x]/", "mailto:a@b",
        "https://example.org\\@evil.example/", "https://…/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_web_page(text: str) -> None:
    assert web_address(text) == ""
    assert Article(lines=(), url=text).url == ""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.org/a>b", "https://example.org/a%3Eb"),
        (" https://example.org/[a](b)?c[]=<d>#{e} ",
         "https://example.org/%5Ba%5D(b)?c%5B%5D=%3Cd%3E#%7Be%7D"),
        ("HTTPS://Example.org:8443/é?a=1&b=%20", "https://Example.org:8443/é?a=1&b=%20"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
    ],
)  # fmt: skip
def test_signs_that_are_not_safe_to_write_are_encoded(text: str, address: str) -> None:
    assert web_address(text) == address
