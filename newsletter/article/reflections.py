"""The reflection of a letter: a question of the article to the person who reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.article.furniture import text_lines
from newsletter.article.prose import BULB, likeness, sentences, terms, without_bulb
from newsletter.article.words import article_words, flatten
from newsletter.model import LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from newsletter.model import ArticleLine

_BEFORE_SPEECH: Final = re.compile(r"[,\"”’!?]\s")
_REFLECTION: Final = range(20, 241)


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """One of the questions; its hint is "" where the article gives none."""

    question: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a letter says above its reflection: the questions, and the lines as flat text."""

    asked: frozenset[str]
    lines: tuple[str, ...]

    @classmethod
    def of(cls, questions: Iterable[AskedQuestion], opening: Iterable[ArticleLine]) -> Said:
        """Return what these questions and this opening say."""
        texts = [line.text for line in opening if line.kind is LineKind.PARAGRAPH]
        for one in questions:
            texts += [one.question, one.hint]
        flat = (flatten(text) for text in texts)
        return cls(frozenset(one.question for one in questions), tuple(one for one in flat if one))

    def has(self, text: str) -> bool:
        """Tell whether a text repeats some of it, or holds a line of it."""
        flat = flatten(text)
        return any(f" {flat} " in f" {one} " or f" {one} " in f" {flat} " for one in self.lines)


def rank_reflections(
    lines: Sequence[ArticleLine],
    said: Said,
    quote: str,
    top: frozenset[str],
) -> tuple[str, ...]:
    """Return the questions to the person who reads, the best first; none that was said already.

    Args:
        lines: The article's lines.
        said: What the letter says above its reflection.
        quote: The quote of the letter.
        top: The terms that the article is about.
    """
    marked = [without_bulb(line.text) for line in text_lines(lines) if line.text.startswith(BULB)]
    found = (
        marked
        or [line.text for line in text_lines(lines) if _asks_person(line.kind, line.text)]
        or [
            sentence
            for line in text_lines(lines)
            if line.kind is LineKind.PARAGRAPH
            for sentence in sentences(line.text)
            if _asks_person(line.kind, sentence)
        ]
    )
    usable = [text for text in found if len(text) in _REFLECTION and not said.has(text)]
    scored = sorted(usable, key=lambda text: -_reflection_score(text, said.asked, quote, top))
    return tuple(dict.fromkeys(scored))


def _asks_person(kind: LineKind, text: str) -> bool:
    """Tell whether a text is one question to the person who reads."""
    if kind not in {LineKind.PARAGRAPH, LineKind.ITEM} or not text.endswith("?"):
        return False
    words, flat = article_words(), flatten(text)
    asks = words.address.occur(flat) and not words.own_person.occur(flat)
    return asks and len(sentences(text)) == 1


def _reflection_score(text: str, asked: frozenset[str], quote: str, top: frozenset[str]) -> float:
    """Return how well a reflection adds to the questions instead of repeating them."""
    own = terms(text)
    score = 1.0 - max((likeness(text, question) for question in asked), default=0.0)
    score += 0.15 * min(3, len(own & top)) + 0.1 * min(2, len(own & terms(quote)))
    score += 0.3 if len(text) in range(40, 121) else 0.0
    return score - (0.4 if points_back(text) else 0.0)


def is_of_others(text: str) -> bool:
    """Tell whether a sentence says what other people think, or who says it."""
    words = article_words()
    said = any(
        words.speech.begin(flatten(part)) for part in _BEFORE_SPEECH.split(text)[1:] if part.strip()
    )
    return said or words.hearsay.begin(flatten(text))


def points_back(text: str) -> bool:
    """Tell whether a sentence needs the one before it."""
    return article_words().points_back.begin(flatten(text))
