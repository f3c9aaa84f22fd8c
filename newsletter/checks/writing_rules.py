"""What bites authors who paste from elsewhere, or write a letter as they write a mail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from newsletter.checks.registry import Hit, rule
from newsletter.content.words import any_of, words
from newsletter.model import Divider, Heading, Image, ItemList, Severity, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.model import Block, Draft

_ARROW = r"(?:→|[-=–—]{1,2}>|[⇒➔➜➝➞➡⟶⟹⇨↦])"
_HINT = re.compile(rf"\?\W{{0,3}}?\s*{_ARROW}")
_ASKS = re.compile(
    rf"\W*(?:{any_of(words().question)}|{any_of(words().verbs)}\s+{any_of(words().pronouns)})"
    rf"(?![\w'’-])[^?→]*?\s{_ARROW}\s*\S",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[•◦▪‣⁃∙●○■□►▸➤➢☐☑]\ufe0f?\s*[^\s•◦▪‣⁃∙●○■□]|·\s+\S")
_PAIRS = {'"': '"', "“": "”", "„": "”“", "”": "”", "'": "'", "‘": "’", "«": "»", "»": "«"}

_NAME = r"[A-ZÀ-Þ][\w’'-]*"


def _signature(signs: tuple[str, ...], before: tuple[str, ...]) -> str:
    """Return a pattern of the signatures of one language: at most one word with `*`, the last."""
    fixed = any_of(word for word in before if "*" not in word)
    wild = any_of(word for word in before if "*" in word)
    return rf"(?:{fixed}\s+){{0,2}}(?:{wild}\s+)?{any_of(signs)}"


_SIGNATURES = "|".join(_signature(*pair) for pair in words().signatures)
_SIGN_OFF = re.compile(
    rf"""
    (?: {_SIGNATURES} )
    (?: \s*[,.!]? | [,\s]\s*(?-i:{_NAME}(?:\s+[\w&’'-]+){{0,3}}) )
    | {any_of(words().until)}\s+(?:\w+\s+){{0,2}}\w+ ,
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GREETING = re.compile(
    rf"""
    (?: {any_of(words().greeting)}
      | {any_of(words().ambiguous_greeting)} (?!\s+{any_of(words().not_greeting)}\b) )
    (?: \s+[^\s,.!?]+ ){{0,3}} \s* [,!]
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NAME_ALONE = re.compile(
    rf"{_NAME}(?:\s+(?:{_NAME}|&|en|and|van|de|den|der|het|ten|ter|[’']t)){{0,4}}"
)
_FAREWELL = re.compile(rf"{any_of(words().until)}\s[^\n]*[,.!]", re.IGNORECASE)
OWN_SIGNATURE = (
    "this is a signature of your own; every letter ends with that of the settings",
    'Delete it; change "signature" in the settings if you want another',
)
"""What is wrong with a signature in the text, and what to do."""
_CLOSING_BLOCKS = 5
_CLOSING_LINES = 3


def _lines(block: Block) -> list[str]:
    """Return a paragraph's lines as written, without what breaks them; of other blocks none."""
    lines = block.body.source.split("\n") if isinstance(block, Text) else []
    return [line.strip(" \t\\") for line in lines]


@rule("text-above-dashes", Severity.WARNING)
def text_above_dashes(draft: Draft) -> Iterator[Hit]:
    """Text directly above `---` became a heading."""
    for block in draft.blocks:
        if isinstance(block, Heading) and block.underlined:
            yield Hit(
                block.line,
                "this text became a heading, because dashes or equals signs stand below it",
                'For a divider write "---" with an empty line above; for a heading write "## "',
            )


@rule("pasted-bullets", Severity.WARNING)
def pasted_bullets(draft: Draft) -> Iterator[Hit]:
    """Lines that begin with a pasted bullet are no list."""
    in_run = False
    for block in draft.blocks:
        lines = _lines(block)
        first = next((i for i, line in enumerate(lines) if _BULLET.match(line)), None)
        if first is not None and not in_run:
            yield Hit(
                block.line + first,
                "lines that begin with a pasted bullet are no list",
                'Begin each of them with "- " instead',
            )
        in_run = first is not None


@rule("almost-questions", Severity.WARNING)
def almost_questions(draft: Draft) -> Iterator[Hit]:
    """Lines of which only some are questions with a hint, or which are no list."""
    for block in draft.blocks:
        if isinstance(block, Text):
            asked = [i for i, line in enumerate(_lines(block)) if _HINT.search(line)]
            if len(asked) > 1:
                yield Hit(
                    block.line + asked[0],
                    "these lines look like questions with a hint, but are one paragraph",
                    'Begin each of them with "- "',
                )
        if not isinstance(block, ItemList):
            continue
        firsts = ("".join(p.source for p in item.paragraphs[:1]) for item in block.items)
        hints = [_HINT.search(first) or _ASKS.match(first) for first in firsts]
        if any(hints):
            yield Hit(
                block.line,
                f"{sum(map(bool, hints))} of these {len(hints)} items look like a question with a "
                "hint, so this is a plain list",
                'For questions write every item as "question? → hint"; "->" does for the arrow',
            )


@rule("quoted-paragraph", Severity.WARNING)
def quoted_paragraph(draft: Draft) -> Iterator[Hit]:
    """A paragraph wholly in quotation marks is perhaps meant as a quote."""
    for block in draft.blocks:
        if isinstance(block, Text) and _wholly_quoted(block.body.text):
            yield Hit(
                block.line,
                "this paragraph stands wholly in quotation marks",
                'Did you mean a quote? Then write "> " before it instead of the marks',
            )


def _wholly_quoted(text: str) -> bool:
    text = text.rstrip(".,!?…")
    opening, inner, closing = text[:1], text[1:-1], text[-1:]
    if not inner or opening not in _PAIRS or closing not in _PAIRS[opening]:
        return False
    # `"Ja," zei hij, "nee"` is no quote; the apostrophe in `zo'n` ends none.
    return not re.search(rf"(?<!\w)[{opening}{closing}]|[{opening}{closing}](?!\w)", inner)


@rule("own-greeting", Severity.WARNING)
def own_greeting(draft: Draft) -> Iterator[Hit]:
    """The text begins with a greeting, which every letter has already."""
    first = next((b for b in draft.blocks if not isinstance(b, Image | Heading | Divider)), None)
    if first and any(_GREETING.fullmatch(line) for line in _lines(first)[:1]):
        yield Hit(
            first.line,
            "this is a greeting of your own; every letter begins with the greeting in the settings",
            'Delete it; change "greeting" in the settings if you want another',
        )


@rule("own-signature", Severity.WARNING)
def own_signature(draft: Draft) -> Iterator[Hit]:
    """The text ends with a signature, which every letter has already."""
    for block in draft.blocks[-_CLOSING_BLOCKS:]:
        lines = _lines(block)
        for index, line in enumerate(lines):
            if len(lines) - index <= _CLOSING_LINES and _SIGN_OFF.fullmatch(line):
                yield _own_signature(block.line + index)
                return
    yield from _name_below_farewell(draft)


def _name_below_farewell(draft: Draft) -> Iterator[Hit]:
    """Yield a hit where the text ends with "Tot volgende week!" and a name below it."""
    last = [
        (block.line + index, line)
        for block in draft.blocks[-2:]
        for index, line in enumerate(_lines(block))
    ][-2:]
    is_text = bool(draft.blocks) and isinstance(draft.blocks[-1], Text)
    if is_text and len(last) > 1:
        (line, farewell), (_, name) = last
        if _FAREWELL.fullmatch(farewell) and _NAME_ALONE.fullmatch(name):
            yield _own_signature(line)


def _own_signature(line: int) -> Hit:
    return Hit(line, *OWN_SIGNATURE)
