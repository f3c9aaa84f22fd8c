"""Lists, and the questions that some of them are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.content.decoding import has_words
from newsletter.content.markdown import nodes, plain, trimmed
from newsletter.content.rich_text import REPORTED, block_name, is_reflection
from newsletter.model import ItemList, ListItem, Question, Questions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

    from newsletter.content.rich_text import RichTextConverter
    from newsletter.model import RichText

LISTS: Final = ("bullet_list_open", "ordered_list_open")
MAX_DEPTH: Final = 3
"""A list and at most two levels below it."""

_ARROW = re.compile(r"→|(?<![-<])->")
_ASKED = re.compile(r"\?[\"'”’»)]*\s*")


def read_list(node: Sequence[Token], converter: RichTextConverter) -> Questions | ItemList:
    """Return a list: as questions if every item is one `question? → hint`."""
    halves = [_halves(item) for item in nodes(node[1:-1])]
    asked = [pair for pair in halves if pair]
    if len(asked) < len(halves):
        return _items(node, 1, converter)
    questions = tuple(Question(converter.rich(*q), converter.rich(*hint)) for q, hint in asked)
    return Questions(converter.line(node[0]), questions)


_Half = tuple[list["Token"], str]


def _halves(item: Sequence[Token]) -> tuple[_Half, _Half] | None:
    """Cut an item at the arrow behind its question mark: each half as tokens and as written."""
    parts = list(nodes(item[1:-1]))
    if [part[0].type for part in parts] != ["paragraph_open"]:
        return None
    inline = parts[0][1]
    children = inline.children or []
    depth = 0
    for index, token in enumerate(children):
        depth += token.nesting
        arrow = None if depth or token.type != "text" else _ARROW.search(token.content)
        if not arrow:
            continue
        before, after = token.content[: arrow.start()], token.content[arrow.end() :]
        question = trimmed([*children[:index], token.copy(content=before)])
        hint = trimmed([token.copy(content=after), *children[index + 1 :]])
        if _ends_as_question(question) and has_words(plain(hint)):
            written, *rest = _ARROW.split(inline.content, maxsplit=1)
            return (question, written), (hint, "".join(rest))
        return None
    return None


def _ends_as_question(children: Sequence[Token]) -> bool:
    words = plain(children)
    mark = words.rfind("?")
    return mark > 0 and bool(_ASKED.fullmatch(words, mark))


def _items(node: Sequence[Token], depth: int, converter: RichTextConverter) -> ItemList:
    ordered = node[0].type == "ordered_list_open"
    start = node[0].attrGet("start")
    items = tuple(_item(item, depth, converter) for item in nodes(node[1:-1]))
    return ItemList(converter.line(node[0]), ordered, 1 if start is None else int(start), items)


def _item(node: Sequence[Token], depth: int, converter: RichTextConverter) -> ListItem:
    paragraphs: list[RichText] = []
    sublist: ItemList | None = None
    for part in nodes(node[1:-1]):
        kind = part[0].type
        if paragraphs and is_reflection(part):
            _misplaced(part, depth, converter)
            break
        if kind == "paragraph_open" and sublist is None:
            paragraphs.append(converter.paragraph(part[1]))
        elif kind in LISTS and paragraphs and sublist is None and depth < MAX_DEPTH:
            sublist = _items(part, depth + 1, converter)
        elif kind not in REPORTED:
            _misplaced(part, depth, converter)
            break
    if len(node) == len(("open", "close")):
        converter.empty(node[0], "list item")
    return ListItem(tuple(paragraphs), sublist)


def _misplaced(part: Sequence[Token], depth: int, converter: RichTextConverter) -> None:
    token = part[0]
    if token.type in LISTS and depth >= MAX_DEPTH:
        converter.problems.error(
            converter.line(token),
            "list-too-deep",
            "a list has at most two levels below it",
            "Remove some of the spaces before these items",
        )
    else:
        converter.problems.error(
            converter.line(token),
            "list-content",
            f"a list item holds paragraphs and after them one list, so not {block_name(part)} here",
            "End the list with an empty line, and begin this at the margin",
        )
