"""Searching the archive. ``assets/search.js`` gives the same answers to every query."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from newsletter.archive.analysis import dutch_stem, english_stem, stop_words, tokens
from newsletter.archive.search_relations import PART, cut, further_stems, inflected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from newsletter.archive.analysis import Token
    from newsletter.archive.search_index import Entry, SearchIndex

LONGEST: Final = 200  # characters of a query that count…
MOST: Final = 8  # …and words
_SAME, _FORM, _PART, _DERIVED = 4, 3, 2, 1  # how well a word of the archive matches
_CORRECTED: Final = 2  # less, after a typing error
_CORRECTABLE: Final = range(5, 25)  # letters of a word in which one may be wrong
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SUGGESTIONS: Final = 5
_NEAR: Final = 30  # per cent of letter pairs that a theme near a query shares with it


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a word that matched.

    Attributes:
        query_words: A bit for each word of the query that it matches.
        quality: From 1 to 4.
    """

    query_words: int
    quality: int


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What was found.

    Attributes:
        hits: The best ones, best first.
        total: How many there are.
        suggestions: Themes near to the query, when nothing was found.
        corrected: The words that were searched for, if one of them was taken for a typing error;
            else empty.
        words: The words to mark.
    """

    hits: tuple[Entry, ...]
    total: int
    suggestions: tuple[str, ...]
    corrected: str
    words: Mapping[str, Found]


@dataclass(frozen=True, slots=True)
class _Term:
    """One word of a query.

    Attributes:
        word: What it was taken for.
        matches: How well words of the archive match it, by their numbers; changes.
        is_corrected: Whether it was taken for a typing error.
    """

    word: str
    matches: dict[int, int]
    is_corrected: bool = False


def search(index: SearchIndex, query: str, limit: int) -> SearchAnswer:
    """Find the issues that a query is about.

    All words must match; if they do in no issue, some. Equally good ones are newest first.
    """
    terms = _terms(index, query[:LONGEST])
    scores = [_scores(index, term.matches) for term in terms]
    factors = [_rarity(len(index.entries), len(one)) for one in scores]
    matched = Counter(issue for one in scores for issue in one)
    if len(terms) in matched.values():
        matched = Counter({issue: n for issue, n in matched.items() if n == len(terms)})
    totals = {
        issue: sum(one.get(issue, 0) * factor for one, factor in zip(scores, factors, strict=True))
        for issue in matched
    }
    best = sorted(totals, key=lambda issue: (-matched[issue], -totals[issue], issue))
    is_corrected = any(term.is_corrected for term in terms)
    return SearchAnswer(
        hits=tuple(index.entries[issue] for issue in best[:limit]),
        total=len(best),
        suggestions=() if best else _suggestions(index, query[:LONGEST]),
        corrected=" ".join(term.word for term in terms) if is_corrected else "",
        words=_found(index, terms),
    )


def _terms(index: SearchIndex, query: str) -> list[_Term]:
    words = _query_words(index, query)[:MOST]
    terms = [term for word in words for term in _read(index, word)][:MOST]
    # "los laten" is also "loslaten".
    for one, other in pairwise(terms):
        for number, quality in _matches(index, one.word + other.word).items():
            for term in (one, other):
                term.matches[number] = max(quality, term.matches.get(number, 0))
    return terms


def _query_words(index: SearchIndex, query: str) -> list[str]:
    """Return the words that count: without stop words, unless there are no others."""
    kept: list[Token] = []
    for token in tokens(query):
        if token.is_whole:
            if not _matches(index, token.word):
                continue
            while kept and kept[-1].start >= token.start:
                kept.pop()
        kept.append(token)
    words = list(dict.fromkeys(token.word for token in kept))
    telling = [word for word in words if word not in stop_words()]
    return telling or [word for word in words if word in index.words]


def _read(index: SearchIndex, word: str) -> list[_Term]:
    """Return what a word means: itself, one typing error, or the parts of a compound."""
    if matches := _matches(index, word):
        return [_Term(word, matches)]
    for correction in _corrections(index, word):
        for number, quality in _matches(index, correction).items():
            matches[number] = max(1, quality - _CORRECTED, matches.get(number, 0))
    if matches:
        best = min(matches, key=lambda one: (-matches[one], -len(index.postings[one]), one))
        return [_Term(index.spellings[best], matches, is_corrected=True)]
    parts = [_Term(part, _matches(index, part)) for part in cut(word, index.parts)]
    return parts or [_Term(word, matches)]


def _matches(index: SearchIndex, word: str) -> dict[int, int]:
    """Return how well words of the archive match: by their numbers, best first."""
    stem = dutch_stem(word)
    stems = [stem, word, *further_stems(word, index.dutch, partial(_is_verb, index))]
    matches = {index.words[word]: _SAME} if word in index.words else {}
    for number in [form for one in stems for form in index.dutch.get(one, ())]:
        matches.setdefault(number, _FORM)
    for form in inflected(word, stem):
        if form in index.words:
            matches.setdefault(index.words[form], _FORM)
    if index.english:
        for number in index.english.get(english_stem(word), ()):
            matches.setdefault(number, _FORM)
    forms = list(matches)
    for relation, quality in ((index.wholes, _PART), (index.derived, _DERIVED)):
        for number in [whole for one in forms for whole in relation.get(one, ())]:
            matches.setdefault(number, quality)
    return matches


def _is_verb(index: SearchIndex, stem: str) -> bool:
    return any(index.spellings[number].endswith("en") for number in index.dutch[stem])


def _corrections(index: SearchIndex, word: str) -> list[str]:
    """Return the words of the archive that are one typing error away.

    If there are none: words one error away of which the archive has another form.
    """
    if len(word) not in _CORRECTABLE:
        return []
    edits = sorted(_edits(word))
    known = [edit for edit in edits if edit in index.words]
    return known or [
        edit for edit in edits if index.has_beginning(edit[: max(PART, len(edit) - PART)])
    ]


def _edits(word: str) -> set[str]:
    """Return every word that differs by one letter, or by two that changed places."""
    edits = set()
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        edits |= {head + letter + tail for letter in _LETTERS}
        if tail:
            edits.add(head + tail[1:])
            edits |= {head + letter + tail[1:] for letter in _LETTERS}
        if len(tail) > 1:
            edits.add(head + tail[1] + tail[0] + tail[2:])
    return edits - {word}


def _scores(index: SearchIndex, matches: Mapping[int, int]) -> dict[int, int]:
    """Return how well each issue matches one word of the query: by its best word most of all."""
    best: dict[int, int] = {}
    total: dict[int, int] = {}
    for number, quality in matches.items():
        for posting in index.postings[number]:
            issue, value = posting >> 4, quality * (posting & 15)
            best[issue] = max(value, best.get(issue, 0))
            total[issue] = total.get(issue, 0) + value
    return {issue: value + 3 * best[issue] for issue, value in total.items()}


def _rarity(issues: int, having: int) -> int:
    """Return the weight of a word of the query: 1 if all issues have it, to 10."""
    return max(1, 10 * issues // max(1, issues + 9 * having))


def _suggestions(index: SearchIndex, query: str) -> tuple[str, ...]:
    """Return the themes whose spelling is nearest to a query; else those used most."""
    asked = [_pairs(token.word) for token in tokens(query)]
    near = []
    for place, (theme, _) in enumerate(index.themes):
        words = [_pairs(token.word) for token in tokens(theme)]
        alike = max((_likeness(one, word) for one in asked for word in words), default=0)
        if alike >= _NEAR:
            near.append((-alike, place, theme))
    themes = [theme for _, _, theme in sorted(near)] or [theme for theme, _ in index.themes]
    return tuple(themes[:_SUGGESTIONS])


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)}


def _likeness(one: AbstractSet[str], other: AbstractSet[str]) -> int:
    """Return the share of the letter pairs that two words have in common, in per cent."""
    return 200 * len(one & other) // (len(one) + len(other))


def _found(index: SearchIndex, terms: Sequence[_Term]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for place, term in enumerate(terms):
        for number, quality in term.matches.items():
            word = index.spellings[number]
            before = found.get(word, Found(0, 0))
            found[word] = Found(before.query_words | 1 << place, max(before.quality, quality))
    return found
