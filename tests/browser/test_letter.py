"""The letter in a real browser: what subscribers see, in every width, size and mode."""

from __future__ import annotations

import colorsys
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from newsletter.render import letter
from newsletter.render.palette import contrast, palette
from tests.support.issues import SAMPLES, SETTINGS, every_block, fill, sample
from tests.support.letters import BRANDS, open_brand
from tests.support.parameters import choose

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Mode = Literal["light", "dark"]
MODES: tuple[Mode, ...] = ("light", "dark")
LONG = "Onvoorstelbaar" * 25
LETTERS = {
    **{path.stem: sample(path) for path in SAMPLES},
    "every-block": every_block("Even stilstaan bij wat er is.", "https://example.org/rust.png"),
    "long-words": every_block(LONG, "https://example.org/" + LONG),
}
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="1040" height="560"><rect width="1040"'
    ' height="560" fill="#8aa"/></svg>'
)
ACCENTS = ("#ffff00", "#000000", "#ffffff", "#d94f70")
# Rules for whole pages: a mail is shown inside a client's page, which has those landmarks.
PAGE_RULES = {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}}
DOUBLE_TEXT = """() => {
    const all = [...document.body.querySelectorAll("*")];
    const sizes = all.map(element => parseFloat(getComputedStyle(element).fontSize));
    all.forEach((e, i) => e.style.setProperty("font-size", 2 * sizes[i] + "px", "important"));
}"""
BEYOND = """() => [...document.body.querySelectorAll("*")]
    .filter(e => e.getClientRects().length && (e.getBoundingClientRect().right > innerWidth + 0.5
        || e.getBoundingClientRect().left < -0.5))
    .map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(params=choose(LETTERS, always=("every-block", "long-words")))
def shown(request: pytest.FixtureRequest, page: Page) -> Page:
    """Return a page that shows one of the letters, with its pictures."""
    return show(page, fill(letter(LETTERS[request.param], SETTINGS).html))


def show(page: Page, html: str, *, pictures: bool = True) -> Page:
    def answer(route: Route) -> None:
        if pictures:
            route.fulfill(body=PICTURE, content_type="image/svg+xml")
        else:
            route.abort()

    page.route("**/*", answer)
    page.set_content(html, wait_until="load")
    return page


def beyond(page: Page) -> list[str]:
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    wide = [] if width[0] <= width[1] else [f"the page: {width}"]
    return wide + list(page.evaluate(BEYOND))


def violations(page: Page) -> list[Any]:
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": PAGE_RULES})
    return [
        (violation["id"], [node["html"][:120] for node in violation["nodes"]])
        for violation in found.response["violations"]
    ]


def computed(page: Page, selector: str, style: str) -> set[str]:
    found = page.eval_on_selector_all(
        selector, f"all => all.map(element => getComputedStyle(element).{style})"
    )
    assert found, selector
    return set(found)


def hexadecimal(colour: str) -> str:
    channels = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return "#" + "".join(f"{int(channel):02x}" for channel in channels)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_overflows_at_any_width_or_text_size(shown: Page, mode: Mode) -> None:
    shown.emulate_media(color_scheme=mode)
    for width in (320, 360, 600, 800):
        shown.set_viewport_size({"width": width, "height": 800})
        assert beyond(shown) == [], width
    shown.evaluate(DOUBLE_TEXT)
    for width in (320, 360, 600, 800):
        shown.set_viewport_size({"width": width, "height": 800})
        assert beyond(shown) == [], f"{width} with text at 200 %"


@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing(shown: Page, mode: Mode) -> None:
    shown.emulate_media(color_scheme=mode)
    assert violations(shown) == []


@pytest.mark.parametrize("brand", BRANDS)
def test_a_brand_with_logo_and_portrait_fits_and_is_accessible(page: Page, brand: str) -> None:
    settings, draft = open_brand(brand)
    assert draft.issue
    show(page, fill(letter(draft.issue, settings).html))
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        assert violations(page) == []
    page.evaluate(DOUBLE_TEXT)
    for width in (320, 375, 800):
        page.set_viewport_size({"width": width, "height": 800})
        assert beyond(page) == [], width


def test_axe_would_find_grey_on_white(page: Page) -> None:
    show(page, '<html lang="nl"><title>a</title><h1 style="color:#bbb;background:#fff">Rust</h1>')
    assert [name for name, _ in violations(page)] == ["color-contrast"]


@pytest.mark.parametrize("accent", choose(ACCENTS, always=["#ffff00"]))
def test_axe_finds_nothing_with_any_accent_colour(page: Page, accent: str) -> None:
    settings = replace(SETTINGS, accent_color=accent)
    show(page, fill(letter(LETTERS["every-block"], settings).html))
    for mode in MODES:
        page.emulate_media(color_scheme=mode)
        assert violations(page) == []


def test_dark_mode_is_dark_everywhere(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    show(page, fill(letter(LETTERS["every-block"], SETTINGS).html))
    dark = palette(SETTINGS.accent_color).dark
    backgrounds = computed(page, "*", "backgroundColor") - {"rgba(0, 0, 0, 0)"}
    assert {hexadecimal(colour) for colour in backgrounds} == {
        dark.page,
        dark.card,
        dark.tint,
        dark.button,
    }
    text = {hexadecimal(c) for c in computed(page, "h1, h2, h3, p, li, blockquote, a", "color")}
    assert min(contrast(colour, dark.page) for colour in text) >= 4.5


def test_microsofts_webmail_gets_the_dark_colours_too(page: Page) -> None:
    html = fill(letter(LETTERS["every-block"], SETTINGS).html)
    show(page, html.replace("<html ", "<html data-ogsc data-ogsb ", 1))
    assert violations(page) == []
    assert hexadecimal(computed(page, ".card", "backgroundColor").pop()) == (
        palette(SETTINGS.accent_color).dark.card
    )


def inverted(html: str) -> str:
    """Return a letter as a client shows it that turns every light colour dark, and back."""

    def invert(match: re.Match[str]) -> str:
        red, green, blue = (int(match[1][at : at + 2], 16) / 255 for at in (0, 2, 4))
        hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
        turned = colorsys.hls_to_rgb(hue, 1 - lightness, saturation)
        return "#" + "".join(f"{round(255 * channel):02x}" for channel in turned)

    head, _, body = html.partition("</head>")
    body = re.sub(r"(?<!&)#([0-9a-f]{6})\b", invert, body)
    return head[: head.index("<style")] + "<style>html { background: #000 }</style></head>" + body


@pytest.mark.parametrize(
    "accent", choose(["#2f5d50", "#b4532a", "#000000", "#ffffff"], always=["#2f5d50"])
)
def test_a_client_that_inverts_all_colours_leaves_the_letter_readable(
    page: Page, accent: str
) -> None:
    settings = replace(SETTINGS, accent_color=accent)
    html = fill(letter(LETTERS["every-block"], settings).html)
    show(page, inverted(html))
    assert violations(page) == []
    assert hexadecimal(computed(page, ".card", "backgroundColor").pop()) == "#000000"


def test_without_its_style_sheet_the_letter_stays_whole_and_readable(page: Page) -> None:
    html = fill(letter(LETTERS["every-block"], SETTINGS).html)
    head, _, body = html.partition("</head>")
    show(page, head[: head.index("<style")] + "</head>" + body)
    for width in (320, 800):
        page.set_viewport_size({"width": width, "height": 800})
        assert beyond(page) == []
    assert violations(page) == []
    assert computed(page, "a:not(.button a)", "textDecorationLine") == {"underline"}


def test_without_pictures_their_alt_text_is_shown(page: Page) -> None:
    html = fill(letter(LETTERS["every-block"], SETTINGS).html)
    show(page, html, pictures=False)
    page.set_viewport_size({"width": 320, "height": 800})
    assert beyond(page) == []
    box = page.locator("img").bounding_box()
    assert box
    assert box["height"] >= 20
    assert computed(page, "img", "fontStyle") == {"italic"}


@pytest.mark.parametrize("width", [320, 800])
def test_buttons_are_tall_enough_for_a_thumb(page: Page, width: int) -> None:
    show(page, fill(letter(LETTERS["every-block"], SETTINGS).html))
    page.set_viewport_size({"width": width, "height": 800})
    for selector in (".button a", "ul[role=list] a"):
        box = page.locator(selector).first.bounding_box()
        assert box
        assert box["height"] >= 44


def test_links_are_underlined(shown: Page) -> None:
    links = computed(shown, "a:not(.button a)", "textDecorationLine")
    assert links == {"underline"}


def test_a_line_holds_some_sixty_characters(page: Page) -> None:
    show(page, fill(letter(LETTERS["every-block"], SETTINGS).html))
    page.set_viewport_size({"width": 800, "height": 800})
    paragraph = page.locator("p", has_text="Even stilstaan").first
    box = paragraph.bounding_box()
    size = paragraph.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert box
    # A character of a serif text face is about half as wide as its size.
    assert 60 <= box["width"] / (size / 2) <= 68


def test_only_the_authors_picture_is_fetched(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    show(page, fill(letter(LETTERS["every-block"], SETTINGS).html))
    page.wait_for_load_state("networkidle")
    assert asked == ["https://example.org/rust.png"]


def test_the_hidden_line_of_the_inbox_takes_no_room(page: Page) -> None:
    show(page, fill(letter(LETTERS["every-block"], SETTINGS).html))
    line = page.get_by_text("\u034f", exact=False)  # which pads that line, and stands nowhere else
    assert line.count() == 1
    assert not line.is_visible()
    first = page.locator("[role=article] :visible").first.bounding_box()
    assert first
    assert first["y"] <= 12
