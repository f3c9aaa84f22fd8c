"""The lines of an article, from the elements that hold it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from newsletter.article.page_tree import class_of, name_of, text_of, visit
from newsletter.article.prose import tidy
from newsletter.model import ArticleLine, LineKind, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from selectolax.lexbor import LexborNode

    from newsletter.article.page_links import Addresses

_HEADINGS: Final = {"h1", "h2", "h3", "h4", "h5", "h6", "summary"}
_LISTS: Final = {"ul", "ol", "menu"}
_INLINE: Final = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "button", "cite", "code", "data", "del",
    "dfn", "em", "font", "i", "ins", "kbd", "mark", "picture", "q", "ruby", "rt", "s", "samp",
    "small", "source", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
_GAPS: Final = {
    "iframe": "embed",
    "embed": "embed",
    "object": "embed",
    "video": "video",
    "audio": "audio",
    "table": "table",
    "pre": "code",
}
_LAYOUT: Final = "h1, h2, h3, h4, blockquote, table table"
_LONGEST_CELL: Final = 400
_LONGEST_HEADING: Final = 110
_SMALLEST_IMAGE: Final = 100
_VIDEO: Final = re.compile(r"youtu\.?be|vimeo|dailymotion|video", re.IGNORECASE)
_AUDIO: Final = re.compile(r"spotify|soundcloud|podcast|anchor\.fm", re.IGNORECASE)
_QUOTED: Final = re.compile(r"-(?:pullquote|blockquote|quote-block-text)-")
_CAPTION: Final = re.compile(r"-(?:wp-)?caption-text-|-image-caption-")
_SOURCE: Final = re.compile(r"-(?:author|source|attribution|cite)-|-blockquote-author-")
_TOGGLE: Final = re.compile(r"-(?:accordion|toggle|tab|faq|collaps\w*)-(?:title|question|header)-")
_EMOJI: Final = re.compile(r"[^\w\s.,;:!?'\"()-]{1,8}")
_LABELS: Final = re.compile(r"/(?:tags?|categor(?:y|ies|ie)|author|topics?)/#?", re.IGNORECASE)
_DASHES: Final = re.compile(r"^[\s—–-]+")
_SOURCES: Final = ("data-src", "data-lazy-src", "data-original", "data-image", "src")


def read_lines(
    root: LexborNode, skip: Callable[[LexborNode], bool], addresses: Addresses
) -> tuple[ArticleLine, ...]:
    """Return the lines of an article.

    Args:
        root: The element that holds the article.
        skip: Tells which elements are no part of it.
        addresses: Makes the addresses of links and images whole.
    """
    writer = _LineWriter(addresses)
    visit(root, skip, writer)
    writer.break_line()
    return tuple(writer.lines)


class _LineWriter:
    """Collects the lines while the elements pass by."""

    def __init__(self, addresses: Addresses) -> None:
        self.lines: list[ArticleLine] = []
        self._addresses = addresses
        self._words: list[str] = []
        self._links: list[Link] = []
        self._link: tuple[str, int] | None = None
        """The address of the link that is open, and how many pieces of text come before it."""
        self._kinds: list[tuple[int, LineKind, int]] = []
        """The elements that decide what text is: id, kind, and group of a list's items."""
        self._lists: list[int] = []
        self._count = 0
        self._figure = 0
        """How many lines there were when the last figure began."""
        self._silent = 0
        """The id of the element in which nothing is read."""
        self._bulb = False
        self._bold: list[int] = []
        """The elements of bold text that are open."""
        self._plain = False
        """Whether the line has text that is not bold."""

    def add_text(self, text: str) -> None:
        """Add a piece of text to the line."""
        if not self._silent:
            self._words.append(text.replace("\n", " "))
            self._plain = self._plain or (not self._bold and bool(re.search(r"\w", text)))

    def begin(self, node: LexborNode) -> None:
        """Take notice of an element that begins."""
        tag = node.tag or ""
        if self._silent:
            return
        if tag == "br":
            self._words.append("\n")
        elif tag == "img":
            self._add_image(node)
        elif self._is_gap(node, tag):
            self.break_line()
            self.lines.append(ArticleLine(LineKind.GAP, _gap_name(node, tag)))
            self._silent = node.mem_id
        elif self._add_caption(node, tag):
            self._silent = node.mem_id
        elif tag == "a":
            self._link = (node.attributes.get("href") or "", len(self._words))
        elif tag in {"b", "strong"}:
            self._bold.append(node.mem_id)
        elif tag not in _INLINE:
            self._begin_block(node, tag)

    def end(self, node: LexborNode) -> None:
        """Take notice of an element that ends."""
        tag = node.tag or ""
        if self._silent:
            self._silent = 0 if self._silent == node.mem_id else self._silent
        elif tag == "a":
            self._end_link()
        elif self._bold and self._bold[-1] == node.mem_id:
            self._bold.pop()
        elif tag not in _INLINE and tag not in {"br", "img"}:
            self._end_block(node, tag)

    def break_line(self) -> None:
        """End the line: what was collected becomes one, or more where lines were left empty."""
        link = self._link
        self._end_link()
        text = "".join(self._words)
        links = tuple(self._links)
        self._words.clear()
        self._links.clear()
        if link:
            self._link = (link[0], 0)
        for part in re.split(r"\n[^\S\n]*\n\s*", text):
            self._add_line(tidy(part), links)
        self._plain = False

    def _add_line(self, text: str, links: tuple[Link, ...]) -> None:
        if text.strip("\ufe0f ") == "💡":
            self._bulb = True
        elif re.search(r"\w", text) and not _is_labels(text, links):
            text = f"💡 {text}" if self._bulb else text
            self._bulb = False
            named = tuple(one for one in links if one.label in text)
            self.lines.append(self._as_line(text, named))

    def _as_line(self, text: str, links: tuple[Link, ...]) -> ArticleLine:
        if self._kind is LineKind.PARAGRAPH and not self._plain and _may_be_heading(text):
            return ArticleLine(LineKind.HEADING, text, 0, links)
        return ArticleLine(self._kind, text, self._kinds[-1][2] if self._kinds else 0, links)

    def _begin_block(self, node: LexborNode, tag: str) -> None:
        if tag in _LISTS:
            self.break_line()
            self._count += 1
            self._lists.append(self._count)
        elif kind := _kind_of(node, tag):
            self.break_line()
            if kind is LineKind.HEADING and self._kind is LineKind.ITEM:
                # An item with a heading is a card or the like, and no item of a list.
                self._kinds[-1] = (self._kinds[-1][0], LineKind.PARAGRAPH, 0)
            in_list = kind is LineKind.ITEM and self._lists
            self._kinds.append((node.mem_id, kind, self._lists[-1] if in_list else 0))
        else:
            if tag == "figure" or "-wp-caption-" in name_of(node):
                self.break_line()
                self._figure = len(self.lines)
            self._break_or_space()

    @property
    def _kind(self) -> LineKind:
        return self._kinds[-1][1] if self._kinds else LineKind.PARAGRAPH

    def _end_block(self, node: LexborNode, tag: str) -> None:
        if self._kinds and self._kinds[-1][0] == node.mem_id:
            self.break_line()
            self._kinds.pop()
        elif tag in _LISTS:
            self.break_line()
            if self._lists:
                self._lists.pop()
        else:
            self._break_or_space()

    def _break_or_space(self) -> None:
        """Keep headings and items whole, whatever they are built of."""
        if self._kind in {LineKind.HEADING, LineKind.ITEM}:
            self._words.append(" ")
        else:
            self.break_line()

    def _end_link(self) -> None:
        if self._link:
            href, start = self._link
            label = tidy("".join(self._words[start:]))
            address = self._addresses.complete(href)
            if label and address:
                self._links.append(Link(label, address))
        self._link = None

    def _add_image(self, node: LexborNode) -> None:
        alt = tidy(node.attributes.get("alt") or "")
        if "-emoji-" in name_of(node) or "-wp-smiley-" in name_of(node) or _EMOJI.fullmatch(alt):
            self._words.append(alt)
            return
        address = self._image_address(node)
        if address:
            self.break_line()
            self.lines.append(ArticleLine(LineKind.IMAGE, alt, 0, (Link("", address),)))

    def _image_address(self, node: LexborNode) -> str:
        attributes = node.attributes
        sizes = (attributes.get("width") or "", attributes.get("height") or "")
        if any(size.isdigit() and int(size) < _SMALLEST_IMAGE for size in sizes):
            # A portrait, an icon, or a picture that counts visitors.
            return ""
        values = (attributes.get(name) or "" for name in _SOURCES)
        return next((whole for one in values if (whole := self._addresses.complete(one))), "")

    def _add_caption(self, node: LexborNode, tag: str) -> bool:
        """Give a caption to its picture, and the name of who said it to a quote."""
        name = name_of(node)
        attributes = tag in {"cite", "footer"} or _SOURCE.search(name)
        named = tag == "figcaption" or _CAPTION.search(name)
        if not named and not (attributes and self._kind is LineKind.QUOTE):
            return False
        self.break_line()
        text = _DASHES.sub("", tidy(text_of(node)))
        if not text or len(self.lines) <= self._figure:
            return False
        last = self.lines[-1]
        if last.kind is LineKind.IMAGE:
            last = replace(last, links=(Link(text, last.links[0].url),))
        elif last.kind is LineKind.QUOTE:
            last = replace(last, text=f"{last.text} — {text}")
        else:
            return False
        self.lines[-1] = last
        return True

    def _is_gap(self, node: LexborNode, tag: str) -> bool:
        if tag == "table":
            cells = node.css("td, th")
            long = any(len(text_of(cell)) > _LONGEST_CELL for cell in cells)
            return len(cells) > 1 and not long and not node.css(_LAYOUT)
        if tag == "pre":
            return bool(node.css("code"))
        return tag in _GAPS or "<iframe" in (node.attributes.get("data-html") or "")


def _gap_name(node: LexborNode, tag: str) -> str:
    source = (node.attributes.get("src") or "") + (node.attributes.get("data-html") or "")
    if _AUDIO.search(source):
        return "audio"
    if _VIDEO.search(source):
        return "video"
    return _GAPS.get(tag, "embed")


def _kind_of(node: LexborNode, tag: str) -> LineKind | None:
    """Return what an element makes of the text in it; None for one that only holds others."""
    if tag in _HEADINGS or _opens_more(node):
        return LineKind.HEADING
    if tag == "li":
        return LineKind.ITEM
    quoted = _QUOTED.search(name_of(node)) and not node.css("blockquote")
    return LineKind.QUOTE if tag == "blockquote" or quoted else None


def _opens_more(node: LexborNode) -> bool:
    """Tell whether a click on an element shows the text that it is the heading of."""
    titled = _TOGGLE.search(class_of(node)) or "aria-expanded" in node.attributes
    return bool(titled) and len(text_of(node)) <= _LONGEST_HEADING


def _may_be_heading(text: str) -> bool:
    """Tell whether a line that is wholly bold is a heading, by its length and its end."""
    ends = text.endswith((".", "!", ":", ",", ";", "…", '"', "”"))
    return len(text) <= _LONGEST_HEADING and not ends and not text.startswith("💡")


def _is_labels(text: str, links: tuple[Link, ...]) -> bool:
    """Tell whether a line is only links to what the site files the article under."""
    rest = text
    for link in links:
        rest = rest.replace(link.label, "", 1)
    return bool(links) and not re.search(r"\w", rest) and all(_LABELS.search(x.url) for x in links)
