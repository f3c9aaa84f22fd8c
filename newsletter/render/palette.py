"""Every colour of a letter, derived from one accent colour so that all text is readable.

Contrast is WCAG 2.2's: relative luminance of sRGB colours, 4.5:1 for text (level AA, 1.4.3) and
3:1 for the shape of a button (1.4.11). Colours are written `#rrggbb`.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT_CONTRAST = 4.5
SHAPE_CONTRAST = 3.0
_MARGIN = 0.1  # above the rule, so that rounding in a client does not fall below it
_WHITE, _BLACK = "#ffffff", "#000000"


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one mode.

    Attributes:
        page: Behind the card; the footer stands on it.
        card: The paper of the letter.
        tint: The panel of a reflection, a hint of the accent.
        text: Prose, on card and tint.
        muted: Hints and the footer, on page, card and tint.
        link: Links, quotes and marks, on page, card and tint.
        rule: Hairlines: decoration, so without a contrast to reach.
        button: A button's shape on the card.
        button_text: Its label.
    """

    page: str
    card: str
    tint: str
    text: str
    muted: str
    link: str
    rule: str
    button: str
    button_text: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of both modes."""

    light: Scheme
    dark: Scheme


def palette(accent: str) -> Palette:
    """Derive all colours from an accent colour, whichever it is."""
    light = _scheme(
        accent,
        page="#f5f3ee",
        card=_WHITE,
        text="#2a2926",
        muted="#5e5b55",
        away=_BLACK,
        hint=0.09,
        ratio=TEXT_CONTRAST,
    )
    dark = _scheme(
        accent,
        page="#121413",
        card="#1c1f1e",
        text="#e7e4dd",
        muted="#b9b5ad",
        away=_WHITE,
        hint=0.16,
        ratio=6.5,  # thin light strokes on black need more than the rule asks
    )
    return Palette(light=light, dark=dark)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _scheme(
    accent: str,
    *,
    page: str,
    card: str,
    text: str,
    muted: str,
    away: str,
    hint: float,
    ratio: float,
) -> Scheme:
    button = _until(accent, away, SHAPE_CONTRAST, card)
    tint = _mix(card, button, hint)
    return Scheme(
        page=page,
        card=card,
        tint=tint,
        text=text,
        muted=muted,
        link=_until(accent, away, ratio, page, card, tint),
        rule=_mix(card, button, hint + 0.2),
        button=button,
        button_text=max((_WHITE, _BLACK), key=lambda colour: _preference(colour, button)),
    )


def _preference(colour: str, background: str) -> float:
    """White reads calmer on a colour than black: it wins wherever it is readable at all."""
    ratio = contrast(colour, background)
    return 21.0 if colour == _WHITE and ratio >= TEXT_CONTRAST + _MARGIN else ratio


def _until(colour: str, away: str, ratio: float, *backgrounds: str) -> str:
    """Mix a colour with black or white, as little as needed to stand out on every background."""
    for step in range(100):
        mixed = _mix(colour, away, step / 100)
        if all(contrast(mixed, background) >= ratio + _MARGIN for background in backgrounds):
            return mixed
    return away


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
        for part in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
