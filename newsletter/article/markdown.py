"""Markdown: the structure that its author gave it counts, not a guess."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

from newsletter.article.page_tree import parse_html, visit
from newsletter.article.prose import LOST, tidy
from newsletter.model import Article, ArticleLine, LineKind, Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token
    from selectolax.lexbor import LexborNode

_PARSER: Final = MarkdownIt("commonmark").enable(["table", "strikethrough"])
COMMENT: Final = (re.compile(r"<!--"), re.compile(r"-->"))
"""Where one begins and ends."""
_DECLARATION: Final = re.compile(r"<(?=[!?])")
_ATTRIBUTES: Final = re.compile(r"\{(?=[^{}\n]{0,200}[.#=])[^{}\n]{1,400}\}[ \t]*$", re.MULTILINE)
_FOOTNOTE: Final = re.compile(r"^\[\^[^\]\n]+\]:.*(?:\n[ \t]+\S.*)*", re.MULTILINE)
_FOOTNOTE_MARK: Final = re.compile(r"\[\^[^\]\n]{1,40}\]")
_GAP: Final = re.compile(r"\ue000([^\ue000\ue001]*)\ue001")
_LISTS: Final = {"bullet_list_open", "ordered_list_open"}
_EMBEDS: Final = {
    "iframe": "embed", "embed": "embed", "object": "embed", "video": "video", "audio": "audio",
    "table": "table", "svg": "picture", "canvas": "picture", "form": "embed",
}  # fmt: skip
_SILENT: Final = {
    "script", "style", "template", "noscript", "svg", "figcaption", "table", "object",
}  # fmt: skip
_BLOCKS: Final = {
    "p", "div", "section", "figure", "figcaption", "blockquote", "li", "br", "hr",
    "h1", "h2", "h3", "h4", "h5", "h6", "details", "summary", "aside",
}  # fmt: skip


def mark_gap(what: str) -> str:
    """Return what marks, in Markdown, the place of something that has no text of its own."""
    return f"\ue000{what}\ue001"


def read_markdown(text: str, url: str = "") -> Article:
    """Return Markdown without front matter as an article; a heading of level 1 is its title.

    Args:
        text: The Markdown.
        url: The article's address, where it is known.
    """
    # The parser looks for the end of each of these to the end of the text.
    text = _DECLARATION.sub("&lt;", replace_between(text, *COMMENT, ""))
    body = _FOOTNOTE.sub("", _ATTRIBUTES.sub("", text))
    tokens = _PARSER.parse(_FOOTNOTE_MARK.sub("", body))
    lines = tuple(_lines(tokens))
    title = next((_plain(tokens[i + 1]) for i, one in enumerate(tokens) if one.tag == "h1"), "")
    return Article(lines=lines, title=tidy(title), url=url)


def replace_between(text: str, begin: re.Pattern[str], end: re.Pattern[str], instead: str) -> str:
    """Replace all that is from a beginning to its end; each part of the text is read once."""
    kept: list[str] = []
    at = 0
    while (opened := begin.search(text, at)) and (closed := end.search(text, opened.end())):
        kept += [text[at : opened.start()], instead]
        at = closed.end()
    return "".join([*kept, text[at:]])


def _lines(tokens: Sequence[Token]) -> Iterator[ArticleLine]:
    """Yield the lines; a stack says which list or quote a paragraph is in."""
    groups: list[int] = []
    quotes = count = 0
    skipping = 0
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            yield ArticleLine(LineKind.GAP, "table")
        skipping += {"table_open": 1, "table_close": -1}.get(token.type, 0)
        if token.type in _LISTS:
            count += 1
            groups.append(count)
        elif token.type.endswith("_list_close"):
            groups.pop()
        quotes += token.nesting if token.tag == "blockquote" else 0
        if skipping:
            continue
        if token.type == "html_block":
            yield from _html_lines(token.content)
        elif token.type in {"fence", "code_block"}:
            yield ArticleLine(LineKind.GAP, "code")
        elif token.type == "inline":
            heading = tokens[index - 1].type == "heading_open"
            kind = _kind(heading=heading, in_list=bool(groups), in_quote=bool(quotes))
            group = groups[-1] if kind is LineKind.ITEM else 0
            yield from _inline_lines(token, kind, group)


def _kind(*, heading: bool, in_list: bool, in_quote: bool) -> LineKind:
    if heading:
        return LineKind.HEADING
    if in_quote:
        return LineKind.QUOTE
    return LineKind.ITEM if in_list else LineKind.PARAGRAPH


def _inline_lines(token: Token, kind: LineKind, group: int) -> Iterator[ArticleLine]:
    text = _plain(token)
    images = [child for child in token.children or () if child.type == "image"]
    if images and not tidy(text):
        yield from (_image(str(one.attrGet("src") or ""), one.content) for one in images)
        return
    yield from gap_or_text(text, kind, group, _links(token.children or ()))


def gap_or_text(
    text: str, kind: LineKind, group: int = 0, links: tuple[Link, ...] = ()
) -> Iterator[ArticleLine]:
    """Yield a line of text, or the gaps of which it consists."""
    rest = tidy(_GAP.sub("", text))
    if not re.search(r"\w|💡", rest):
        yield from (ArticleLine(LineKind.GAP, what) for what in _GAP.findall(text))
    else:
        yield ArticleLine(kind, tidy(_GAP.sub(LOST, text)), group, links)


def _plain(token: Token) -> str:
    words: list[str] = []
    for child in token.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            words.append(" ")
        elif child.type in {"text", "code_inline"}:
            words.append(child.content)
    return "".join(words)


def _links(children: Iterable[Token]) -> tuple[Link, ...]:
    found: list[Link] = []
    address, label = "", ""
    for child in children:
        if child.type == "link_open":
            address, label = str(child.attrGet("href") or ""), ""
        elif child.type == "link_close":
            if label.strip() and address.startswith(("https://", "http://", "/")):
                found.append(Link(tidy(label), address))
            address = ""
        elif address and child.type in {"text", "code_inline"}:
            label += child.content
    return tuple(found)


def _image(source: str, alt: str) -> ArticleLine:
    return ArticleLine(LineKind.IMAGE, tidy(alt), 0, (Link(tidy(alt), source),))


class _HtmlLines:
    """Collects the lines of HTML that stands among Markdown."""

    def __init__(self) -> None:
        self.lines: list[ArticleLine] = []
        self._words: list[str] = []
        self._silent = 0
        self._kind = LineKind.PARAGRAPH

    def begin(self, node: LexborNode) -> None:
        """Note an image or something without text; a block ends the line before it."""
        tag = node.tag or ""
        if tag in _EMBEDS and not self._silent:
            self.flush()
            self.lines.append(ArticleLine(LineKind.GAP, _EMBEDS[tag]))
        elif tag == "img" and (source := node.attributes.get("src")):
            self.flush()
            self.lines.append(_image(source, node.attributes.get("alt") or ""))
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.flush()
            self._kind = _html_kind(tag, self._kind)

    def end(self, node: LexborNode) -> None:
        """End the line where a block ends."""
        tag = node.tag or ""
        self._silent -= tag in _SILENT
        if tag in _BLOCKS - {"br", "hr"}:
            self.flush()
            self._kind = LineKind.PARAGRAPH if tag != "p" else self._kind

    def add_text(self, text: str) -> None:
        """Add text."""
        if not self._silent:
            self._words.append(text)

    def flush(self) -> None:
        """End a line."""
        self.lines.extend(gap_or_text("".join(self._words), self._kind))
        self._words.clear()


def _html_kind(tag: str, before: LineKind) -> LineKind:
    if tag == "blockquote":
        return LineKind.QUOTE
    if tag in {"h1", "h2", "h3", "h4", "h5", "h6", "summary"}:
        return LineKind.HEADING
    return before if before is LineKind.QUOTE else LineKind.PARAGRAPH


def _html_lines(markup: str) -> list[ArticleLine]:
    body = parse_html(markup).body
    if body is None:
        return []
    found = _HtmlLines()
    visit(body, lambda _: False, found)
    found.flush()
    return found.lines
