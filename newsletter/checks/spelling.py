"""Words that are in no dictionary, and words that stand there twice."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from newsletter.checks.dictionary import LANGUAGES, dictionary, misspellings, one_letter_away
from newsletter.checks.hyphenation_rules import divided_words
from newsletter.checks.running_text import Passage, find_line, passages
from newsletter.content.words import words
from newsletter.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from newsletter.checks.dictionary import Dictionary
    from newsletter.model import Draft

SPELLING, DOUBLED = "spelling", "doubled-word"
LANGUAGE_NAMES: Final = {"en": "English", "nl": "Dutch"}

_WORD: Final = re.compile(r"(?<![\w'’-])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w])")
_REPEATED: Final = re.compile(r"(?<![\w'’-])([^\W\d_]+)((?:\s+\1)+)(?![\w'’-])", re.IGNORECASE)
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?…:;—–\n])[\s\"'“”„«»()\[\]💡👉•→*]*$")
_STRETCHED: Final = re.compile(r"(.)\1\1", re.IGNORECASE)
_SHORTEST_PART: Final = 4
_SHORTEST_LAST: Final = 3  # behind a plural
_LONGEST: Final = 60  # what is longer is the rule `long-word`'s
_LINKED: Final = 5  # letters before an s that joins two words
_SUGGESTED: Final = 3
# So many unknown words, and so large a part of all: the text is in another language.
_FOREIGN_WORDS: Final = 10
_FOREIGN_PART: Final = 0.25


class _Use(NamedTuple):
    """A word in its place."""

    word: str
    passage: Passage
    starts: bool  # it begins a sentence, so that a capital says nothing


def has_dictionary(language: str) -> bool:
    """Tell whether there is a dictionary of the language of a setting, such as "nl-BE"."""
    return _base(language) in LANGUAGES


def check_spelling(draft: Draft, language: str, own_words: Collection[str]) -> Iterator[Finding]:
    """Yield each word of an issue that nobody knows, once.

    Args:
        draft: The issue.
        language: A language that has a dictionary.
        own_words: What the author's own list knows besides.

    Raises:
        NewsletterError: This machine has no place for a temporary file.
    """
    known = dictionary(_base(language))
    uses = [use for passage in passages(draft) for use in _uses(passage)]
    own = frozenset(word.casefold() for word in own_words)
    asked = {use.word for use in uses if use.word.casefold() not in own}
    frequent = misspellings(_base(language))
    slips = frozenset(word for word in asked if word.lower() in frequent)
    unknown = _unknown(asked - slips, known, dutch=_base(language) == "nl") | slips
    names = _names(uses)
    first = {use.word: use for use in reversed(uses) if use.word in unknown - names}
    if len(first) >= _FOREIGN_WORDS and len(first) > _FOREIGN_PART * len(asked):
        yield _foreign(draft, first, language)
        return
    near = {
        **_suggestions(first.keys() - slips, {use.word for use in uses} - unknown, known),
        **{word: (_like(word, frequent[word.lower()]),) for word in slips},
    }
    for word, use in sorted(first.items(), key=lambda item: uses.index(item[1])):
        # An unknown word with a capital that begins a sentence may be a name.
        if word[0].isupper() and not near[word]:
            continue
        yield _misspelt(draft, use, near[word])


def check_doubled(draft: Draft) -> Iterator[Finding]:
    """Yield each word that stands there twice in a row, unless it may."""
    for passage in passages(draft):
        for found in _REPEATED.finditer(passage.text):
            word, *more = found[2].split()
            # "Tik tik tik" is meant so, and "Bora Bora" is a name.
            if more or word != word.lower() or word in words().doubled:
                continue
            yield Finding(
                path=draft.path,
                line=find_line(draft, word, passage),
                rule=DOUBLED,
                severity=Severity.WARNING,
                message=f'"{found[1]} {word}": a word stands there twice',
                fix="Delete one of them",
            )


def _base(language: str) -> str:
    return language.partition("-")[0].lower()


def _uses(passage: Passage) -> Iterator[_Use]:
    divided = [found.span() for found, _ in divided_words(passage.text)]
    for found in _WORD.finditer(passage.text):
        if any(begin <= found.start() < end for begin, end in divided):
            continue  # the rule "hyphenated-word" has it
        word = found[0].replace("’", "'")
        is_name = word.isupper() and len(word) > 1  # NAVO
        if (
            1 < len(word) <= _LONGEST
            and not is_name
            and not _STRETCHED.search(word)
            and _is_latin(word)
        ):
            starts = _SENTENCE_START.search(
                passage.text[max(0, found.start() - 20) : found.start()]
            )
            yield _Use(word, passage, bool(starts))


def _is_latin(word: str) -> bool:
    return all(c in "'-" or "LATIN" in unicodedata.name(c, "") for c in word)


def _names(uses: Iterable[_Use]) -> frozenset[str]:
    """Return what is a name: with a capital within a sentence, or twice at the start of one."""
    within: set[str] = set()
    starting: set[str] = set()
    for word, _, starts in uses:
        if any(c.isupper() for c in (word if not starts else word[1:])):
            within.add(word)
        elif word[0].isupper():
            (within if word in starting else starting).add(word)
    return frozenset(within)


def _unknown(asked: Collection[str], known: Dictionary, *, dutch: bool) -> frozenset[str]:
    unknown = frozenset(asked) - known.known(asked)
    if not dutch or not unknown:
        return unknown
    found = known.known({part for word in unknown for part in _dutch_parts(word)})
    refused = frozenset(word for word in unknown if not _is_dutch(word, found))
    compounds = {word: _slips(word.lower()) for word in unknown - refused if word.isalpha()}
    meant = known.known_forms({one for some in compounds.values() for one in some})
    plain = {word for word in compounds if _without_accents(word).lower() in found}
    # "hopenlijk" is "hopelijk", and no "hopen" with "lijk".
    return refused | {
        word for word, some in compounds.items() if word not in plain and not meant.isdisjoint(some)
    }


def _slips(word: str) -> frozenset[str]:
    """Return what a word may be with a letter too many, too few, or two of them swapped."""
    return frozenset(
        one
        for one in one_letter_away(word)
        if one != word and (len(one) != len(word) or sorted(one) == sorted(word))
    )


def _dutch_parts(word: str) -> Iterator[str]:
    """Yield the words of which a Dutch word may be made."""
    plain = _without_accents(word)
    yield from (plain, plain.lower())
    for part in plain.lower().split("-"):
        yield part
        yield from _with_single_letters(part)
        for at in range(_SHORTEST_PART, len(part) - _SHORTEST_LAST + 1):
            yield from (part[:at], part[at:])
            if part[at - 1] == "s":
                yield part[: at - 1]


def _is_dutch(word: str, known: Collection[str]) -> bool:
    """Tell whether a word is known without its accents, or is made of known words.

    Dutch writes "wél" for stress, "to-do-lijst", and any two nouns as one word, often with an s
    between them.
    """
    plain = _without_accents(word)
    if plain in known or plain.lower() in known:
        return True
    parts = plain.lower().split("-")
    short = _SHORTEST_PART - 1
    return all(
        part in known or (len(parts) > 1 and len(part) < short) or _is_compound(part, known)
        for part in parts
    )


def _is_compound(word: str, known: Collection[str]) -> bool:
    if any(one in known for one in _with_single_letters(word)):
        return False  # "lossgelaten" is no "loss" and "gelaten"
    for at in range(_SHORTEST_PART, len(word) - _SHORTEST_LAST + 1):
        first, second = word[:at], word[at:]
        if len(second) < _SHORTEST_PART and not (first.endswith("en") and second.isalpha()):
            continue  # "koeienbel"
        linked = first[-1] == "s" and len(first) > _LINKED and first[:-1] in known
        if second in known and (first in known or linked):
            return True
    return False


def _with_single_letters(word: str) -> Iterator[str]:
    """Yield a word with one of each two equal letters in a row left out, one pair at a time."""
    for at in range(1, len(word)):
        if word[at] == word[at - 1]:
            yield word[:at] + word[at + 1 :]


def _without_accents(word: str) -> str:
    """Return a word without the acute and grave accents that only stress it."""
    parts = unicodedata.normalize("NFD", word).replace("\u0301", "").replace("\u0300", "")
    return unicodedata.normalize("NFC", parts)


def _suggestions(
    unknown: Iterable[str], used: Collection[str], known: Dictionary
) -> Mapping[str, tuple[str, ...]]:
    """Return what each word may have been meant to be: the issue's own words first."""
    near = {word: tuple(dict.fromkeys(one_letter_away(word.lower()))) for word in unknown}
    own = {word.lower() for word in used}
    correct = known.known_forms({one for some in near.values() for one in some}) if near else ()
    chosen = {}
    for word, some in near.items():
        found = [one for one in some if one in correct and one != word.lower()]
        best = sorted(found, key=lambda one: (one not in own, _unlikeness(one, word.lower())))
        chosen[word] = tuple(_like(word, one) for one in best)[:_SUGGESTED]
    return chosen


def _like(word: str, meant: str) -> str:
    """Return a word with a capital where another one has it."""
    return meant[0].upper() + meant[1:] if word[0].isupper() else meant


def _unlikeness(meant: str, typed: str) -> tuple[bool, bool]:
    """Return how unlikely a slip is: a wrong letter is less likely than one too many or missing."""
    wrong_letter = len(meant) == len(typed) and sorted(meant) != sorted(typed)
    return wrong_letter, meant[0] != typed[0]


def _misspelt(draft: Draft, use: _Use, near: tuple[str, ...]) -> Finding:
    meant = " or ".join(f'"{word}"' for word in near)
    add = "add it to words.txt"
    return Finding(
        path=draft.path,
        line=find_line(draft, use.word, use.passage),
        rule=SPELLING,
        severity=Severity.WARNING,
        message=f'"{use.word}" is in no dictionary',
        fix=f"Did you mean {meant}? If it is right, {add}" if near else f"Correct it, or {add}",
    )


def _foreign(draft: Draft, unknown: Mapping[str, _Use], language: str) -> Finding:
    use = next(iter(unknown.values()))
    name = LANGUAGE_NAMES[_base(language)]
    return Finding(
        path=draft.path,
        line=find_line(draft, use.word, use.passage),
        rule=SPELLING,
        severity=Severity.WARNING,
        message=f"{len(unknown)} words are in no {name} dictionary, so the text is perhaps not "
        f"{name}",
        fix='Set "language" to the language of the letters',
    )
