"""The Markdown parser, and how its flat lists of tokens are cut up."""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token
    from markdown_it.utils import EnvType

BREAKS: Final = frozenset({"softbreak", "hardbreak"})


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - markdown-it's own name
        """Accept every address: `content.address` judges them and says what is wrong."""
        return True


# HTML is parsed so that it can be reported, and never passed on. Labels tell which link
# definitions are used.
_PARSER = _Parser("commonmark", {"store_labels": True})
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


def lone(row: Sequence[Token], kind: str) -> list[Token]:
    """Return the tokens of a row if it is only one `image` or `link`, whatever its emphasis."""
    bare = trimmed([token for token in row if token.tag not in ("em", "strong")])
    if kind == "image":
        return bare if [token.type for token in bare] == ["image"] else []
    ends = [index for index, token in enumerate(bare) if token.tag == "a"]
    return bare if ends == [0, len(bare) - 1] and ends != [0, 0] else []


def plain(children: Iterable[Token] | None) -> str:
    """Return the words of inline tokens, without markup, on one line."""
    words: list[str] = []
    for token in children or ():
        if token.type in BREAKS:
            words.append(" ")
        elif token.type in ("text", "code_inline"):
            words.append(token.content)
        elif token.type == "image":
            words.append(plain(token.children))
    return "".join(words)


def placed(children: Iterable[Token], line: int) -> Iterator[tuple[Token, int]]:
    """Give each inline token the line it stands on, the first being `line`."""
    for token in children:
        yield token, line
        line += token.type in BREAKS
