"""What a correction changed: the sentences that were, and those in their place."""

from __future__ import annotations

import dataclasses
import difflib
import re
from html import unescape
from itertools import chain
from typing import TYPE_CHECKING, Final

from newsletter.model import ChangedLine
from newsletter.model.issue import Image, Link, RichText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.model import Block

_TAG: Final = re.compile(r"<[^>]*>")
_BREAK: Final = re.compile(r"<br\s*/?>")
_SENTENCE: Final = re.compile(r"\S.*?(?:[.!?…]+[\"'”’)»]*(?=\s)|$)")
_MOST_LINES: Final = 24
_LONGEST: Final = 300  # characters
_MORE: Final = "…"


def find_changes(
    old: tuple[str, str, Sequence[Block]], new: tuple[str, str, Sequence[Block]]
) -> tuple[ChangedLine, ...]:
    """Return what differs between two texts, sentence by sentence.

    Args:
        old: Subject, preheader and blocks, as they were.
        new: The same, corrected.
    """
    before, after = list(_labelled(old)), list(_labelled(new))
    found: list[ChangedLine] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != "equal":
            for parts, added in ((before[start:end], False), (after[new_start:new_end], True)):
                found += (ChangedLine(_cut(text), added, subject) for text, subject in parts)
    if len(found) > _MOST_LINES:
        found = [*found[:_MOST_LINES], ChangedLine(_MORE, added=True)]
    return tuple(found)


def keep_current(added: Sequence[str], text: tuple[str, str, Sequence[Block]]) -> tuple[str, ...]:
    """Return the sentences of an earlier correction that a text still has.

    Args:
        added: As `find_changes` gave them.
        text: Subject, preheader and blocks.
    """
    current = {_MORE, *map(_cut, _sentences(text))}
    return tuple(sentence for sentence in added if sentence in current)


def _labelled(text: tuple[str, str, Sequence[Block]]) -> Iterator[tuple[str, bool]]:
    """Yield the sentences of a text, and whether each is of its subject."""
    subject, *rest = text
    yield from ((sentence, True) for sentence in _sentences(subject))
    yield from ((sentence, False) for sentence in _sentences(tuple(rest)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}{_MORE}"


def _sentences(value: object) -> Iterator[str]:
    """Yield the sentences of whatever a text holds, in order, and after them where links lead."""
    if isinstance(value, str):
        yield from (found[0] for found in _SENTENCE.finditer(" ".join(value.split())))
    elif isinstance(value, RichText):
        yield from _sentences(unescape(_TAG.sub("", _BREAK.sub(" ", value.html))))
        yield from (address for _, address in value.links)
    elif isinstance(value, Link):
        yield from _sentences((value.label, value.url))
    elif isinstance(value, Image):
        yield from _sentences((value.alt, value.caption, value.link))
    elif isinstance(value, tuple):
        yield from chain.from_iterable(map(_sentences, value))
    elif dataclasses.is_dataclass(value):
        fields = (getattr(value, field.name) for field in dataclasses.fields(value))
        yield from chain.from_iterable(map(_sentences, fields))
