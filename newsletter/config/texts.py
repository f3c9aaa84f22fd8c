"""Texts that subscribers see: validated, and corrected where unambiguous."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Joiners: they hold emoji of several parts together, and letters of some scripts apart.
_JOINERS: Final = "\u200c\u200d"
_TAGS: Final = range(0xE0020, 0xE0080)  # in flags, such as Scotland's (UTS 51, annex C)
# What stays as it is between single quotes, and is something else between double quotes.
_ESCAPE: Final = re.compile(r"\\(?:[nrt\\\"]|u[0-9a-fA-F]{4})")
_BREAK: Final = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)
_TAG: Final = re.compile(
    r"</?(?:a|b|i|u|p|em|strong|span|div|img|hr|h[1-6]|ul|ol|li|font|center|small)\b[^<>]*>",
    re.IGNORECASE,
)
_BOLD: Final = re.compile(r"\*\*(?=\S)(.+?)\*\*")
_LINK: Final = re.compile(r"\[([^\[\]]+)\]\(([^()\s]+)\)")
# Placeholders of other tools for a name.
_TAG_OF_OTHERS: Final = re.compile(
    r"\*\|\w+\|\*|%\w+(?:\.\w+)?%|\$?\{\{?\s*[\w. |:'\"]*\}?\}|\[+\w*(?:naam|name)\w*\]+"
    r"|<<?\w*(?:naam|name)\w*>?>",
    re.IGNORECASE,
)
FIRST_NAME_PLACEHOLDER: Final = "{first_name}"
"""Is replaced by a subscriber's first name in a greeting."""


def is_one_line(value: str) -> bool:
    """Tell whether a text is one line, and every character of it can be shown."""
    return len(value.splitlines()) <= 1 and not _unprintable(value)


def is_lines(value: str) -> bool:
    """Tell whether a text is lines, and every character of them can be shown."""
    return all(map(is_one_line, value.split("\n")))


def is_visible(value: str) -> bool:
    """Tell whether anything of a text can be seen."""
    return any(one.isprintable() and not one.isspace() for one in value)


def about_unprintable(value: str) -> str:
    """Return what to do about a character that cannot be shown."""
    for line in value.split("\n"):
        if one := _unprintable(line):
            name = unicodedata.name(one, "a control character")
            return f"Type that line again: it holds U+{ord(one):04X} ({name})"
    return "Type it again on one line"


def is_unescaped(value: str) -> bool:
    """Tell whether a text has no escape sequence and no `<br>`; TOML's single quotes keep both."""
    return not _ESCAPE.search(value) and not _BREAK.search(value)


def unescaped(value: str) -> str:
    """Return a text with its escape sequences replaced."""
    value = _BREAK.sub("\n", value)
    for escape, text in (("\\r", ""), ("\\n", "\n"), ("\\t", " "), ('\\"', '"'), ("\\\\", "\\")):
        value = value.replace(escape, text)
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), value).strip()


def is_plain(value: str) -> bool:
    """Tell whether a text has no HTML and no Markdown: here neither is read."""
    return not any(kind.search(value) for kind in (_TAG, _BOLD, _LINK))


def plain(value: str) -> str:
    """Return a text without its HTML and Markdown."""
    value = _LINK.sub(r"\1 \2", _BOLD.sub(r"\1", value))
    return " ".join(_TAG.sub("", value).split(" ")).strip()


def is_greeting(value: str) -> bool:
    """Tell whether a greeting has no placeholder but ours."""
    rest = value.replace(FIRST_NAME_PLACEHOLDER, "")
    return not re.search(r"[{}]", rest) and not _TAG_OF_OTHERS.search(rest)


def greeting(value: str) -> str:
    """Return a greeting with our placeholder instead of another tool's."""
    hidden = value.replace(FIRST_NAME_PLACEHOLDER, "\0")
    return _TAG_OF_OTHERS.sub(FIRST_NAME_PLACEHOLDER, hidden).replace("\0", FIRST_NAME_PLACEHOLDER)


def has_no_placeholder(value: str) -> bool:
    """Tell whether a text that is the same for everyone has no placeholder for a name."""
    return FIRST_NAME_PLACEHOLDER not in value


def _unprintable(value: str) -> str:
    """Return the first character that no mail program shows; empty if there is none."""
    for one in value:
        if one.isprintable() or one in _JOINERS or ord(one) in _TAGS:
            continue
        if unicodedata.category(one) != "Zs":  # a space that keeps words together is fine
            return one
    return ""
