"""What another program filled in for each subscriber: fields, and parts for some of them only."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain, groupby
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from newsletter.archive.runs import Run, text_of, tidy_runs
from newsletter.content.merge_tags import MERGE_TAGS
from newsletter.content.words import any_of, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SLOT: Final = "\ue000"
"""Stands for a field: no text has this character, see `content.decoding.FORBIDDEN`."""
_CONDITION: Final = re.compile(
    r"\*\|(?P<mc>IF(?:NOT)?|ELSEIF|ELSE|END):[^|\n]{0,200}\|\*"  # Mailchimp
    r"|\{%-?\s*(?P<liquid>if|unless|elsif|elif|else|endif|endunless)\b[^%\n]{0,200}%\}"
    r"|\{\{\s*(?P<bars>#if|#unless|else|/if|/unless)\b[^{}\n]{0,200}\}\}",
    re.IGNORECASE,
)
_OPENS: Final = {"if", "ifnot", "unless", "#if", "#unless"}
_CLOSES: Final = {"end", "endif", "endunless", "/if", "/unless"}
_OF_PROGRAM: Final = re.compile(
    r"unsub|uitschrij|afmeld|profile|archive|browser|webversi|forward|list:|html:|abuse|rewards?\b"
    r"|manage|preferences|upgrade|subscribe\b|email_url|mc_preview",
    re.IGNORECASE,
)
_BEFORE_SIGN: Final = re.compile(rf"[,\s]*{_SLOT}(?=\s*[,.!?;:])")
_SIGNS: Final = MERGE_TAGS[0].required_characters
_FEW: Final = 3


class Paragraph(NamedTuple):
    """A paragraph without fields.

    Attributes:
        runs: What is left of it; nothing where it only greeted a person.
        of_program: It had a field that only lines of a program have, such as a link to unsubscribe.
    """

    runs: list[Run]
    of_program: bool


def drop_conditional_parts(text: str) -> str:
    """Return a text without what only some subscribers saw; what all others saw stays.

    A condition that is never closed is left alone, and its marks go as those of fields do.
    """
    kept: list[list[str]] = [[]]
    opened: list[str] = []
    at = 0
    for found in _CONDITION.finditer(text):
        kept[-1].append(text[at : found.start()])
        at = found.end()
        word = (found["mc"] or found["liquid"] or found["bars"]).casefold()
        if word in _OPENS:
            kept.append([])
            opened.append("")
        elif opened and word in _CLOSES:
            last = kept.pop()
            kept[-1] += last if opened.pop() == "else" else []
        elif opened:
            kept[-1].clear()
            opened[-1] = "else" if word == "else" else ""
    return "".join([*chain.from_iterable(kept), text[at:]])


def drop_fields(runs: Sequence[Run]) -> Paragraph:
    """Return a paragraph without the fields of any program, and without a greeting by name."""
    if not any(sign in text_of(runs) for sign in _SIGNS):
        return Paragraph(list(runs), of_program=False)
    tags: list[str] = []
    cut = [run._replace(text=_cut(run.text, tags)) for run in runs]
    if any(mark.search(text_of(cut)) for mark in MERGE_TAGS):  # one that is partly bold
        cut = [Run(_cut(text_of(cut), tags))]
    if not tags:
        return Paragraph(list(runs), of_program=False)
    lines = [line for line in _lines(cut) if not _only_greets(text_of(line))]
    left = [
        run._replace(text=_BEFORE_SIGN.sub("", run.text).replace(_SLOT, " "))
        for line in lines
        for run in (*line, Run("\n"))
    ]
    return Paragraph(tidy_runs(left), of_program=any(map(is_of_program, tags)))


def field_in(url: str) -> str | None:
    """Return the field that an address holds; None where it holds none."""
    written = unquote(url)
    found = (mark.search(written) for mark in MERGE_TAGS)
    return next((one[0] for one in found if one), None)


def is_of_program(field: str) -> bool:
    """Tell whether a field is one that only lines of a program have: a link to unsubscribe."""
    return bool(_OF_PROGRAM.search(field))


def without_fields(text: str) -> str:
    """Return a text on one line without fields."""
    return text_of(drop_fields(tidy_runs([Run(" ".join(text.split()))])).runs)


def _cut(text: str, tags: list[str]) -> str:
    def take(found: re.Match[str]) -> str:
        tags.append(found[0])
        return _SLOT

    for mark in MERGE_TAGS:
        text = mark.replace(take, text)
    return text


def _lines(runs: Iterable[Run]) -> list[list[Run]]:
    pieces = [
        run._replace(text=piece) for run in runs for piece in re.split(r"(\n)", run.text) if piece
    ]
    grouped = groupby(pieces, lambda run: run.text == "\n")
    return [list(group) for is_break, group in grouped if not is_break]


def _only_greets(line: str) -> bool:
    """Tell whether a line that had a field is a greeting, or nothing without it."""
    if _SLOT not in line:
        return False
    left = re.findall(r"\w+", line.replace(_SLOT, " "))
    return not left or (len(left) <= _FEW and bool(_greeting().match(line)))


@cache
def _greeting() -> re.Pattern[str]:
    greets = any_of((*words().greeting, *words().ambiguous_greeting))
    return re.compile(rf"\W*{greets}(?!\w)", re.IGNORECASE)
