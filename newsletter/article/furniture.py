"""What is on a page and not of its article: menus, reading times, forms, comments, sign-ups.

The same rules follow every source, so that a page and its pasted text give the same draft.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from newsletter.article.prose import BROKEN, LOST, is_sentence, sentences, tidy, word_count
from newsletter.article.words import article_words, flatten
from newsletter.model import ArticleLine, LineKind, Link
from newsletter.model.web_address import web_address
from newsletter.tracking_parameters import without_tracking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.model import Article

_PROSE: Final = {LineKind.PARAGRAPH, LineKind.QUOTE, LineKind.ITEM}
_SHORT: Final = 110
_LABEL: Final = 60
_TAIL_BEGINS: Final = 0.4
_REPEATED: Final = 30
_SUBTITLE: Final = 25
_PARAGRAPH: Final = 60
_CALL: Final = re.compile(r"[→»›>]\s*$")
_TRAIL: Final = re.compile(r"\S\s+(?:[>›»/|·•])\s+\S")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True)
class Cut:
    """A line that was cut, and what it was: head, tail, widget, label, call or repeated."""

    why: str
    text: str


@dataclass(frozen=True, slots=True)
class BareArticle:
    """An article without its site's furniture.

    Attributes:
        lines: Its lines.
        title: Its title; "" where it has none.
        subtitle: The line below its title.
        summary: What it says about itself elsewhere.
        url: Its address.
        related: Other articles that it names; without an address where it gives none.
        cut: What was left out.
    """

    lines: tuple[ArticleLine, ...]
    title: str
    subtitle: str
    summary: str
    url: str
    related: tuple[Link, ...]
    cut: tuple[Cut, ...]

    @property
    def words(self) -> int:
        """How many words of prose it has."""
        return sum(word_count(line.text) for line in self.lines if line.kind in _PROSE)


def remove_furniture(article: Article) -> BareArticle:
    """Return an article without what belongs to its site."""
    cut: list[Cut] = []
    lines = _without_widgets(article.lines, cut)
    lines, title, subtitle = _without_head(lines, article, cut)
    lines = _without_tail(lines, cut)
    lines, related = _without_onward(lines, article.url)
    lines = _without_repeated(_without_calls(lines, cut), cut)
    return BareArticle(
        lines=tuple(lines),
        title=title,
        subtitle=subtitle,
        summary=_own_summary(article.summary, lines),
        url=without_tracking(article.url),
        related=tuple(related),
        cut=tuple(cut),
    )


def _without_widgets(lines: Sequence[ArticleLine], cut: list[Cut]) -> list[ArticleLine]:
    """Leave out lines that say by their words what they are, wherever they are."""
    kept: list[ArticleLine] = []
    for line in lines:
        if line.kind in {LineKind.IMAGE, LineKind.GAP}:
            kept.append(line)
            continue
        why = _furniture(line.text)
        if why == "widget" and kept and _heads_widget(kept[-1]):
            cut.append(Cut(why, kept.pop().text))
        if why:
            cut.append(Cut(why, line.text))
        else:
            kept.append(line)
    return kept


def _heads_widget(line: ArticleLine) -> bool:
    return line.kind is LineKind.HEADING and len(line.text) < _SHORT


def _furniture(text: str) -> str:
    words = article_words()
    flat = flatten(text)
    if words.widgets.occur(flat) and _is_mostly_widget(text):
        return "widget"
    if len(text) <= _LABEL and (words.labels.equal(flat) or is_reading_time(flat)):
        return "label"
    return ""


def _is_mostly_widget(text: str) -> bool:
    """Tell whether half of a text is of a site's own; a paragraph of prose may mention cookies."""
    widgets = article_words().widgets
    own = sum(word_count(one) for one in sentences(text) if widgets.occur(flatten(one)))
    return 2 * own >= word_count(text)


def is_reading_time(flat: str) -> bool:
    """Tell whether a flat text is nothing but the time that an article takes."""
    words = article_words()
    parts = flat.split()
    rest = [part for part in parts if not part.isdigit()]
    return (
        len(parts) > len(rest)
        and any(part in words.minutes.whole for part in rest)
        and all(part in words.minutes.whole + words.reading.whole for part in rest)
    )


def _without_head(
    lines: Sequence[ArticleLine], article: Article, cut: list[Cut]
) -> tuple[list[ArticleLine], str, str]:
    """Leave out what is above the first paragraph; return the title and the line below it too."""
    end = next((i for i, line in enumerate(lines) if _begins_text(line)), 0)
    head = [line for line in lines[:end] if not _is_byline(line)]
    names = [line.text for line in head if line.kind not in {LineKind.IMAGE, LineKind.GAP}]
    title = article.title or _title(names, article)
    known = {flatten(title), flatten(article.site_name)}
    seen = Counter(flatten(name) for name in names)
    kept = [
        line
        for line in head
        if line.kind in {LineKind.IMAGE, LineKind.GAP}
        or (flatten(line.text) not in known and seen[flatten(line.text)] == 1)
    ]
    cut.extend(Cut("head", line.text) for line in lines[:end] if line not in kept)
    below = [line.text for line in kept if len(line.text) >= _SUBTITLE and line.text in names]
    return [*kept, *lines[end:]], title, below[-1] if below else ""


def _begins_text(line: ArticleLine) -> bool:
    if line.kind in {LineKind.ITEM, LineKind.QUOTE}:
        return True
    long_enough = len(line.text) >= _PARAGRAPH or is_sentence(line.text)
    return line.kind is LineKind.PARAGRAPH and long_enough and not _is_byline(line)


def _title(names: Sequence[str], article: Article) -> str:
    others = [name for name in names if flatten(name) != flatten(article.site_name)]
    return others[0] if others else ""


def _is_byline(line: ArticleLine) -> bool:
    """Tell whether a line above the text says who wrote it, when, or where on the site it is."""
    if line.kind in {LineKind.IMAGE, LineKind.GAP} or len(line.text) > _SHORT:
        return False
    words = article_words()
    flat = flatten(line.text)
    dated = _YEAR.search(flat) and any(words.months.equal(part) for part in flat.split())
    short = len(line.text) <= _LABEL
    by = short and words.bylines.begin(flat) and not is_sentence(line.text)
    timed = short and _has_reading_time(flat)
    return bool((short and dated) or by or timed or _TRAIL.search(line.text))


def _has_reading_time(flat: str) -> bool:
    return any(
        number.isdigit() and is_reading_time(f"{number} {unit}")
        for number, unit in pairwise(flat.split())
    )


def _without_tail(lines: Sequence[ArticleLine], cut: list[Cut]) -> list[ArticleLine]:
    """Leave out all from the first line in the later part that ends an article."""
    words = article_words()
    for index, line in enumerate(lines):
        if index < len(lines) * _TAIL_BEGINS or line.kind is LineKind.ITEM:
            continue
        flat = re.sub(r"^\d+ ", "", flatten(line.text))
        signs = line.kind is not LineKind.QUOTE and _signs(lines, index, flat)
        ends = words.ends.begin(flat) or words.ends_whole.equal(re.sub(r" \d+$", "", flat))
        if signs or (len(line.text) <= _SHORT and ends):
            cut.extend(Cut("tail", one.text) for one in lines[index:])
            return list(lines[:index])
    return list(lines)


def _signs(lines: Sequence[ArticleLine], index: int, flat: str) -> bool:
    """Tell whether a line signs the article: "Liefs," with at most a name below it."""
    few = len(lines[index].text) <= _SUBTITLE
    return few and article_words().farewells.begin(flat) and index > len(lines) / 2


def _without_onward(lines: Sequence[ArticleLine], url: str) -> tuple[list[ArticleLine], list[Link]]:
    """Take out the paragraphs that name other articles, and return what they name."""
    kept: list[ArticleLine] = []
    related: list[Link] = []
    for line in lines:
        if line.kind in {LineKind.PARAGRAPH, LineKind.HEADING} and (named := _named(line)):
            found = (Link(tidy(one.label), _absolute(one.url, url)) for one in named)
            related.extend(one for one in found if one not in related)
        else:
            kept.append(line)
    return kept, related


def _absolute(link: str, url: str) -> str:
    """Return a link's address; "" where it does not say its site."""
    try:
        whole = urljoin(url, link) if link and url else link
    except ValueError:
        return ""
    return web_address(without_tracking(whole))


def _named(line: ArticleLine) -> list[Link]:
    """Return the articles that "Lees meer in: Title." names, with its links where it has any."""
    words = article_words()
    for found in re.finditer(r"(?:^|[.!?…]\s+|[(\s])([^.!?…:]{4,40}):\s+(?=\S)", line.text):
        if words.onward.begin(flatten(found[1])):
            if line.links:
                return [Link(link.label, link.url) for link in line.links]
            return [Link(_name_of(line.text[found.end() :]), "")]
    if line.links and words.onward.begin(flatten(line.text)):
        return [link for link in line.links if word_count(link.label) > 1]
    return []


def _name_of(text: str) -> str:
    """Return the name at the beginning of a text, without the sentence about it."""
    parts = re.split(r"(?<=[^.])[.]\s+", text)
    after = article_words().after_onward
    name = next(
        (". ".join(parts[:i]) for i, part in enumerate(parts) if i and after.begin(flatten(part))),
        parts[0],
    )
    return tidy(name).rstrip(".").strip("\"“”‘’'")


def _without_repeated(lines: Sequence[ArticleLine], cut: list[Cut]) -> list[ArticleLine]:
    kept: list[ArticleLine] = []
    known: set[str] = set()
    for line in lines:
        flat = flatten(line.text)
        if line.kind not in {LineKind.IMAGE, LineKind.GAP} and len(flat) > _REPEATED:
            if flat in known:
                cut.append(Cut("repeated", line.text))
                continue
            known.add(flat)
        kept.append(line)
    return kept


def _without_calls(lines: Sequence[ArticleLine], cut: list[Cut]) -> list[ArticleLine]:
    """Leave out buttons, "Begin met loslaten →", and the same words where they are a sentence."""
    calls = {flatten(line.text) for line in lines if _is_call(line)}
    cut.extend(Cut("call", line.text) for line in lines if flatten(line.text) in calls)
    return [line for line in lines if flatten(line.text) not in calls]


def _is_call(line: ArticleLine) -> bool:
    if line.kind in {LineKind.IMAGE, LineKind.GAP, LineKind.QUOTE} or "?" in line.text:
        return False
    return len(line.text) <= _SHORT and bool(_CALL.search(line.text))


def _own_summary(summary: str, lines: Sequence[ArticleLine]) -> str:
    """Return what an article says about itself, unless it was cut off or is its beginning."""
    text = tidy(summary)
    flat = flatten(text)
    if not is_sentence(text) or text.endswith(("…", "...", "[…]", "[...]")) or _furniture(text):
        return ""
    return "" if any(flat in flatten(line.text) for line in lines) else text


def text_lines(lines: Sequence[ArticleLine]) -> Iterator[ArticleLine]:
    """Yield the lines whose text is whole: no image, no gap, nothing lost in it."""
    return (
        line
        for line in lines
        if line.kind not in {LineKind.IMAGE, LineKind.GAP}
        and LOST not in line.text
        and BROKEN not in line.text
    )
