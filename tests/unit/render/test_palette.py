from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.render.palette import contrast, palette

if TYPE_CHECKING:
    from newsletter.render.palette import Scheme

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),  # the lightest grey that WCAG allows on white
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


def unreadable(scheme: Scheme) -> list[tuple[str, str]]:
    pairs = {
        ("text", background): contrast(scheme.text, getattr(scheme, background))
        for background in ("card", "tint")
    }
    for background in ("page", "card", "tint"):
        for words in ("muted", "link"):
            pairs[words, background] = contrast(getattr(scheme, words), getattr(scheme, background))
    pairs["button_text", "button"] = contrast(scheme.button_text, scheme.button)
    return [names for names, ratio in pairs.items() if ratio < 4.5]


@given(COLOURS)
def test_any_accent_colour_gives_readable_text_and_buttons_in_both_modes(accent: str) -> None:
    colours = palette(accent)
    for scheme in (colours.light, colours.dark):
        assert unreadable(scheme) == []
        assert contrast(scheme.button, scheme.card) >= 3


@pytest.mark.parametrize(
    "accent", ["#000000", "#ffffff", "#ffff00", "#0000ff", "#ff0000", "#808080", "#00ff00"]
)
def test_extreme_accent_colours_give_readable_text(accent: str) -> None:
    assert unreadable(palette(accent).light) == unreadable(palette(accent).dark) == []


def test_an_accent_colour_that_is_readable_already_stays_as_it_is() -> None:
    light = palette("#2f5d50").light
    assert light.link == light.button == "#2f5d50"
    assert light.button_text == "#ffffff"
