"""Lines that Markdown joins with what stands above them, though they were written apart."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from newsletter.content.dialects import LINK_OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

    from newsletter.content.block_lookalikes import Place
    from newsletter.content.findings import FindingCollector
    from newsletter.content.unused_marks import Row

_SHORT: Final = 60
_SELDOM_WRAPPED: Final = 45
_NEVER_WRAPPED: Final = 30
_BOLD_LINE: Final = re.compile(r"(\*\*|__)[^*_]{1,80}(?<![.!?,;])\1")
_WRAPPED: Final = 50
_VERSE: Final = 3
_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’»)\]*_]*\s*\Z")
_ATTRIBUTION: Final = re.compile(r"\s*(?:[-–—―~]|\*|_|\()")
_BULLET: Final = re.compile(r"[^\w\s\"“”‘’'(*_`…]")
_MARGIN: Final = re.compile(r"\s*")
_QUOTE_SIGNS: Final = re.compile(r"\s{0,3}(?:>\s?)*")


# The rule `odd-space` reports it; without that space the line is an item of its own.
_ODD_MARK: Final = re.compile(r"\s*(?:[-*+>]|\d{1,9}[.)])(?:[^\S \t\n]|[\u200b\u2060\ufeff])")


def find_lazy(inline: Token, source: Sequence[str], item: Token | None, quotes: int) -> int:
    """Return which line of a paragraph is the first at the margin, or 0.

    Such a line continues the list item or the quote above it. A long line whose sentence goes on
    below was wrapped by hand, and is left alone.

    Args:
        inline: The paragraph.
        source: The lines of the body.
        item: What opened the list item it stands in, if any.
        quotes: How many quotes it stands in.
    """
    begin, end = inline.map or (0, 0)
    edge = _indent(source[item.map[0]]) if item and item.map else -1
    for index in range(begin + 1, end):
        text, above = source[index], source[index - 1]
        if _ODD_MARK.match(text):
            continue
        lazy = _leaves_quote(text, quotes) if quotes else item and _indent(text) <= edge
        if lazy and not _is_wrapped(above, text):
            return index - begin
    return 0


def _leaves_quote(text: str, quotes: int) -> bool:
    signs = _QUOTE_SIGNS.match(text)
    depth = signs[0].count(">") if signs else 0
    return depth < quotes and not _ATTRIBUTION.match(text.strip())


def _is_wrapped(above: str, text: str) -> bool:
    """Whether a sentence goes on below a line that was broken at a width."""
    full = len(above.rstrip()) >= _WRAPPED and not _SENTENCE_END.search(above)
    return full and text.strip()[:1].islower()


def note_lazy(line: int, place: Place, problems: FindingCollector) -> None:
    """Note a line at the margin that continues the list item or the quote above it."""
    what, sign = ("quote", '"> "') if place.in_quote else ("list item", "two spaces")
    problems.warning(
        line,
        "lazy-line",
        f"this line belongs to the {what} above it, because no empty line stands between",
        f"Put an empty line above it, or {sign} before it if it is meant so",
    )


def _indent(text: str) -> int:
    match = _MARGIN.match(text.expandtabs(4))
    return match.end() if match else 0


def note_verse(
    rows: Sequence[Row], inline: Token, place: Place, problems: FindingCollector
) -> None:
    """Note lines that were broken on purpose and become one paragraph.

    Text that was wrapped at a width breaks where the next word had no more room; lines that had
    room for it were ended by the author, and so were lines too short for any such width.
    """
    broken = any(child.type == "hardbreak" for child in inline.children or ())
    if broken or place.heading or len(rows) == 1:
        return
    texts = [line.strip() for line in inline.content.split("\n")]
    linked = any(LINK_OPEN in row.text for row in rows)
    verse = len(rows) >= _VERSE and not linked and _is_verse(texts)
    if verse or _BOLD_LINE.fullmatch(texts[0]):
        problems.warning(
            rows[0].line,
            "lines-joined",
            "these lines become one paragraph",
            "End each with a backslash to keep its line, or put an empty line between them",
        )


def _is_verse(texts: Sequence[str]) -> bool:
    """Whether lines are short, mostly no sentences, and ended where the next word had room."""
    pairs = list(pairwise(texts))
    width = max(map(len, texts))
    roomy = sum(len(text) + 1 + len(below.split(" ", 1)[0]) <= width for text, below in pairs)
    sentences = sum(bool(_SENTENCE_END.search(text)) for text, _ in pairs)
    kept = (
        width <= _NEVER_WRAPPED
        or (width <= _SELDOM_WRAPPED and roomy > 0)
        or (width <= _SHORT and roomy > 1 and roomy * 2 >= len(pairs))
    )
    bullets = sum(bool(_BULLET.match(text)) for text in texts) > 1
    return kept and sentences * 2 <= len(pairs) and not bullets
