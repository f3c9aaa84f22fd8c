"""The HTML of an old letter: its elements become pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from newsletter.archive.importing.addresses import LEAVING, PROGRAM, find_address, leads_on
from newsletter.archive.importing.elements import (
    EMBEDS,
    is_data,
    list_start,
    read_card,
    read_embed,
    read_image,
)
from newsletter.archive.importing.fields import (
    drop_conditional_parts,
    drop_fields,
    without_fields,
)
from newsletter.archive.importing.furniture import (
    LONGEST_LINE,
    is_furniture,
    is_program_line,
)
from newsletter.archive.importing.pieces import (
    SIGN,
    ListPlace,
    Piece,
    PieceKind,
    without_sign,
)
from newsletter.archive.runs import Run, split_lines, text_of, tidy_runs
from newsletter.article.page_tree import class_of, parse_html, visit
from newsletter.article.page_tree import text_of as text_in
from newsletter.content.decoding import has_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from selectolax.lexbor import LexborNode

_INLINE: Final = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "mark", "picture", "q", "ruby", "rt", "s", "samp", "small", "source",
    "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
_STRONG: Final = {"b", "strong"}
_EM: Final = {"i", "em", "cite", "dfn", "var"}
_CODE: Final = {"code", "kbd", "samp", "tt"}
_LISTS: Final = {"ul", "ol"}
_HEADING: Final = re.compile(r"h[1-6]")
_PREFIX: Final = re.compile(r"-(?:kg-callout-emoji|footnote-number)-")
_QUOTED: Final = re.compile(r"-(?:pullquote|kg-blockquote-alt)-")
_CAPTION: Final = re.compile(r"-(?:image-caption|mcnimagecaption\w*)-")
_EMOJI: Final = re.compile(r"[^\w\s.,;:!?'\"()-]{1,8}")
_PICTURE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|svg)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a letter refers to.

    Attributes:
        things: What a picture, video and the like are called, in the newsletter's language.
        find_picture: Returns the file of a picture's address, "" where it is not in the export.
    """

    things: Mapping[str, str]
    find_picture: Callable[[str], str]


def read_markup(markup: str, surroundings: Surroundings) -> tuple[Piece, ...]:
    """Return the pieces of a letter, without what belongs to its program or to one subscriber.

    Raises:
        NewsletterError: Its elements are nested too deep.
    """
    body = parse_html(drop_conditional_parts(markup)).body
    if body is None:
        return ()
    collector = _PieceCollector(surroundings)
    visit(body, is_furniture, collector)
    collector.flush()
    return tuple(collector.pieces)


class _PieceCollector:
    """Collects the pieces while the elements pass by."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.pieces: list[Piece] = []
        self._around = surroundings
        self._runs: list[Run] = []
        self._styles: dict[str, int] = {"strong": 0, "em": 0, "code": 0, "pre": 0}
        self._url = ""
        self._links: list[str] = []
        """The addresses of the links around the one that is open."""
        self._lists: list[ListPlace] = []
        self._items: list[int] = []
        self._quotes: list[int] = []
        self._level = 0
        self._count = 0
        self._prefix = ""
        """What the next paragraph begins with."""
        self._silent = 0
        """The id of the element in which nothing is read."""
        self._table = 0
        """The id of the table of data that is open."""
        self._figure = 0
        """How many pieces there were when the last figure began."""

    def add_text(self, text: str) -> None:
        """Add a piece of text."""
        if not self._silent:
            styles = self._styles
            self._runs.append(
                Run(
                    text if styles["pre"] else text.replace("\n", " "),
                    strong=bool(styles["strong"]),
                    em=bool(styles["em"]),
                    code=bool(styles["code"]),
                    url=self._url,
                )
            )

    def begin(self, node: LexborNode) -> None:
        """Take notice of an element that begins."""
        tag = node.tag or ""
        if self._silent:
            return
        if tag == "br":
            self._runs.append(Run("\n"))
        elif tag == "hr":
            self._add_piece(Piece(PieceKind.DIVIDER))
        elif tag == "img":
            self._add_image(node)
        elif tag in EMBEDS:
            kind, source, label = read_embed(node)
            self._add_link(kind, find_address(source), label)
            self._silent = node.mem_id
        elif self._take_whole(node, tag):
            self._silent = node.mem_id
        elif tag == "a":
            self._links.append(self._url)
            self._url = find_address(node.attributes.get("href") or "")
        elif tag in _INLINE:
            self._style(tag, 1)
        else:
            self._begin_block(node, tag)

    def end(self, node: LexborNode) -> None:
        """Take notice of an element that ends."""
        tag = node.tag or ""
        if self._silent:
            self._silent = 0 if self._silent == node.mem_id else self._silent
        elif tag == "a":
            self._url = self._links.pop() if self._links else ""
        elif tag in _INLINE:
            self._style(tag, -1)
        elif tag not in {"br", "hr", "img"}:
            self._end_block(node, tag)

    def flush(self) -> None:
        """End the paragraph: what was collected becomes one, or more where lines were empty."""
        runs, self._runs = self._runs, []
        for part in split_lines(runs):
            self._add_paragraph(part)

    def _style(self, tag: str, by: int) -> None:
        for name, tags in (("strong", _STRONG), ("em", _EM), ("code", _CODE)):
            if tag in tags:
                self._styles[name] += by

    def _begin_block(self, node: LexborNode, tag: str) -> None:
        if self._table:
            self._begin_cell(tag)
            return
        self.flush()
        if tag in _LISTS:
            self._count += 1
            self._lists.append(ListPlace(self._count, list_start(node)))
        elif tag == "li":
            self._count += 1
            self._items.append(self._count)
        elif tag == "blockquote" or _QUOTED.search(class_of(node)):
            self._count += 1
            self._quotes.append(self._count)
        elif _HEADING.fullmatch(tag):
            self._level = int(tag[1])
        elif tag == "pre":
            self._styles["pre"] += 1
        elif tag == "figure" or "-captioned-image-container-" in class_of(node):
            self._figure = len(self.pieces)
        elif tag == "table" and is_data(node):
            self._table = node.mem_id

    def _begin_cell(self, tag: str) -> None:
        if tag == "tr":
            self.flush()
        elif tag in {"td", "th"} and text_of(self._runs).strip():
            self._runs.append(Run(" – "))
        else:
            self._runs.append(Run(" "))

    def _end_block(self, node: LexborNode, tag: str) -> None:
        if self._table:
            if self._table == node.mem_id:
                self.flush()
                self._table = 0
            return
        self.flush()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "li" and self._items:
            self._items.pop()
        elif (tag == "blockquote" or _QUOTED.search(class_of(node))) and self._quotes:
            self._quotes.pop()
        elif _HEADING.fullmatch(tag):
            self._level = 0
        elif tag == "pre":
            self._styles["pre"] -= 1

    def _take_whole(self, node: LexborNode, tag: str) -> bool:
        """Read an element at once that says what is around it: a sign, a caption, a card."""
        name = class_of(node)
        if _PREFIX.search(name):
            self.flush()
            sign = text_in(node)
            self._prefix = f"[{sign}] " if "-footnote-number-" in name else f"{sign} "
        elif "-footnote-anchor-" in name:
            self._runs.append(Run(f"[{text_in(node)}]"))
        elif tag == "figcaption" or _CAPTION.search(name):
            return self._add_caption(node)
        elif "-digest-post-embed-" in name:
            self._add_card(node)
        else:
            return False
        return True

    def _add_paragraph(self, runs: list[Run]) -> None:
        if self._prefix:
            runs = tidy_runs((Run(self._prefix), *runs))
            self._prefix = ""
        left, of_program = drop_fields(runs)
        text = text_of(left)
        words = [run for run in left if has_words(run.text)]
        leaves = of_program or any(run.url == LEAVING for run in left)
        leaves = leaves and len(text) <= LONGEST_LINE
        only_links = bool(words) and all(run.url in {PROGRAM, LEAVING} for run in words)
        if not has_words(text) or only_links or is_program_line(text) or leaves:
            return
        if not has_words(text.lstrip(SIGN)):
            self._prefix = "💡 "  # it stands apart from the text that it belongs to
            return
        kept = tidy_runs(
            run._replace(url="") if run.url in {PROGRAM, LEAVING} else run for run in left
        )
        kind = PieceKind.TEXT
        if self._level and not (self._quotes or self._items):
            kind = PieceKind.HEADING
        elif self._level:
            kept = tidy_runs(run._replace(strong=True) for run in kept)
        self._add_piece(Piece(kind, tuple(kept), self._level if kind is PieceKind.HEADING else 0))

    def _add_piece(self, piece: Piece) -> None:
        if piece.kind is not PieceKind.TEXT:
            self.flush()
            self.pieces.append(piece)
            return
        in_list = self._lists and self._items
        placed = replace(
            piece,
            quote=self._quotes[0] if self._quotes else 0,
            lists=tuple(self._lists) if in_list else (),
            item=self._items[-1] if in_list else 0,
        )
        bare = without_sign(placed)
        if bare.runs:
            self.pieces.append(bare)

    def _add_image(self, node: LexborNode) -> None:
        _, source, alt = read_image(node)
        if _EMOJI.fullmatch(alt):
            self._runs.append(Run(alt))
        elif source and (file := self._around.find_picture(source)):
            words = Run(alt or self._thing("image"))
            self._add_piece(Piece(PieceKind.IMAGE, (words,), file=file))
        elif source and self._url != LEAVING:
            leads = self._url if leads_on(self._url) and not _PICTURE.search(self._url) else ""
            self._add_link("image", leads or find_address(source), alt)

    def _add_link(self, kind: str, url: str, label: str) -> None:
        """Add a paragraph with a link to something that another site would have to send."""
        self.flush()
        if leads_on(url):
            host = (urlsplit(url).hostname or "").removeprefix("www.")
            runs = (Run(f"{self._thing(kind)}: "), Run(label or host, url=url))
            self._add_piece(Piece(PieceKind.TEXT, runs))

    def _thing(self, kind: str) -> str:
        name = self._around.things[kind]
        return name[:1].upper() + name[1:]

    def _add_caption(self, node: LexborNode) -> bool:
        """Give a caption to its picture; return whether there is one."""
        self.flush()
        last = self.pieces[-1] if len(self.pieces) > self._figure else None
        if last is None or last.kind is not PieceKind.IMAGE or last.caption:
            return False
        self._figure = len(self.pieces)
        caption = without_fields(text_in(node))
        self.pieces[-1] = replace(last, caption=caption)
        return bool(caption)

    def _add_card(self, node: LexborNode) -> None:
        self.flush()
        _, source, title = read_card(node)
        url = find_address(source)
        if title and leads_on(url):
            self._add_piece(Piece(PieceKind.TEXT, (Run(title, url=url),)))
