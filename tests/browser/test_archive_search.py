"""The search of the archive in a real browser: it answers as the app does, and needs no server."""

from __future__ import annotations

import functools
import random
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from snowballstemmer.dutch_stemmer import DutchStemmer
from snowballstemmer.english_stemmer import EnglishStemmer

from newsletter.archive import paths
from newsletter.archive.search_documents import document_of
from newsletter.archive.search_excerpt import excerpt, marks
from newsletter.archive.search_files import search_script
from newsletter.archive.search_index import build, script
from newsletter.archive.search_query import search
from newsletter.archive.site import Site
from newsletter.dictionaries.words import plain_words
from newsletter.model import RichText, Text
from tests.support.archive_search import document, make_queries
from tests.support.generated_issues import generate
from tests.support.issues import SETTINGS, every_block
from tests.support.published import published, weekly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from newsletter.archive.search_index import SearchIndex

QUERIES = 2000
TITLES = {
    "2026-01-04-los": ("Loslaten & <i>adem</i>", "Zij heeft losgelaten. Hij ademt<br>stil."),
    "2026-01-11-rust": ("Over rust", "Niets moet. Spanningsvrij leven kan."),
}
SEARCH = """<!doctype html><html lang="nl"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'self'; connect-src 'self'">
<form role="search" action="search.html" hidden><input name="q"><button>Zoek</button></form>
<section data-search-index="search-index.js" data-issue="SLUG.html">
<p data-search="corrected" hidden>Gezocht op <b></b></p>
<ol data-search="hits" hidden><li><a></a><time></time><p></p></li></ol>
<div data-search="none" hidden><ul><li><a></a></li></ul></div>
<p data-search="failed" hidden>Het zoeken lukt nu niet.</p>
</section><script src="search.js" defer></script>
"""
ISSUE = """<!doctype html><h1>{title}</h1><div data-sentences><blockquote><p>{text}</p></blockquote>
<p class="button"><a href="/">Spanning en rust</a></p></div>"""
ANSWERS = """([queries, texts]) => queries.map((query) => {
  const answer = archiveSearch.search(query, 10);
  const shown = searchText.excerpt([...texts, query], answer.words);
  return {
    ...answer,
    hits: answer.hits.map((hit) => hit.slug),
    words: [...answer.words].map(([word, one]) => [word, one.queryWords, one.quality]).sort(),
    shown,
    marked: searchText.marks(shown, answer.words).map(([start, end]) => shown.slice(start, end)),
  };
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site with two issues and a page that searches them."""
    folder = tmp_path_factory.mktemp("site")
    documents = []
    for slug, (title, text) in TITLES.items():
        html = title.replace("&", "&amp;").replace("<", "&lt;")
        (folder / f"{slug}.html").write_text(ISSUE.format(title=html, text=text), "utf-8")
        plain = text.replace("<br>", " ")
        documents.append(
            document(plain, title=title, preheader="Vooraf.", slug=slug, themes=("rust",))
        )
    (folder / "search.html").write_text(SEARCH, "utf-8")
    (folder / "search.js").write_bytes(search_script())
    (folder / "search-index.js").write_bytes(script(build(documents)))
    return folder


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site as any static host does; return its address."""
    handler = functools.partial(_Silent, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def faults(page: Page) -> list[str]:
    """Return what a page complained of."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda message: found.append(message.text))
    return found


def shown(page: Page, name: str) -> list[str]:
    return [one.inner_text() for one in page.locator(f"[data-search={name}]:not([hidden])").all()]


def test_the_browser_and_the_app_answer_alike(page: Page) -> None:
    chance = random.Random(4)  # noqa: S311 - what happens by chance must happen again
    long = document(
        "Gehandicaptenparkeervoorzieningen: geloof, gebed en gebedel. Let it go to them."
    )
    index = build([long, *(issue.document() for issue in generate(80))])
    texts = [*(issue := generate(1)[0]).paragraphs[0], " ".join(issue.paragraphs[1])]
    queries = make_queries(index.spellings, QUERIES, chance)
    page.add_script_tag(content=search_script().decode())
    page.add_script_tag(content=script(index).decode())
    answers = page.evaluate(ANSWERS, [queries, texts])
    for query, answer in zip(queries, answers, strict=True):
        assert answer == expected(index, query, texts), query
    assert sum(bool(one["corrected"]) for one in answers) > QUERIES / 4


def expected(index: SearchIndex, query: str, texts: Sequence[str]) -> dict[str, Any]:
    answer = search(index, query, 10)
    sentence = excerpt((*texts, query), answer.words)
    return {
        "hits": [hit.slug for hit in answer.hits],
        "total": answer.total,
        "suggestions": list(answer.suggestions),
        "corrected": answer.corrected,
        "words": sorted([word, one.query_words, one.quality] for word, one in answer.words.items()),
        "shown": sentence,
        "marked": [sentence[start:end] for start, end in marks(sentence, answer.words)],
    }


@pytest.mark.parametrize(
    ("language", "name", "stemmer"),
    [("nl", "DutchStemmer", DutchStemmer), ("en", "EnglishStemmer", EnglishStemmer)],
)
def test_both_stemmers_are_the_same(page: Page, language: str, name: str, stemmer: type) -> None:
    words = sorted(plain_words(language))[::3]
    page.add_script_tag(content=search_script().decode())
    made = f"const one = new {name}(); return words.map((word) => one.stemWord(word));"
    stems = page.evaluate(f"(words) => {{ {made} }}", words)
    assert len(words) > 10_000
    own = [stemmer().stemWord(word) for word in words]
    assert [*zip(words, stems, strict=True)] == [*zip(words, own, strict=True)]


def test_a_static_site_searches_itself(page: Page, address: str, faults: list[str]) -> None:
    page.goto(f"{address}/search.html")
    page.locator("[name=q]").fill("losltaen")
    page.locator("button").click()
    mark = page.locator("li p mark")
    mark.wait_for()
    assert page.locator("[name=q]").input_value() == "losltaen"
    assert shown(page, "corrected") == ["Gezocht op loslaten"]
    assert (
        page.locator("li a").inner_html() == "<mark>Loslaten</mark> &amp; &lt;i&gt;adem&lt;/i&gt;"
    )
    assert page.locator("li time").inner_text() == "4 januari 2026"
    assert page.locator("li p").inner_html() == "Zij heeft <mark>losgelaten</mark>."
    page.locator("li a").click()
    assert page.locator("h1").inner_text() == TITLES["2026-01-04-los"][0]
    assert faults == []


@pytest.mark.parametrize(
    ("query", "sentence"), [("stil", "Hij ademt stil."), ("spanning", "Spanningsvrij leven kan.")]
)
def test_the_sentences_are_those_of_the_page(
    page: Page, address: str, query: str, sentence: str
) -> None:
    page.goto(f"{address}/search.html?q={query}")
    page.locator("li p mark").wait_for()
    assert page.locator("li p").inner_text() == sentence


def test_app_and_browser_read_the_same_sentences_of_an_issue(page: Page) -> None:
    blocks = [*every_block().blocks, Text(99, RichText("Eén<br>twee &amp; <em>drie</em>.", "", ""))]
    issue = published(blocks=blocks, corrections=["Een naam."], themes=["rust"])
    shown = Site(SETTINGS, [issue], files=True).page(paths.issue_path(issue.slug))
    assert shown
    page.set_content(shown.body.decode())
    page.add_script_tag(content=search_script().decode())
    sentences = page.evaluate("searchText.sentencesOf(document)")
    assert tuple(sentences) == document_of(issue).sentences


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_archive_on_a_disk_is_searched_by_its_own_page(
    new_context: Callable[..., BrowserContext], tmp_path: Path, scheme: str
) -> None:
    issue = published("2026-11-22-los", subject="Loslaten", themes=["rust"])
    archive = Site(SETTINGS, [issue, *weekly(3)], files=True)
    for path in archive.paths:
        file = tmp_path / paths.file_name(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        shown = archive.page(path)
        assert shown
        file.write_bytes(shown.body)
    page = new_context(color_scheme=scheme, viewport={"width": 375, "height": 700}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "issues" / "index.html").as_uri())
    page.get_by_role("searchbox").fill("losltaen")
    page.get_by_role("button", name="Zoek").click()
    page.get_by_text("We zochten op loslaten").wait_for()
    assert page.locator("[data-search=hits] a").all_inner_texts() == ["Loslaten"]
    page.get_by_text("Even niets").wait_for()
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="Loslaten", exact=True).click()
    assert page.locator("h1").inner_text() == "Loslaten"
    assert [url for url in asked if not url.startswith(tmp_path.as_uri())] == []


def test_a_site_on_a_disk_is_searched_too(page: Page, site: Path, faults: list[str]) -> None:
    page.goto(f"{site.as_uri()}/search.html?q=rust")
    page.locator("li p:not(:empty)").last.wait_for()
    assert page.locator("li a").all_inner_texts() == ["Over rust", TITLES["2026-01-04-los"][0]]
    assert page.locator("li p").all_inner_texts() == ["Vooraf.", "Vooraf."]
    assert faults == []


@pytest.mark.parametrize("query", ["olifanten", "%00%25%22%3Cscript%3E", "x" * 10_000, ""])
def test_nothing_found_leads_to_themes(
    page: Page, address: str, query: str, faults: list[str]
) -> None:
    page.goto(f"{address}/search.html?q={query}")
    page.locator("[data-search=none]:not([hidden])").wait_for()
    assert shown(page, "hits") == []
    page.get_by_role("link", name="rust", exact=True).click()
    page.locator("li a mark").wait_for()
    assert page.locator("[name=q]").input_value() == "rust"
    assert faults == []


def test_an_index_that_does_not_come_is_reported(page: Page, address: str) -> None:
    page.route("**/search-index.js", lambda route: route.abort())
    page.goto(f"{address}/search.html?q=rust")
    page.locator("[data-search=failed]:not([hidden])").wait_for()
    assert shown(page, "hits") == []


def test_without_scripts_there_is_no_form(
    new_context: Callable[..., BrowserContext], address: str
) -> None:
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/search.html")
    assert not page.locator("form").is_visible()
