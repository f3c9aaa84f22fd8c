"""The search index of the archive: its words, how they are related, and who has them."""

from __future__ import annotations

import bisect
import functools
import json
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from newsletter.archive.analysis import analyse, dutch_stem, stop_words, tables
from newsletter.archive.search_relations import PART, cut, further_stems, possible_parts
from newsletter.archive.themes import theme_slug
from newsletter.dictionaries.words import plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from newsletter.archive.analysis import SearchDocument, WordUse

Key = TypeVar("Key", int, str)

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_WEIGHTS: Final = ".ABCDEFGH"  # in the file: a weight, and the end of a number


@dataclass(frozen=True, slots=True)
class Entry:
    """An issue, as a hit shows it."""

    slug: str
    day: str
    title: str
    preheader: str


@dataclass(frozen=True)
class SearchIndex:
    """What a search needs of an archive. Words and issues are named by their numbers.

    Attributes:
        entries: The issues, newest first, then by slug.
        themes: Every theme, and how many issues have it; most used first.
        words: In alphabetical order; parts of compounds too, which may be in no issue.
        dutch: The words by each stem.
        english: The same.
        wholes: The compounds by each word that is a part of them.
        derived: The words with a prefix, by the word after it.
        postings: By word, in order: for each of its issues, its number times 16 plus the weight.
    """

    entries: tuple[Entry, ...]
    themes: tuple[tuple[str, int], ...]
    words: Mapping[str, int]
    dutch: Mapping[str, Sequence[int]]
    english: Mapping[str, Sequence[int]]
    wholes: Mapping[int, Sequence[int]]
    derived: Mapping[int, Sequence[int]]
    postings: Sequence[array[int]]

    @functools.cached_property
    def spellings(self) -> tuple[str, ...]:
        """The words by their numbers."""
        return tuple(self.words)

    def has_beginning(self, beginning: str) -> bool:
        """Tell whether a word has this beginning."""
        place = bisect.bisect_left(self.spellings, beginning)
        return place < len(self.spellings) and self.spellings[place].startswith(beginning)

    @functools.cached_property
    def parts(self) -> frozenset[str]:
        """The words that may be parts of compounds."""
        return possible_parts(self.words)


def build(
    documents: Iterable[SearchDocument],
    analysis: Callable[[SearchDocument], Sequence[WordUse]] = analyse,
) -> SearchIndex:
    """Make the index of an archive.

    Args:
        documents: In any order.
        analysis: `analyse`, or what returns stored values of it.
    """
    ordered = sorted(documents, key=lambda one: one.slug)
    ordered.sort(key=lambda one: one.day, reverse=True)
    uses = [analysis(document) for document in ordered]
    parts = _parts({use.word for row in uses for use in row})
    spellings = {use.word for row in uses for use in row}.union(*parts.values())
    words = {word: number for number, word in enumerate(sorted(spellings))}
    postings = [array("I") for _ in words]
    dutch: dict[str, set[int]] = defaultdict(set)
    english: dict[str, set[int]] = defaultdict(set)
    for document, row in enumerate(uses):
        for use in row:
            number = words[use.word]
            postings[number].append(document * 16 + use.weight)
            if use.dutch:
                dutch[use.dutch].add(number)
            if use.english:
                english[use.english].add(number)
    wholes: dict[int, set[int]] = defaultdict(set)
    for word, found in parts.items():
        for part in found:
            wholes[words[part]].add(words[word])
            dutch[dutch_stem(part)].add(words[part])
    _add_inflected(dutch, words)
    return SearchIndex(
        entries=tuple(
            Entry(one.slug, one.day.isoformat(), one.title, one.preheader) for one in ordered
        ),
        themes=_themes(ordered),
        words=words,
        dutch=_in_order(dutch),
        english=_in_order(english),
        wholes=_in_order(wholes),
        derived=_in_order(_derived(dutch)),
        postings=postings,
    )


def _themes(documents: Iterable[SearchDocument]) -> tuple[tuple[str, int], ...]:
    """Return the themes as their newest issues write them, and how many issues have each."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for document in documents:
        for theme in document.themes:
            names.setdefault(theme_slug(theme), theme)
        counts.update({theme_slug(theme) for theme in document.themes})
    themes = [(names[slug], counts[slug]) for slug in names]
    return tuple(sorted(themes, key=lambda one: (-one[1], one[0])))


def _in_order(relation: Mapping[Key, set[int]]) -> dict[Key, list[int]]:
    return {key: sorted(relation[key]) for key in sorted(relation)}


def _parts(words: Collection[str]) -> dict[str, list[str]]:
    """Return the parts of each compound, and their parts."""
    possible = possible_parts(plain_words("nl").union(words))
    parts = {}
    for word in words:
        found = cut(word, possible)
        for part in found:
            found += cut(part, possible)
        if found:
            parts[word] = found
    return parts


def _add_inflected(dutch: dict[str, set[int]], words: Mapping[str, int]) -> None:
    """Add to each stem the word that it is itself, and forms that the stemmer does not know."""
    spellings = list(words)
    verbs = {stem for stem, row in dutch.items() if any(spellings[n].endswith("en") for n in row)}
    numbers = {number for row in dutch.values() for number in row}
    stems = frozenset(dutch)
    for number in sorted(numbers):
        word = spellings[number]
        for stem in further_stems(word, stems, verbs.__contains__):
            dutch[stem].add(number)
        if word in stems:
            dutch[word].add(number)


def _derived(dutch: Mapping[str, set[int]]) -> dict[int, set[int]]:
    """Return the words with a prefix by one word of the stem that follows it."""
    derived: dict[int, set[int]] = defaultdict(set)
    stop = stop_words()
    for stem, numbers in dutch.items():
        for prefix in tables().prefixes:
            rest = stem.removeprefix(prefix)
            if rest != stem and len(rest) >= PART and rest in dutch and rest not in stop:
                derived[min(dutch[rest])] |= numbers
    return derived


def script(index: SearchIndex) -> bytes:
    """Return the index as the script that a page loads at the first search.

    Words share what they have in common with the one before: "4er" after "denken" is "denker".
    Its stems follow, as letters to cut and to add: "spanning:4" has the Dutch stem "span",
    "going:=3" the English one "go". Without any, it is its own Dutch stem.
    """
    table = tables()
    value: dict[str, Any] = {
        "entries": [[one.slug, one.day, one.title, one.preheader] for one in index.entries],
        "themes": index.themes,
        "words": _coded_words(index),
        "postings": " ".join(_coded_postings(row) for row in index.postings),
        "wholes": _coded_relation(index.wholes),
        "derived": _coded_relation(index.derived),
        "stop": sorted(stop_words()),
        "links": table.links,
        "suffixes": table.suffixes,
        "simple": sorted(table.simple),
        "prefixes": table.prefixes,
        "short": sorted(table.short),
        "endings": sorted(table.endings),
        "before": sorted(table.before),
        "irregular": table.irregular,
    }
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON may have these in a string; JavaScript before 2019 may not.
    data = data.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"archiveSearch.open({data});\n".encode()


def _coded_words(index: SearchIndex) -> str:
    stems: list[str] = [""] * len(index.words)
    spellings = index.spellings
    for sign, table in ((":", index.dutch), (":=", index.english)):
        for stem, numbers in table.items():
            for number in numbers:
                word = spellings[number]
                same = _shared(word, stem)
                stems[number] += f"{sign}{_base36(len(word) - same)}{stem[same:]}"
    coded = []
    before = ""
    for number, word in enumerate(spellings):
        same = _shared(before, word)
        own = "" if stems[number] == ":0" else stems[number]
        coded.append(f"{_base36(same)}{word[same:]}{own}")
        before = word
    return " ".join(coded)


def _coded_postings(row: array[int]) -> str:
    coded = []
    next_one = 0
    for posting in row:
        number, weight = divmod(posting, 16)
        coded.append(_base36(number - next_one) + _WEIGHTS[weight - 1])
        next_one = number + 1
    return "".join(coded)


def _coded_relation(relation: Mapping[int, Sequence[int]]) -> str:
    """Return the rows of a relation; each number is what it is more than the one before it."""
    rows = []
    row_before = 0
    for number, others in relation.items():
        steps = [number - row_before]
        before = 0
        for other in others:
            steps.append(other - before)
            before = other
        rows.append(",".join(map(_base36, steps)))
        row_before = number
    return " ".join(rows)


def _shared(one: str, other: str) -> int:
    """Return the number of letters with which both begin."""
    pairs = zip(one, other, strict=False)
    shortest = min(len(one), len(other))
    return next((at for at, (left, right) in enumerate(pairs) if left != right), shortest)


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text
