"""Joining in a real browser: phone and desk, light and dark, keyboard alone, no scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from newsletter import tokens
from newsletter.store.sql import new_id
from newsletter.subscriptions.signup import CONFIRM_WITHIN, SignupLimits, confirm, request_signup
from newsletter.web import Limits
from tests.browser.test_letter import DOUBLE_TEXT, MODES, Mode, beyond, computed
from tests.browser.test_pages import DESK, MOST_BYTES, PHONE, settle, violations
from tests.integration.web.test_signup import PROXY, stamp
from tests.support.newsletter import FakeProvider, Newsletter
from tests.support.parameters import choose_named
from tests.support.signups import HERE, VIA, letters, link_in, open_link, signup_request
from tests.support.subscribers import sql, statuses
from tests.support.web_server import KEY, App, serving, subscriber_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from subprocess import CompletedProcess

    from playwright.sync_api import BrowserContext, Page, Response, Route

    Run = Callable[..., CompletedProcess[str]]

EVA = "eva@example.org"
FORM = {"content-type": "application/x-www-form-urlencoded"}
FULL = Limits(signup=SignupLimits(letters_per_hour=0, requests_per_hour=0))


@dataclass(frozen=True)
class Shown:
    """A page, and the request that it answers.

    Attributes:
        status: What it answers with.
        heading: What stands above it.
        path: Its address; in braces the name of a link in `Apps.links`.
        body: What is posted; None to look.
        app: Which one answers.
    """

    status: int
    heading: str
    path: str = "/"
    body: str | None = None
    app: str = "open"
    headers: Mapping[str, str] = field(default_factory=dict)


def posted(status: int, heading: str, body: str = "", **more: str) -> Shown:
    """Return a page that answers the form; with `ip` as if a visitor came from there."""
    headers = FORM | ({"x-forwarded-for": more.pop("ip")} if "ip" in more else {})
    return Shown(status, heading, "/subscribe", body, headers=headers, **more)


def filled(email: str = EVA, first_name: str = "Eva") -> str:
    return f"email={email}&first_name={first_name}&stamp={stamp()}"


SHOWN = {
    "form": Shown(200, "Wil je Jij en Loslaten ontvangen?"),
    "reloaded": Shown(200, "Wil je Jij en Loslaten ontvangen?", "/subscribe"),
    "asked": posted(200, "Kijk in je mailbox", filled()),
    "from another site": posted(200, "Nog één klik", f"email={EVA}&first_name=Eva"),
    "empty": posted(422, "Kijk nog even", filled("")),
    "no address": posted(422, "Kijk nog even", filled("eva")),
    "no name": posted(422, "Kijk nog even", filled(first_name="www.koop.example")),
    "closed": Shown(503, "Het is even te druk", app="strict"),
    "closed meanwhile": posted(503, "Het is even te druk", filled(), app="strict"),
    "crowded": posted(429, "Even wachten", filled(), app="strict", ip="203.0.113.9"),
    "no form": posted(413, "Dat kan hier niet", "x" * 5000),
    "trouble": Shown(503, "Het lukt nu even niet", app="broken"),
    "confirm": Shown(200, "Bevestig je aanmelding", "/c/{open}"),
    "confirmed": Shown(200, "Welkom, je staat op de lijst", "/c/{used}", ""),
    "confirmed before": Shown(200, "Welkom, je staat op de lijst", "/c/{used}"),
    "late": Shown(410, "Deze link is verlopen", "/c/{late}"),
    "late press": Shown(410, "Deze link is verlopen", "/c/{late}", ""),
    "no link": Shown(404, "Deze link werkt niet", "/c/{open}x"),
    "of nobody": Shown(410, "Deze link is verlopen", "/c/{nobody}", ""),
    "not confirmed": Shown(503, "Het is nog niet gelukt", "/c/{open}", "", app="broken"),
}
with_each = pytest.mark.parametrize(
    "shown", choose_named(SHOWN, always=("form", "no address", "confirm"))
)


@dataclass(frozen=True)
class Apps:
    """The apps that show the pages: on a list, on one that takes nobody now, and on none."""

    apps: Mapping[str, App]
    links: Mapping[str, str]

    def url(self, shown: Shown) -> str:
        return self.apps[shown.app].url + shown.path.format(**self.links)


def signed_up(newsletter: Newsletter, email: str) -> str:
    request_signup(newsletter.store, signup_request(email), VIA)
    return open_link(newsletter.store, email)


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Return apps in which no test changes what another looks at."""
    roots = {name: tmp_path_factory.mktemp(name) for name in ("open", "strict", "broken")}
    for root in roots.values():
        settle(root)
    (roots["open"] / "issues").mkdir()
    newsletter = Newsletter(roots["open"], subscribers=1)
    newsletter.send(FakeProvider(roots["open"] / "taken"))
    signups = {
        name: signed_up(newsletter, f"{name}@example.org") for name in ("open", "used", "late")
    }
    confirm(newsletter.store, signups["used"], HERE)
    too_late = datetime.now(UTC) - CONFIRM_WITHIN - timedelta(hours=1)
    sql(
        newsletter.store,
        "UPDATE signups SET requested_at = ? WHERE public_id = ?",
        f"{too_late:%Y-%m-%d %H:%M:%S.%f}",
        signups["late"],
    )
    links = {name: tokens.confirm_token(KEY, id_) for name, id_ in signups.items()}
    links["nobody"] = tokens.confirm_token(KEY, new_id())
    subscriber_list(roots["strict"]).store.close()
    (roots["broken"] / ".newsletter" / "newsletter.db").mkdir(parents=True)
    with (
        serving(roots["open"]) as usual,
        serving(roots["strict"], *PROXY, limits=FULL) as strict,
        serving(roots["broken"]) as broken,
    ):
        yield Apps({"open": usual, "strict": strict, "broken": broken}, links)


def show(page: Page, apps: Apps, shown: Shown) -> Response:
    """Show a page where a browser would: under its own address and headers."""

    def ask(route: Route) -> None:
        if shown.body is None:
            route.continue_()
        else:
            headers = {**route.request.headers, **shown.headers}
            route.continue_(method="POST", post_data=shown.body, headers=headers)

    page.unroute_all()
    page.route(f"{apps.apps[shown.app].url}/**", ask)
    answer = page.goto(apps.url(shown))
    assert answer
    assert (answer.status, page.get_by_role("heading", level=1).inner_text()) == (
        shown.status,
        shown.heading,
    )
    return answer


@pytest.fixture
def without_scripts(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(java_script_enabled=False).new_page()


# How it looks


@with_each
def test_axe_finds_nothing_on_phone_or_desk(
    shown: Shown, apps: Apps, new_context: Callable[..., BrowserContext]
) -> None:
    # The policy of our pages forbids scripts, that of the checker too.
    page = new_context(bypass_csp=True).new_page()
    show(page, apps, shown)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        for size in (PHONE, DESK):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert violations(page) == [], (mode, size)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<button style="all:unset;font-size:9px">a</button>' * 2, "target-size"),
        ('<p style="color:#999;background:#fff">grijs</p>', "color-contrast"),
        ("<input>", "label"),
    ],
)
def test_axe_would_find_it(body: str, rule: str, page: Page) -> None:
    page.set_content(f'<html lang="nl"><title>a</title><main><h1>a</h1>{body}</main>')
    assert [name for name, _ in violations(page)] == [rule]


@with_each
def test_nothing_overflows_at_any_width_or_text_size(shown: Shown, apps: Apps, page: Page) -> None:
    show(page, apps, shown)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for doubled in (False, True):
        if doubled:
            page.evaluate(DOUBLE_TEXT)
        for width in (320, 360, 375, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert beyond(page) == [], (width, doubled)


@with_each
def test_buttons_and_text_are_large_enough(shown: Shown, apps: Apps, page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    show(page, apps, shown)
    for one in page.locator("button, input:visible, select").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 44
    sizes = computed(page, "body *", "fontSize")
    assert min(float(size.removesuffix("px")) for size in sizes) >= 16


@with_each
def test_it_is_one_small_request_that_nothing_waits_for(
    shown: Shown, apps: Apps, page: Page
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    answer = show(page, apps, shown)
    page.wait_for_load_state("networkidle")
    # A browser looks for an icon by itself; there is none.
    assert [url for url in asked if not url.endswith("/favicon.ico")] == [apps.url(shown)]
    assert [text for text in said if "Content Security Policy" in text] == []
    assert len(answer.body()) <= MOST_BYTES
    assert page.context.cookies() == []


@pytest.mark.parametrize("mode", MODES)
@with_each
def test_without_scripts_it_looks_the_same(
    shown: Shown, mode: Mode, apps: Apps, page: Page, without_scripts: Page
) -> None:
    for one in (page, without_scripts):
        one.emulate_media(color_scheme=mode)
        show(one, apps, shown)
    assert page.screenshot() == without_scripts.screenshot()


# The keyboard alone


@with_each
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    shown: Shown, apps: Apps, page: Page
) -> None:
    show(page, apps, shown)
    # From the beginning, also where the page begins in a field.
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    everything = page.locator("main a, main button, main summary, main input:visible, footer a")
    for one in everything.all():
        page.keyboard.press("Tab")
        assert one.evaluate("one => one === document.activeElement")
        assert "solid 3px" in one.evaluate("one => getComputedStyle(one).outline")
        assert one.evaluate("one => one.getBoundingClientRect().bottom <= innerHeight")


def test_the_keyboard_alone_signs_up_and_confirms_without_scripts(
    root: Path, without_scripts: Page
) -> None:
    settle(root)
    newsletter = Newsletter(root, subscribers=1)
    newsletter.send(FakeProvider(root / "taken"))
    page = without_scripts
    with serving(root) as app:
        page.goto(app.url)
        page.keyboard.press("Tab")
        page.keyboard.type("eva")
        page.keyboard.press("Tab")
        page.keyboard.type("Eva")
        page.wait_for_timeout(2000)  # nobody fills in a form in less
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Kijk nog even").wait_for()
        # It is where the mistake is: the rest can be typed at once.
        page.keyboard.press("End")
        page.keyboard.type("@example.org")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
        (letter,) = letters(root, 1)
        page.goto(app.url + link_in(letter, "c"))
        assert statuses(newsletter.store)[EVA] == "pending"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Welkom, je staat op de lijst").wait_for()
        assert statuses(newsletter.store)[EVA] == "active"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{app.url}/issues/{newsletter.slug}")
    assert sql(newsletter.store, "SELECT first_name FROM subscribers WHERE email = ?", EVA) == [
        ("Eva",)
    ]


@pytest.mark.parametrize("name", ["closed", "closed meanwhile", "crowded"])
def test_the_page_that_asks_to_wait_has_one_link_back(
    name: str, apps: Apps, without_scripts: Page
) -> None:
    page = without_scripts
    show(page, apps, SHOWN[name])
    page.unroute_all()
    page.get_by_role("main").get_by_role("link").click()
    page.wait_for_url(f"{apps.apps['strict'].url}/")


# From an author's own site


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_form_on_an_authors_own_site_leads_through_one_more_button(
    scripts: bool,  # noqa: FBT001 - a parameter of the test
    root: Path,
    run: Run,
    new_context: Callable[..., BrowserContext],
) -> None:
    settle(root)
    store = subscriber_list(root).store
    page = new_context(java_script_enabled=scripts).new_page()
    with serving(root) as app:
        form = run("subscribers", "form", env={"NEWSLETTER_PUBLIC_URL": app.url}).stdout
        site = "http://jijenloslaten.example"
        html = f'<!doctype html><html lang="nl"><title>Over mij</title><h1>Over mij</h1>{form}'
        page.route(f"{site}/**", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(f"{site}/over")
        page.get_by_label("E-mailadres").fill(EVA)
        page.get_by_label("Voornaam").fill("Eva")
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Nog één klik").wait_for()
        assert page.url == f"{app.url}/subscribe"
        assert page.get_by_label("E-mailadres").input_value() == EVA
        assert sql(store, "SELECT count(*) FROM signups") == [(0,)]
        page.wait_for_timeout(2000)
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Kijk in je mailbox").wait_for()
        assert sql(store, "SELECT form, first_name FROM signups") == [(site, "Eva")]
        assert page.context.cookies() == []
