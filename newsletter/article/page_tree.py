"""The elements of a page: how they are walked, measured and named.

A page may nest its elements thousands deep, so nothing here calls itself.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from selectolax.lexbor import LexborHTMLParser

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selectolax.lexbor import LexborNode

SILENT: Final = {
    "head", "script", "style", "noscript", "template", "svg", "math", "canvas", "textarea",
    "select", "datalist", "input", "label",
}  # fmt: skip
"""Elements that show no text of the page."""

_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_DEEPEST: Final = 5000
_NEVER_DEEP: Final = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
    "p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option", "a", "html",
    "head", "body",
}  # fmt: skip
"""Elements that have no end, or are ended by the next one of their kind."""
_SEPARATORS: Final = re.compile(r"[\s_-]+")


class Visitor(Protocol):
    """Takes the text and the elements of a page as they pass by."""

    def add_text(self, text: str) -> None:
        """Take a piece of text."""

    def begin(self, node: LexborNode) -> None:
        """Take the beginning of an element."""

    def end(self, node: LexborNode) -> None:
        """Take its end."""


def parse_html(markup: str, url: str = "") -> LexborHTMLParser:
    """Return a page or a part of one; the time that takes grows with the square of its depth.

    Args:
        markup: It.
        url: Where it was found, for an error.

    Raises:
        NewsletterError: Its elements are nested so deep that it would take hours.
    """
    opened: Counter[str] = Counter()
    depth = 0
    for found in _TAG.finditer(markup):
        closes, name = bool(found[1]), found[2].casefold()
        if name in _NEVER_DEEP or (closes and not opened[name]):
            continue
        step = -1 if closes else 1
        opened[name] += step
        depth += step
        if depth > _DEEPEST:
            raise NewsletterError(
                f"its markup has elements within elements, {_DEEPEST:,} deep",
                where=url,
                hint="Copy the text itself into a file, and give that",
            )
    return LexborHTMLParser(markup)


def walk(root: LexborNode, skip: Callable[[LexborNode], bool]) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each node where it begins (True), and each element again where it ends (False).

    Args:
        root: Where to begin; it is never skipped.
        skip: Tells which elements to leave out, with all that is in them.
    """
    stack = [(root, True)]
    while stack:
        node, begins = stack.pop()
        yield node, begins
        if not begins or not node.is_element_node:
            continue
        stack.append((node, False))
        children = []
        child = node.last_child
        while child is not None:
            if not child.is_element_node or not skip(child):
                children.append((child, True))
            child = child.prev
        stack.extend(children)


def visit(root: LexborNode, skip: Callable[[LexborNode], bool], visitor: Visitor) -> None:
    """Show a visitor the text and the elements of a part of a page; see `walk`."""
    for node, begins in walk(root, skip):
        if node.is_text_node:
            visitor.add_text(node.text_content or "")
        elif node.is_element_node and begins:
            visitor.begin(node)
        elif node.is_element_node:
            visitor.end(node)


def class_of(node: LexborNode) -> str:
    """Return the words of an element's class, between hyphens: `-entry-content-`."""
    return _hyphenate(node.attributes.get("class") or "")


def name_of(node: LexborNode) -> str:
    """Return the words of an element's class and id, between hyphens."""
    return _hyphenate(f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}")


def _hyphenate(names: str) -> str:
    return f"-{_SEPARATORS.sub('-', names.strip().lower())}-"


def text_of(node: LexborNode) -> str:
    """Return an element's text, with one space wherever there is any."""
    return " ".join(node.text(separator=" ").split())


def ancestors(node: LexborNode) -> Iterator[LexborNode]:
    """Yield an element and all that it is in."""
    at: LexborNode | None = node
    while at is not None:
        yield at
        at = at.parent


def measure(root: LexborNode, skip: Callable[[LexborNode], bool]) -> dict[int, int]:
    """Return how many characters of text each element holds, by its `mem_id`."""
    totals: dict[int, int] = {}
    open_totals = [0]
    for node, begins in walk(root, skip):
        if node.is_text_node:
            open_totals[-1] += len((node.text_content or "").strip())
        elif node.is_element_node and begins:
            open_totals.append(0)
        elif node.is_element_node:
            totals[node.mem_id] = open_totals.pop()
            open_totals[-1] += totals[node.mem_id]
    return totals
