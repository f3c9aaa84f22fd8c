"""Addresses and names: when one is valid, how it is kept, and when two addresses are the same."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

NAME_LIMIT = 100
"""Characters in a first name; a longer one is a field that slipped, or mischief."""

# A local part that email-validator surely takes as it stands. Most are, and looking up their
# domain among those it judged before makes an import several times faster.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_PLAIN_LOCAL_LIMIT = 64
_PLAIN_DOMAIN_LIMIT = 189  # together 254 with the @ between them: the longest valid address

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
    local, _, domain = given.rpartition("@")
    if len(local) <= _PLAIN_LOCAL_LIMIT and _PLAIN_LOCAL.fullmatch(local):
        plain_domain = _plain_domain(domain)
        if plain_domain:
            return Address(given, f"{local.lower()}@{plain_domain}")
    try:
        found = validate_email(given, check_deliverability=False)
    except EmailNotValidError:
        raise ValueError("not an email address") from None
    local = unicodedata.normalize("NFC", found.local_part.lower())
    return Address(given, f"{local}@{found.ascii_domain.lower()}")


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


def address_hash(suppression_key: bytes, key: str) -> str:
    """Return what may be kept of an erased address: a keyed hash of `Address.key` (hex)."""
    return hmac.digest(suppression_key, key.encode(), hashlib.sha256).hex()


@functools.lru_cache(maxsize=4096)
def _plain_domain(domain: str) -> str | None:
    if not domain.isascii() or len(domain) > _PLAIN_DOMAIN_LIMIT:
        return None
    try:
        found = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return None
    return found.ascii_domain.lower() if found.domain == found.ascii_domain else None
