"""The archive in a real browser: in the app and as files, with and without scripts."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from newsletter import config
from newsletter.archive.build import build
from newsletter.model import Faq, FaqItem, Image, Text
from newsletter.store import media
from tests.browser.test_letter import DOUBLE_TEXT, MODES, Mode, beyond
from tests.browser.test_pages import DESK, PHONE, settle, violations
from tests.support.issues import every_block, rich
from tests.support.newsletter import Newsletter
from tests.support.parameters import choose
from tests.support.pictures import photo
from tests.support.published import published, record, weekly
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

NAME = "a" * 40 + ".jpg"
PICTURE = Image(1, f"media/{NAME}", "Een stoel", "Een oude stoel", width=520, height=300)
LONG = "Onvoorstelbaar" * 12
SLUG = "2026-11-29-rust"
PAGES = (
    "issues/",
    f"issues/{SLUG}",
    "issues/theme/rust",
    "issues/questions",
    "issues/search?q=stilte",
    "issues/search?q=woordennietbestaand",
)
with_each_page = pytest.mark.parametrize("path", choose(PAGES, always=PAGES[:2]))


def fill(newsletter: Newsletter) -> None:
    """Publish issues with every block, a long word, a picture, a correction and questions."""
    faq = Faq(1, (FaqItem(1, rich("Mag dat?"), (Text(2, rich("Ja hoor, in alle stilte.")),)),))
    first = published(
        SLUG,
        subject=LONG,
        themes=["rust", "één / twee", "🌱"],
        blocks=(*every_block().blocks, PICTURE, faq, Text(9, rich(LONG))),
    )
    record(newsletter.store, [first, *weekly(30, themes=["rust"])[1:]])
    with newsletter.store.write() as connection:
        media.store(connection, [NAME], {NAME: photo(520, 300)})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Return an app with an archive; no test changes anything in it."""
    root = tmp_path_factory.mktemp("shared")
    settle(root)
    newsletter = Newsletter(root, subscribers=0, slug=SLUG)
    fill(newsletter)
    newsletter.store.close()
    with serving(root) as app:
        yield app


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a host of the static site."""
    root = tmp_path_factory.mktemp("files")
    settle(root)
    newsletter = Newsletter(root, subscribers=0, slug=SLUG)
    fill(newsletter)
    build(config.load(root), newsletter.store, root / "public", lambda _done, _total: None)
    newsletter.store.close()
    handler = functools.partial(_Quiet, directory=str(root / "public"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("mode", MODES)
@with_each_page
def test_axe_finds_nothing_on_phone_or_desk(
    path: str, mode: Mode, shared: App, new_context: Callable[..., BrowserContext]
) -> None:
    # The policy of our pages forbids scripts, that of the checker too.
    page = new_context(bypass_csp=True).new_page()
    page.emulate_media(color_scheme=mode)
    page.goto(f"{shared.url}/{path}")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == []


@with_each_page
def test_nothing_overflows_at_any_width_or_text_size(path: str, shared: App, page: Page) -> None:
    page.goto(f"{shared.url}/{path}")
    for doubled in (False, True):
        if doubled:
            page.evaluate(DOUBLE_TEXT)
        for width in (320, 375, 800):
            page.set_viewport_size({"width": width, "height": 800})
            assert beyond(page) == [], (width, doubled)


@with_each_page
def test_nothing_is_fetched_but_the_page_and_its_pictures(
    path: str, shared: App, page: Page
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{shared.url}/{path}", wait_until="networkidle")
    for picture in page.get_by_role("img").all():
        picture.scroll_into_view_if_needed()
    found = {url for url in asked if not url.endswith("/favicon.ico")}
    pictures = {f"{shared.url}/media/{NAME}"} if path.endswith(SLUG) else set()
    assert found == {f"{shared.url}/{path}"} | pictures
    assert [text for text in said if "Content Security Policy" in text] == []
    assert page.context.cookies() == []


def test_a_visitor_walks_through_it_without_scripts(
    shared: App, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{shared.url}/issues")
    page.get_by_label("Zoek op thema").fill("stilte")
    page.get_by_role("button", name="Zoek").click()
    found = page.get_by_label("Gevonden brieven")
    assert found.locator("mark").first.inner_text() == "stilte"
    found.get_by_role("link").click()
    assert page.url == f"{shared.url}/issues/{SLUG}"
    page.get_by_text("Mag dat?").click()
    page.get_by_text("Ja hoor, in alle stilte.").wait_for()
    page.get_by_role("link", name="Brief van 2026-11-22").last.click()
    page.get_by_role("link", name="rust", exact=True).click()
    assert page.get_by_role("heading", level=1).inner_text() == "rust"
    page.get_by_label("E-mailadres").fill("anna@example.org")
    page.get_by_role("button", name="Meld me aan").click()
    page.get_by_role("heading", name="Nog één klik").wait_for()


def test_the_picture_of_an_issue_is_there(shared: App, page: Page) -> None:
    page.goto(f"{shared.url}/issues/{SLUG}")
    picture = page.get_by_role("img", name="Een stoel")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.images[0].complete")
    assert picture.evaluate("picture => picture.naturalWidth") == 520


@pytest.mark.parametrize("mode", MODES)
def test_the_static_site_is_the_same_and_searches_by_itself(
    mode: Mode, files: str, page: Page
) -> None:
    page.emulate_media(color_scheme=mode)
    page.goto(files)
    page.get_by_label("Zoek op thema").fill("stilte")
    page.get_by_role("button", name="Zoek").click()
    found = page.get_by_label("Gevonden brieven")
    found.get_by_role("link").wait_for()
    page.wait_for_function("document.querySelector('section mark')")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == []
    found.get_by_role("link").click()
    assert page.url == f"{files}/issues/{SLUG}.html"
    assert violations(page) == []
    picture = page.get_by_role("img", name="Een stoel")
    picture.scroll_into_view_if_needed()
    page.wait_for_function("document.images[0].complete")
    assert picture.evaluate("picture => picture.naturalWidth") == 520
    form = page.locator("form[method=post]")
    assert form.get_attribute("action") == "http://localhost:8000/subscribe"


def test_without_scripts_the_static_site_offers_themes_in_the_place_of_a_search(
    files: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    for path in ("", "/issues/search.html"):
        page.goto(files + path)
        assert not page.get_by_role("button", name="Zoek").is_visible()
        page.get_by_role("link", name="rust", exact=True).wait_for()
    page.get_by_role("link", name="rust", exact=True).click()
    page.get_by_role("link", name="Brief van 2026-11-22").click()
    assert page.url == f"{files}/issues/2026-11-22-brief.html"


def test_a_long_archive_is_read_part_by_part(
    root: Path, new_context: Callable[..., BrowserContext]
) -> None:
    settle(root)
    newsletter = Newsletter(root, subscribers=0, slug=SLUG)
    record(newsletter.store, weekly(200))
    page = new_context(java_script_enabled=False).new_page()
    with serving(root) as app:
        page.goto(f"{app.url}/issues/")
        page.get_by_role("link", name="Oudere").click()
        assert page.url == f"{app.url}/issues/page/2"
        page.get_by_label("Jaren").get_by_role("link", name="2026").click()
        assert page.url == f"{app.url}/issues/#j2026"
