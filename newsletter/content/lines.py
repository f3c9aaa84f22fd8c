"""What the lines of a body look like to their author, held against what Markdown made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.content.ask import answer_rows
from newsletter.content.block_lookalikes import Place, dashed_paragraphs, note_lookalikes
from newsletter.content.joined_lines import find_lazy, note_lazy, note_verse
from newsletter.content.markdown import SHIELD, literal, nodes, placed, plain
from newsletter.content.unused_marks import Row, has_footnote_star, note_marks, text_rows
from newsletter.content.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector

LONGEST_WORD: Final = 60
"""Wider than a phone, and wide enough to stretch the column of a mail program on a small screen."""

_ESCAPED_HTML: Final = re.compile(r"&lt;/?[A-Za-z][A-Za-z0-9]*\s*/?&gt;|^&gt;\s")
_HIGHEST_NUMBER: Final = 99


class _Paragraph(NamedTuple):
    inline: Token
    rows: list[Row]
    place: Place
    quotes: int
    item: Token | None


def inspect_lines(
    tokens: Sequence[Token], source: Sequence[str], start: int, problems: FindingCollector
) -> None:
    """Note marks without effect, lines that were joined, and numbers that are not shown.

    Args:
        tokens: The body's tokens.
        source: The lines of the body.
        start: The index in the file of the first of them.
        problems: Where to note it.
    """
    paragraphs = list(_paragraphs(tokens, start))
    explained = has_footnote_star(row for p in paragraphs for row in p.rows)
    for paragraph in paragraphs:
        inline, rows, place = paragraph.inline, paragraph.rows, paragraph.place
        looks_like_other = note_lookalikes(rows, place, problems)
        note_marks(rows, problems, stars_explained=explained)
        if not looks_like_other:
            note_verse(rows, inline, place, problems)
        lazy = find_lazy(inline, source, paragraph.item, paragraph.quotes)
        if lazy:
            note_lazy(rows[0].line + lazy, place, problems)
        _long_words(rows, inline, problems)
        _escaped_html(rows[0].line, inline, problems)
        _accidental_emphasis(rows[0].line, inline, problems)
        for image in (child for child in inline.children or () if child.type == "image"):
            caption = str(image.attrGet("title") or "")
            words = [
                *text_rows(image.children or [], rows[0].line),
                Row(rows[0].line, caption, caption),
            ]
            note_marks(words, problems, stars_explained=True)
    _dashes(tokens, start, problems)
    above: Sequence[Token] = ()
    for node in nodes(tokens):
        _numbers(node, start, problems)
        _dash_of_a_sentence(above, node, start, problems)
        above = node


def _paragraphs(tokens: Sequence[Token], start: int) -> Iterator[_Paragraph]:
    opened: list[Token] = []
    fresh = False
    answers = {id(token) for token in answer_rows(tokens)}
    for token in tokens:
        if token.nesting == 1:
            opened.append(token)
            fresh = fresh or token.type == "list_item_open"
        elif token.nesting == -1:
            opened.pop()
        elif token.type == "inline" and token.children:
            types = [each.type for each in opened]
            items = [each for each in opened if each.type == "list_item_open"]
            quotes = types.count("blockquote_open")
            heading, answer = "heading_open" in types, id(token) in answers
            place = Place(bool(quotes), bool(items), fresh, heading, answer)
            line = start + 1 + (token.map[0] if token.map else 0)
            rows = text_rows(token.children, line)
            yield _Paragraph(token, rows, place, quotes, items[-1] if items else None)
            fresh = False


def _long_words(rows: Sequence[Row], inline: Token, problems: FindingCollector) -> None:
    words = re.findall(rf"\S{{{LONGEST_WORD + 1},}}", plain(inline.children))
    if words and SHIELD not in words[0]:
        problems.warning(
            rows[0].line,
            "long-word",
            f"there is a word or address of {len(words[0])} characters here, which can widen the "
            "whole letter",
            "Write [words](https://…) for an address, or break the word",
        )


def _escaped_html(line: int, inline: Token, problems: FindingCollector) -> None:
    """Note HTML or a quote sign as entities, which a page of code gives when it is copied."""
    for index, text in enumerate(inline.content.split("\n")):
        if _ESCAPED_HTML.search(text):
            problems.warning(
                line + index,
                "wrong-entity",
                "there is &lt; or &gt; here, and subscribers see the sign unchanged",
                "Write Markdown in its place: **words**, > words",
            )


def _accidental_emphasis(line: int, inline: Token, problems: FindingCollector) -> None:
    """Note two stars within words, as in `lezer*innen`, that emphasise all between them."""
    children = inline.children or []
    opened: list[int] = []
    for index, (token, row) in enumerate(placed(children, line)):
        if token.type in ("em_open", "strong_open"):
            opened.append(index)
        elif token.type in ("em_close", "strong_close"):
            begin = opened.pop()
            before = _text_at(children, begin - 1)[-1:]
            after = _text_at(children, index + 1)[:1]
            stray = after == "*"  # one before the words is found as a star without effect
            within = before.isalnum() and after.isalnum() and " " in plain(children[begin:index])
            if stray or within:
                problems.warning(
                    row,
                    "accidental-emphasis",
                    "these stars make no pair" if stray else "stars within words make a pair here",
                    "Write as many before the words as behind them; for a star as such write \\*",
                )


def _text_at(children: Sequence[Token], index: int) -> str:
    found = 0 <= index < len(children) and children[index].type == "text"
    return literal(children[index]) if found else ""


def _dashes(tokens: Sequence[Token], start: int, problems: FindingCollector) -> None:
    run: list[list[Row]] = []
    for node in [*nodes(tokens), ()]:
        if node and node[0].type == "paragraph_open" and node[1].children:
            line = start + 1 + (node[1].map[0] if node[1].map else 0)
            run.append(text_rows(node[1].children, line))
            continue
        for line in dashed_paragraphs(run):
            problems.warning(
                line,
                "almost-list",
                "these lines look like a list and are none",
                'Begin each of them with "- " instead of the dash',
            )
        run = []


def _dash_of_a_sentence(
    above: Sequence[Token], node: Sequence[Token], start: int, problems: FindingCollector
) -> None:
    """Note a dash at the beginning of a line within a sentence, which begins a list."""
    follows = above and (above[0].type, node[0].type) == ("paragraph_open", "bullet_list_open")
    directly = follows and (above[0].map or [0, 0])[1] == (node[0].map or [-1])[0]
    items = [token for token in node if token.type == "inline"]
    if not directly or len(items) != 1:
        return
    goes_on = not re.search(r"[.:;!?…,]\W*\Z|\*\Z", above[1].content)
    if goes_on and items[0].content[:1].islower():
        problems.warning(
            start + 1 + (node[0].map or [0])[0],
            "text-became-list",
            "this line became a list, because a dash, star or plus begins it",
            'Join it with the line above it, or write "\\-" for the sign',
        )


def _numbers(node: Sequence[Token], start: int, problems: FindingCollector) -> None:
    """Note an ordered list that is a date or a year, or of which the numbers do not go up."""
    for index, token in enumerate(node):
        if token.type != "ordered_list_open":
            continue
        inside = _list_tokens(node[index:])
        numbers = [
            int(each.info)
            for each in inside
            if each.type == "list_item_open" and each.level == token.level + 1 and each.info
        ]
        first = next((t.content for t in inside if t.type == "inline"), "")
        line = start + 1 + (token.map[0] if token.map else 0)
        problem = _wrong_numbers(numbers, first)
        if problem:
            problems.warning(line, "numbering", *problem)


def _list_tokens(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens from the opening of a list to its end."""
    level = tokens[0].level
    ends = (t.type == "ordered_list_close" and t.level == level for t in tokens)
    return tokens[: list(ends).index(True)]


def _wrong_numbers(numbers: Sequence[int], first: str) -> tuple[str, str] | None:
    word = re.match(r"[^\W\d_]+", first)
    month = word is not None and word[0].lower() in words().months
    if numbers and (
        numbers[0] > _HIGHEST_NUMBER or (month and (numbers[0] != 1 or len(numbers) == 1))
    ):
        return (
            f"this became a list that begins with number {numbers[0]}",
            f'Write "{numbers[0]}\\." if it is no list',
        )
    counted = list(range(numbers[0], numbers[0] + len(numbers))) if numbers else []
    if len(set(numbers)) > 1 and list(numbers) != counted:
        return (
            f"the numbers of this list are shown as {counted[0]} to {counted[-1]}",
            "Number the items one by one, or leave out the numbers",
        )
    return None
