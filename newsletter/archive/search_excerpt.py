"""The sentence of an issue that answers a query, and the words to mark in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from newsletter.archive.analysis import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.archive.search_query import Found

_BEFORE: Final = 12  # words before the first marked one, in a long sentence
_LONGEST: Final = 36  # words of an excerpt


def excerpt(sentences: Sequence[str], words: Mapping[str, Found]) -> str:
    """Return the sentence that has most of a query, cut around it if it is long.

    Args:
        sentences: With single spaces.
        words: Of the answer to the query.

    Returns:
        Nothing if no sentence has a word of it.
    """
    best, most = "", 0
    for sentence in sentences:
        if (value := _value(sentence, words)) > most:
            best, most = sentence, value
    parts = best.split(" ")
    if len(parts) <= _LONGEST:
        return best
    place = best[: marks(best, words)[0][0]].count(" ")
    start = min(max(0, place - _BEFORE), len(parts) - _LONGEST)
    end = start + _LONGEST
    before, after = "… " if start else "", " …" if end < len(parts) else ""
    return before + " ".join(parts[start:end]) + after


def _value(sentence: str, words: Mapping[str, Found]) -> int:
    """Return how well a sentence shows why an issue was found."""
    found = {token.word: words[token.word] for token in tokens(sentence) if token.word in words}
    query_words = 0
    for one in found.values():
        query_words |= one.query_words
    return 1000 * query_words.bit_count() + sum(one.quality for one in found.values())


def marks(text: str, words: Mapping[str, Found]) -> list[tuple[int, int]]:
    """Return where the words of a query begin and end in a text."""
    found: list[tuple[int, int]] = []
    for token in tokens(text):
        if token.word in words:
            while found and found[-1][0] >= token.start:  # parts of this whole
                found.pop()
            found.append((token.start, token.end))
    return found


def marked(text: str, words: Mapping[str, Found]) -> Markup:
    """Return a text as HTML, the words of a query marked."""
    html, last = Markup(), 0
    for start, end in marks(text, words):
        html += escape(text[last:start]) + Markup("<mark>") + escape(text[start:end])
        html += Markup("</mark>")
        last = end
    return html + escape(text[last:])
