"""From bytes to text: size, encoding, line ends, and the characters no letter may hold."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from typing import TYPE_CHECKING, Final

from newsletter.content.file_formats import recognise_format, utf16_or_utf32
from newsletter.content.findings import quote_text

if TYPE_CHECKING:
    from newsletter.content.findings import FindingCollector

MAX_BYTES: Final = 256 * 1024

_LINE_ENDS = re.compile(r"\r\n?")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LAST_OF_PLANES = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
FORBIDDEN: Final = re.compile(
    "["
    "\x00-\x08\x0a-\x1f\x7f-\x9f"  # control characters but the tab
    "\u2028\u2029"  # line ends that only some programs see
    "\u202a-\u202e\u2066-\u2069"  # these turn the direction of all that follows, also of ours
    "\ud800-\udfff"  # halves of characters
    "\ue000-\uf8ff"  # private use: the marks of a letter's slots are of these
    "\ufffd\ufdd0-\ufdef"  # what stands for a lost letter, and what is no character
    f"{_LAST_OF_PLANES}"
    "]"
)
"""What no line may hold: Unicode 16 chapters 3.4, 23.1, 23.5, 23.7 and UAX 9 name them."""

_SAVE = "Save it again with the encoding UTF-8"
_MARKS = "€‚ƒ„…†‡‰‹‘’“”•–—›«»°·£©®±²³½"
# UTF-8 bytes of é, ’, € and their like, read as Windows-1252.
_GARBLED: Final = re.compile(
    "Ã[\u00a0-\u00bf\u20ac\u0192\u201a\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152]"
    "|â€[\u0153\u0161\u2122\u201c\u201d\u02dc\u00a2\u00a6\u009d]|â‚¬|Â[\u00a0-\u00bf]|ðŸ"
    r"|=C3=[0-9A-F]{2}|=E2=80=[0-9A-F]{2}|\\u[0-9a-fA-F]{4}"
)

_INVISIBLE = ("Cc", "Cf")
_NAMES = {
    "\u2028": "an invisible line end",
    "\u2029": "an invisible paragraph end",
    "\ufffd": "the sign for a lost letter",
}


def decode(raw: bytes, problems: FindingCollector) -> str | None:
    """Return the text with line feeds for line ends, or None when it cannot be read."""
    other = recognise_format(raw)
    if other:
        what, fix = other
        problems.error(1, "not-text", f"this is {what}, not a text file", fix)
        return None
    if len(raw) > MAX_BYTES:
        problems.error(
            1,
            "file-too-large",
            f"the file is larger than a letter needs, which is at most {MAX_BYTES:,} bytes",
            "Shorten it; put images online and link to them",
        )
        return None
    wide = utf16_or_utf32(raw)
    if wide:
        problems.error(
            1, "not-utf8", f"the file is {wide} text, not UTF-8", f"{_SAVE}, not {wide} or Unicode"
        )
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _not_utf8(raw, error.start, problems)
        return None
    _note_ends(text, problems)
    text = _LINE_ENDS.sub("\n", text.lstrip("\ufeff"))
    for number, line in enumerate(text.split("\n"), start=1):
        forbid(line, number, problems)
        _ungarbled(line, number, problems)
    return text.replace("\0", "")  # reported; Markdown would make another sign of it


def _note_ends(text: str, problems: FindingCollector) -> None:
    """Note what only programs see, and differences between two versions show as noise."""
    if text.startswith("\ufeff"):
        problems.hint(
            1,
            "byte-order-mark",
            "the file begins with an invisible byte order mark",
            'Save it as "UTF-8" without BOM',
        )
    if len(set(_LINE_END.findall(text))) > 1:
        problems.hint(
            1,
            "mixed-line-ends",
            "some lines of this file end as on Windows, others do not",
            "Save it with one kind of line ends: LF",
        )


def _not_utf8(raw: bytes, at: int, problems: FindingCollector) -> None:
    before = _LINE_ENDS.sub("\n", raw[:at].decode("utf-8"))
    older = raw[at : at + 1].decode("cp1252", "ignore")
    looks = ": it looks like Windows-1252 (Latin-1)" if older.isalpha() or older in _MARKS else ""
    problems.error(
        before.count("\n") + 1,
        "not-utf8",
        f"the file is not UTF-8 text from this line on{looks}",
        f"{_SAVE}, and look at letters such as é, and at quotation marks",
    )


def _ungarbled(text: str, line: int, problems: FindingCollector) -> None:
    match = _GARBLED.search(text)
    if match:
        problems.warning(
            line,
            "garbled-text",
            f'"{quote_text(match[0])}" is a letter that was read in a wrong encoding',
            "Type them again, or copy the text once more from where it came",
        )


def forbid(text: str, line: int, problems: FindingCollector) -> None:
    """Note each character of a line that may not reach a subscriber, once.

    It is found as an entity too, even where Markdown would leave that alone: in a letter's plain
    text it would stand as written, and look like a slot.
    """
    for character in sorted(set(FORBIDDEN.findall(text + unescape(text)))):
        problems.error(
            line,
            "forbidden-character",
            f"{describe(character)} stands in this line",
            "Delete that character (it may be invisible) and type the words around it again",
        )


def has_words(text: str) -> bool:
    """Tell whether there is anything to see in a text: not only spaces, however exotic."""
    return any(
        unicodedata.category(c)[0] != "Z" and unicodedata.category(c) not in _INVISIBLE
        for c in text
    )


def describe(character: str) -> str:
    """Return what an author can look for: a name and the code point."""
    kind = {"Cc": "a control character", "Cf": "a mark that turns the direction of text"}
    name = _NAMES.get(character) or kind.get(
        unicodedata.category(character), "a character that no font knows"
    )
    return f"{name} (U+{ord(character):04X})"
