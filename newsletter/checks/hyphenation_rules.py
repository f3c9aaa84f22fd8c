"""Words that were divided at the end of a line: what is pasted from a PDF has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from newsletter.checks.prose import find_line, rich_texts
from newsletter.checks.registry import Hit, rule
from newsletter.checks.repairs import repairs
from newsletter.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from newsletter.checks.repairs import Edit
    from newsletter.model import Draft, Finding

_LETTER: Final = r"[^\W\d_]"
# "zon- en feestdagen" is written so.
_JOINING: Final = (
    r"(?:en|of|and|or|und|oder|et|ou|tot|to|noch|nor|dan|als|maar|naar|van|in|op"
    r"|om|plus|met|per|te|bij|uit|aan|by|with)\b"
)
_DIVIDED: Final = re.compile(
    rf"(?<![\w-])({_LETTER}{{2,}})[-‐]\s+(?!{_JOINING})((?=[a-zà-ÿ]){_LETTER}{{2,}})(?![\w-])"
)
_AT_END: Final = re.compile(rf"(?<![\w-])({_LETTER}{{2,}})[-‐][ \t]*\Z")
_AT_START: Final = re.compile(
    rf"([\s>]*)(?!{_JOINING})((?=[a-zà-ÿ]){_LETTER}{{2,}})(?![\w-])(\S*)\s*(.*)"
)


@rule("hyphenated-word", Severity.WARNING)
def hyphenated_word(draft: Draft) -> Iterator[Hit]:
    """A word is divided with a hyphen and a space, as at the end of a line in a PDF."""
    for block in draft.blocks:
        for text in rich_texts(block):
            for found, whole in divided_words(text.text):
                written = f"{found[1]}{text.text[found.end(1)]}"
                yield Hit(
                    find_line(draft, block.line, written),
                    f'"{written} {found[2]}" is one word, divided as at the end of a line',
                    f'Write "{whole}"',
                )


def divided_words(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield where words of a text are divided, and the whole word that a dictionary knows."""
    for found in _DIVIDED.finditer(text):
        if whole := _whole(found[1], found[2]):
            yield found, whole


@repairs("hyphenated-word")
def join_word(lines: Sequence[str], finding: Finding) -> Edit:
    """Write a divided word as one."""
    at = finding.line - 1
    joined = _DIVIDED.sub(lambda found: _whole(found[1], found[2]) or found[0], lines[at])
    if joined != lines[at]:
        return {at: [joined]}
    first = _AT_END.search(lines[at])
    rest = _AT_START.fullmatch(lines[at + 1]) if at + 1 < len(lines) else None
    whole = _whole(first[1], rest[2]) if first and rest else ""
    if not first or not rest or not whole:
        return {}
    above = f"{lines[at][: first.start()]}{whole}{rest[3]}"
    return {at: [above], at + 1: [rest[1] + rest[4]] if rest[4] else []}


def _whole(first: str, second: str) -> str:
    """Return the word of two parts that a dictionary knows, with a hyphen if it has one."""
    # Slow to load, and few letters need it.
    from newsletter.checks.dictionary import LANGUAGES, dictionary  # noqa: PLC0415

    forms = (f"{first}{second}", f"{first}-{second}")
    known = {one for language in LANGUAGES for one in dictionary(language).known(forms)}
    return next((one for one in forms if one in known), "")
