"""File names of issues: the date in them, and the right name for a wrong one."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from newsletter.content.dates import find_date
from newsletter.content.findings import quote_text

if TYPE_CHECKING:
    from datetime import date

    from newsletter.content.findings import FindingCollector

MAX_SLUG: Final = 100

_NAME = re.compile(r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})(?:-[a-z0-9]+)+\.md")
_SUFFIXES = re.compile(r"(?:\.(?:md|markdown|mdown|mkdn?|mdtext|txt|text))+\Z", re.IGNORECASE)
_OTHER_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}~?\Z")
_DATE_LIKE = re.compile(r"[0-9]{1,4}([-_ ./])[0-9]{1,2}\1[0-9]{1,4}(?![0-9])|[0-9]{8}(?![0-9])")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o",
                          "Ø": "o", "đ": "d", "ł": "l", "Ł": "l"})  # fmt: skip
_DASHES: Final = re.compile("[\u2010-\u2015]")
_UNKNOWN_DAY = "YYYY-MM-DD"


def suggest_file_name(name: str) -> str | None:
    """Return the name that a file in `issues/` should have, or None.

    None where the name is right already, where it holds no date of the calendar, or where another
    name would not help: the suffix is not one of a text file.
    """
    if _dated(name) and len(name.removesuffix(".md")) <= MAX_SLUG:
        return None
    stem = _SUFFIXES.sub("", name)
    if stem == name and _OTHER_SUFFIX.search(name):
        return None
    proper = _proper_name(stem)
    return None if proper.startswith(_UNKNOWN_DAY) else proper


def read_file_name(name: str, problems: FindingCollector) -> tuple[str, date | None]:
    """Return a file name's slug, and its date if the name is as it should be."""
    slug = name.removesuffix(".md")
    day = _dated(name)
    if day and len(slug) <= MAX_SLUG:
        return slug, day
    match = _NAME.fullmatch(name)
    if day:
        problem = f"the name has {len(slug)} characters, more than {MAX_SLUG}"
    elif match:
        problem = f"{match[1]} is not a day of the calendar"
    elif not name.endswith(".md"):
        problem = f'the name "{quote_text(name)}" does not end in .md'
    else:
        problem = f'"{quote_text(name)}" is not a date and words joined by hyphens'
    stem = _SUFFIXES.sub("", name)
    problems.error(1, "file-name", problem, f"Rename it to {_proper_name(stem)}")
    return slug, None


def issue_file_name(day: date, title: str) -> str:
    """Return the name of the file of an issue: its date and the words of a title."""
    return _dated_name(f"{day:%Y-%m-%d}", unicodedata.normalize("NFKD", title))


def has_file_name_words(title: str) -> bool:
    """Tell whether a title has letters or digits that the name of a file may have."""
    return bool(_words(unicodedata.normalize("NFKD", title)))


def _dated(name: str) -> date | None:
    match = _NAME.fullmatch(name)
    return find_date(match[1])[0] if match else None


def _proper_name(stem: str) -> str:
    """Return the nearest name that is as it should be; letters stand for a date to fill in."""
    flat = unicodedata.normalize("NFKD", stem.rpartition("/")[2])
    day, rest = find_date(flat)
    if day is None:
        rest = _DATE_LIKE.sub("", flat, count=1)
    return _dated_name(f"{day:%Y-%m-%d}" if day else _UNKNOWN_DAY, rest)


def _dated_name(dated: str, text: str) -> str:
    words = "-".join(_words(text)) or "name"
    return f"{dated}-{words}"[:MAX_SLUG].rstrip("-") + ".md"


def _words(text: str) -> list[str]:
    """Return the words of a text in letters that a file name may have: Dash and space divide."""
    plain = _DASHES.sub(" ", text).translate(_LETTERS).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", plain)
