"""What letters are made of, against what mail clients show: `tests/support/client_support.json`.

Whatever a client drops must be in `SURVIVES`, with how the letter stays whole without it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from newsletter.render import letter
from tests.support.issues import REPOSITORY, Parsed
from tests.support.letters import BRANDS, open_brand

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPPORT = json.loads((REPOSITORY / "tests/support/client_support.json").read_text("utf-8"))
FEATURES: dict[str, str] = SUPPORT["features"]

SURVIVES = {
    "css-border-radius": "corners are square",
    "css-color-scheme": "the client chooses the colours",
    "css-display": "links of a list stay on lines of their own, in items",
    "css-height": "Outlook takes the height of a picture from its attribute",
    "css-list-style": "a list of links has bullets",
    "css-max-width": "Outlook has tables of a fixed width, in conditional comments",
    "css-max-height": "only the hidden line has it, which Outlook hides by mso-hide",
    "css-object-fit": "a portrait that is not square is squeezed",
    "css-opacity": "only the hidden line has it, which is hidden otherwise too",
    "css-outline": "only a rule of the compiler's own has it",
    "css-overflow": "only the corners of the card and the hidden line have it",
    "css-overflow-wrap": "a very long word may widen the letter",
    "css-padding": "Outlook knows it on cells, where all room is that matters",
    "css-selector-attribute": "a date may become a link",
    "css-selector-child": "a phone has the wider margins",
    "css-text-indent": "alt text begins at the edge",
    "css-text-wrap": "a word may be alone on its last line",
    "css-at-media": "columns stay as they are without a style sheet, and fit",
    "css-at-media-prefers-color-scheme": "the letter is light, or as the client turns it dark",
    "css-pseudo-element-marker": "numbers have the letter's own figures",
    "css-word-spacing": "only the compiler's own reset has it",
    "css-word-break": "a very long word may widen the letter",
    "html-aria-hidden": "a light bulb may be read aloud",
    "html-aria-label": "the letter has no name for assistive technology but its heading",
    "html-body": "what is on it is on an element within it too",
    "html-meta-color-scheme": "the client chooses the colours",
    "html-role": "a table may be announced",
    "html-target": "links open where the client opens them",
    "html-style": "the light look is in the elements themselves",
}
FAMILIES = {
    "border": "css-border",
    "font": "css-font",
    "list-style": "css-list-style",
    "margin": "css-margin",
    "outline": "css-outline",
    "padding": "css-padding",
}
OF_ONE_CLIENT = re.compile(r"-(?:ms|webkit)-|mso-|supported-color-schemes$")
UNKNOWN = {"color", "cursor"}
"""Properties that every client has always had, or needs not have, and nobody has tried."""


class Use(NamedTuple):
    """One thing that a letter uses, and its name in the table."""

    written: str
    feature: str


@pytest.fixture(scope="module", params=BRANDS)
def html(request: pytest.FixtureRequest) -> str:
    settings, draft = open_brand(request.param)
    assert draft.issue
    return letter(draft.issue, settings).html


def without_comments(html: str) -> str:
    return re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)


def property_feature(name: str) -> str:
    if f"css-{name}" in FEATURES:
        return f"css-{name}"
    return next((slug for start, slug in FAMILIES.items() if name.startswith(start)), "")


def uses(html: str) -> Iterator[Use]:
    """Return the properties, elements, attributes and rules of a letter."""
    page = without_comments(html)
    sheets = " ".join(re.findall(r"<style.*?>(.*?)</style>", page, re.DOTALL))
    styles = [value or "" for _, attributes, _ in Parsed(page).elements for key, value in
              attributes.items() if key == "style"]  # fmt: skip
    declared = {part.partition(":")[0].strip() for style in styles for part in style.split(";")}
    declared |= set(re.findall(r"(?<=[{;\s])([a-z-]+)\s*:\s(?=[^{}]*[;}])", sheets))
    for name in declared - {""} - UNKNOWN:
        if not OF_ONE_CLIENT.match(name):
            yield Use(name, property_feature(name))
    for rule, feature in (
        ("@media (prefers-color-scheme", "css-at-media-prefers-color-scheme"),
        ("@media only screen", "css-at-media"),
        ("::marker", "css-pseudo-element-marker"),
        ("[data-ogsc]", "css-selector-attribute"),
        (" > ", "css-selector-child"),
    ):
        if rule in sheets:
            yield Use(rule, feature)
    for tag, attributes, _ in Parsed(page).elements:
        for name in (tag, *attributes):
            if f"html-{name}" in FEATURES:
                yield Use(name, f"html-{name}")
    if 'name="color-scheme"' in page:
        yield Use("color-scheme", "html-meta-color-scheme")


def dropped(html: str) -> dict[str, str]:
    """Return what at least one client does not show, by its name in the table."""
    return {one.feature: one.written for one in uses(html) if "n" in FEATURES.get(one.feature, "")}


def test_the_table_knows_every_property_of_a_letter(html: str) -> None:
    assert [one.written for one in uses(html) if not one.feature] == []


def test_a_letter_survives_what_each_client_drops(html: str) -> None:
    assert {slug: name for slug, name in dropped(html).items() if slug not in SURVIVES} == {}


def test_a_property_that_clients_drop_would_be_found(html: str) -> None:
    spoilt = html.replace("text-align:left", "text-shadow:1px 1px;text-align:left", 1)
    assert dropped(spoilt).keys() - SURVIVES.keys() == {"css-text-shadow"}


def test_no_excuse_is_left_over() -> None:
    found = set()
    for brand in BRANDS:
        settings, draft = open_brand(brand)
        assert draft.issue
        found |= {one.feature for one in uses(letter(draft.issue, settings).html)}
    assert SURVIVES.keys() - found == set()


def test_the_desktop_client_of_microsoft_gets_tables_of_a_fixed_width_and_its_own_settings(
    html: str,
) -> None:
    conditional = re.findall(r"<!--\[if mso \| IE\]>(.*?)<!\[endif\]-->", html, re.DOTALL)
    assert any('width="600"' in part for part in conditional)
    assert sum(part.count("<table") for part in conditional) == (
        sum(part.count("</table") for part in conditional)
    )
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in html
    for _, attributes, _ in (one for one in Parsed(without_comments(html)).elements):
        if "src" in attributes:
            assert attributes.get("width"), attributes  # Outlook shows a file's own pixels else


def test_gmail_keeps_the_style_sheet_and_shows_the_whole_letter(html: str) -> None:
    assert len(html.encode()) < 60_000  # it hides what is beyond 100 KB
    sheets = re.findall(r"<style.*?>(.*?)</style>", html, re.DOTALL)
    assert sum(map(len, sheets)) < 8_192  # and drops longer sheets
    assert html.index("</style>") < html.index("<body")
    assert not re.search(r"url\(|@import|@font-face", " ".join(sheets))
