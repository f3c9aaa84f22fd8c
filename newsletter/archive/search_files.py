"""What the static site needs for its search: scripts, without a third party and without eval."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

_SCRIPTS: Final = (
    "snowball/base-stemmer.js",
    "snowball/dutch-stemmer.js",
    "snowball/english-stemmer.js",
    "search_text.js",
    "search.js",
    "search_page.js",
)


@functools.cache
def search_script() -> bytes:
    """Return the script that searches and shows what it found, with the licence of its stemmers."""
    folder = resources.files(__package__) / "assets"
    licence = (folder / "snowball" / "LICENSE.txt").read_text("utf-8").strip()
    scripts = [(folder / name).read_text("utf-8").strip() for name in _SCRIPTS]
    return "\n".join([f"/*! Snowball\n{licence}\n*/", *scripts, ""]).encode()
