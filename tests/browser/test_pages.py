"""The pages in a real browser: with and without scripts, on a phone and a desk, light and dark."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

from newsletter import tokens
from newsletter.render.palette import contrast, palette
from newsletter.store.sql import new_id
from tests.browser.test_letter import (
    ACCENTS,
    DOUBLE_TEXT,
    MODES,
    PICTURE,
    Mode,
    beyond,
    computed,
    hexadecimal,
)
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.parameters import choose, choose_named
from tests.support.web_server import KEY, PROOF, App, serving, subscriber_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

TOML = (
    'name = "Jij en Loslaten"\nsender = "Gerrit <gerrit@example.org>"\n'
    'site_url = "https://example.org/"\n'
)
LONG = "Onvoorstelbaar" * 12
PHONE, DESK = {"width": 375, "height": 700}, {"width": 1280, "height": 800}
SIZES = {"phone": PHONE, "desk": DESK}
MOST_BYTES = 15_000
GOOD = tokens.unsubscribe_token(KEY, new_id(), new_id())
SHOWN = {
    "leave": ("GET", f"/u/{GOOD}"),
    "leave a proof": ("GET", f"/u/{PROOF}"),
    "left": ("POST", f"/u/{GOOD}"),
    "left a proof": ("POST", f"/u/{PROOF}"),
    "missing": ("GET", "/nergens"),
    "refused": ("PUT", "/healthz"),
    "issue": ("GET", "/issues/2026-11-29-rust"),
    "answer": ("GET", "/a/2026-11-29-rust/1"),
    "answered": ("POST", "/a/2026-11-29-rust/2"),
}
with_each = pytest.mark.parametrize("name", choose(SHOWN, always=("leave", "issue", "answer")))


def settle(root: Path, *, name: str = "Jij en Loslaten", more: str = "") -> None:
    (root / "newsletter.toml").write_text(
        TOML.replace("Jij en Loslaten", name) + more, encoding="utf-8"
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Return an app with an issue that was sent; no test changes anything in it."""
    root = tmp_path_factory.mktemp("shared")
    settle(root)
    (root / "issues").mkdir()
    slug = "2026-11-29-rust"
    text = (
        "---\nsubject: Over rust\n---\nEen rustige zin.\n\n> En een regel om te houden.\n\n"
        "💡 Wat laat je liggen?\n\n![Een lege stoel](https://example.org/stoel.jpg)\n"
        "\nWat helpt jou?\n\n- [ ] Lopen\n- [ ] Slapen\n"
    )
    (root / "issues" / f"{slug}.md").write_text(text, encoding="utf-8")
    newsletter = Newsletter(root, subscribers=1, slug=slug)
    newsletter.send(FakeProvider(root / "taken"), late=True)
    with serving(root) as app:
        yield app


@pytest.fixture
def without_scripts(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(java_script_enabled=False).new_page()


def show(page: Page, app: App, name: str) -> None:
    """Show an answer of the app where a browser would: under its own address and headers."""
    method, path = SHOWN[name]
    page.route(
        "https://example.org/*", lambda r: r.fulfill(body=PICTURE, content_type="image/svg+xml")
    )
    page.route(f"{app.url}/**", lambda route: route.continue_(method=method))
    page.goto(app.url + path)


def violations(page: Page) -> list[Any]:
    """Return what axe finds, also by its rules for WCAG 2.2, which it applies only when asked."""
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=options)
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in found.response["violations"]
    ]


@pytest.mark.parametrize("mode", MODES)
@with_each
def test_axe_finds_nothing_on_phone_or_desk(
    name: str, mode: Mode, shared: App, new_context: Callable[..., BrowserContext]
) -> None:
    # The policy of our pages forbids scripts, that of the checker too.
    page = new_context(bypass_csp=True).new_page()
    page.emulate_media(color_scheme=mode)
    show(page, shared, name)
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == []


@pytest.mark.parametrize("mode", MODES)
@with_each
def test_nothing_overflows_at_any_width_or_text_size(
    name: str, mode: Mode, shared: App, page: Page
) -> None:
    page.emulate_media(color_scheme=mode)
    show(page, shared, name)
    for doubled in (False, True):
        if doubled:
            page.evaluate(DOUBLE_TEXT)
        for width in (320, 375, 800):
            page.set_viewport_size({"width": width, "height": 800})
            assert beyond(page) == [], (width, doubled)


@pytest.mark.parametrize("accent", choose(ACCENTS, always=["#ffff00"]))
def test_any_name_and_accent_colour_work(
    accent: str, root: Path, new_context: Callable[..., BrowserContext]
) -> None:
    settle(root, name=LONG, more=f'accent_color = "{accent}"\n')
    subscriber_list(root).store.close()
    page = new_context(bypass_csp=True, viewport={"width": 320, "height": 700}).new_page()
    with serving(root) as app:
        for name in ("leave", "left a proof"):
            show(page, app, name)
            assert beyond(page) == []
            for mode in MODES:
                page.emulate_media(color_scheme=mode)
                assert violations(page) == []
            page.unroute_all()


@pytest.mark.parametrize("mode", MODES)
def test_the_pages_have_the_letters_colours(
    mode: Mode, shared: App, without_scripts: Page, page: Page
) -> None:
    for shown in (without_scripts, page):
        shown.emulate_media(color_scheme=mode)
        show(shown, shared, "leave a proof")
    scheme = getattr(palette("#2f5d50"), mode)
    backgrounds = computed(page, "*", "backgroundColor") - {"rgba(0, 0, 0, 0)"}
    assert {hexadecimal(colour) for colour in backgrounds} == {
        scheme.page,
        scheme.card,
        scheme.tint,
        scheme.button,
    }
    text = {hexadecimal(colour) for colour in computed(page, "h1, p, header, a", "color")}
    assert min(contrast(colour, scheme.page) for colour in text) >= 4.5
    # Without scripts it looks the same: to the last dot.
    assert without_scripts.screenshot() == page.screenshot()


@pytest.mark.parametrize("size", choose_named(SIZES, always=["phone"]))
def test_the_button_and_its_text_are_large_enough(
    size: dict[str, int], shared: App, page: Page
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    show(page, shared, "leave a proof")
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
    sizes = computed(page, "body *", "fontSize")
    assert min(float(size.removesuffix("px")) for size in sizes) >= 16


def test_on_a_phone_the_masthead_stays_where_it_is_from_page_to_page(
    shared: App, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    tops = {}
    for name in ("leave", "leave a proof", "left", "missing", "refused"):
        show(page, shared, name)
        box = page.locator("header").bounding_box()
        assert box
        tops[name] = box["y"]
        page.unroute_all()
    assert set(tops.values()) == {28}


@pytest.mark.parametrize("size", choose_named(SIZES, always=["phone"]))
def test_one_click_unsubscribes_without_scripts(
    size: dict[str, int], root: Path, without_scripts: Page
) -> None:
    settle(root)
    subscribers = subscriber_list(root)
    link = subscribers.add("anna")
    without_scripts.set_viewport_size(size)  # type: ignore[arg-type]
    with serving(root) as app:
        without_scripts.goto(f"{app.url}/u/{link}")
        assert subscribers.status("anna") == "active"
        without_scripts.get_by_role("button", name="meld me af").click()
        assert without_scripts.get_by_role("heading").inner_text() == "Je bent afgemeld"
        assert subscribers.status("anna") == "unsubscribed"
        assert without_scripts.url == f"{app.url}/u/{link}"
        assert without_scripts.context.cookies() == []


def test_the_keyboard_is_enough_and_shows_the_focus(
    root: Path, without_scripts: Page, page: Page
) -> None:
    settle(root)
    subscribers = subscriber_list(root)
    link = subscribers.add("anna")
    with serving(root) as app:
        page.goto(f"{app.url}/u/{link}")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "BUTTON"
        outline = "getComputedStyle(document.activeElement).outline"
        assert "solid 3px" in page.evaluate(outline)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "Mail me de link"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "A"
        assert "solid 3px" in page.evaluate(outline)
        without_scripts.goto(f"{app.url}/u/{link}")
        without_scripts.keyboard.press("Tab")
        without_scripts.keyboard.press("Enter")
        without_scripts.get_by_role("heading", name="Je bent afgemeld").wait_for()
    assert subscribers.status("anna") == "unsubscribed"


def test_when_it_did_not_work_the_button_is_there_again(root: Path, without_scripts: Page) -> None:
    settle(root)
    subscribers = subscriber_list(root)
    link = subscribers.add("anna")
    database = root / ".newsletter" / "newsletter.db"
    with serving(root) as app:
        assert app.client.get("/healthz").status_code == 200
        without_scripts.goto(f"{app.url}/u/{link}")
        database.rename(root / "away")
        without_scripts.get_by_role("button", name="meld me af").click()
        without_scripts.get_by_role("heading", name="Het is nog niet gelukt").wait_for()
        (root / "away").rename(database)
        # The app looks for a database that was away at most once a second.
        while without_scripts.get_by_role("button").count():
            without_scripts.get_by_role("button", name="meld me af").click()
            without_scripts.get_by_role("heading").wait_for()
        assert without_scripts.get_by_role("heading").inner_text() == "Je bent afgemeld"
    assert subscribers.status("anna") == "unsubscribed"


@with_each
def test_nothing_is_fetched_but_the_page_itself(name: str, shared: App, page: Page) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    show(page, shared, name)
    page.wait_for_load_state("networkidle")
    # A browser looks for an icon by itself; there is none.
    found = [url for url in asked if not url.endswith("/favicon.ico")]
    assert found == [shared.url + SHOWN[name][1]]
    assert [text for text in said if "Content Security Policy" in text] == []


@contextlib.contextmanager
def in_front(app: App, prefix: str) -> Iterator[str]:
    """Run a server that passes on what comes below a prefix, without it, as web servers do."""

    class PassOn(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.removeprefix(prefix)
            kind = {"Content-Type": self.headers.get("Content-Type", "")}
            answer = httpx.request(self.command, app.url + path, content=body, headers=kind)
            self.send_response(answer.status_code)
            for name in ("content-type", "content-security-policy"):
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = pass_on  # noqa: N815 - the names are the library's

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), PassOn) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()


def test_the_button_works_below_a_path_of_a_larger_site(root: Path, without_scripts: Page) -> None:
    settle(root)
    subscribers = subscriber_list(root)
    link = subscribers.add("anna")
    with serving(root) as app, in_front(app, "/brief") as front:
        without_scripts.goto(f"{front}/u/{link}")
        without_scripts.get_by_role("button", name="meld me af").click()
        without_scripts.get_by_role("heading", name="Je bent afgemeld").wait_for()
        assert without_scripts.url == f"{front}/u/{link}"
    assert subscribers.status("anna") == "unsubscribed"
