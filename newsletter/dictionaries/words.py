"""The words of a dictionary by themselves, without what Hunspell makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_ENTRY: Final = re.compile(r"^(?:([a-z]+)\t(?=[/\n])|[^\t\n]*\t=([a-z]+)(?=[/\n]))", re.MULTILINE)


def plain_words(language: str) -> frozenset[str]:
    """Return the entries that are in small letters without accents; "ij" is two letters.

    Args:
        language: The name of a folder beside this file.
    """
    path = Path(__file__).parent / language / "entries.txt"
    text = path.read_text(encoding="utf-8").replace("\u0133", "ij")
    return frozenset(key or entry for key, entry in _ENTRY.findall(text))
