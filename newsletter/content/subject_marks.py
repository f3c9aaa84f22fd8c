"""Subject and preheader: marks in them reach an inbox as they stand, for they are plain text."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from newsletter.content.dialects import GAPS
from newsletter.content.findings import quote_text
from newsletter.content.mark import Mark
from newsletter.content.merge_tags import MERGE_TAGS
from newsletter.model import Heading, Text

if TYPE_CHECKING:
    from newsletter.content.findings import FindingCollector
    from newsletter.model import Block, Entry

_PLAIN: Final = "Write it as plain text"
_MARKS: Final = tuple(
    Mark("header-marks", shape, problem, fix)
    for shape, problem, fix in (
        (r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});",
         "an HTML entity", "Write the character itself"),
        (r"<(?:/?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?|!--[^<>]*--)>", "HTML", _PLAIN),
        (r"!?\[[^\[\]]{1,200}\]\([^()]{0,500}\)", "a Markdown link", _PLAIN),
        (r"\*\*+|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)", "Markdown for bold", _PLAIN),
        (r"(?<![\w*])\*(?=\S)[^*]{1,200}(?<=\S)\*(?![\w*])", "Markdown for italics", _PLAIN),
        (r"(?<!\w)_(?=[^\W_])[^_]{1,200}(?<=[^\W_])[.!?]?_(?!\w)", "Markdown for italics", _PLAIN),
        (r"\\[!#-&(-/:-@\[\]-`{-~]", "a backslash of Markdown", "Delete the backslash"),
        (r"`[^`]{1,200}`", "Markdown for code", _PLAIN),
        (r"~~[^~]{1,200}~~|==[^=]{1,200}==", "Markdown for a crossed out or marked word", _PLAIN),
        (r"(?<![\w:]):[a-z][a-z0-9_+-]{1,40}:(?![\w:])", "an emoji code", "Put the emoji here"),
        (r"^(?:#{1,6}\s|[->]\s)", "a Markdown sign", "Delete it"),
        (r"\[\^[^\[\]]{1,60}\]|!\[\[[^\[\]]{0,200}\]\]", "brackets of Markdown", "Delete them"),
    )
)  # fmt: skip
_INVISIBLE: Final = re.compile("[\u00ad\u180e\u200b\u2060-\u2064\ufeff]")


def note_headline_marks(entry: Entry, key: str, problems: FindingCollector) -> None:
    """Note what an inbox would show unchanged, or not at all."""
    for mark in (*GAPS, *MERGE_TAGS):
        if mark.search(entry.value):
            problems.note(entry.line, mark.rule, mark.severity, mark.problem, mark.fix)
            break
    else:
        for mark in _MARKS:
            match = mark.search(entry.value)
            if match:
                what = "" if "@" in match[0] else f": {quote_text(match[0])}"
                problems.warning(
                    entry.line,
                    mark.rule,
                    f"the {key} holds {mark.problem}, which inboxes show unchanged{what}",
                    mark.fix,
                )
    unseen = _INVISIBLE.search(entry.value)
    if unseen:
        problems.warning(
            entry.line,
            "invisible-character",
            f"the {key} holds an invisible character (U+{ord(unseen[0]):04X})",
            "Type the words again: it came along from a web page or a word processor",
        )


def note_repeated(subject: str, blocks: tuple[Block, ...], problems: FindingCollector) -> None:
    """Note a first heading or line that says what the subject has said above it already."""
    first = blocks[0] if blocks else None
    if not isinstance(first, Heading | Text):
        return
    words = _bare(first.body.text)
    if words and words == _bare(subject):
        problems.warning(
            first.line,
            "subject-repeated",
            "the letter begins with its subject, which stands above it already",
            "Delete this line",
        )


def _bare(text: str) -> str:
    flat = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", flat))
