"""The line that approves a letter, and why one in a commit's message does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAILER: Final = "Newsletter-Approved"
MAX_BODY: Final = 1 << 16
"""How much of a commit's message is looked at, to say why a line in it does not count."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_IN_A_BODY: Final = re.compile(rf"(.{{0,20}}?)\b{TRAILER}[ \t]*:(.*)", re.IGNORECASE)
_AROUND: Final = "`*_~\"'<>[](){},;."  # what Markdown and chats put around words


def approval_line(slug: str, letter_hash: str) -> str:
    """Return the line that approves a letter, for the last paragraph of a commit's message."""
    return f"{TRAILER}: {slug} {letter_hash}"


def read_trailers(trailers: str) -> tuple[set[tuple[str, str]], dict[str, str]]:
    """Return the letters that trailers approve, and why others do not, by slug.

    Args:
        trailers: Their values, one in a line.
    """
    approved: set[tuple[str, str]] = set()
    unread: dict[str, str] = {}
    for words in filter(None, map(str.split, trailers.splitlines())):
        if why := _object_to_words(words):
            unread.setdefault(_meant_slug(words[0]), why)
        else:
            approved.add((words[0], words[1]))
    return approved, unread


def explain_lines(body: str) -> Iterator[tuple[str, str]]:
    """Yield each slug that a message has a line about, and why that line is no trailer."""
    paragraphs = _paragraphs(body[:MAX_BODY])
    whole = len(body) <= MAX_BODY
    for number, lines in enumerate(paragraphs, start=1):
        last = whole and number == len(paragraphs)
        for line in lines:
            if (found := _IN_A_BODY.match(line)) and (words := found[2].split()):
                yield (
                    _meant_slug(words[0]),
                    _explain_place(found[1], last=last, only=last and number == 1),
                )


def _explain_place(before: str, *, last: bool, only: bool) -> str:
    if only:
        return "is in the only paragraph of its message: an empty line has to come before it"
    if not last:
        return "is not in the last paragraph of its message"
    if before.strip():
        return "has something before it, such as a backtick or an asterisk"
    return "has other text beside it in the last paragraph"


def _paragraphs(body: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in body.splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def _object_to_words(words: list[str]) -> str:
    """Return what is wrong with the words of a trailer; empty if they approve a letter."""
    slug, *rest = words
    if slug != _meant_slug(slug):
        if slug.strip(_AROUND).casefold().endswith(".md"):
            return "has the name of the file in place of the slug, without .md"
        return "has something around its slug, such as a backtick or a folder"
    if not rest or not _HASH.fullmatch(rest[0]):
        return _object_to_hash(rest[0] if rest else "")
    return "has more in it than the slug and the hash" if len(rest) > 1 else ""


def _object_to_hash(word: str) -> str:
    if _HASH.fullmatch(word.strip(_AROUND)):
        return "has something around its hash, such as a backtick"
    if _HASH.fullmatch(word.casefold()):
        return "has its hash in capitals"
    return "has no whole hash of 64 characters"


def _meant_slug(word: str) -> str:
    name = word.strip(_AROUND).replace("\\", "/").rpartition("/")[2]
    return name[:-3] if name.casefold().endswith(".md") else name
