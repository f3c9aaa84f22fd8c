"""Pasted text: an article as it is copied from a browser or a word processor.

Only signs at the beginning of a line, lengths and empty lines say what a line is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.article.prose import BULB, is_sentence, question_and_hint, tidy
from newsletter.model import Article, ArticleLine, LineKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BULLET: Final = re.compile(r"[•◦▪‣⁃∙●○■□▸➤·*–—-]\s+(?=\S)")
_NUMBER: Final = re.compile(r"\d{1,2}[.)]\s+(?=\S)")
_ARROW: Final = re.compile(r"(?:→|➔|➜|⇒|->|=>)")
_UNENDED: Final = re.compile(r"[.!?…:;,]$|[.!?…][)\]\"”’»]+$")
_LONGEST_HEADING: Final = 110
_LONGEST_QUESTION: Final = 70
_FEWEST_WRAPPED: Final = 6
_WIDEST_WRAPPED: Final = 100
_NARROWEST: Final = 45
_BLANKS_BEFORE_HEADING: Final = 2


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of text with words; `blanks` counts the empty ones before it, `after` those behind.

    `sign` is "bullet" or "number" where the line began so.
    """

    text: str
    blanks: int
    after: int = 0
    sign: str = ""
    cells: bool = False


def read_text(text: str, url: str = "") -> Article:
    """Return pasted text as an article.

    Args:
        text: The text.
        url: The article's address, where it is known.
    """
    rows = _joined_signs(_joined_wraps(_rows(text.splitlines())))
    return Article(lines=tuple(_lines(rows)), url=url)


def _rows(lines: Iterable[str]) -> list[_Row]:
    found: list[_Row] = []
    blanks = 0
    for line in lines:
        bare = tidy(line)
        if not re.search(rf"\w|{BULB}", bare):
            blanks += 1
            continue
        if found:
            found[-1] = _with_after(found[-1], blanks)
        sign, rest = _sign(bare)
        found.append(_Row(rest, blanks, sign=sign, cells="\t" in line.strip()))
        blanks = 0
    return found


def _with_after(row: _Row, after: int) -> _Row:
    return _Row(row.text, row.blanks, after, row.sign, row.cells)


def _sign(line: str) -> tuple[str, str]:
    for sign, pattern in (("bullet", _BULLET), ("number", _NUMBER)):
        if found := pattern.match(line):
            return sign, line[found.end() :]
    return "", line


def _joined_wraps(rows: Sequence[_Row]) -> list[_Row]:
    """Join lines that were broken at a width, as in an email."""
    runs = sum(not row.after for row in rows[:-1])
    widest = max((len(row.text) for row in rows), default=0)
    if runs < _FEWEST_WRAPPED or runs * 2 < len(rows) or widest > _WIDEST_WRAPPED:
        return list(rows)
    joined: list[_Row] = []
    width = 0
    for row in rows:
        above = joined[-1] if joined else None
        if above and not row.blanks and not row.sign and width >= _NARROWEST:
            joined[-1] = _Row(f"{above.text} {row.text}", above.blanks, row.after, above.sign)
        else:
            joined.append(row)
        width = len(row.text)
    return joined


def _joined_signs(rows: Sequence[_Row]) -> list[_Row]:
    """Join a lamp, or a question and its hint, that were copied as lines of their own."""
    joined: list[_Row] = []
    for row in rows:
        above = joined[-1] if joined else None
        lamp = above and above.text.strip("\ufe0f ") == BULB
        hint = above and above.text.endswith("?") and _ARROW.match(row.text)
        if above and (lamp or hint):
            joined[-1] = _Row(f"{above.text} {row.text}", above.blanks, row.after, above.sign)
        else:
            joined.append(row)
    return joined


def _lines(rows: Sequence[_Row]) -> Iterator[ArticleLine]:
    group = 0
    in_list = in_table = False
    for index, row in enumerate(rows):
        if row.cells:
            if not in_table:
                yield ArticleLine(LineKind.GAP, "table")
            in_table, in_list = True, False
            continue
        in_table = False
        if _is_item(rows, index):
            if not (in_list and row.blanks < _BLANKS_BEFORE_HEADING):
                group += 1
            yield ArticleLine(LineKind.ITEM, row.text, group)
            in_list = True
        else:
            yield ArticleLine(_kind(row, first=index == 0), row.text)
            in_list = False


def _is_item(rows: Sequence[_Row], index: int) -> bool:
    """Tell whether a line is one of a list; one number alone may begin a heading."""
    row = rows[index]
    if row.sign == "number":
        near = [*rows[max(index - 1, 0) : index], *rows[index + 1 : index + 2]]
        return any(one.sign == "number" for one in near)
    # A line copied without its bullet may still ask and hint.
    return bool(row.sign) or question_and_hint(row.text) is not None


def _kind(row: _Row, *, first: bool) -> LineKind:
    """Return what a line without a sign is; a heading is short and has no full stop."""
    if len(row.text) > _LONGEST_HEADING or row.text.startswith(BULB):
        return LineKind.PARAGRAPH
    if not _UNENDED.search(row.text) and not row.text.endswith(('"', "”", "»")):
        return LineKind.HEADING
    asks = row.text.endswith(("?", "!")) and len(row.text) <= _LONGEST_QUESTION
    alone = first or (row.blanks >= _BLANKS_BEFORE_HEADING and row.after)
    return LineKind.HEADING if asks and alone and is_sentence(row.text) else LineKind.PARAGRAPH
