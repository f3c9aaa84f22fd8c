"""Signed tokens in the links of subscribers, and the stamp of a form.

A link's token holds random public ids and no address, and the moment of its end if it may only work
for a short time: nothing has to be stored for it, it works for as long as its key is in the list,
and the same letter always has the same bytes. Each token is good for one purpose.

Tokens outlive a release: their purposes, payloads and signatures never change.
"""

from __future__ import annotations

import binascii
import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RESERVED_ID: Final = "0" * 32
"""The public id of no subscriber and no mailing: proofs and tests of the web app have it."""

PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{1,556}\.[A-Za-z0-9_-]{43}")
"""What every token looks like."""

_LONGEST: Final = 600
_ID_BYTES: Final = 16
_TIME_BYTES: Final = 8
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of token: what it is good for, and what it holds."""

    purpose: str
    ids: int = 0
    time: bool = False
    text: bool = False

    @property
    def size(self) -> int:
        """Return how many bytes its payload has, or has at least where it ends in a text."""
        return self.ids * _ID_BYTES + self.time * _TIME_BYTES


_UNSUBSCRIBE: Final = _Kind("leave", ids=2)
_CONFIRM: Final = _Kind("confirm", ids=1)
_PREFERENCES: Final = _Kind("preferences", ids=1, time=True)
_ADDRESS: Final = _Kind("address", ids=1, time=True)
_FORM: Final = _Kind("form", time=True, text=True)


def unsubscribe_token(key: str, subscriber: str, mailing: str) -> str:
    """Return the token of a subscriber's unsubscribe link, 87 characters that are safe in a URL."""
    return _sign(key, _UNSUBSCRIBE, bytes.fromhex(subscriber + mailing))


def read_unsubscribe_token(keys: Sequence[str], token: str) -> tuple[str, str] | None:
    """Return the public ids of subscriber and mailing, or None if no key signed this token."""
    ids = _read(keys, _UNSUBSCRIBE, token)
    return (ids[:_ID_BYTES].hex(), ids[_ID_BYTES:].hex()) if ids else None


def confirm_token(key: str, signup: str) -> str:
    """Return the token of the link that confirms a sign-up, 66 characters that are safe in a URL.

    It holds no time, so that a notice which is sent again has the same bytes: until when it works
    is stored with the sign-up.
    """
    return _sign(key, _CONFIRM, bytes.fromhex(signup))


def read_confirm_token(keys: Sequence[str], token: str) -> str | None:
    """Return the public id of the sign-up, or None if no key signed this token."""
    found = _read(keys, _CONFIRM, token)
    return found.hex() if found else None


def preferences_token(key: str, subscriber: str, until: int) -> str:
    """Return the token of a link to preferences, 76 characters that are safe in a URL.

    `until` is when it ends, in seconds since 1970.
    """
    return _sign(key, _PREFERENCES, _with_time(subscriber, until))


def read_preferences_token(keys: Sequence[str], token: str) -> tuple[str, int] | None:
    """Return the subscriber's public id and when the link ends, or None if no key signed it."""
    return _read_with_time(keys, _PREFERENCES, token)


def address_token(key: str, change: str, until: int) -> str:
    """Return the token of the link that confirms another address; `until` as above."""
    return _sign(key, _ADDRESS, _with_time(change, until))


def read_address_token(keys: Sequence[str], token: str) -> tuple[str, int] | None:
    """Return the address change's public id and when the link ends, or None if no key signed it."""
    return _read_with_time(keys, _ADDRESS, token)


def form_stamp(key: str, shown_at: int, page: str) -> str:
    """Return what a sign-up form carries: when it was shown, and on which page it was begun.

    Args:
        key: The signing key.
        shown_at: In milliseconds since 1970.
        page: An address of at most 200 characters.
    """
    return _sign(key, _FORM, shown_at.to_bytes(_TIME_BYTES, "big") + page.encode())


def read_form_stamp(keys: Sequence[str], stamp: str) -> tuple[int, str] | None:
    """Return when and on which page a form was shown, or None if no key signed this stamp."""
    found = _read(keys, _FORM, stamp)
    if found is None:
        return None
    return int.from_bytes(found[:_TIME_BYTES], "big"), found[_TIME_BYTES:].decode()


def fingerprint(key: str) -> str:
    """Return 16 hex digits that tell keys apart and reveal nothing of them."""
    return hashlib.sha256(b"newsletter key\0" + key.encode()).hexdigest()[:16]


def _with_time(public_id: str, until: int) -> bytes:
    return bytes.fromhex(public_id) + until.to_bytes(_TIME_BYTES, "big")


def _read_with_time(keys: Sequence[str], kind: _Kind, token: str) -> tuple[str, int] | None:
    found = _read(keys, kind, token)
    return (found[:_ID_BYTES].hex(), int.from_bytes(found[_ID_BYTES:], "big")) if found else None


def _sign(key: str, kind: _Kind, payload: bytes) -> str:
    encoded = _encode(payload)
    return (encoded + b"." + _signature(key, kind.purpose, encoded)).decode()


def _read(keys: Sequence[str], kind: _Kind, token: str) -> bytes | None:
    """Return the payload of a token that one of the keys signed for this purpose, or None."""
    if len(token) > _LONGEST or not PATTERN.fullmatch(token):
        return None
    encoded, _, signature = token.encode().rpartition(b".")
    # Signatures are compared in their one spelling: the last of their characters has two bits that
    # decoders pass over (RFC 4648, section 3.5), so that three others would do as well.
    if not any(
        hmac.compare_digest(_signature(key, kind.purpose, encoded), signature) for key in keys
    ):
        return None
    payload = binascii.a2b_base64(encoded.translate(_FROM_URL_SAFE) + b"=" * (-len(encoded) % 4))
    fits = len(payload) >= kind.size if kind.text else len(payload) == kind.size
    return payload if fits else None


def _signature(key: str, purpose: str, encoded: bytes) -> bytes:
    mac = _keyed(key, purpose).copy()
    mac.update(encoded)
    return _encode(mac.digest())


@functools.lru_cache(maxsize=64)
def _keyed(key: str, purpose: str) -> hmac.HMAC:
    """Return a MAC to copy: with its key in place, it takes two thirds of `hmac.digest`'s time.

    The purpose is part of the key, so that a token for one is never good for another.
    """
    derived = hmac.digest(key.encode(), f"newsletter.{purpose}".encode(), "sha256")
    return hmac.new(derived, digestmod="sha256")


def _encode(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")
