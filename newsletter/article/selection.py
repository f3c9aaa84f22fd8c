"""What of an article goes into a letter: all of it the article's own words, in its order.

Weights were measured on articles by hand; docs/new.md describes them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from newsletter.article.furniture import text_lines
from newsletter.article.prose import (
    BULB,
    inside_quotes,
    likeness,
    question_and_hint,
    sentences,
    terms,
    without_label,
    without_quotes,
    word_count,
)
from newsletter.article.reflections import (
    AskedQuestion,
    Said,
    is_of_others,
    points_back,
    rank_reflections,
)
from newsletter.article.words import article_words, flatten
from newsletter.model import ArticleLine, LineKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.article.furniture import BareArticle
    from newsletter.model import Link

MIN_WORDS: Final = 40
"""An article with fewer words is none: the page of a cookie wall, a login, an error."""

_ENOUGH: Final = 90
_MOST: Final = 150
_SUMMARY_WORDS: Final = 15
_LONGEST_SUBJECT: Final = 70
_SHORTEST_SUBJECT: Final = 15
_PREHEADER: Final = range(30, 121)
_QUOTE: Final = range(25, 221)
_LONE_SENTENCE: Final = range(40, 161)
_LIST_QUOTE: Final = 60
_TOP_TERMS: Final = 12
_ANY: Final = 1000
_MOST_PROPOSED: Final = 4
_FEWEST_QUESTIONS: Final = 2
_MOST_QUESTIONS: Final = 5
_MARKS: Final = re.compile(r"[\[\]{}<>*_`\\|#=~]|^(?:[-+]|\d+[.)])\s")
_SOURCE_BEHIND: Final = re.compile(r"(.*[.!?…\"”’»])\s*([—–]\s*[^.!?…]{2,60})")
_CITED: Final = re.compile(r"[—–-]\s*\S")
_DASH: Final = re.compile(r" [—–|] |: ")


@dataclass(frozen=True, slots=True)
class Quotation:
    """A line worth keeping, without its quotation marks, and whom the article says it is of."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What goes into a letter; of subjects, preheaders, quotes and reflections the best is first.

    Attributes:
        opening: Paragraphs, with the images and gaps between them.
        heading: The heading above the questions.
        related: Other articles that the article names.
    """

    subjects: tuple[str, ...]
    preheaders: tuple[str, ...]
    opening: tuple[ArticleLine, ...]
    heading: str
    questions: tuple[AskedQuestion, ...]
    quotes: tuple[Quotation, ...]
    reflections: tuple[str, ...]
    related: tuple[Link, ...]


def select_parts(article: BareArticle) -> Selection:
    """Return what of an article goes into a letter."""
    article = _without_labels(article)
    heading, questions = find_questions(article.lines)
    opening = find_opening(article)
    theme = _Theme(article)
    quotes = _rank_quotes(article.lines, opening, theme)
    best = quotes[0].text if quotes else ""
    subjects = _find_subjects(article)
    return Selection(
        subjects=subjects,
        preheaders=_find_preheaders(article, subjects, opening, questions, quotes),
        opening=opening,
        heading=heading,
        questions=questions,
        quotes=quotes,
        reflections=rank_reflections(article.lines, Said.of(questions, opening), best, theme.top),
        related=tuple(link for link in article.related if link.url != article.url or not link.url),
    )


def _without_labels(article: BareArticle) -> BareArticle:
    """Leave out the label of what an article calls its summary."""
    lines = tuple(
        replace(line, text=without_label(line.text)) if line.kind is LineKind.PARAGRAPH else line
        for line in article.lines
    )
    return replace(article, lines=lines, summary=without_label(article.summary))


def find_questions(lines: Sequence[ArticleLine]) -> tuple[str, tuple[AskedQuestion, ...]]:
    """Return the list whose every item is `question? → hint`, and the heading above it.

    Without one: a list of nothing but questions, if its heading announces questions.
    """
    groups: dict[int, list[int]] = {}
    for index, line in enumerate(lines):
        if line.kind is LineKind.ITEM:
            groups.setdefault(line.group, []).append(index)
    plain: tuple[str, tuple[AskedQuestion, ...]] = ("", ())
    for indexes in groups.values():
        items = [lines[index].text for index in indexes]
        heading = _heading_above(lines, indexes[0])
        pairs = [pair for pair in map(question_and_hint, items) if pair]
        if not _FEWEST_QUESTIONS <= len(items) <= _MOST_QUESTIONS:
            continue
        if len(pairs) == len(items):
            return heading, tuple(AskedQuestion(*pair) for pair in pairs)
        announced = article_words().questions.occur(flatten(heading))
        if announced and not plain[1] and all(item.endswith("?") for item in items):
            plain = heading, tuple(AskedQuestion(item) for item in items)
    return plain


def _heading_above(lines: Sequence[ArticleLine], index: int) -> str:
    for line in reversed(lines[:index]):
        if line.kind is LineKind.HEADING:
            return line.text
        if line.kind is not LineKind.PARAGRAPH or not line.text.endswith(":"):
            return ""
    return ""


def find_opening(article: BareArticle) -> tuple[ArticleLine, ...]:
    """Return the summary, where there is one, and paragraphs until there are enough words."""
    kept: list[ArticleLine] = []
    words = 0
    summary = article.summary
    if _is_lead(summary):
        kept.append(ArticleLine(LineKind.PARAGRAPH, summary))
        words = word_count(summary)
    for line in _summary_first(article.lines):
        if line.kind in {LineKind.IMAGE, LineKind.GAP}:
            kept.append(line)
        elif _opens(line):
            size = word_count(line.text)
            if words and words + size > _MOST:
                break
            kept.append(line)
            words += size
        if words >= _ENOUGH:
            break
    while kept and kept[-1].kind in {LineKind.IMAGE, LineKind.GAP} and words:
        kept.pop()  # what follows the last paragraph belongs to what is not taken
    return tuple(_cut_long(kept))


def _is_lead(summary: str) -> bool:
    """Tell whether a summary is long enough to open a letter; a shorter one is a preheader."""
    long_enough = len(sentences(summary)) > 1 or len(summary) > _PREHEADER[-1]
    return long_enough and word_count(summary) >= _SUMMARY_WORDS


def _summary_first(lines: Sequence[ArticleLine]) -> Sequence[ArticleLine]:
    """Return the lines from a heading such as "Samenvatting" on, if there is one early."""
    for index, line in enumerate(lines[: len(lines) // 2]):
        flat = flatten(line.text)
        if line.kind is LineKind.HEADING and article_words().summaries.begin(flat):
            below = list(
                takewhile(lambda one: one.kind is not LineKind.HEADING, lines[index + 1 :])
            )
            if any(_opens(one) for one in below):
                return below
    return lines


def _opens(line: ArticleLine) -> bool:
    text = line.text
    is_quote = bool(inside_quotes(text)) and word_count(text) > 1
    return (
        line.kind is LineKind.PARAGRAPH
        and not is_quote
        and not text.startswith(BULB)
        and not text.endswith(":")
        and question_and_hint(text) is None
    )


def _cut_long(lines: Sequence[ArticleLine]) -> Iterator[ArticleLine]:
    """Yield the lines; a first paragraph that is too long ends with a whole sentence."""
    for line in lines:
        if line.kind is not LineKind.PARAGRAPH or word_count(line.text) <= _MOST:
            yield line
            continue
        kept = ""
        for sentence in _with_ends(line.text):
            if kept and word_count(kept) + word_count(sentence) > _MOST:
                break
            kept += sentence
        yield ArticleLine(line.kind, kept.strip())


def _with_ends(text: str) -> Iterator[str]:
    """Yield the sentences of a text with all that is between them."""
    start = 0
    for sentence in sentences(text)[1:]:
        at = text.index(sentence, start + 1)
        yield text[start:at]
        start = at
    yield text[start:]


class _Theme:
    """What an article is about: the words of its titles and those that it has most often."""

    def __init__(self, article: BareArticle) -> None:
        self.title = terms(f"{article.title} {article.subtitle}")
        counts = Counter(term for line in article.lines for term in sorted(terms(line.text)))
        self.top = frozenset(term for term, _ in counts.most_common(_TOP_TERMS))


def _rank_quotes(
    lines: Sequence[ArticleLine], opening: Sequence[ArticleLine], theme: _Theme
) -> tuple[Quotation, ...]:
    found = (
        list(_quotations(lines))
        or list(_lone_sentences(lines, opening, most=1))
        or list(_lone_sentences(lines, opening, most=_ANY))
    )
    scored = sorted(found, key=lambda one: -_quote_score(one.text, theme))
    return tuple(dict.fromkeys(scored))


def _quotations(lines: Sequence[ArticleLine]) -> Iterator[Quotation]:
    """Yield what the article itself makes a quote: by its kind, or wholly in quotation marks."""
    whole = list(text_lines(lines))
    quoted = Counter(
        line.group for line in whole if line.kind is LineKind.ITEM and inside_quotes(line.text)
    )
    for index, line in enumerate(whole):
        text = without_quotes(line.text)
        if len(text) not in _QUOTE or text.startswith(BULB):
            continue
        if line.kind is LineKind.QUOTE:
            if not _CITED.match(text):
                yield _quotation(text, _source_below(whole, index))
        elif inside_quotes(line.text):
            # In a list, only one that differs from its neighbours is a quote: the others are
            # examples of what a person thinks.
            lone = line.kind is LineKind.ITEM and quoted[line.group] == 1
            if line.kind is LineKind.PARAGRAPH or (lone and len(line.text) > _LIST_QUOTE):
                yield Quotation(text)


def _quotation(text: str, source: str) -> Quotation:
    """Return a quote; whom it is of may be behind it: "A line. — A name"."""
    found = None if source else _SOURCE_BEHIND.fullmatch(text)
    return Quotation(without_quotes(found[1]), found[2]) if found else Quotation(text, source)


def _source_below(lines: Sequence[ArticleLine], index: int) -> str:
    below = lines[index + 1] if index + 1 < len(lines) else None
    is_source = below and below.kind is LineKind.QUOTE and _CITED.match(below.text)
    return below.text if below and is_source else ""


def _lone_sentences(
    lines: Sequence[ArticleLine], opening: Sequence[ArticleLine], *, most: int
) -> Iterator[Quotation]:
    """Yield short sentences of paragraphs that have at most so many.

    A paragraph of one sentence is what an author lets stand alone.
    """
    for line in text_lines(lines):
        if line.kind is not LineKind.PARAGRAPH or line in opening or not _opens(line):
            continue
        parts = sentences(line.text)
        if len(parts) <= most:
            yield from (
                Quotation(part)
                for part in parts
                if len(part) in _LONE_SENTENCE and part.endswith((".", "!", "…"))
            )


def _quote_score(text: str, theme: _Theme) -> float:
    words = article_words()
    own, flat = terms(text), flatten(text)
    score = min(1.0, 0.35 * len(own & theme.title)) + min(0.8, 0.2 * len(own & theme.top))
    if len(text) in range(60, 131):
        score += 1.0
    elif len(text) in _LONE_SENTENCE:
        score += 0.5
    if words.contrasts.occur(flat.partition(" ")[2]) or "; " in text:
        score += 1.0
    score -= 1.0 * points_back(text) + 2.0 * is_of_others(text)
    if len(sentences(text)) > 2:  # noqa: PLR2004 - two sentences belong together
        score -= 0.5
    return score


def _find_subjects(article: BareArticle) -> tuple[str, ...]:
    """Return the title, or what of it fits an inbox; of a very short one, the line below it."""
    title, below = article.title, article.subtitle
    parts = [part for part in _DASH.split(title) if len(part) in range(15, _LONGEST_SUBJECT + 1)]
    found = [title] if len(title) <= _LONGEST_SUBJECT else [*parts, title]
    fitting = _SHORTEST_SUBJECT <= len(below) <= _LONGEST_SUBJECT
    if below and fitting:
        found = [below, *found] if len(title) < _SHORTEST_SUBJECT else [*found, below]
    return tuple(dict.fromkeys(one for one in found if re.search(r"[^\W\d_]", one)))


def _repeats(text: str, subject: str) -> bool:
    """Tell whether a line says what the subject does; one word in common is not enough."""
    if len(terms(subject)) == 1:
        return flatten(text) == flatten(subject)
    return likeness(text, subject) == 1


def _find_preheaders(
    article: BareArticle,
    subjects: Sequence[str],
    opening: Sequence[ArticleLine],
    questions: Sequence[AskedQuestion],
    quotes: Sequence[Quotation],
) -> tuple[str, ...]:
    """Return lines that say more than the subject does, as the article has them.

    No sentence of the opening: an inbox shows that anyway. One that needs the sentence before it,
    or says what others think, comes last.
    """
    tails = _DASH.split(article.subtitle, maxsplit=1)[1:]
    found = [
        *(tail for tail in tails if tail[:1].isupper()),
        article.summary,
        *(sentences(article.summary)[:1] if not _is_lead(article.summary) else ()),
        article.subtitle,
        *(one.question for one in questions[:1]),
        *(one.text for one in quotes[1:3]),
        *(one for line in article.lines[1:] if _opens(line) for one in sentences(line.text)[:1]),
    ]
    subject = subjects[0] if subjects else ""
    above = " ".join(f" {flatten(line.text)} " for line in opening)
    usable = (
        one
        for one in found
        if len(one) in _PREHEADER
        and not _repeats(one, subject)
        and not _MARKS.search(one)
        and f" {flatten(one)} " not in above
    )
    ranked = sorted(usable, key=lambda one: points_back(one) or is_of_others(one))
    return tuple(dict.fromkeys(ranked))[:_MOST_PROPOSED]
