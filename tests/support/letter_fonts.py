"""Fonts for letters in a browser, so that they look the same on every machine.

Letters ask for Georgia, which many machines lack. Gelasio has the same widths, and stands here
under its name and those of the other fonts that letters ask for; the light bulb is one glyph of
Noto Color Emoji. Their licence is in `fonts/OFL.txt`.
"""

from __future__ import annotations

import base64
import functools
from pathlib import Path

FONTS = Path(__file__).with_name("fonts")
_FAMILIES = ("Georgia", "Palatino", "Book Antiqua", "Times New Roman", "Times", "Menlo", "Consolas")
_FACES = (
    ("gelasio-regular", "normal", "normal"),
    ("gelasio-italic", "italic", "normal"),
    ("gelasio-bold", "normal", "bold"),
)


def with_fonts(html: str, *families: str) -> str:
    """Return a letter that brings its fonts along, under the names of families it asks for."""
    return html.replace("</head>", f"<style>{_faces(families)}</style></head>", 1)


@functools.cache
def _faces(families: tuple[str, ...]) -> str:
    bulb = _source("light-bulb")
    rules = []
    for family in (*_FAMILIES, *families):
        for name, style, weight in _FACES:
            rules.append(_face(family, style, weight, _source(name)))
            rules.append(_face(family, style, weight, bulb, "unicode-range: U+1F4A1;"))
    return "".join(rules)


def _face(family: str, style: str, weight: str, source: str, more: str = "") -> str:
    return (
        f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight};'
        f" src: {source}; {more} }}\n"
    )


@functools.cache
def _source(name: str) -> str:
    data = base64.b64encode((FONTS / f"{name}.woff2").read_bytes()).decode()
    return f'url(data:font/woff2;base64,{data}) format("woff2")'
