"""The preferences in a real browser: phone and desk, light and dark, keyboard alone, no scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from newsletter.subscriptions import admin as list_
from tests.browser.test_letter import DOUBLE_TEXT, MODES, Mode, beyond
from tests.browser.test_pages import DESK, MOST_BYTES, PHONE, settle, violations
from tests.support import web_server
from tests.support.newsletter import Newsletter
from tests.support.parameters import choose_named
from tests.support.signups import letters, link_in
from tests.support.subscribers import sql
from tests.support.web_server import App, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

ANNA = "anna@example.org"
NARROW = {"width": 360, "height": 740}


SCRIPTS = {"scripts": True, "no scripts": False}


@pytest.fixture
def newsletter(root: Path) -> Newsletter:
    settle(root)
    newsletter = Newsletter(root, subscribers=0)
    list_.add(newsletter.store, ANNA, consent="Ja, graag", first_name="Anna")
    return newsletter


@pytest.fixture
def app(newsletter: Newsletter) -> Iterator[App]:
    with serving(newsletter.root) as app:
        yield app


def link(newsletter: Newsletter) -> str:
    return web_server.preferences_link(str(column_of_anna(newsletter, "public_id")[0]))


def unsubscribe_link(newsletter: Newsletter) -> str:
    return web_server.unsubscribe_link(str(column_of_anna(newsletter, "public_id")[0]))


def column_of_anna(newsletter: Newsletter, columns: str) -> tuple[object, ...]:
    return sql(newsletter.store, f"SELECT {columns} FROM subscribers")[0]  # noqa: S608 - ours


def assert_fit(page: Page) -> None:
    """Look at a page as everybody may: any theme, any size, any width."""
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        for size in (NARROW, PHONE, DESK):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert violations(page) == []
            assert beyond(page) == []
    page.evaluate(DOUBLE_TEXT)
    for width in (320, 360, 375, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert beyond(page) == []


def error_of(page: Page, label: str, typed: str) -> str:
    """Return what is wrong with a field, in which the input can be corrected at once."""
    field = page.get_by_label(label)
    assert field.input_value() == typed
    assert field.get_attribute("aria-invalid") == "true"
    assert field.evaluate("field => field === document.activeElement")
    assert len(page.content()) <= MOST_BYTES
    return page.locator(f"#{field.get_attribute('aria-describedby')}").inner_text()


def test_every_page_is_accessible(
    newsletter: Newsletter, app: App, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(bypass_csp=True).new_page()
    path = link(newsletter)
    shown = {path: 200, f"{path}?vergeten": 200, unsubscribe_link(newsletter): 200, "/p/x": 404}
    for address, status in shown.items():
        answer = page.goto(app.url + address)
        assert answer
        assert answer.status == status
        assert_fit(page)
    page.get_by_role("button").click()
    assert_fit(page)
    page.goto(app.url + path)
    page.get_by_role("button", name="Pauzeer").click()
    assert_fit(page)
    page.goto(f"{app.url}{path}?vergeten")
    page.get_by_role("button").click()
    page.get_by_role("heading", name="Alles is gewist").wait_for()
    assert_fit(page)


@pytest.mark.all  # it looks at seven pages more
def test_every_answer_to_a_form_is_accessible(
    newsletter: Newsletter, app: App, new_context: Callable[..., BrowserContext]
) -> None:
    path = link(newsletter)
    list_.add(newsletter.store, "bas@example.org", consent="Ja, graag")
    page = new_context(bypass_csp=True).new_page()
    page.goto(app.url + path)
    page.get_by_label("Zo begroeten we je").fill("www.koop.example")
    page.get_by_role("button", name="Bewaar mijn voornaam").click()
    assert "kunnen we niet gebruiken" in error_of(page, "Zo begroeten we je", "www.koop.example")
    assert_fit(page)
    page.get_by_label("Nieuw e-mailadres").fill("geen adres")
    page.get_by_role("button", name="Verander mijn adres").click()
    assert "tikfout" in error_of(page, "Nieuw e-mailadres", "geen adres")
    assert page.get_by_label("Zo begroeten we je").input_value() == "Anna"
    assert_fit(page)
    page.get_by_role("button", name="Liever platte tekst").click()
    assert_fit(page)
    for n, (address, said) in enumerate(
        {
            "bas@example.org": "Dit adres staat al op de lijst",
            f"{'anneke' * 10}@{'nieuw' * 12}.example.org": "Je adres is veranderd",
        }.items(),
        start=1,
    ):
        page.goto(app.url + path)
        page.get_by_label("Nieuw e-mailadres").fill(address)
        page.get_by_role("button", name="Verander mijn adres").click()
        assert "Er is een brief onderweg" in page.get_by_role("status").inner_text()
        assert_fit(page)
        page.goto(app.url + link_in(letters(newsletter.root, n)[-1], "p"))
        assert_fit(page)
        if page.get_by_role("button").count():
            page.get_by_role("button", name="Ja, dit is mijn nieuwe adres").click()
        assert page.get_by_role("heading").inner_text() == said
        assert_fit(page)
    sql(newsletter.store, "UPDATE subscribers SET status = 'unsubscribed'")
    page.goto(app.url + path)
    page.get_by_text("geen brieven van").wait_for()
    assert_fit(page)


def test_nothing_is_fetched_but_the_page_itself(
    newsletter: Newsletter, app: App, page: Page
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    path = link(newsletter)
    shown = [path, f"{path}?vergeten", "/p/x"]
    for address in shown:
        answer = page.goto(app.url + address, wait_until="networkidle")
        assert answer
        assert len(answer.body()) <= MOST_BYTES
    # A browser looks for an icon by itself; there is none.
    found = [url for url in asked if not url.endswith("/favicon.ico")]
    assert found == [app.url + address for address in shown]
    assert [text for text in said if "Content Security Policy" in text] == []


@pytest.mark.parametrize("scripts", choose_named(SCRIPTS, always=["no scripts"]))
@pytest.mark.parametrize("size", choose_named({"phone": NARROW, "desk": DESK}, always=["phone"]))
def test_everything_works_with_a_mouse(
    scripts: bool,  # noqa: FBT001 - a parameter of the test
    size: dict[str, int],
    newsletter: Newsletter,
    app: App,
    new_context: Callable[..., BrowserContext],
) -> None:
    page = new_context(java_script_enabled=scripts, viewport=size).new_page()
    page.goto(app.url + link(newsletter))
    page.get_by_label("Zo begroeten we je").fill("Anneke")
    page.get_by_role("button", name="Bewaar mijn voornaam").click()
    assert page.get_by_role("status").inner_text() == "Je voornaam is bewaard."
    assert column_of_anna(newsletter, "first_name") == ("Anneke",)
    page.get_by_label("Even geen brieven").select_option("3")
    page.get_by_role("button", name="Pauzeer").click()
    assert column_of_anna(newsletter, "paused_until IS NULL") == (0,)
    page.get_by_role("button", name="Stuur me weer brieven").click()
    assert column_of_anna(newsletter, "paused_until IS NULL") == (1,)
    page.get_by_role("button", name="Liever platte tekst").click()
    assert column_of_anna(newsletter, "plain_text") == (1,)
    page.get_by_label("Nieuw e-mailadres").fill("geen adres")
    page.get_by_role("button", name="Verander mijn adres").click()
    assert "tikfout" in error_of(page, "Nieuw e-mailadres", "geen adres")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename == "mijn-gegevens.json"
    page.get_by_role("link", name="Laat alles wissen").click()
    page.get_by_role("link", name="Nee").click()
    page.get_by_role("link", name="Laat alles wissen").click()
    page.get_by_role("button", name="Ja, wis alles").click()
    assert page.get_by_role("heading").inner_text() == "Alles is gewist"
    assert sql(newsletter.store, "SELECT count(*) FROM subscribers") == [(0,)]
    assert page.context.cookies() == []


def test_the_keyboard_is_enough(newsletter: Newsletter, app: App, page: Page) -> None:
    page.goto(app.url + link(newsletter))
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Anneke")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert column_of_anna(newsletter, "first_name") == ("Anneke",)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("anna@")
    page.keyboard.press("Enter")
    # It is where the mistake is: the rest can be typed at once.
    page.get_by_text("tikfout").wait_for()
    page.keyboard.press("End")
    page.keyboard.type("nieuw.example")
    page.keyboard.press("Enter")
    page.get_by_text("Er is een brief onderweg").wait_for()
    assert sql(newsletter.store, "SELECT new_email FROM address_changes") == [
        ("anna@nieuw.example",)
    ]
    outline = "getComputedStyle(document.activeElement).outline"
    for _ in range(8):
        page.keyboard.press("Tab")
        assert "solid 3px" in page.evaluate(outline)


@pytest.mark.parametrize("mode", MODES)
def test_a_forwarded_letter_shows_no_address_and_mails_only_the_subscriber(
    mode: Mode, newsletter: Newsletter, app: App, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False, color_scheme=mode).new_page()
    page.goto(app.url + unsubscribe_link(newsletter))
    assert page.get_by_role("button").all_inner_texts() == ["Ja, meld me af", "Mail me de link"]
    assert "anna" not in page.content().lower()
    page.get_by_role("button", name="Mail me de link").click()
    assert page.get_by_role("heading").inner_text() == "Kijk in je mailbox"
    assert page.get_by_role("button").count() == 0
    assert "anna" not in page.content().lower()
    assert column_of_anna(newsletter, "status") == ("active",)
    assert sql(newsletter.store, "SELECT kind FROM notices") == [("preferences",)]
