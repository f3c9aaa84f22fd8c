"""Which issues are related: those with the same themes and the same telling words.

Each issue is known by its 60 most telling words: those that it uses much and other issues little
(the root of their weight in the search, times the logarithm of how rare they are). How near two
issues are is the cosine of these words, from 0 to 1, plus half the share of themes that both have.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from newsletter.archive.analysis import stop_words
from newsletter.archive.themes import theme_slug

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from newsletter.archive.analysis import WordUse
    from newsletter.model import PublishedIssue

MOST: Final = 3
_WORDS: Final = 60
_LEAST: Final = 0.08
"""Issues that are less near than this have nothing in common that a person would see."""
_THEMES: Final = 0.5


def find_related(
    issues: Sequence[PublishedIssue], words: Mapping[str, Sequence[WordUse]]
) -> dict[str, tuple[PublishedIssue, ...]]:
    """Return the issues that are nearest to each issue, by its slug: at most three, best first.

    Args:
        issues: Newest first; of two that are equally near, the newer one comes first.
        words: The words of each issue, by its slug.
    """
    vectors = _vectors([_weights(words[issue.slug]) for issue in issues])
    having: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, vector in enumerate(vectors):
        for word, weight in vector.items():
            having[word].append((number, weight))
    themes = [frozenset(map(theme_slug, issue.edition.themes)) for issue in issues]
    sharing: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(themes):
        for theme in own:
            sharing[theme].append(number)
    related = {}
    for number, issue in enumerate(issues):
        near = [0.0] * len(issues)
        for word, weight in vectors[number].items():
            for other, its in having[word]:
                near[other] += weight * its
        for other in {one for theme in themes[number] for one in sharing[theme]}:
            shared = themes[number] & themes[other]
            near[other] += _THEMES * len(shared) / len(themes[number] | themes[other])
        near[number] = 0.0
        found = ((-round(value, 6), other) for other, value in enumerate(near) if value >= _LEAST)
        related[issue.slug] = tuple(issues[other] for _, other in heapq.nsmallest(MOST, found))
    return related


def _weights(words: Sequence[WordUse]) -> dict[str, float]:
    """Return the weight of each word, all of its forms together."""
    stop = stop_words()
    weights: dict[str, float] = {}
    for use in words:
        if use.word not in stop:
            stem = use.dutch or use.english or use.word
            weights[stem] = max(weights.get(stem, 0), math.sqrt(use.weight))
    return weights


def _vectors(issues: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the most telling words of each issue, as a vector of length 1."""
    having = Counter(word for weights in issues for word in weights)
    rare = {word: math.log(len(issues) / count) for word, count in having.items()}
    vectors = []
    for weights in issues:
        rarest = sorted((-weight * rare[word], word) for word, weight in weights.items())[:_WORDS]
        length = math.sqrt(sum(value * value for value, _ in rarest)) or 1.0
        vectors.append({word: -value / length for value, word in rarest if value})
    return vectors
