"""Words that authors write and the program recognises: a table per language.

The tables are the files `templates/words/LANGUAGE.toml` that come with the program. All of them
count, for an author may write in another language than their settings say.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from newsletter.package_data import template_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MONTHS: Final = 12
_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class DateWords:
    """How a language writes a date.

    Attributes:
        days: The days of the week from Monday on, as they are written within a line.
        months: The months.
        short: The form of a date, with `{weekday}`, `{day}` and `{month}`.
        long: The same with `{year}`.
    """

    days: tuple[str, ...]
    months: tuple[str, ...]
    short: str
    long: str


@dataclass(frozen=True, slots=True)
class ChatbotWords:
    """How a chatbot answers in a language: "Sure! Here is a warmer version of your text".

    Attributes:
        yes: What it agrees with.
        here: What the next sentence begins with.
        text: What it calls the text that follows.
        of_yours: What follows that.
        phrases: What else only a chatbot says.
    """

    yes: tuple[str, ...]
    here: tuple[str, ...]
    text: tuple[str, ...]
    of_yours: tuple[str, ...]
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of all languages. A `*` in one of them stands for any letters.

    Attributes:
        dates: How a language writes a date, by its tag: "nl".
        months: The names of months and their short forms, in lower case, with their numbers.
        greeting: What a greeting begins with.
        ambiguous_greeting: The same, unless one of `not_greeting` follows: "dag na dag".
        not_greeting: Those.
        signatures: What a signature holds, and what may be before it ("met vriendelijke"): a pair
            for each language, because the words of two languages do not go together.
        until: What else a letter ends with: "tot volgende week".
        question: What a question begins with.
        verbs: What it begins with when a pronoun follows.
        pronouns: Those.
        brackets: What stands in square brackets where a link or more text was meant.
        faq: What a heading above questions with answers begins with.
        doubled: What may stand there twice in a row.
        vague_labels: What a link says that does not say where it leads.
        leftovers: What stands for a text that is still to be written.
        samples: Beginnings of sentences of the first draft that `init` writes.
        template_lines: Lines of the template of another mailing program.
        template_phrases: What only such a template says, also within a line.
        chatbot: How a chatbot begins and ends its answer: a table for each language.
        invitation: What invites to something that has a date.
        past: Verbs about what was.
        subject_prefixes: What mail programs write before the colon of a subject.
        copies: What mailing programs write before the subject of a copy.
        furniture: Lines of web pages that are no text of an article.
        read_on: Lines that ask to read on, which must be links.
        keys: What authors call the keys of the front matter: the name, and the key.
        not_draft: Those of them that say the opposite of `draft`.
        unused: Keys of other programs that a letter has no use for.
    """

    dates: Mapping[str, DateWords]
    months: Mapping[str, int]
    greeting: tuple[str, ...]
    ambiguous_greeting: tuple[str, ...]
    not_greeting: tuple[str, ...]
    signatures: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    until: tuple[str, ...]
    question: tuple[str, ...]
    verbs: tuple[str, ...]
    pronouns: tuple[str, ...]
    brackets: tuple[str, ...]
    faq: tuple[str, ...]
    doubled: frozenset[str]
    vague_labels: tuple[str, ...]
    leftovers: tuple[str, ...]
    samples: tuple[str, ...]
    furniture: tuple[str, ...]
    read_on: tuple[str, ...]
    template_lines: tuple[str, ...]
    template_phrases: tuple[str, ...]
    chatbot: tuple[ChatbotWords, ...]
    invitation: tuple[str, ...]
    past: tuple[str, ...]
    subject_prefixes: tuple[str, ...]
    copies: tuple[str, ...]
    keys: Mapping[str, str]
    not_draft: frozenset[str]
    unused: frozenset[str]


@functools.cache
def words() -> Words:
    """Return the words of all languages, read once a process."""
    folders = (folder / "words" for folder in template_folders())
    return read_words(next(folder for folder in folders if folder.is_dir()))


def read_words(folder: Path) -> Words:
    """Read the tables of a folder.

    Raises:
        ValueError: A table has a key that is none, or not twelve months or seven days.
    """
    paths = sorted(folder.glob("*.toml"))
    tables = [_read(path) for path in paths]

    def all_of(section: str, key: str) -> tuple[str, ...]:
        return tuple(word for table in tables for word in table[section].get(key, ()))

    return Words(
        dates={
            path.stem: _date_words(table["date"])
            for path, table in zip(paths, tables, strict=True)
            if table["date"]
        },
        months={
            name: number
            for table in tables
            for number, names in enumerate(table["months"], start=1)
            for name in names.split()
        },
        greeting=all_of("greeting", "words"),
        ambiguous_greeting=all_of("greeting", "ambiguous"),
        not_greeting=all_of("greeting", "not_before"),
        signatures=tuple(
            (tuple(table["signature"]["words"]), tuple(table["signature"].get("before", ())))
            for table in tables
            if table["signature"].get("words")
        ),
        until=all_of("signature", "until"),
        question=all_of("question", "words"),
        verbs=all_of("question", "verbs"),
        pronouns=all_of("question", "pronouns"),
        brackets=all_of("brackets", "words"),
        faq=all_of("faq", "words"),
        doubled=frozenset(all_of("doubled", "words")),
        vague_labels=all_of("labels", "vague"),
        leftovers=all_of("leftovers", "words"),
        samples=all_of("leftovers", "samples"),
        furniture=all_of("leftovers", "furniture"),
        read_on=all_of("leftovers", "read_on"),
        template_lines=all_of("leftovers", "template_lines"),
        template_phrases=all_of("leftovers", "template_phrases"),
        chatbot=tuple(
            ChatbotWords(**{key: tuple(table["chatbot"][key]) for key in _SECTIONS["chatbot"]})
            for table in tables
            if table["chatbot"]
        ),
        invitation=all_of("invitation", "words"),
        past=all_of("invitation", "past"),
        subject_prefixes=all_of("subject", "prefixes"),
        copies=all_of("subject", "copies"),
        keys={name: key for key in _KEYS for name in all_of("keys", key)},
        not_draft=frozenset(all_of("keys", "not_draft")),
        unused=frozenset(all_of("keys", "unused")),
    )


def any_of(entries: Iterable[str]) -> str:
    """Return a pattern of any of some words, the longest first; `*` is any letters.

    Without words it matches nothing.
    """
    ordered = sorted(entries, key=len, reverse=True)
    patterns = (re.escape(entry).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for entry in ordered)
    return f"(?:{'|'.join(patterns) or '(?!)'})"


def _date_words(table: Mapping[str, Any]) -> DateWords:
    return DateWords(tuple(table["days"]), tuple(table["months"]), table["short"], table["long"])


_KEYS: Final = (
    *("subject", "preheader", "send_at", "article", "themes", "audience", "draft", "allow"),
)
_SECTIONS: Final = {
    "date": {"days", "months", "short", "long"},
    "greeting": {"words", "ambiguous", "not_before"},
    "signature": {"words", "before", "until"},
    "question": {"words", "verbs", "pronouns"},
    "brackets": {"words"},
    "faq": {"words"},
    "doubled": {"words"},
    "labels": {"vague"},
    "leftovers": {
        *("words", "samples", "furniture", "read_on"),
        *("template_lines", "template_phrases"),
    },
    "chatbot": {"yes", "here", "text", "of_yours", "phrases"},
    "subject": {"prefixes", "copies"},
    "invitation": {"words", "past"},
    "keys": {*_KEYS, "not_draft", "unused"},
}


def _read(path: Path) -> dict[str, Any]:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    months = table.pop("months", [""] * _MONTHS)
    table.pop("article", None)  # what `article` recognises in a text, and reads by itself
    strange = set(table) - set(_SECTIONS)
    strange |= {key for name in _SECTIONS for key in set(table.get(name, ())) - _SECTIONS[name]}
    if "date" in table:
        strange |= _SECTIONS["date"] - set(table["date"])
    if strange:
        raise ValueError(f"{path.name}: {', '.join(sorted(strange))}")
    dates = table.get("date", {"days": [""] * _DAYS, "months": months})
    for what, names, right in (
        ("months", months, _MONTHS),
        ("months of dates", dates["months"], _MONTHS),
        ("days of dates", dates["days"], _DAYS),
    ):
        if len(names) != right:
            raise ValueError(f"{path.name}: {len(names)} {what}")
    return {name: table.get(name, {}) for name in _SECTIONS} | {"months": months}
