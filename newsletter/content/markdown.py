"""The Markdown parser, and how its flat lists of tokens are cut up."""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML

from newsletter.content.own_lines import own_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token
    from markdown_it.utils import EnvType

BREAKS: Final = frozenset({"softbreak", "hardbreak"})


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - markdown-it's own name
        """Accept every address: `content.address` judges them and says what is wrong."""
        return True


_ATTRIBUTES: Final = re.compile(r"\{(?!%)(?=[^{}\n]*=|\s*[.#:])([^{}\n]*)\}")
"""What may stand directly behind an image, as in other dialects: `{width=240}`."""

SHIELD: Final = "\ufffc"
"""Stands for a character that is no mark: it was escaped, or written as an entity."""


def _join_text(state: StateCore) -> None:
    """Join neighbouring text, as markdown-it does, and keep what of it is literal.

    What is text after parsing is what took no effect as a mark; what an author escaped is not
    meant as one.
    """
    for token in state.tokens:
        if token.type == "inline":
            token.children = _with_attributes(_joined(token.children or []))


def _with_attributes(children: Sequence[Token]) -> list[Token]:
    """Take what stands in braces directly behind an image out of the text, and keep it there."""
    kept: list[Token] = []
    for token in children:
        found = _ATTRIBUTES.match(literal(token)) if kept and kept[-1].type == "image" else None
        if found and token.type == "text" and _WRITTEN not in kept[-1].meta:
            kept[-1].meta[_WRITTEN] = found[1].strip()
            token.content = token.content[found.end() :]
            token.meta[_LITERAL] = literal(token)[found.end() :]
            if not token.content:
                continue
        kept.append(token)
    return kept


def _joined(children: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    for token in children:
        literal = token.content
        if token.type == "text_special":
            token.type = "text"
            if token.content != token.markup:  # a backslash before a letter escapes nothing
                literal = SHIELD * len(token.content)
        if token.type == "text":
            if kept and kept[-1].type == "text":
                kept[-1].content += token.content
                kept[-1].meta[_LITERAL] += literal
                continue
            token.meta[_LITERAL] = literal
        elif token.children:
            token.children = _joined(token.children)
        kept.append(token)
    return kept


_LITERAL = "literal"
_WRITTEN = "attributes"


def attributes(image: Token) -> str:
    """Return what stands in braces directly behind an image."""
    return str(image.meta.get(_WRITTEN, ""))


def literal(token: Token) -> str:
    """Return a text token's content with a shield for each character that is no mark."""
    return str(token.meta.get(_LITERAL, token.content))


# HTML is parsed so that it can be reported, and never passed on. Labels tell which link
# definitions are used.
_PARSER = _Parser("commonmark", {"store_labels": True})
_PARSER.core.ruler.at("text_join", _join_text)
_PARSER.block.ruler.before("lheading", "own_line", own_line, {"alt": ["paragraph", "blockquote"]})
_RENDERER = RendererHTML()


def parse(text: str) -> tuple[list[Token], EnvType]:
    """Return the tokens of a body, and what it defines for reference links."""
    env: EnvType = {}
    return _PARSER.parse(text, env), env


def render(children: Sequence[Token]) -> str:
    """Return inline tokens as HTML on one line, not yet sanitised."""
    html = _RENDERER.renderInline(children, _PARSER.options, {})
    # MRML drops a line feed between two tags, and with it the space between two words.
    return html.replace("<br />\n", "<br>").replace("\n", " ")


def normalised(address: str) -> str:
    """Return an address as the parser writes those of links."""
    return _PARSER.normalizeLink(address)


def nodes(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Cut tokens into siblings: each is one token, or all from an opening to its closing."""
    start = depth = 0
    for index, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : index + 1]
            start = index + 1


def rows(children: Sequence[Token]) -> list[list[Token]]:
    """Cut inline tokens at their line breaks, except at those within the words of a link."""
    cut: list[list[Token]] = [[]]
    in_link = 0
    for token in children:
        in_link += token.nesting if token.tag == "a" else 0
        if token.type in BREAKS and not in_link:
            cut.append([])
        else:
            cut[-1].append(token)
    return cut


def trimmed(children: Sequence[Token]) -> list[Token]:
    """Leave out blank text and line breaks at both ends."""

    def blank(token: Token) -> bool:
        return token.type in BREAKS or (token.type == "text" and not token.content.strip())

    kept = list(dropwhile(blank, children))
    return list(dropwhile(blank, kept[::-1]))[::-1]


def lone_link(row: Sequence[Token]) -> list[Token]:
    """Return the tokens of a row if it is only one link, whatever its emphasis."""
    bare = trimmed([token for token in row if token.tag not in ("em", "strong")])
    ends = [index for index, token in enumerate(bare) if token.tag == "a"]
    return bare if ends == [0, len(bare) - 1] and ends != [0, 0] else []


def lone_image(row: Sequence[Token]) -> tuple[Token, str] | None:
    """Return the image of a row that is only one, and where it leads if it is a link."""
    linked = lone_link(row)
    inside = linked[1:-1] if linked else row
    bare = trimmed([token for token in inside if token.tag not in ("em", "strong")])
    if [token.type for token in bare] != ["image"]:
        return None
    return bare[0], str(linked[0].attrGet("href") or "") if linked else ""


def plain(children: Iterable[Token] | None) -> str:
    """Return the words of inline tokens, without markup, on one line.

    What stands between < and > is kept: as HTML it is reported, and within the text of an image
    it may be words.
    """
    words: list[str] = []
    for token in children or ():
        if token.type in BREAKS:
            words.append(" ")
        elif token.type in ("text", "code_inline", "html_inline"):
            words.append(token.content)
        elif token.type == "image":
            words.append(plain(token.children))
    return "".join(words)


def placed(children: Iterable[Token], line: int) -> Iterator[tuple[Token, int]]:
    """Give each inline token the line it stands on, the first being `line`."""
    for token in children:
        yield token, line
        line += token.type in BREAKS
