"""Values of the front matter: their quotation marks, and habits of YAML, which it is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from newsletter.content.findings import FindingCollector

_ESCAPED_QUOTE: Final = '\\"'
_YAML: Final = (
    (
        re.compile(r"\[(?!\[).*\]|\{(?!\{).*\}"),
        "a list or table of YAML",
        "Write the words without them",
    ),
    (
        re.compile(r"[>|][-+]?[0-9]?"),
        "the sign of YAML for text on several lines",
        "Write the whole value on this line",
    ),
    (re.compile(r"!!?\w+\b.*"), "a type of YAML", "Delete it"),
    (re.compile(r"&\w+(?:\s.*)?|\*\w+"), "an anchor of YAML", "Delete it"),
    (re.compile(r"null|~"), "an empty value of YAML", "Delete this line, or write words"),
)
_COMMENT: Final = re.compile(r"\s#\s+[^\W\d_]")
# A number before the last one makes it inches.
_HALF_QUOTED: Final = re.compile(r"\"[^\"]+|[^\"]*[^\"0-9]\"")
_YAML_ESCAPE: Final = re.compile(r"\\(?:[nrt\\/]|x[0-9A-Fa-f]{2})")

YES_OR_NO_WORDS: Final = dict.fromkeys(
    ["ja", "j", "y", "yes", "true", "waar", "on", "aan", "1", "concept", "draft", "oui"], "yes"
) | dict.fromkeys(
    ["nee", "neen", "n", "no", "false", "onwaar", "off", "uit", "0", "nein", "non", "klaar"], "no"
)
"""What authors write for yes and no."""


def read_value(value: str, line: int, problems: FindingCollector | None) -> str:
    """Return what the rest of a line means, and note what only YAML would understand.

    Args:
        value: The text behind the colon, without spaces around it.
        line: Its line.
        problems: Where to note it; None where the whole line is noted already.
    """
    meant = _escaped(value) or unquote(value)
    habit = _habit(value, meant)
    if habit and problems:
        what, fix = habit
        problems.warning(
            line,
            "yaml-value",
            f"there is {what} here, and subscribers would see it",
            fix,
        )
    return meant


def _escaped(value: str) -> str:
    """Return a value in double quotes that holds escaped ones; nothing where it is another."""
    inner = value[1:-1]
    if value[:1] != '"' or value[-1:] != '"' or _ESCAPED_QUOTE not in inner:
        return ""
    bare = inner.replace(_ESCAPED_QUOTE, "")
    whole = '"' not in bare and not inner.removesuffix("\\\\").endswith("\\")
    return inner.replace(_ESCAPED_QUOTE, '"').strip() if whole else ""


def unquote(value: str) -> str:
    """Remove one pair of quotes around the whole value: not the two of `"A" and "B"`."""
    quote = value[:1]
    if len(value) == 1 or quote not in ('"', "'") or not value.endswith(quote):
        return value
    inner = value[1:-1]
    closes = re.search(rf"\S{quote}(?!\w)", inner)
    opens = re.search(rf"(?<!\S){quote}", inner)
    if closes and not (opens and opens.start() < closes.start()):
        return value
    return inner.strip()


def _habit(value: str, meant: str) -> tuple[str, str] | None:
    """Return what YAML would make of a value, and what to write."""
    for shape, what, fix in _YAML:
        if shape.fullmatch(value):
            return what, fix
    quotes = value[:1] if value[:1] == value[-1:] else ""
    habits = (
        (re.search(r"\\[\"']", meant),
         "a backslash before a quotation mark", "Write the quotation mark without it"),
        (quotes == '"' and _YAML_ESCAPE.search(meant),
         "an escape of YAML", "Write the character itself"),
        (quotes == "'" and re.search(r"\w''\w", meant),
         "a doubled apostrophe", "Write one apostrophe"),
        (_COMMENT.search(meant),
         "a comment of YAML", "Delete it, or write the words without the #"),
        (_HALF_QUOTED.fullmatch(value),
         "one quotation mark without the other", "Write both, or neither"),
    )  # fmt: skip
    return next(((what, fix) for found, what, fix in habits if found), None)
