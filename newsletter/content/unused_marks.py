"""Marks within a line that took no effect: of Markdown, of its dialects, of other programs.

What the parser leaves as text is what subscribers see. A row is such text of one line: escaped
characters, entities, code and images are shields in it, so that no pattern finds them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from newsletter.content.dialects import (
    BARE_ADDRESS,
    DIALECTS,
    EMPHASIS,
    LINK_CLOSE,
    LINK_OPEN,
    OPENING_STAR,
)
from newsletter.content.findings import quote_text
from newsletter.content.markdown import BREAKS, SHIELD, literal
from newsletter.content.merge_tags import MERGE_TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markdown_it.token import Token

    from newsletter.content.findings import FindingCollector
    from newsletter.content.mark import Mark


_LINKED: Final = re.compile(f"{LINK_OPEN}[^{LINK_CLOSE}]*{LINK_CLOSE}?")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of prose.

    Attributes:
        line: Its number in the file.
        text: What was left as text.
        written: The same with the stars and underscores that made emphasis.
    """

    line: int
    text: str
    written: str


def text_rows(children: Sequence[Token], first_line: int) -> list[Row]:
    """Cut inline tokens into rows."""
    cut: list[tuple[list[str], list[str]]] = [([], [])]
    in_autolink = False
    for token in children:
        if token.type in BREAKS:
            cut.append(([], []))
            continue
        edge = token.type in ("link_open", "link_close")
        if in_autolink and not edge:
            continue
        if edge and (in_autolink or token.markup == "autolink"):
            in_autolink = token.type == "link_open"
            shown = written = SHIELD
        else:
            shown, written = _token_text(token)
        cut[-1][0].append(shown)
        cut[-1][1].append(written)
    return [
        Row(first_line + index, "".join(shown), "".join(written))
        for index, (shown, written) in enumerate(cut)
    ]


def _token_text(token: Token) -> tuple[str, str]:
    """Return what a token leaves as text, and the same with its marks of emphasis."""
    if token.type == "text":
        return literal(token), literal(token)
    if token.type in ("link_open", "link_close"):
        edge = LINK_OPEN if token.nesting == 1 else LINK_CLOSE
        return edge, edge
    return ("", token.markup) if token.nesting else (SHIELD, SHIELD)


_FOOTNOTE_STAR = re.compile(r"[\w.,;:!?)”’\"']\*+(?!\w)")


def has_footnote_star(rows: Iterable[Row]) -> bool:
    """Tell whether a word ends in an asterisk that a later line may explain."""
    return any(_FOOTNOTE_STAR.search(row.text) for row in rows)


def note_marks(rows: Sequence[Row], problems: FindingCollector, *, stars_explained: bool) -> None:
    """Note each mark in these rows that took no effect, one of a kind for each row.

    Args:
        rows: The lines of one paragraph, heading or item.
        problems: Where to note it.
        stars_explained: A line that begins with an asterisk may explain the one after a word.
    """
    for row in rows:
        _report_and_shield(MERGE_TAGS, row.written, row.line, problems)
        text = row.text
        for mark in MERGE_TAGS:
            text = mark.replace(SHIELD, text)
        text = _report_and_shield(DIALECTS, text, row.line, problems)
        text = _report_and_shield(BARE_ADDRESS, _LINKED.sub(SHIELD, text), row.line, problems)
        text = _report_and_shield(EMPHASIS, text, row.line, problems)
        star = OPENING_STAR.search(text)
        if star and not (stars_explained and not text[: star.start()].strip()):
            problems.warning(row.line, OPENING_STAR.rule, OPENING_STAR.problem, OPENING_STAR.fix)


def _report_and_shield(
    marks: Iterable[Mark], text: str, line: int, problems: FindingCollector
) -> str:
    """Note what is found, and return the text with a shield in place of each."""
    for mark in marks:
        match = mark.search(text)
        if match:
            said = f"{mark.problem}{quoted(match[0])}"
            problems.note(line, mark.rule, mark.severity, said, mark.fix)
            text = mark.replace(SHIELD, text)
    return text


def quoted(found: str) -> str:
    """Return what was found, for the end of a message; nothing of what may hold an address."""
    clean = re.sub(f"[{LINK_OPEN}{LINK_CLOSE}{SHIELD}]", "", found).strip()
    return f": {quote_text(clean)}" if clean and "@" not in clean else ""
