"""Inline HTML for a letter: the few elements of prose, written out with the styles they need.

Many clients drop a letter's style sheet, so that links and code carry their style themselves.
The HTML is read and written anew: whatever is no element of prose comes out as text.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from jinja2.filters import do_mark_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = {
    "a": "color:{link};text-decoration:underline",
    "code": "font-family:Menlo,Consolas,monospace;font-size:.9em",
    "em": "",
    "strong": "",
}
_SCHEMES = ("https://", "http://", "mailto:")


def inline(html: str, link_colour: str) -> str:
    """Return sanitised inline HTML as markup that is well-formed and styled.

    Args:
        html: Holds strong, em, code, br and a[href].
        link_colour: The colour of links where it stands, `#rrggbb`; empty for no styles at all.
    """
    writer = _Writer(link_colour)
    writer.feed(html)
    writer.close()
    return do_mark_safe("".join(writer.parts))


def prose(html: str) -> str:
    """Return the same markup without styles, for a page that has a style sheet."""
    return inline(html, "")


class _Writer(HTMLParser):
    def __init__(self, link_colour: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._link_colour = link_colour

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append("<br />")
            return
        if tag not in _STYLES:
            return
        href = (dict(attrs).get("href") or "") if tag == "a" else ""
        if not href.startswith(_SCHEMES):
            href = ""
        style = self._link_colour and _STYLES[tag].format(link=self._link_colour)
        self.parts.append(
            f"<{tag}"
            + (f' href="{escape(href)}"' if href else "")
            + (f' style="{style}"' if style else "")
            + ">"
        )

    def handle_endtag(self, tag: str) -> None:
        if tag in _STYLES:
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(escape(data))
