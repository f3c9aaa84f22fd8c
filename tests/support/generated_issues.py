"""Issues made of Dutch words by chance, for benchmarks and for what needs hundreds of them."""

from __future__ import annotations

import itertools
import random
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from newsletter.archive.analysis import SearchDocument, tables
from newsletter.package_data import dictionary_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

THEMES = (
    *("loslaten", "spanning", "rust", "grenzen", "vertrouwen", "angst", "verdriet", "liefde"),
    *("werk", "slaap", "adem", "lichaam", "gedachten", "relaties", "kinderen", "ouders", "natuur"),
    *("stilte", "keuzes", "verandering", "geluk", "boosheid", "schuld", "schaamte", "rouw"),
)
VOCABULARY = 40_000


@dataclass(frozen=True)
class GeneratedIssue:
    """One issue a week, from 2017 on; about 380 words in paragraphs of four sentences."""

    slug: str
    day: date
    subject: str
    preheader: str
    themes: tuple[str, ...]
    paragraphs: tuple[tuple[str, ...], ...]

    def document(self) -> SearchDocument:
        """Return what the search reads of it."""
        sentences = tuple(itertools.chain.from_iterable(self.paragraphs))
        return SearchDocument(
            self.slug, self.day, self.subject, self.preheader, self.themes, sentences
        )


def generate(number: int, seed: int = 11) -> list[GeneratedIssue]:
    """Make issues, oldest first: the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - what happens by chance must happen again
    small = sorted(tables().stop["nl"])
    # Half of a text is small words. The others have the frequencies of a natural language, in which
    # short words are used most.
    content = chance.sample(_dictionary(), VOCABULARY)
    content.sort(key=lambda word: len(word) + chance.uniform(0, 12))
    weights = list(itertools.accumulate((rank + 4) ** -1.15 for rank in range(VOCABULARY)))

    def sentence(least: int = 7, most: int = 18) -> str:
        length = chance.randint(least, most)
        words = chance.choices(content, cum_weights=weights, k=length)
        words[::2] = chance.choices(small, k=len(words[::2]))
        return " ".join(words).capitalize() + "."

    issues = []
    for n in range(number):
        day = date(2017, 1, 1) + timedelta(weeks=n)
        themes = tuple(sorted(chance.sample(THEMES, chance.randint(1, 3))))
        issues.append(
            GeneratedIssue(
                slug=f"{day}-{themes[0]}",
                day=day,
                subject=f"Brief {n + 1} over {themes[0]}",
                preheader=sentence(6, 9),
                themes=themes,
                paragraphs=tuple(tuple(sentence() for _ in range(4)) for _ in range(7)),
            )
        )
    return issues


def _dictionary() -> Sequence[str]:
    """Return the small-letter words of the Dutch dictionary, in its order."""
    words = []
    text = (dictionary_folder() / "nl" / "entries.txt").read_text("utf-8")
    for line in text.splitlines():
        plain, _, entry = line.partition("\t")
        word = plain if entry.startswith(("/", " ")) or not entry else entry[1:].partition("/")[0]
        word = unicodedata.normalize("NFKC", word)
        if len(word) > 1 and word.isalpha() and word.islower():
            words.append(word)
    return words
