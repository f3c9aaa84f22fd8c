"""What single elements of an old letter say: pictures, players, cards, tables."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.archive.importing.fields import without_fields
from newsletter.article.page_tree import name_of, parse_html, text_of

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

EMBEDS: Final = {"iframe": "embed", "embed": "embed", "video": "video", "audio": "audio"}
"""Elements that show something of another site, and what it is called."""
_VIDEO: Final = re.compile(r"youtu\.?be|vimeo|dailymotion|video", re.IGNORECASE)
_AUDIO: Final = re.compile(r"spotify|soundcloud|podcast|anchor\.fm", re.IGNORECASE)
_PREVIEW: Final = re.compile(r"-(?:mc[ne]previewtext|preheader)-")
_SMALLEST: Final = 100
_LONGEST_CELL: Final = 200
_LAYOUT: Final = "table, img, h1, h2, h3, h4, ul, ol, blockquote, p + p"


class Thing(NamedTuple):
    """Something that is no text: what it is called, where it is, and a text for it."""

    kind: str
    source: str
    label: str


def read_image(node: LexborNode) -> Thing:
    """Return the picture of an element.

    The source is "" of what is too small for one: an icon, a line, a picture that counts.
    """
    attributes = node.attributes
    sizes = (attributes.get("width") or "", attributes.get("height") or "")
    source = attributes.get("src") or attributes.get("data-src") or ""
    if any(size.isdigit() and int(size) < _SMALLEST for size in sizes):
        source = ""
    return Thing("image", source, without_fields(attributes.get("alt") or ""))


def read_embed(node: LexborNode) -> Thing:
    """Return what a player or frame shows."""
    inner = None if node.attributes.get("src") else node.css_first("source[src]")
    source = (inner or node).attributes.get("src") or ""
    kind = EMBEDS[node.tag or ""]
    if kind == "embed" and _VIDEO.search(source):
        kind = "video"
    elif kind == "embed" and _AUDIO.search(source):
        kind = "audio"
    return Thing(kind, source, without_fields(node.attributes.get("title") or ""))


def read_card(node: LexborNode) -> Thing:
    """Return the link of one of Substack's cards, which has no text of its own."""
    try:
        said = json.loads(node.attributes.get("data-attrs") or "")
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    title = without_fields(str(said.get("title") or ""))
    return Thing("link", str(said.get("canonical_url") or ""), title)


def list_start(node: LexborNode) -> int | None:
    """Return the number with which a list begins; None of one without numbers."""
    if node.tag != "ol":
        return None
    written = node.attributes.get("start") or ""
    return int(written) if re.fullmatch(r"\d{1,9}", written) else 1


def is_data(table: LexborNode) -> bool:
    """Tell whether a table holds data, and is not the layout of a letter."""
    # An element is among what is found in it, so its children are asked.
    if any(part.css_first(_LAYOUT) for part in table.iter()):
        return False
    cells = table.css("td, th")
    rows = table.css("tr")
    if len(rows) <= 1 or len(cells) < 2 * len(rows):
        return False
    return all(len(text_of(cell)) <= _LONGEST_CELL for cell in cells)


def find_preview(markup: str) -> str:
    """Return the text that a letter shows in an inbox only: hidden in its page; "" for none.

    Raises:
        NewsletterError: As of `parse_html`.
    """
    body = parse_html(markup).body
    nodes = body.css(".mcnPreviewText, .mcePreviewText, .preheader") if body else []
    found = (without_fields(text_of(node)) for node in nodes if _PREVIEW.search(name_of(node)))
    return next(found, "")
