"""First names in an imported file: find the ones that a greeting can use.

A greeting without a name is never wrong; "Dag NULL," and "Dag Dhr.," are. So a text that may not be
a first name is dropped, and the rest of the row still counts. For the name that a subscriber types
on the form, see `addresses.visitor_name`.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Final

from newsletter.addresses import clean_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXAMPLES: Final = 3  # repaired names in a report

_PLACEHOLDERS = frozenset(
    {
        *("null", "none", "nil", "undefined", "n/a", "#n/a", "n.a.", "nvt", "n.v.t.", "\\n"),
        *("unknown", "onbekend", "anonymous", "anoniem", "empty", "leeg", "blank", "no name"),
        *("noname", "geen naam", "geen", "not provided", "not available", "first name"),
        *("firstname", "first_name", "voornaam", "roepnaam", "fname", "naam", "name", "missing"),
    }
)
_EXACT_PLACEHOLDERS = frozenset({"NaN", "nan", "NA", "N.A", "NVT"})  # Nan and Na are names

_SALUTATIONS = frozenset(
    {
        *("dhr", "dhr.", "de heer", "heer", "hr", "hr.", "meneer", "mevr", "mevr.", "mevrouw"),
        *("mw", "mw.", "mej", "mej.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "miss", "sir"),
        *(
            "mister",
            "madam",
            "dame",
            "herr",
            "frau",
            "mme",
            "mme.",
            "madame",
            "monsieur",
            "m.",
            "mx",
        ),
        *("mx.", "zr", "zr.", "br", "br.", "dhr./mevr.", "dhr/mevr", "dhr./mw.", "mr./mrs."),
    }
)
_HOUSEHOLDS = frozenset({"fam", "fam.", "familie", "family", "gezin", "erven", "wed", "wed."})
_DEGREES = frozenset(
    {
        *("dr", "drs", "ir", "ing", "prof", "ds", "jhr", "jkvr", "mgr", "bc", "msc", "bsc", "phd"),
        *("ma", "ba", "mba", "llm", "llb", "md", "rn", "esq", "jr", "sr", "pastoor", "zuster"),
        *("broeder", "professor", "doctor", "dokter", "dominee", "baron", "barones", "em"),
    }
)
# Short forms that are also first names, unless a point follows: "Ma", "Ba", "Em".
_NAMES_WITHOUT_POINT = frozenset({"ma", "ba", "em", "sr", "jr", "md"})
_PARTICLES = frozenset(
    {
        *("de", "den", "der", "het", "'t", "\u2019t", "‘t", "t", "'s", "\u2019s", "van", "von"),
        *("ten", "ter", "te", "op", "in", "aan", "bij", "uit", "over", "onder", "voor", "tot"),
        *("v.d.", "v/d", "vd", "v.", "d'", "du", "la", "le", "les", "des", "da", "di", "dos"),
        *("el", "al", "bin", "ibn", "zu", "zum", "zur", "af", "av", "lo", "'t/de"),
    }
)
# Particles that are also first names: alone in a column for first names they are kept.
_ALSO_NAMES = frozenset({"al", "el", "bin", "le", "lo", "di", "la"})
_LEGAL_FORMS = frozenset(
    {
        *(
            "bv",
            "b.v.",
            "b.v",
            "nv",
            "n.v.",
            "n.v",
            "vof",
            "v.o.f.",
            "v.o.f",
            "gmbh",
            "ltd",
            "ltd.",
        ),
        *("inc", "inc.", "llc", "plc", "bvba", "vzw", "cv", "c.v.", "u.a.", "bv.", "nv.", "srl"),
    }
)
# First words of the names of organisations.
_ORGANISATIONS = frozenset(
    {
        *("stichting", "vereniging", "bakkerij", "restaurant", "praktijk", "gemeente", "maatschap"),
        *("basisschool", "school", "kerk", "bibliotheek", "hotel", "salon", "studio", "winkel"),
        *("afdeling", "redactie", "secretariaat", "administratie", "info", "receptie", "bedrijf"),
        *("uitgeverij", "slagerij", "apotheek", "huisartsenpraktijk", "drukkerij", "caf\u00e9"),
    }
)
_INITIALS = re.compile(r"(?:[^\W\d_]{1,2}\.-?)+[^\W\d_]?")
# UTF-8 that was read as Windows-1252 and written as UTF-8 again: "Ã©" for é.
_TWICE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_NAMES_REMEMBERED = 8192


def is_garbled(text: str) -> bool:
    """Return whether a text looks as if it was once read in a wrong encoding."""
    return not text.isascii() and _TWICE.search(text) is not None


def repaired(text: str) -> str | None:
    """Return the original of a text that was encoded twice, or None if it cannot be restored.

    See https://www.unicode.org/faq/utf_bom.html and the table of Windows-1252 in the WHATWG
    Encoding Standard, which gives the five unused bytes to control characters.
    """
    try:
        raw = b"".join(_byte(character) for character in text)
        return raw.decode()
    except UnicodeError:
        return None


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("latin-1")


@functools.lru_cache(maxsize=_NAMES_REMEMBERED)
def first_name(text: str) -> str | None:
    """Return the first name in a cell of a column for first names, or None if it holds none.

    Raises:
        ValueError: It is longer than a name may be.
    """
    name = clean_name(text)
    if name is None or not _may_be_name(name):
        return None
    if name.isalpha() and len(name) > 1:
        return None if name.casefold() in _SINGLE_WORDS else name
    if "," in name and (rest := _after_titles(name.rpartition(",")[2].split())) is not None:
        # A full name in the column for first names: "Berg, mevr. I. van der".
        return rest[0] if _is_first(rest[:1]) else None
    return _without_titles(name)


def _without_titles(name: str) -> str | None:
    words = name.split()
    kept = _after_titles(words)
    if not kept or _names_no_person(words):
        return None
    if kept == words:
        return None if all(map(_is_nameless, kept)) else name
    # "Mevr. Bos" is polite, and Bos is no first name; "Mevr. Anna Bos" has one.
    return kept[0] if len(kept) > 1 and _is_first(kept) else None


@functools.lru_cache(maxsize=_NAMES_REMEMBERED)
def first_of(text: str) -> str | None:
    """Return the first name in a full name: Anna in "Anna de Vries" and in "Vries, Anna de".

    Raises:
        ValueError: It is longer than a name may be.
    """
    name = clean_name(text)
    if name is None or not _may_be_name(name):
        return None
    before, comma, after = name.rpartition(",")
    if comma and after.split():
        given = _after_titles(after.split())
        if given:
            return given[0] if _is_first(given) and not _names_no_person(name.split()) else None
        name = before if len(before.split()) > 1 else ""  # "Jan Smit, MSc"; "Smit, mevr."
    return _first_word(name.replace(",", " ").split())


def _first_word(words: list[str]) -> str | None:
    kept = _after_titles(words)
    if not kept or _names_no_person(words) or not _is_first(kept):
        return None
    if kept != words and len(kept) == 1:
        return None  # "Mevr. Bos"
    return kept[0]


_SINGLE_WORDS = frozenset(
    _PLACEHOLDERS
    | _SALUTATIONS
    | _HOUSEHOLDS
    | (_DEGREES - _NAMES_WITHOUT_POINT)
    | (_PARTICLES - _ALSO_NAMES)
    | _LEGAL_FORMS
    | _ORGANISATIONS
    | {"nan", "na"}
)


def _may_be_name(name: str) -> bool:
    """Return whether a text holds a letter and is neither a placeholder nor an address."""
    if name.casefold() in _PLACEHOLDERS or name in _EXACT_PLACEHOLDERS or "@" in name:
        return False
    if name.strip("()<>[]{}|-_*.?#\"' ").casefold() in _PLACEHOLDERS:
        return False
    return any(map(str.isalpha, name)) and not name.casefold().startswith(("http:", "www."))


def _is_title(word: str) -> bool:
    word = word.casefold()
    bare = word.rstrip(".")
    if bare in _DEGREES:
        return word != bare or bare not in _NAMES_WITHOUT_POINT
    return word in _SALUTATIONS or word.rstrip(":") in _SALUTATIONS


def _after_titles(words: list[str]) -> list[str]:
    """Return the words without the titles before and the degrees after the name."""
    if [word.casefold() for word in words[:2]] == ["de", "heer"]:
        words = words[2:]
    start, end = 0, len(words)
    while start < end and _is_title(words[start]):
        start += 1
    while end > start and _is_title(words[end - 1]):
        end -= 1
    return words[start:end]


def _is_nameless(word: str) -> bool:
    """Return whether a word alone is no name: a particle, an initial, a placeholder or a sign."""
    plain = word.casefold()
    return (
        plain in _PARTICLES
        or plain in _PLACEHOLDERS
        or word in _EXACT_PLACEHOLDERS
        or (_INITIALS.fullmatch(word) is not None and word.upper() != word.lower())
        or not any(map(str.isalpha, word))
    )


def _is_first(words: list[str]) -> bool:
    """Return whether the first word is a first name: no initial ("D Dam") and no particle."""
    if not words or _is_nameless(words[0]):
        return False
    alone = len(words) == 1 or len(words[0]) > 1
    return alone or words[0].upper() == words[0].lower()


def _names_no_person(words: list[str]) -> bool:
    """Return whether the name is of a household or an organisation."""
    plain = [word.casefold().strip(",") for word in words]
    return plain[0] in _HOUSEHOLDS | _ORGANISATIONS or not _LEGAL_FORMS.isdisjoint(plain)


def garbled_remarks(garbled: Mapping[int, str | None]) -> tuple[str, ...]:
    """Return the remarks about names in a wrong encoding."""
    repaired = {line: name for line, name in garbled.items() if name}
    remarks = []
    if repaired:
        shown = ", ".join(
            f'"{name[:40]}" (line {line})'
            for line, name in itertools.islice(repaired.items(), _EXAMPLES)
        )
        remarks.append(
            f"{len(repaired):,} name{'s' * (len(repaired) != 1)} had been encoded twice and"
            f" {'were' if len(repaired) != 1 else 'was'} repaired: {shown}"
        )
    if lost := [line for line, name in garbled.items() if not name]:
        lines = ", ".join(map(str, lost[:_EXAMPLES]))
        remarks.append(
            f"{len(lost):,} name{'s' * (len(lost) != 1)} had a wrong encoding and"
            f" {'were' if len(lost) != 1 else 'was'} left out: line {lines}"
        )
    return tuple(remarks)
