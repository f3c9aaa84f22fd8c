"""Lines that look like a heading, a list, a table or a divider, and are none."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.content.ask import BOX
from newsletter.content.mark import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.content.findings import FindingCollector
    from newsletter.content.unused_marks import Row

# Spaces that Markdown takes for letters, and characters that take no room at all.
ODD_SPACES: Final = "\u00a0\u00ad\u1680\u180e\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
_DELIMITER: Final = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)+\|?|\|\s*:?-{2,}:?\s*\|")
_CELLS: Final = re.compile(r"\|[^|]*\|.*|.*\|[^|]*\|")
_DASHED: Final = re.compile(r"[–—−‐‑]\s*\S")
_TALK: Final = re.compile(r"[?!\"“”‘„«»]")
_SIGN: Final = re.compile(
    r"([^\w\s\"“”‘’'„«»(\[<>*_`#|:.,…–—−‐‑•◦▪‣⁃∙●○■□►▸➤➢☐☑·\ufff9-\uffff-])\ufe0f?\s*\S"
)
_ENUMERATED: Final = re.compile(
    r"(?:[a-hA-H]|[ivx]{1,4}|[IVX]{1,4})[.)]\s+\S|\([0-9a-h]{1,2}\)\s+\S|o\s+\S"
)


class Place(NamedTuple):
    """Where a paragraph stands: in a quote or a list, as the first of its item, as a heading.

    An answer belongs to a question to subscribers.
    """

    in_quote: bool = False
    in_list: bool = False
    first_of_item: bool = False
    heading: bool = False
    answer: bool = False


_HEADING = "this line looks like a heading and is none"
_LIST = "these lines look like a list and are none"
_ODD_SPACE = (
    "an unusual or invisible space stands beside this mark, so that it has no effect",
    "Delete the space and type it again (it came along from a web page or a word processor)",
)
# At the beginning of a paragraph nothing but a space that was cut off can have kept these from
# taking effect.
_FIRST: Final = Mark("odd-space", r"[-*+]\s+\S|#{1,6}\s+\S|>|\d{1,9}[.)]\s+\S", *_ODD_SPACE)
_ROW_STARTS: Final = (
    Mark(
        "odd-space",
        rf"[{ODD_SPACES}]+\s*(?:[-*+]\s|#{{1,6}}\s|>|\d{{1,3}}[.)]\s)"
            rf"|(?:[-*+•]|#{{1,6}}|\d{{1,3}}[.)])\s*[{ODD_SPACES}]",
        *_ODD_SPACE,
    ),
    Mark(
        "almost-heading",
        r"#{1,6}\s+\S|#{2,6}[^\s#]|h[1-6]\.\s+\S|={2,6}\s+[^\s=]",
        _HEADING,
        'Begin it with "## ", with a space behind the signs',
    ),
    Mark(
        "almost-list",
        r"[-*+]\s+\S|-(?:[^\W\d_]|[\"“‘'(][^\W\d_])|\d{1,2}[.)][^\W\d_]{2,}(?!\S*[./@])",
        _LIST,
        'Begin each of them with "- " or "1. ", with a space behind the sign',
    ),
    Mark(
        "foreign-mark",
        r"(?i)\[![a-z]+\][+-]?(?:\s|$)|:{3,}|\[_{0,2}TOC_{0,2}\]\s*$|[!?]{3}\s+\w"
            r"|\*\[[^\]\n]{1,60}\]:|\\(?:pagebreak|newpage)\b",
        "this mark of another dialect of Markdown has no effect: subscribers see it unchanged",
        "Delete the mark; for a highlighted thought begin a paragraph with 💡",
    ),
)  # fmt: skip
_DIVIDER: Final = re.compile(r"[=+~–—−-]{2,}|#{3,}|\.{4,}|\*{2,}|_{2}|(?:[=~–—−]\s+){2,}[=~–—−]")


def note_lookalikes(rows: Sequence[Row], place: Place, problems: FindingCollector) -> bool:
    """Note lines of a paragraph that only look like another block, one of a kind; tell whether."""
    if place.heading:
        return False
    before = len(problems.found)
    boxed = next((row.line for row in rows if BOX.match(row.text)), None)
    if boxed and not place.answer:
        problems.warning(
            boxed,
            "task-list",
            "a letter has no boxes to tick: subscribers see the brackets",
            'Begin the line with "- " only; answers to click on stand directly below a paragraph '
            "that ends in a question mark",
        )
    seen = _row_starts(rows, place, problems)
    _dividers(rows, problems)
    _tables(rows, problems)
    if not seen:
        _lists(rows, place, problems)
        _hash_heading(rows, place, problems)
    _definitions(rows, problems)
    return len(problems.found) > before


def _row_starts(rows: Sequence[Row], place: Place, problems: FindingCollector) -> set[str]:
    """Note marks of a block at the beginning of a line; return the rules that found one."""
    seen: set[str] = set()
    for index, row in enumerate(rows):
        marks: Sequence[Mark] = (_FIRST, *_ROW_STARTS) if index == 0 else _ROW_STARTS
        if place.first_of_item and index == 0:
            marks = [mark for mark in marks if mark.rule == "foreign-mark"]
        found = next((mark for mark in marks if mark.match(row.text)), None)
        if found and found.rule not in seen:
            problems.warning(row.line, found.rule, found.problem, found.fix)
            seen.add(found.rule)
    return seen


def _dividers(rows: Sequence[Row], problems: FindingCollector) -> None:
    for row in rows:
        if _DIVIDER.fullmatch(row.written.strip()):
            problems.warning(
                row.line,
                "almost-divider",
                "this line looks like a divider and is none: subscribers see its signs",
                'Write three hyphens, "---", with an empty line above and below',
            )


def _tables(rows: Sequence[Row], problems: FindingCollector) -> None:
    first = _table_start([row.text.strip() for row in rows])
    if first is not None:
        problems.warning(
            rows[first].line,
            "table",
            "a letter has no tables: subscribers see these lines as one paragraph",
            "Write a list or sentences, or show a picture of it",
        )


def _table_start(lines: Sequence[str]) -> int | None:
    """Return the index of the line at which a table begins."""
    for index, line in enumerate(lines):
        if _DELIMITER.fullmatch(line):
            return max(index - 1, 0)
    barred = [i for i, line in enumerate(lines) if _is_barred(line)]
    if len(barred) > 1 or (barred and _is_framed(lines[barred[0]])):
        return barred[0]
    if _has_columns(lines):
        return 0
    tabbed = [i for i, line in enumerate(lines) if "\t" in line[2:]]
    return tabbed[0] if len(tabbed) > 1 else None


def _is_barred(line: str) -> bool:
    return line.count("|") > 1 and _CELLS.fullmatch(line) is not None


def _has_columns(lines: Sequence[str]) -> bool:
    columns = {line.count(" | ") for line in lines}
    return len(lines) > 1 and len(columns) == 1 and columns != {0}


def _is_framed(line: str) -> bool:
    return line[:1] == line[-1:] == "|"


def _lists(rows: Sequence[Row], place: Place, problems: FindingCollector) -> None:
    starts = list(_list_like(rows, place))
    if starts:
        problems.warning(
            starts[0],
            "almost-list",
            _LIST,
            'Begin each of them with "- " or "1. ", and leave an empty line above the first',
        )


def _list_like(rows: Sequence[Row], place: Place) -> Iterator[int]:
    texts = [row.text for row in rows]
    if (dashed := _dashed_row(texts)) is not None and not place.in_quote:
        yield rows[dashed].line
    signs = [match[1] if match else "" for match in map(_SIGN.match, texts)]
    for index, (above, text) in enumerate(pairwise(texts)):
        if signs[index + 1] and signs[index + 1] == signs[index]:
            yield rows[index].line
        if _ENUMERATED.match(text) and _ENUMERATED.match(above):
            yield rows[index].line
        if _is_late_number(above, text):
            yield rows[index + 1].line


def _is_late_number(above: str, text: str) -> bool:
    """Whether an item has a number other than 1, which begins no list within a paragraph."""
    ended = above.rstrip().endswith((".", "!", "?", ":", ";"))
    return ended and re.match(r"\d{1,2}[.)]\s+[^\W\d_]", text) is not None


def _dashed_row(texts: Sequence[str]) -> int | None:
    """Return the first of several lines that begin with a dash, or the one after a colon."""
    dashed = [i for i, text in enumerate(texts) if _DASHED.match(text)]
    after_colon = len(dashed) == 1 and dashed[0] and texts[dashed[0] - 1].rstrip().endswith(":")
    return dashed[0] if len(dashed) > 1 or after_colon else None


def _hash_heading(rows: Sequence[Row], place: Place, problems: FindingCollector) -> None:
    """Note `#Kop van vandaag`, which is a heading more likely than a hashtag."""
    text = rows[0].text.rstrip()
    words = text.split()
    alone = len(rows) == 1 and not place.in_list and not place.in_quote
    hashtag = text.endswith((".", "!", "?")) or sum(word.startswith("#") for word in words) > 1
    heading = re.match(r"#[^\W\d_]", text) and (len(words) > 1 or text[1].isupper())
    if alone and heading and not hashtag:
        problems.warning(
            rows[0].line, "almost-heading", _HEADING, 'Begin it with "# ", with a space behind it'
        )


def _definitions(rows: Sequence[Row], problems: FindingCollector) -> None:
    for row in rows[1:]:
        if re.match(r":\s+\S", row.text):
            problems.warning(
                row.line,
                "foreign-mark",
                "a letter has no lists of terms: subscribers see this colon",
                "Write the term in bold and its meaning behind it: **term**: meaning",
            )
            return


def dashed_paragraphs(runs: Sequence[Sequence[Row]]) -> Iterator[int]:
    """Find paragraphs in a row that begin with a dash, and are not a conversation."""
    begins = [bool(_DASHED.match(rows[0].text)) for rows in runs]
    for index in range(1, len(runs)):
        pair = runs[index - 1 : index + 1]
        talk = any(_TALK.search(row.text) for rows in pair for row in rows)
        if (
            begins[index]
            and begins[index - 1]
            and not talk
            and not begins[max(index - 2, 0) : index - 1].count(True)
        ):
            yield runs[index - 1][0].line
