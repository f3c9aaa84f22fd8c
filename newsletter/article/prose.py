"""Prose as every source is compared and cut: spaces, sentences, words that say what it is about."""

from __future__ import annotations

import re
from typing import Final

from newsletter.article.words import article_words, flatten

BULB: Final = "💡"
LOST: Final = "\ufffc"
"""Stands within a text for what the author's site fills in: the object replacement character."""
BROKEN: Final = "\ufffd"
"""Stands for bytes of a source that are no character: the replacement character."""

_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufe0e]+")
_DROPPED: Final = str.maketrans({"\u00ad": None, "\u2010": "-", "\u2011": "-"})
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])[\"”’)]*\s+(?=[\"“‘(]*[^\W\d_a-zß-öø-ÿ]|[\"“‘(]*\d)")
_ENDED: Final = re.compile(r"[.!?…][\"”’»)\]]*$")
_QUESTION: Final = re.compile(r"(.+?\?)\s*(?:→|➔|➜|⇒|->|=>|—>|–>)\s*(\S.*)")
_QUOTED: Final = re.compile(r"[\"“„«‘'](?=\S)([^\"“”„«»]{2,})[\"”“»’']")
_STEM: Final = 5
_SHORT: Final = 3


def tidy(text: str) -> str:
    """Return a text on one line: with common spaces and hyphens, and no sign that is invisible."""
    return _SPACE.sub(" ", text.translate(_DROPPED)).strip()


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph."""
    return [part for part in _SENTENCE_END.split(text) if part]


def is_sentence(text: str) -> bool:
    """Tell whether a text ends as a sentence does."""
    return bool(_ENDED.search(text))


def word_count(text: str) -> int:
    """Return the number of words."""
    return len(text.split())


def question_and_hint(text: str) -> tuple[str, str] | None:
    """Return the two parts of `question? → hint`."""
    found = _QUESTION.fullmatch(text)
    return (found[1], found[2]) if found else None


def inside_quotes(text: str) -> str:
    """Return what is between quotation marks that enclose the whole text; "" without them."""
    bare = text.removesuffix(".")
    found = _QUOTED.fullmatch(bare)
    return found[1] if found else ""


def without_quotes(text: str) -> str:
    """Return a text without one pair of quotation marks around it."""
    return inside_quotes(text) or text


def without_label(text: str) -> str:
    """Return a text without the label of a summary before it: "In het kort: …"."""
    label, _, rest = text.partition(":")
    if rest.startswith(" ") and article_words().summaries.equal(flatten(label)):
        rest = rest.strip()
        return rest[:1].upper() + rest[1:]
    return text


def without_bulb(text: str) -> str:
    """Return a text without the sign of a reflection before it."""
    return text.lstrip(f"{BULB}\ufe0f ").strip()


def terms(text: str) -> frozenset[str]:
    """Return the beginnings of the words that say what a text is about."""
    stop = article_words().stop.whole
    return frozenset(
        word[:_STEM]
        for word in flatten(text).split()
        if len(word) > _SHORT and word not in stop and not word.isdigit()
    )


def likeness(one: str, other: str) -> float:
    """Return the share of the shorter text's terms that both have."""
    first, second = terms(one), terms(other)
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0
