"""Words by which an article's parts are known: the section `article` of `templates/words/`.

The words of all languages count, for a site may have furniture in another language than its
text. Only what a draft says itself is in the language of the newsletter.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from newsletter.package_data import template_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_FALLBACK: Final = "en"
_WORD: Final = re.compile(r"\w+")


def flatten(text: str) -> str:
    """Return a text's words in lower case, without signs and with one space between them."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of all languages, compared with flat text.

    Attributes:
        whole: The phrases.
        prefixes: Those that ended with a star, without it.
    """

    whole: tuple[str, ...]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Phrases:
        """Return the phrases of a table."""
        known = list(entries)
        return cls(
            tuple(flatten(entry) for entry in known if not entry.endswith("*")),
            tuple(flatten(entry) for entry in known if entry.endswith("*")),
        )

    def equal(self, text: str) -> bool:
        """Tell whether a flat text is one of them."""
        return text in self.whole or text.startswith(self.prefixes)

    def begin(self, text: str) -> bool:
        """Tell whether a flat text begins with one of them."""
        return text.startswith(self.prefixes) or any(
            f"{text} ".startswith(f"{one} ") for one in self.whole
        )

    def occur(self, text: str) -> bool:
        """Tell whether one of them is in a flat text."""
        return any(f" {one} " in f" {text} " for one in self.whole)


@dataclass(frozen=True, slots=True)
class DraftTexts:
    """What a draft says in the language of the newsletter.

    Attributes:
        button: The words of the button.
        digest: The subject of the digest of a month.
        digest_button: The words of its buttons.
        name: The name of a draft without a title.
        subject: What a gap asks for; so do all others.
        things: What was where a gap is, by the word of `ArticleLine.text`.
    """

    button: str
    digest: str
    digest_button: str
    name: str
    subject: str
    preheader: str
    opening: str
    quote: str
    reflection: str
    missing_button: str
    related: str
    missing: str
    inline: str
    things: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ArticleWords:
    """The words of all languages; `templates/words/nl.toml` says what each field is."""

    minutes: Phrases
    reading: Phrases
    ends: Phrases
    ends_whole: Phrases
    widgets: Phrases
    labels: Phrases
    bylines: Phrases
    farewells: Phrases
    onward: Phrases
    after_onward: Phrases
    questions: Phrases
    summaries: Phrases
    address: Phrases
    own_person: Phrases
    contrasts: Phrases
    points_back: Phrases
    hearsay: Phrases
    speech: Phrases
    stop: Phrases
    months: Phrases


@functools.cache
def article_words() -> ArticleWords:
    """Return the words of all languages, read once a process."""
    tables = list(_tables().values())
    names = [one.name for one in fields(ArticleWords) if one.name != "months"]
    months = (
        name for table in tables for names in table.get("months", ()) for name in names.split()
    )
    return ArticleWords(
        **{name: Phrases.of(_all_of(tables, name)) for name in names}, months=Phrases.of(months)
    )


def draft_texts(language: str) -> DraftTexts:
    """Return what a draft says in a language; in English where that has no words."""
    tables = _tables()
    table = tables.get(language.partition("-")[0].casefold(), {})
    article = table.get("article") or tables[_FALLBACK]["article"]
    return DraftTexts(**article["draft"], things=article["things"])


def _all_of(tables: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    return [word for table in tables for word in table.get("article", {}).get(name, ())]


@functools.cache
def _tables() -> dict[str, dict[str, Any]]:
    folders = (folder / "words" for folder in template_folders())
    return read_tables(next(folder for folder in folders if folder.is_dir()))


def read_tables(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the tables of a folder, by language.

    Raises:
        ValueError: A section `article` lacks a key, or has one that is none.
    """
    tables = {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.toml"))
    }
    words = {one.name for one in fields(ArticleWords)} - {"months"}
    texts = {one.name for one in fields(DraftTexts)} - {"things"}
    for language, table in tables.items():
        if article := table.get("article"):
            wrong = (set(article) ^ (words | {"draft", "things"})) | (set(article["draft"]) ^ texts)
            if wrong:
                raise ValueError(f"{language}.toml: {', '.join(sorted(wrong))}")
    return tables
