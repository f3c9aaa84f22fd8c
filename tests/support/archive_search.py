"""What searches of the archive are tried on: issues of files, and queries by chance."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from newsletter import content
from newsletter.archive.analysis import SearchDocument, split_sentences
from newsletter.archive.search_documents import document_of
from tests.support.published import published

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

SIGNS = "abc éß'’-‐\0%\"“<>&İıſKﬁ𝔞😀смש\u202e\u0301½_"
ENDINGS = ("en", "t", "te", "de", "e", "s", "'s", "loos", "vrij", "heid", "achtig")


def document(
    text: str,
    *,
    title: str = "Zomaar",
    preheader: str = "",
    themes: tuple[str, ...] = (),
    slug: str = "2026-01-04-brief",
) -> SearchDocument:
    """Make an issue of which only the text matters, unless more is said."""
    day = date.fromisoformat(slug[:10])
    return SearchDocument(slug, day, title, preheader, themes, split_sentences(text))


def read_document(file: Path) -> SearchDocument:
    """Return what the search reads of an issue file."""
    draft = content.read(
        file.read_bytes(),
        name=file.name,
        path=file.name,
        zone=ZoneInfo("Europe/Amsterdam"),
        send_clock=time(7),
    )
    issue = draft.issue
    assert issue, draft.findings
    return document_of(
        published(
            issue.slug,
            subject=issue.subject,
            preheader=issue.preheader,
            themes=issue.themes,
            blocks=issue.blocks,
        )
    )


def make_queries(words: Sequence[str], number: int, chance: random.Random) -> list[str]:
    """Make queries of an archive's words, many of them damaged, and some of odd signs."""
    queries = []
    for _ in range(number):
        if chance.random() < 0.2:
            queries.append("".join(chance.choices(SIGNS, k=chance.randint(0, 260))))
            continue
        count = chance.choice((1, 1, 2, 2, 3, 10))
        queries.append(" ".join(_damage(chance.choice(words), words, chance) for _ in range(count)))
    return queries


def _damage(word: str, words: Sequence[str], chance: random.Random) -> str:
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        at = chance.randrange(len(word) + 1)
        before, after = word[:at], word[at:]
        letter = chance.choice("abcdefghijklmnopqrstuvwxyzé")
        word = chance.choice(
            (
                before + letter + after,
                before + after[1:],
                before + letter + after[1:],
                before + after[1:2] + after[:1] + after[2:],
                f"{before}-{after}",
                word + chance.choice(ENDINGS),
                word + chance.choice(words),
                word.upper(),
                "ge" + word * 4,
            )
        )
    return word
