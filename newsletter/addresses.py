"""Addresses and names: when one is valid, how it is kept, and when two addresses are the same."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import unicodedata
from typing import NamedTuple

NAME_LIMIT = 100
"""Characters in a first name; a longer one is a value from another column, or abuse."""

VISITOR_NAME_LIMIT = 64
"""The same of a name that a stranger typed."""

_NAME_PUNCTUATION = frozenset(" '\u2019-.")
# "J.P." and "St. John" are names; "bit.ly" is an address.
_LIKE_A_DOMAIN = re.compile(r"[^\W\d_]{2}\.[^\W\d_]{2}|www\.", re.IGNORECASE)

# What email-validator surely takes as it stands; most addresses are, and asking it costs more
# than all the rest of an import. A test holds the two against each other.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
)
_PLAIN_LIMIT = 63  # so that no part can be too long

# Controls, surrogates and private use; and whatever turns the direction of the text around it
# (Unicode's property Bidi_Control), which in a greeting would turn the author's own words.
_UNWANTED = frozenset({"Cc", "Cs", "Co"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Address(NamedTuple):
    """A valid address.

    Attributes:
        given: As it was typed, without the space around it: what is mailed.
        key: What is compared: in lower case, composed (NFC), the domain in its ASCII form.
            Dots and plus signs count; ß and ss are two letters.
    """

    given: str
    key: str


def parse_address(text: str) -> Address:
    """Read one bare address; nothing is looked up on the network.

    Raises:
        ValueError: It is no valid address. The message says why and names no address.
    """
    given = text.strip()
    if not given:
        raise ValueError("no email address")
    if "=?" in given:
        # Allowed by RFC 5322, but some programs take it for an encoded word (RFC 2047): the letter
        # would go to another address.
        raise ValueError("not an email address")
    if len(given) <= _PLAIN_LIMIT and _PLAIN.fullmatch(given):
        key = given.lower()
        if not key.endswith(_special_domains()):
            return Address(given, key)
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow

    try:
        found = validate_email(given, check_deliverability=False)
    except EmailNotValidError:
        raise ValueError("not an email address") from None
    local = unicodedata.normalize("NFC", found.local_part.lower())
    return Address(given, f"{local}@{found.ascii_domain.lower()}")


@functools.cache
def _special_domains() -> tuple[str, ...]:
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415 - slow, and seldom needed

    return tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


def clean_name(text: str) -> str | None:
    """Return a first name on one line, composed (NFC), without what cannot be seen; or None.

    Markup stays as typed: it is escaped where it is shown.

    Raises:
        ValueError: It is longer than `NAME_LIMIT`.
    """
    if not text.isprintable():
        text = "".join(
            character
            for character in text
            if character.isspace()
            or (character not in _BIDI and unicodedata.category(character) not in _UNWANTED)
        )
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > NAME_LIMIT:
        raise ValueError(f"a name longer than {NAME_LIMIT} characters")
    return name or None


def visitor_name(text: str) -> str | None:
    """Return a first name that an unknown visitor typed, or None.

    No letter holds it before they confirm. Even so it may hold only what names are made of, so
    that nobody can send an advertisement through a form.

    Raises:
        ValueError: It is longer than `VISITOR_NAME_LIMIT`, or no name.
    """
    name = clean_name(text)
    if name is None:
        return None
    if len(name) > VISITOR_NAME_LIMIT:
        raise ValueError(f"a name longer than {VISITOR_NAME_LIMIT} characters")
    letters = [unicodedata.category(character)[0] in "LM" for character in name]
    strange = [
        c
        for c, letter in zip(name, letters, strict=True)
        if not letter and c not in _NAME_PUNCTUATION
    ]
    if strange or not any(letters) or _LIKE_A_DOMAIN.search(name):
        raise ValueError("no name")
    return name


def address_hash(suppression_key: bytes, key: str) -> str:
    """Return what may be kept of an erased address: a keyed hash of `Address.key` (hex)."""
    return hmac.digest(suppression_key, key.encode(), hashlib.sha256).hex()
