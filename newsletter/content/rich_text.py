"""Prose in its three forms: HTML, plain text, and as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from newsletter.content.decoding import has_words
from newsletter.content.links import clean, is_link
from newsletter.content.markdown import normalised, plain, render
from newsletter.content.own_lines import BULB
from newsletter.content.token_rules import DEEPEST_EMPHASIS, deepest
from newsletter.model import Link, RichText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector


class RichTextConverter:
    """What reading each block of a body needs: lines, prose, and where to note problems.

    Args:
        start: The index in the file of the body's first line.
        problems: Where to note what is wrong.
    """

    def __init__(self, start: int, problems: FindingCollector) -> None:
        self.problems = problems
        self._start = start
        self._number = 0

    def line(self, token: Token) -> int:
        """Return the line of the file on which a token of a block begins."""
        return self._start + 1 + (token.map[0] if token.map else 0)

    def empty(self, token: Token, what: str) -> None:
        """Note a block without words."""
        self.problems.error(
            self.line(token),
            "empty-block",
            f"a {what} has no words",
            "Write them, or delete the line",
        )

    def paragraph(self, inline: Token) -> RichText:
        """Return all of a paragraph's or heading's prose."""
        return self.rich(inline.children or (), inline.content)

    def rich(self, children: Sequence[Token], source: str) -> RichText:
        """Return prose in its three forms; the numbers of links run through the body."""
        sound = _without_reported(children)
        text, links = self._text(sound)
        return RichText(clean(render(sound)).strip(), text, source.strip(), links)

    def _text(self, children: Sequence[Token]) -> tuple[str, tuple[tuple[int, str], ...]]:
        parts: list[str] = []
        links: list[tuple[int, str]] = []
        url, begin = "", 0
        for token in children:
            if token.type == "link_open":
                url, begin = str(token.attrGet("href")), len(parts)
            elif token.type == "link_close":
                label = "".join(parts[begin:])
                if _shows_address(label, url):
                    parts[begin:] = [url.removeprefix("mailto:")]
                else:
                    self._number += 1
                    links.append((self._number, url))
                    parts.append(f" [{self._number}]")
            elif token.type == "hardbreak":
                parts.append("\n")
            elif token.type == "softbreak":
                parts.append(" ")
            else:
                parts.append(token.content)
        return "".join(parts).strip(), tuple(links)


def button(row: Sequence[Token]) -> Link | None:
    """Return the link that a row of only a link is, or None where it was reported."""
    url = str(row[0].attrGet("href") or "")
    label = plain(row).strip()
    return Link(label, url) if has_words(label) and is_link(url) else None


def _without_reported(children: Sequence[Token]) -> list[Token]:
    """Leave out HTML, images and links to nowhere; all of these were reported."""
    flat = deepest(children) > DEEPEST_EMPHASIS
    kept: list[Token] = []
    leads = False
    for token in children:
        if token.type == "link_open":
            leads = is_link(str(token.attrGet("href") or ""))
        structure = token.nesting != 0
        dead_link = token.tag == "a" and not leads
        if (
            token.type not in ("html_inline", "image")
            and not dead_link
            and not (flat and structure)
        ):
            kept.append(token)
    return kept


def _shows_address(label: str, url: str) -> bool:
    written = normalised(label.strip())
    return url in {written, f"mailto:{written}"}


REPORTED: Final = frozenset({"html_block", "code_block", "fence"})
"""Kinds of token that `token_rules` reports wherever they stand."""

_CALLED = {
    "blockquote_open": "a quote",
    "heading_open": "a heading",
    "hr": "a divider",
    "paragraph_open": "a paragraph",
}


def block_name(part: Sequence[Token]) -> str:
    """Return what an author calls a block that was written where it cannot stand."""
    return "a reflection" if is_reflection(part) else _CALLED.get(part[0].type, "a list")


def is_reflection(part: Sequence[Token]) -> bool:
    """Tell whether a block is a paragraph that begins with 💡."""
    return part[0].type == "paragraph_open" and bool(BULB.match(plain(part[1].children)))
