"""How Dutch words are related beyond their stems: forms that the stemmer misses, and compounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.archive.analysis import stop_words, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

PART: Final = 4
"""The least letters of a stem that a rule finds, and of what may be a part of a compound."""
_PAST: Final = ("te", "ten", "de", "den")  # rouwde: rouw; and stilte: stil
_VERBAL: Final = ("t", "d")  # rouwt: rouwen; not rust: rus
_HARDER: Final = {"z": "s", "v": "f"}  # boze: boos
_OPEN: Final = re.compile(r"[^aeiouy]([aeou])[^aeiouy]$")  # eenzame: eenzaam


def further_stems(word: str, stems: Collection[str], is_verb: Callable[[str], bool]) -> list[str]:
    """Return the stems that an inflected word has besides its own, where the archive has them."""
    found = []
    for ending in (*_PAST, *_VERBAL):
        rest = word.removesuffix(ending)
        if rest != word and rest in stems and (ending in _PAST or is_verb(rest)):
            found.append(rest)
    if word.endswith("e"):
        found += [one for one in _adjectives(word[:-1]) if one in stems]
    return [stem for stem in found if len(stem) >= PART]


def _adjectives(rest: str) -> Iterator[str]:
    """Yield how an adjective may be written without its last letter, an e."""
    hard = rest[:-1] + _HARDER.get(rest[-1:], rest[-1:])
    yield hard
    if vowel := _OPEN.search(hard):
        yield hard[: vowel.start(1)] + vowel[1] + hard[vowel.start(1) :]


def inflected(word: str, stem: str) -> list[str]:
    """Return forms for which `further_stems` gives the stem of a word."""
    endings = (*_PAST, *_VERBAL) if word.endswith("en") else _PAST
    return [stem + ending for ending in endings] if len(stem) >= PART else []


def possible_parts(words: Collection[str]) -> frozenset[str]:
    """Return what may be parts of compounds: some words, the long ones; and short nouns."""
    long = {word for word in words if len(word) >= PART}
    return (tables().short | long) - stop_words()


def cut(word: str, parts: Collection[str]) -> list[str]:
    """Return the parts of a compound; none if it is no compound.

    Args:
        word: As "spanningsvrij", which is "spanning" and "vrij".
        parts: See `possible_parts`.
    """
    if word in tables().simple:
        return []
    lasts = [word[at:] for at in range(len(word) - 3, 2, -1)]
    lasts = [last for last in lasts if last in parts and last not in tables().endings]
    for links in (("",), tables().links):
        for last in lasts:
            if first := first_part(word.removesuffix(last), parts, links):
                return [first, last]
    for suffix in tables().suffixes:
        rest = word.removesuffix(suffix)
        if rest != word and (first := first_part(rest, parts) or first_part(rest + "n", parts)):
            return [first]
    return []


def first_part(
    text: str, parts: Collection[str], links: Collection[str] | None = None
) -> str | None:
    """Return the part that a compound begins with: a text, or the text without its link."""
    for link in ("", *tables().links) if links is None else links:
        first = text.removesuffix(link)
        if text.endswith(link) and first in parts and first[:-1] not in tables().prefixes:
            return first  # no "verg" in "vergeten"
    return None
