"""What the HTML of a letter that arrived holds: its links, and what it loads from elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

_LOADED: Final = re.compile(r"(?:url\(\s*|@import\s+)['\"]?(https?:[^'\")\s;]+)", re.IGNORECASE)
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?:^|;)\s*(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)",
    re.IGNORECASE,
)
_TINY: Final = {"0", "1", "0px", "1px"}


@dataclass(frozen=True, slots=True)
class Picture:
    """Something that is loaded when the letter is opened.

    Attributes:
        url: From where.
        hidden: Nobody can see it: it is there to report that the letter was opened.
    """

    url: str
    hidden: bool


class LetterHtml(HTMLParser):
    """Reads the HTML of a letter.

    Attributes:
        links: The addresses of the links.
        pictures: What is loaded.
        text: The words.
    """

    def __init__(self, source: str) -> None:
        """Read the whole of it."""
        super().__init__(convert_charrefs=True)
        try:
            self._read(source)
        except AssertionError:  # how the parser stops at a marked section that is none
            self._read(source.replace("<![", "&lt;!["))

    def _read(self, source: str) -> None:
        self.reset()
        self.links: list[str] = []
        self.pictures: list[Picture] = []
        self._words: list[str] = []
        self._in_style = False
        self.feed(source)
        self.close()

    @property
    def text(self) -> str:
        """The words of the letter."""
        return " ".join(self._words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what one element links to, or loads."""
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if tag in {"a", "area"}:
            self.links += filter(None, [values.get("href", "").strip()])
        elif tag == "link":
            self._add(values.get("href", ""), hidden=True)
        elif tag in {"img", "iframe", "embed", "input"}:
            self._add(values.get("src", ""), hidden=_is_hidden(values))
        self._add(values.get("background", ""), hidden=True)
        self._take_style(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Take words, and what a style sheet loads."""
        if self._in_style:
            self._take_style(data)
        else:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet."""
        if tag == "style":
            self._in_style = False

    def _take_style(self, style: str) -> None:
        for url in _LOADED.findall(style):
            self._add(url, hidden=True)

    def _add(self, url: str, *, hidden: bool) -> None:
        if re.match(r"https?:|//", url.strip(), re.IGNORECASE):
            self.pictures.append(Picture(url.strip(), hidden=hidden))


def _is_hidden(values: dict[str, str]) -> bool:
    """Return whether nobody can see a picture, or read what it shows."""
    tiny = bool(_TINY & {values.get("width", ""), values.get("height", "")})
    return (
        tiny or bool(_HIDDEN.search(values.get("style", ""))) or not values.get("alt", "").strip()
    )
