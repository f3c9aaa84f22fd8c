"""Which words Hunspell knows, without the time in which it reads a whole dictionary.

Hunspell gets only those entries that can have a part in its answers about some words, which are the
same as with all entries: `known` says which these are, and `dictionaries/convert.py` what a key is.
"""

from __future__ import annotations

import functools
import re
import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hunspell import Hunspell

from newsletter.errors import NewsletterError
from newsletter.package_data import dictionary_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

LANGUAGES: Final = ("en", "nl")

_CONVERSION: Final = re.compile(r"^ICONV (\D\S*) (\S+)", re.MULTILINE)
_TYPICAL_FAULT: Final = re.compile(r"^REP \^?([^\s\d$]\S*?)\$?\s+(\S+)", re.MULTILINE)
_COMPOUNDING: Final = re.compile(r"^COMPOUND(?:FLAG|BEGIN|MIDDLE|END|RULE)\b.*\n", re.MULTILINE)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzéèëïöü"
_LAST: Final = "\U0010ffff" * 100  # so that there is always a line behind those that are sought


class Dictionary:
    """The dictionary of one language.

    Args:
        language: One of `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        folder = dictionary_folder() / language
        self._affixes = (folder / "affixes.aff").read_text(encoding="utf-8")
        self._without_compounds = _COMPOUNDING.sub("", self._affixes)
        self._conversions = _CONVERSION.findall(self._affixes)
        self._faults = _TYPICAL_FAULT.findall(self._affixes)
        self._lines = [*(folder / "entries.txt").read_text(encoding="utf-8").split("\n"), _LAST]
        self._dead: set[str] = set()  # no key begins so

    def known(self, words: Collection[str]) -> frozenset[str]:
        """Return those of some words that Hunspell knows.

        A compound is of entries whose keys are in it. Hunspell refuses it if a small correction
        makes a form of one entry of it.

        Raises:
            NewsletterError: This machine has no place for a temporary file.
        """
        simple = self.known_forms(words)
        inside = {word: self._inside(word) for word in words if word not in simple}
        parts = [text[start:] for text in inside.values() for start in range(len(text))]
        compounds = self._ask(inside, parts, self._affixes)
        if compounds:
            parts += [text for word in compounds for text in self._corrections(inside[word])]
            compounds = self._ask(compounds, parts, self._affixes)
        return simple | compounds

    def known_forms(self, words: Collection[str]) -> frozenset[str]:
        """Return those that are a form of one entry, and begin as it does: most known words.

        Raises:
            NewsletterError: This machine has no place for a temporary file.
        """
        return self._ask(words, map(self._inside, words), self._without_compounds)

    def _corrections(self, word: str) -> Iterator[str]:
        yield from one_letter_away(word)
        for fault, correction in self._faults:
            at = word.find(fault)
            while at >= 0:
                yield word[:at] + correction.replace("_", " ") + word[at + len(fault) :]
                at = word.find(fault, at + 1)
        for at in range(1, len(word)):
            yield f"{word[:at]} {word[at:]}"

    def _ask(self, words: Collection[str], texts: Iterable[str], affixes: str) -> frozenset[str]:
        """Return the words that are known by the entries with which some texts begin."""
        found: dict[str, list[str]] = {}
        for text in texts:
            for end in range(len(text) + 1):
                key = text[:end]
                if key not in found:
                    found[key] = self._entries(key)
                if key in self._dead:
                    break
        entries = sorted(entry for some in found.values() for entry in some)
        engine = _load(entries, affixes)
        return frozenset(word for word in words if engine.spell(word))

    def _entries(self, key: str) -> list[str]:
        """Return the entries of a key, as a dictionary of Hunspell has them."""
        start = f"{key}\t"
        at = bisect_left(self._lines, start)
        entries = []
        while self._lines[at].startswith(start):
            rest = self._lines[at][len(start) :]
            entries.append(rest[1:] if rest.startswith("=") else key + rest)
            at += 1
        if not self._lines[at].startswith(key):
            self._dead.add(key)
        return entries

    def _inside(self, word: str) -> str:
        """Return a word as the entries have it, in lower case."""
        for written, inside in self._conversions:
            word = word.replace(written, inside)
        return word.lower()


@functools.cache
def dictionary(language: str) -> Dictionary:
    """Return the dictionary of a language, read once a process."""
    return Dictionary(language)


@functools.cache
def misspellings(language: str) -> Mapping[str, str]:
    """Return frequent misspellings of a language, in lower case, and what each was meant to be."""
    path = dictionary_folder() / language / "misspellings.txt"
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    parts = (line.partition("\t") for line in lines if not line.startswith("#"))
    return {wrong: meant for wrong, _, meant in parts}


def one_letter_away(word: str) -> Iterator[str]:
    """Yield every word that differs by one letter, or by two neighbours in each other's place."""
    for at in range(len(word) + 1):
        before, after = word[:at], word[at:]
        for letter in _LETTERS:
            yield before + letter + after
            if after:
                yield before + letter + after[1:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]


def _load(entries: list[str], affixes: str) -> Hunspell:
    try:
        with tempfile.TemporaryDirectory(prefix="newsletter-") as folder:
            lines = "\n".join([str(len(entries)), *entries, ""])
            (Path(folder) / "words.aff").write_bytes(affixes.encode())
            (Path(folder) / "words.dic").write_bytes(lines.encode())
            return Hunspell("words", hunspell_data_dir=folder)
    except OSError as error:
        raise NewsletterError(
            f"the spelling cannot be checked: no temporary file can be written: {error.strerror}",
            hint="Let the variable TMPDIR name a folder that this user may write",
        ) from None
