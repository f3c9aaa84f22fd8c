"""Lines that look like a heading, a list, a table or a divider, and are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.content.mark import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.content.findings import FindingCollector
    from newsletter.content.unused_marks import Row

# Spaces that Markdown takes for letters, and characters that take no room at all.
_ODD: Final = "\u00a0\u00ad\u1680\u180e\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
_BOX: Final = re.compile(r"\[[ xX✓]?\](?:\s|$)")
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
_SIGNATURE_DASHES = 2


class Place(NamedTuple):
    """Where a paragraph stands: in a quote or a list, as the first of its item, as a heading."""

    in_quote: bool = False
    in_list: bool = False
    first_of_item: bool = False
    heading: bool = False


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
        rf"[{_ODD}]+\s*(?:[-*+]\s|#{{1,6}}\s|>|\d{{1,3}}[.)]\s)"
            rf"|(?:[-*+•]|#{{1,6}}|\d{{1,3}}[.)])\s*[{_ODD}]",
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
        "this mark of another dialect of Markdown has no effect: subscribers see it as it stands",
        "Delete the mark; for a highlighted thought begin a paragraph with 💡",
    ),
)  # fmt: skip
_DIVIDER: Final = re.compile(r"[=+~–—−-]{2,}|#{3,}|\.{4,}|\*{2,}|_{2}|(?:[=~–—−]\s+){2,}[=~–—−]")


def note_lookalikes(rows: Sequence[Row], place: Place, problems: FindingCollector) -> bool:
    """Note lines of a paragraph that only look like another block, one of a kind; tell whether."""
    if place.heading:
        return False
    before = len(problems.found)
    boxed = next((row.line for row in rows if _BOX.match(row.text)), None)
    if boxed:
        problems.warning(
            boxed,
            "task-list",
            "a letter has no boxes to tick: subscribers see the brackets",
            'Begin the line with "- " only',
        )
    seen: set[str] = set()
    for index, row in enumerate(rows):
        for mark in (_FIRST, *_ROW_STARTS) if index == 0 else _ROW_STARTS:
            item = place.first_of_item and index == 0 and mark.rule != "foreign-mark"
            if item or not mark.match(row.text):
                continue
            if mark.rule not in seen:
                problems.warning(row.line, mark.rule, mark.problem, mark.fix)
            seen.add(mark.rule)
            break
    _dividers(rows, problems)
    _tables(rows, problems)
    if not seen:
        _lists(rows, place, problems)
        _hash_heading(rows, place, problems)
    _definitions(rows, problems)
    return len(problems.found) > before


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
    lines = [row.text.strip() for row in rows]
    rule = next((i for i, line in enumerate(lines) if _DELIMITER.fullmatch(line)), None)
    barred = [i for i, line in enumerate(lines) if line.count("|") > 1 and _CELLS.fullmatch(line)]
    tabbed = [i for i, line in enumerate(lines) if "\t" in line[2:]]
    columns = {line.count(" | ") for line in lines}
    first = None
    if rule is not None:
        first = max(rule - 1, 0)
    elif len(barred) > 1 or (barred and lines[barred[0]][:1] == lines[barred[0]][-1:] == "|"):
        first = barred[0]
    elif len(lines) > 1 and len(columns) == 1 and columns != {0}:
        first = 0
    elif len(tabbed) > 1:
        first = tabbed[0]
    if first is not None:
        problems.warning(
            rows[first].line,
            "table",
            "a letter has no tables: subscribers see these lines as one paragraph",
            "Write a list or sentences, or show a picture of it",
        )


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
    dashed = [i for i, text in enumerate(texts) if _DASHED.match(text)]
    after_colon = len(dashed) == 1 and dashed[0] and texts[dashed[0] - 1].rstrip().endswith(":")
    if (len(dashed) > 1 or after_colon) and not place.in_quote:
        yield rows[dashed[0]].line
    signs = [match[1] if match else "" for match in map(_SIGN.match, texts)]
    for index in range(1, len(rows)):
        if signs[index] and signs[index] == signs[index - 1]:
            yield rows[index - 1].line
        if _ENUMERATED.match(texts[index]) and _ENUMERATED.match(texts[index - 1]):
            yield rows[index - 1].line
        # A number other than 1 does not begin a list within a paragraph.
        if re.match(r"\d{1,2}[.)]\s+[^\W\d_]", texts[index]) and texts[index - 1].rstrip()[-1:] in (
            *".!?:;",
        ):
            yield rows[index].line


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
