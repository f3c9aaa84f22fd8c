"""Words of the archive as its search reads them: one analysis, for the app and for browsers.

``assets/search.js`` reads queries and sentences in the same way; a test compares both.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

from snowballstemmer.dutch_stemmer import DutchStemmer
from snowballstemmer.english_stemmer import EnglishStemmer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

_SIGN: Final = r"(?:[^\W_]|[\u0300-\u036f'’])"
_CHUNK: Final = re.compile(rf"{_SIGN}+(?:[-‐‑]{_SIGN}+)*")
_PART: Final = re.compile(rf"{_SIGN}+")
_ACCENT: Final = re.compile(r"[\u0300-\u036f]")
_APOSTROPHE: Final = re.compile(r"(?<=[a-z0-9])(?:n['’]t|['’][a-z]{0,2})$")
_WORD: Final = re.compile(r"[a-z0-9]+")
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
# Between sentences: a space after a closing sign, unless a small letter follows ("bijv. rust").
_BETWEEN: Final = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)])) (?![a-z])")
_SPACE: Final = re.compile(r"[ \t\r\n\u00a0]+")

_TITLE, _PREHEADER, _TEXT = 6, 3, 1  # the weight of a word where it stands
_OFTEN: Final = (2, 4)  # each of these counts adds one to the weight of a word
_HIGHEST: Final = 9
_LENGTHS: Final = range(2, 36)  # of a word; a digit of the index (base 36) holds each of them
_LONGEST_BEFORE: Final = 6  # letters of what comes before a verb, as "achter"
_KEPT: Final = 65_536  # words whose analysis is remembered


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What can be found of one issue.

    Attributes:
        slug: Of the issue.
        day: Its local date.
        sentences: Its text, one sentence each; see `split_sentences`.
    """

    slug: str
    day: date
    title: str
    preheader: str
    themes: tuple[str, ...]
    sentences: tuple[str, ...]


class WordUse(NamedTuple):
    """One word of an issue.

    Attributes:
        weight: From 1 to 9; highest in title and themes.
        dutch: Its stem, if a Dutch sentence has it; else empty.
        english: Its stem, if an English sentence has it; else empty.
    """

    word: str
    weight: int
    dutch: str
    english: str


@dataclass(frozen=True, slots=True)
class Token:
    """A word in a text, as it is looked up, and where it stands.

    Attributes:
        is_whole: Whether it is two or more words, joined by hyphens, which precede it.
    """

    word: str
    start: int
    end: int
    is_whole: bool = False


@dataclass(frozen=True)
class Tables:
    """The words that the search knows; ``words.toml`` says what each is.

    Attributes:
        irregular: The first form by each other one, of Dutch and of English.
    """

    stop: Mapping[str, frozenset[str]]
    links: tuple[str, ...]
    suffixes: tuple[str, ...]
    simple: frozenset[str]
    short: frozenset[str]
    endings: frozenset[str]
    prefixes: tuple[str, ...]
    before: frozenset[str]
    irregular: Mapping[str, Mapping[str, str]]


@functools.cache
def tables() -> Tables:
    """Return the words that the search knows."""
    raw = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))
    compounds, irregular = raw["compounds"], raw["irregular"]
    return Tables(
        stop={language: frozenset(words.split()) for language, words in raw["stop"].items()},
        links=tuple(compounds["links"]),
        suffixes=tuple(compounds["suffixes"]),
        simple=frozenset(compounds["simple"].split()),
        short=frozenset(compounds["short"].split()),
        endings=frozenset(compounds["endings"].split()),
        prefixes=tuple(compounds["prefixes"]),
        before=frozenset(irregular["before"].split()),
        irregular={language: _first_forms(irregular[language]) for language in ("nl", "en")},
    )


def _first_forms(lines: str) -> dict[str, str]:
    rows = [line.split() for line in lines.split("\n")]
    return {form: row[0] for row in rows for form in row[1:]}


def stop_words() -> frozenset[str]:
    """Return the words of both languages that say nothing about a subject."""
    return tables().stop["nl"] | tables().stop["en"]


def split_sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a paragraph, with single spaces."""
    return tuple(one for one in _BETWEEN.split(_SPACE.sub(" ", text).strip(" ")) if one)


def fold(text: str) -> str:
    """Return a text in lower case and without accents."""
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", text))
    return plain.lower().translate(_LETTERS)


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a text that has any of a-z or 0-9; of "zelf-hulp" also "zelfhulp"."""
    for chunk in _CHUNK.finditer(text):
        joined = ""
        parts = 0
        for part in _PART.finditer(chunk[0]):
            start = chunk.start() + part.start()
            for word in _words(part[0]):
                joined += word
                parts += 1
                if len(word) in _LENGTHS:
                    yield Token(word, start, start + len(part[0]))
        if parts > 1 and len(joined) in _LENGTHS:
            yield Token(joined, chunk.start(), chunk.end(), is_whole=True)


@functools.lru_cache(maxsize=_KEPT)
def _words(part: str) -> tuple[str, ...]:
    folded = _APOSTROPHE.sub("", fold(part)).replace("'", "").replace("’", "")
    return tuple(_WORD.findall(folded))


@functools.lru_cache(maxsize=_KEPT)
def dutch_stem(word: str) -> str:
    """Return the stem by which Dutch forms of one word are known."""
    first_forms = tables().irregular["nl"]
    first = first_forms.get(word, word)
    for length in range(2, _LONGEST_BEFORE + 1):
        if word[:length] in tables().before and word[length:] in first_forms:
            first = word[:length] + first_forms[word[length:]]
    return _stem(DutchStemmer, first)


@functools.lru_cache(maxsize=_KEPT)
def english_stem(word: str) -> str:
    """Return the stem by which English forms of one word are known."""
    first = tables().irregular["en"].get(word, word)
    return _stem(EnglishStemmer, first)


def _stem(stemmer: type, word: str) -> str:
    # A stemmer holds the word that it is at, so each thread needs its own; making one is nothing.
    # The classes by name: `snowballstemmer.stemmer` takes another library where it finds one.
    stem: str = stemmer().stemWord(word)
    return stem


def analyse(document: SearchDocument) -> tuple[WordUse, ...]:
    """Return the words of an issue in alphabetical order, without those that say nothing.

    It depends on nothing but the issue and this program.
    """
    fields = [(_TITLE, document.title), (_PREHEADER, document.preheader)]
    fields += [(_TITLE, theme) for theme in document.themes]
    fields += [(_TEXT, sentence) for sentence in document.sentences]
    read = [(weight, [one.word for one in tokens(text)]) for weight, text in fields]
    usual = _language((word for _, words in read for word in words), "nl")
    highest: dict[str, int] = {}
    counts: Counter[str] = Counter()
    languages: dict[str, set[str]] = {}
    for weight, words in read:
        language = _language(words, usual)
        for word in words:
            highest[word] = max(highest.get(word, 0), weight)
            counts[word] += 1
            languages.setdefault(word, set()).add(language)
    themes = {one.word for theme in document.themes for one in tokens(theme)}
    return tuple(
        WordUse(
            word,
            min(_HIGHEST, highest[word] + sum(counts[word] >= often for often in _OFTEN)),
            dutch_stem(word) if "nl" in languages[word] else "",
            english_stem(word) if "en" in languages[word] else "",
        )
        for word in sorted(highest.keys() - (stop_words() - themes))
    )


def _language(words: Iterable[str], usual: str) -> str:
    """Return the language that these words are in, by those that only one language has."""
    stop = tables().stop
    dutch = english = 0
    for word in words:
        dutch += word in stop["nl"] and word not in stop["en"]
        english += word in stop["en"] and word not in stop["nl"]
    return usual if dutch == english else "nl" if dutch > english else "en"
