"""Nothing is nailed to one author: another brand's letters hold no word, name or colour of ours."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from html import unescape
from typing import TYPE_CHECKING

import pytest

from newsletter.render import NOTICES, form, letter, notice, wording
from newsletter.render.palette import palette
from tests.support.issues import SETTINGS, Parsed
from tests.support.letters import HOME, open_brand

if TYPE_CHECKING:
    from newsletter.config import Settings

SHARED = frozenset(
    # Words of both languages, and the names of placeholders.
    {"browser", "half", "in", "is", "link", "of", "open", "unsubscribe", "was", "we"}
)
ADDRESS = re.compile(r"(?:https?://|mailto:)\S+")


def texts(settings: Settings) -> dict[str, str]:
    """Return all that subscribers see of letters and notices, by what it is."""
    _, draft = open_brand("english")
    assert draft.issue
    made = letter(draft.issue, settings)
    found = {"letter": made.html, "text": made.text, "page": made.page}
    for kind in NOTICES:
        if not (HOME / "english" / "templates" / "notices" / f"{kind}.mjml.j2").exists():
            continue
        one = notice(settings, kind, linked=False)
        found |= {f"{kind}": one.html, f"{kind} text": one.text, f"{kind} subject": one.subject}
    return found | {"consent": wording(settings), "form": form(settings)}


def words(text: str) -> set[str]:
    """Return the words of a part that people can read, alt texts and labels among them."""
    if "</" in text:
        text = re.sub(r"<style.*?</style>|<!--.*?-->", " ", text, flags=re.DOTALL)
        named = re.findall(r'(?:alt|aria-label|value)="([^"]*)"', text)
        text = unescape(" ".join([re.sub(r"<[^>]*>", " ", text), *named]))
    return set(re.findall(r"[a-zà-ÿ]{2,}", ADDRESS.sub(" ", text).lower()))


def test_no_word_of_the_default_templates_is_in_a_letter_of_another_brand() -> None:
    brand, _ = open_brand("english")
    own = texts(brand)
    default = texts(replace(brand, root=SETTINGS.root, logo="", portrait=""))
    assert own.keys() == default.keys()
    written = words((HOME / "english" / "issues" / "2026-12-06-every-block.md").read_text("utf-8"))
    written |= words((HOME / "english" / "newsletter.toml").read_text("utf-8"))
    written |= {"sunday", "december"}
    dutch = set().union(*map(words, default.values())) - written - SHARED
    assert {"afmelden", "verstuurd", "aanmelding", "antwoorden", "afbeelding"} <= dutch
    for name, text in own.items():
        assert words(text) & dutch == set(), name


def test_neither_the_name_nor_a_colour_of_the_default_brand_is_in_it() -> None:
    brand, _ = open_brand("english")
    ours, theirs = palette(SETTINGS.accent_color), palette(brand.accent_color)
    green = {*astuple(ours.light), *astuple(ours.dark)}
    green -= {*astuple(theirs.light), *astuple(theirs.dark)}
    assert SETTINGS.accent_color in green
    for name, text in texts(brand).items():
        assert not re.search("gerrit|loslaten", text, re.IGNORECASE), name
        assert [colour for colour in green if colour in text] == [], name


@pytest.mark.parametrize("part", ["letter", "page"])
def test_it_is_in_its_own_language(part: str) -> None:
    brand, _ = open_brand("english")
    assert Parsed(texts(brand)[part]).values("html", "lang") == ["en-GB"]
