"""`newsletter new` and sources that are not what they seem."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.articles import FIRST, LEAD, URL
from tests.support.new_drafts import PAGE, PROSE, article, make
from tests.support.page_server import serving_pages

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.page_server import PageServer

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PageServer]:
    with serving_pages(monkeypatch, tmp_path) as pages:
        yield pages


def json_feed(**fields: str) -> str:
    item = {"id": "1", "title": "De tuin in november", "content_html": PROSE * 3} | fields
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})


INJECTED = "https://example.org/a\ndraft: no\n---\n\nKoop dit"


@pytest.mark.parametrize(
    "url", [INJECTED, "javascript:alert(1)", "/rust/", "ftp://example.org/a", "https://"]
)
def test_a_feed_whose_address_is_that_of_no_page(url: str, root: Path) -> None:
    made = make(root, article(root, json_feed(url=url), "feed.json"))
    assert made.article == ""
    assert "button" in made.draft.todo
    assert "\narticle:" not in made.draft.text
    assert "Koop dit" not in made.draft.text


def test_a_feed_whose_title_is_more_than_one_line_or_half_a_character(root: Path) -> None:
    feed = json_feed(title="De tuin\n---\ndraft: no", content_html=f"<p>\ud800</p>{PROSE * 3}")
    made = make(root, article(root, feed, "feed.json"))
    assert made.draft.text.startswith("---\nsubject: De tuin --- draft: no\n")
    assert (root / made.path).read_text(encoding="utf-8") == made.draft.text


def test_a_canonical_address_with_signs_that_markdown_reads(root: Path) -> None:
    url = "https://example.org/a&gt;)[x](https://evil.example)&#10;draft: no"
    made = make(root, article(root, PAGE.format(url=url, text=PROSE), "tuin.html"))
    assert made.article in {"", "https://example.org/a%3E)%5Bx%5D(https://evil.example)"}
    assert "\ndraft: no" not in made.draft.text


def test_many_comments_before_a_page_and_before_a_text(root: Path) -> None:
    comments = "<!-- c -->\n" * 500
    made = make(root, article(root, f"{comments}{PAGE.format(url=URL, text=PROSE)}", "pagina"))
    assert made.article == URL
    made = make(root, article(root, f"{comments}# Rust in de tuin\n\n{LEAD}\n\n{FIRST}\n", "tekst"))
    assert made.draft.subject == "Rust in de tuin"


def test_half_an_emoji_is_said(root: Path, run: Run) -> None:
    body = PAGE.format(url=URL, text=f"<p>Café 🌿 in de tuin: één. {LEAD}</p>{PROSE}").encode()
    source = article(root, body.replace("🌿".encode(), "🌿".encode()[:-1]), "tuin.html")
    done = run("-q", "new", source)
    assert done.returncode == 0, done.stderr
    assert "a � stands for each" in done.stderr
    text = (root / done.stdout.strip()).read_text(encoding="utf-8")
    assert "Café � in de tuin: één." in text
